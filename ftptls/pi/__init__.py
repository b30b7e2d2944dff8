"""Server-PI (RFC 959 §2.2): the control connection, and the interpreter of its commands."""

from __future__ import annotations

from ftptls.pi.admission import Admission
from ftptls.pi.refused import Refused
from ftptls.pi.server import ServerPI

__all__ = ["Admission", "Refused", "ServerPI"]
