"""FTP over TLS for Twisted (RFC 4217)."""
