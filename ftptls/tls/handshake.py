"""What is noted of one handshake while OpenSSL is at it.

OpenSSL asks its questions by callbacks on contexts that all sessions share. Each Connection
carries a :class:`Handshake` as its application data: what the answers depend on, and the
reasons of those that were refusals, in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from OpenSSL import SSL

if TYPE_CHECKING:
    from ftptls.tls.contexts import SessionContext
    from ftptls.tls.hosts import Host

UNRECOGNIZED_NAME = 112
"""The alert for a server name that there is not (RFC 6066 §3)."""

# RFC 7301; "ftp" is registered with IANA, clients also say what a connection is for.
_PROTOCOLS = (b"ftp", b"ftp-data")


class Handshake:
    """The notes on one Connection.

    Args:
        session: The control connection's context.
        is_control: Whether it is the control connection itself.

    Attributes:
        host: Whose certificate is shown, and who decides on the client's.
        shown: The subject of a client certificate that OpenSSL objects to.
        refusal: Why the handshake is refused, in words; empty while it is not.
        alert: What the client is told in place of OpenSSL's own words; 0 for those.
        protocol: What ALPN chose; empty while it did not.
        server_name: SNI, as sent; empty without.
    """

    __slots__ = (
        "alert",
        "host",
        "is_control",
        "protocol",
        "refusal",
        "server_name",
        "session",
        "shown",
    )

    def __init__(self, session: SessionContext, *, is_control: bool) -> None:
        self.session = session
        self.is_control = is_control
        self.host: Host = session.host
        self.shown = ""
        self.refusal = ""
        self.alert = 0
        self.protocol = ""
        self.server_name = ""

    def refuse(self, reason: str, alert: int) -> None:
        """Have the handshake fail with an alert, once OpenSSL is done with its step."""
        self.refusal, self.alert = reason, alert

    def alert_record(self) -> bytes:
        """The alert, as a record in clear: there are no keys yet (RFC 8446 §6)."""
        return bytes((21, 3, 3, 0, 2, 2, self.alert))


def choose_protocol(connection: SSL.Connection, offered: Sequence[bytes]) -> bytes:
    """ALPN (RFC 7301): what is chosen of what a client offers.

    A client that offers protocols, and none of ours, was talked into speaking to us (ALPACA):
    raising makes OpenSSL send no_application_protocol.

    Raises:
        SSL.Error: There is nothing of ours in it.
    """
    for protocol in _PROTOCOLS:
        if protocol in offered:
            notes = connection.get_app_data()
            if isinstance(notes, Handshake):
                notes.protocol = protocol.decode()
            return protocol
    raise SSL.Error([("ftptls", "", "no application protocol")])
