"""Server-DTP (RFC 959 §2.2): data connections, passive and active, clear or under TLS.

A *link* is the bytes of one connection. A *candidate* is a connection that may carry the
next transfer; the one that passes every check becomes its *channel*. A *pump* moves octets
between a channel and a file.
"""
