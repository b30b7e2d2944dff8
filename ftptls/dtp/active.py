"""The active data connection: the server connects, and is the TLS server all the same."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector, IReactorTCP
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from ftptls.dtp.candidates import Candidate, Channel, Surroundings, drop
from ftptls.dtp.links import Link
from ftptls.dtp.listening import DataProtocol
from ftptls.dtp.pumps import BrokenError
from ftptls.errors import PermanentError, TransientError
from ftptls.tls.stream import TLSStream
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import ProtectionLevel


class ActivePort(ClientFactory):
    """One connection to where PORT or EPRT said, made when a transfer asks for it.

    Args:
        around: What it is made with.
        as_client: Whether this server is the TLS client of what it connects to.
    """

    noisy = False

    def __init__(self, around: Surroundings, *, as_client: bool) -> None:
        self._reactor = around.reactor
        self._session = around.session
        self._settings = around.settings
        self._protection = around.protection
        self._as_client = as_client
        self._arrival: Deferred[Link | None] = Deferred()
        self._connector: IConnector | None = None
        self._link: Link | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """The connection is there."""
        return DataProtocol(self._reactor, self._arrival.callback)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """It is not to be had."""
        self._arrival.callback(None)

    def close(self) -> None:
        """Give up: stop connecting, or shut what was connected."""
        if self._link is not None:
            self._link.close()
        elif self._connector is not None and not self._arrival.called:
            self._connector.stopConnecting()

    async def connect(self, target: DataAddress) -> Channel:
        """The channel of the transfer that was asked for.

        Raises:
            TransientError: 425, no connection.
            PermanentError: 522, no acceptable protection.
        """
        limits = self._settings.limits
        self._connector = IReactorTCP(self._reactor).connectTCP(
            target.host,
            target.port,
            self,
            timeout=limits.connect_timeout,
            bindAddress=(self._session.peers.server, 0),
        )
        self._link = link = await self._arrival
        if link is None:
            raise TransientError(425, "Cannot connect to your data port; try PASV or EPSV.")
        if self._session.security.level is ProtectionLevel.CLEAR:
            return Channel(link, None)
        stream = self._protection.stream(as_client=self._as_client)
        if stream is None:
            link.close()
            raise PermanentError(522, "The server has no certificate to protect data with.")
        return await self._protect(Candidate(link, target.host), stream)

    async def _protect(self, candidate: Candidate, stream: TLSStream) -> Channel:
        timer = self._reactor.callLater(self._settings.limits.connect_timeout, self.close)
        try:
            if not self._as_client:  # the client of TLS speaks first
                await candidate.link.wait_readable()
            await candidate.protect(self._reactor, stream, self._settings.limits.handshake_timeout)
        except BrokenError as error:
            drop(self._session, candidate, str(error))
            raise PermanentError(522, f"No protected data connection: {error}.") from None
        finally:
            if timer.active():
                timer.cancel()
        reply = self._protection.refusal(self._session, candidate, as_client=self._as_client)
        if reply is not None:
            drop(self._session, candidate, reply.text)
            raise PermanentError(reply.code, reply.text)
        return candidate.channel
