"""A small user-PI (RFC 959 §2.2): for checks of servers and for tests.

It knows nothing of the server's rooms; what both sides need is in ``wire`` and ``tls``.
"""

from ftptls.client.pi import UserPI
from ftptls.client.wires import ClientError, Wire

__all__ = ["ClientError", "UserPI", "Wire"]
