"""The server-DTP of one session: makes data connections and runs transfers over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ftptls import observe
from ftptls.dtp.active import ActivePort
from ftptls.dtp.candidates import Channel, Protection, Surroundings
from ftptls.dtp.codings import decoder_of_files, encoder_of_files, encoder_of_text
from ftptls.dtp.parting import Parting
from ftptls.dtp.passive import PassivePort
from ftptls.dtp.pumps import NO_END, BrokenError
from ftptls.dtp.throttle import Rates
from ftptls.dtp.transfer import Transfer
from ftptls.dtp.waiting import Alarm
from ftptls.errors import FTPError, PermanentError, TransientError, from_os_error
from ftptls.interfaces import ICheckedUpload, IFileReader, IKeepsPart, IUpload, IWorkers
from ftptls.progress import AbortedError, Progress
from ftptls.session import Session
from ftptls.settings import Settings, UploadEnd
from ftptls.tls.report import report
from ftptls.tls.stream import TLSStream
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.replies import Reply

Announce = Callable[[Reply], None]
Body = Callable[[Transfer, Progress], Awaitable[Reply]]

_PRIVATE = ProtectionLevel.PRIVATE  # to look it up in its class each time is slow
_COMPLETE = Reply(226, "Transfer complete.")
_ABORTED = Reply(426, "Transfer aborted.")


class _Gear:
    """What a session needs for data connections; one without any has none of it.

    Args:
        reactor: For everything that waits, listens or connects.
        session: Whose it is.
        settings: Ports and limits.
        protection: The session's TLS.

    Attributes:
        around: What ports are made with.
        parting: Connections that have carried their transfer.
        rates: What transfers may move.
    """

    def __init__(
        self, reactor: Any, session: Session, settings: Settings, protection: Protection
    ) -> None:
        expiry, patience = Alarm(reactor), Alarm(reactor)
        self.around = Surroundings(reactor, session, settings, protection, expiry, patience)
        self.parting = Parting(reactor, settings.limits.close_timeout)
        self.rates = Rates(reactor)

    def end(self) -> None:
        """The session is over."""
        self.around.expiry.end()
        self.around.patience.end()
        self.parting.end()


class ServerDTP:
    """Data connections and transfers of one control connection.

    Args:
        reactor: For everything that waits, listens or connects.
        session: Whose data it is.
        settings: Policy, ports and limits.
        workers: Threads for the steps of a transfer.
        protection: The session's TLS.
        announce: Sends a preliminary reply, before the data connection is used.
    """

    def __init__(
        self,
        reactor: Any,
        session: Session,
        settings: Settings,
        workers: IWorkers,
        protection: Protection,
        announce: Announce,
    ) -> None:
        self._reactor = reactor
        self._session = session
        self._settings = settings
        self._workers = workers
        self._protection = protection
        self._announce = announce
        self._gear: _Gear | None = None
        self._passive: PassivePort | None = None
        self._current: Progress | None = None
        self._protected_by = ""  # the data connection in use
        self._shut: Callable[[], None] | None = None

    # --- where the next connection comes from -------------------------------------------

    def listen(self, *, as_client: bool = False) -> int:
        """Open a passive port in place of the one before; returns its number."""
        self.forget_port()
        gear = self._made_ready()
        gear.parting.look()
        passive = PassivePort(gear.around, as_client=as_client)
        port = passive.open(self._session.peers.server)
        self._passive = passive
        return port

    def target(self, address: DataAddress) -> None:
        """Connect there when the next transfer asks for it."""
        self.forget_port()
        self._made_ready().parting.look()
        self._session.data_port.target = address

    def forget_port(self) -> None:
        """Drop the passive port and its candidates, and the active target."""
        if self._gear is None:
            return  # there never was any
        passive, self._passive = self._passive, None
        if passive is not None:
            passive.close()
        self._session.data_port.target = None

    def protection_changed(self) -> None:
        """PROT was given; a port that is open already goes by the new level."""
        if self._passive is not None:
            self._passive.protection_changed()

    # --- the command that transfers, or takes long ---------------------------------------

    def begin(self, verb: str) -> None:
        """A command was taken up that will use the data connection, or take long without."""
        self._current = Progress(verb)

    def end(self) -> None:
        """That command is answered."""
        self._current = None

    @property
    def progress(self) -> Progress:
        """Of what :meth:`begin` started."""
        return self._current or Progress()

    def abort(self) -> bool:
        """Abort what :meth:`begin` started, at whatever stage it is; whether there was any."""
        if self._current is None:
            return False
        self._current.aborted = True
        if self._shut is not None:
            self._shut()
        return True

    def describe(self) -> str:
        """One line on the command in progress; empty without one."""
        return self._current.describe() if self._current else ""

    def close(self) -> None:
        """The session is over: abort, and hold no port."""
        self.abort()
        if self._gear is not None:
            self.forget_port()
            self._gear.end()

    def _made_ready(self) -> _Gear:
        if self._gear is None:
            self._gear = _Gear(self._reactor, self._session, self._settings, self._protection)
        return self._gear

    # --- transfers -----------------------------------------------------------------------

    async def send_file(
        self, path: str, reader: IFileReader, offset: int, end: int | None = None
    ) -> Reply:
        """RETR: send an open file, and close it.

        Args:
            path: Its name, for the log and for STAT.
            reader: The file.
            offset: Where the first octet to send is.
            end: Where the octets to send end; ``None`` for the end of the file.

        Returns:
            226.

        Raises:
            FTPError: What went wrong, as the reply to the command.
        """

        async def body(transfer: Transfer, _progress: Progress) -> Reply:
            encoder = encoder_of_files(self._session.parameters)
            await transfer.send_file(reader, offset, NO_END if end is None else end, encoder)
            return _COMPLETE

        size = max(0, min(reader.size, NO_END if end is None else end) - offset)
        try:
            return await self._over_channel(path, "Sending", body, size)
        finally:
            await reader.close()

    async def send_lines(self, path: str, lines: AsyncIterator[bytes]) -> Reply:
        """LIST, NLST, MLSD: send text that is made while it goes. See :meth:`send_file`."""

        async def body(transfer: Transfer, _progress: Progress) -> Reply:
            await transfer.send_lines(lines, encoder_of_text(self._session.parameters))
            return Reply(226, "Listing complete.")

        return await self._over_channel(path, "Listing", body)

    async def receive_file(self, path: str, upload: IUpload, announced: str = "") -> Reply:
        """STOR, STOU and APPE: receive a file; all or nothing, unless the upload is in place.

        Args:
            path: As for :meth:`send_file`.
            upload: The target.
            announced: What the 150 says, where the standard prescribes it.
        """
        accept_fin = self._session.policy.upload_end is UploadEnd.ACCEPT_FIN

        async def body(transfer: Transfer, progress: Progress) -> Reply:
            decoder = decoder_of_files(self._session.parameters, self._settings.limits)
            try:
                received = await transfer.receive_file(upload, decoder, accept_fin)
                if not received.proven:
                    observe.end_unproven(self._session, path)
                if ICheckedUpload.providedBy(upload):
                    progress.checked = True
                    await transfer.ask(ICheckedUpload(upload).check())
                if not received.committed:
                    await upload.commit()
            except (BrokenError, AbortedError, OSError, FTPError) as error:
                broke = not isinstance(error, FTPError) or isinstance(error, AbortedError)
                kept = await _break_off(upload, progress, refused=not broke)
                raise self._failure(error, kept) from None
            except BaseException:  # our own mistake; half a file is none the better for it
                await upload.abandon()
                raise
            return Reply(226, f"Transfer complete; {progress.octets} octets stored.")

        return await self._over_channel(path, "Receiving", body, announced=announced)

    async def _over_channel(
        self, path: str, what: str, body: Body, size: int | None = None, announced: str = ""
    ) -> Reply:
        progress = self.progress
        progress.path, progress.total = path, size
        progress.began = began = self._reactor.seconds()
        self._protected_by = ""
        reply = _ABORTED
        try:
            progress.check()
            self._demand_port()
            # Clients look for the size in this very form.
            told = "" if size is None else f" ({size} bytes)"
            usual = f"{what} over {self._describe_level()}{told}."
            self._announce(Reply(150, announced or usual))
            channel = await self._open()
            reply = await self._use(channel, progress, body)
        except (BrokenError, AbortedError, OSError, FTPError) as error:
            failure = self._failure(error)
            reply = failure.reply
            try:
                raise failure from None
            finally:  # it knows this frame: that would keep it, and the buffers of the transfer
                del failure
        finally:
            seconds = self._reactor.seconds() - began
            observe.transferred(self._session, progress, seconds, reply, self._protected_by)
        return reply

    async def _use(self, channel: Channel, progress: Progress, body: Body) -> Reply:
        limits = self._settings.limits
        if channel.stream is not None:
            self._tell_of_protection(channel.stream)
        gear = self._made_ready()
        link = gear.rates.slow_down(channel.link, self._session.policy)
        used = channel if link is channel.link else Channel(link, channel.stream)
        transfer = Transfer(self._reactor, self._workers, limits, used, progress)
        self._shut = transfer.shut
        try:
            progress.check()
            reply = await body(transfer, progress)
        except BaseException:
            channel.link.close()
            raise
        finally:
            self._shut = None
        gear.parting.see_off(channel.link)
        return reply

    def _tell_of_protection(self, stream: TLSStream) -> None:
        """For the log: in few words, as the rest must be as on the control connection."""
        self._protected_by = f"{stream.version} {'resumed' if stream.resumed else 'in full'}"
        if self._settings.log.debug or stream.as_client:
            observe.secured(self._session, "data", report(stream))

    async def _open(self) -> Channel:
        """The channel of this transfer; used up are the target and, if chosen, the port."""
        try:
            if self._passive is not None and self._passive.is_open():
                self._shut = self._passive.close
                channel = await self._passive.choose()
                self._passive = None
                return channel
            target, self._session.data_port.target = self._session.data_port.target, None
            if target is None:
                raise TransientError(425, "The passive port is closed; use PASV or EPSV again.")
            as_client = self._session.data_port.tls_client
            active = ActivePort(self._made_ready().around, as_client=as_client)
            self._shut = active.close
            return await active.connect(target)
        finally:
            self._shut = None

    def _demand_port(self) -> None:
        if self._passive is not None:
            self._passive.refuse_if_broken()
        listening = self._passive is not None and self._passive.is_open()
        if not listening and self._session.data_port.target is None:
            raise TransientError(425, "Use PASV, EPSV, PORT or EPRT first.")

    def _describe_level(self) -> str:
        private = self._session.security.level is _PRIVATE
        return "a TLS data connection" if private else "a clear data connection"

    def _failure(self, error: Exception, kept: str = "") -> FTPError:
        aborted = isinstance(error, AbortedError)
        if isinstance(error, FTPError) and error.reply.code == 426 and not aborted:
            return error  # it tells already what was kept
        if aborted or self.progress.aborted:
            return TransientError(426, f"Transfer aborted.{kept}")
        if isinstance(error, BrokenError):
            return TransientError(426, f"Transfer aborted: {error}.{kept}")
        if isinstance(error, OSError):
            error = from_os_error(error)
        if not isinstance(error, FTPError):
            raise error
        code, text = error.reply.code, f"{error.reply.text}{kept}"
        return TransientError(code, text) if code < 500 else PermanentError(code, text)


async def _break_off(upload: IUpload, progress: Progress, *, refused: bool) -> str:
    """Abandon an upload, and say what is left of it."""
    if IKeepsPart.providedBy(upload) and not refused:
        kept = await IKeepsPart(upload).keep()
        if kept:
            return f" {kept} octets are kept for you to go on from there."
    await upload.abandon()
    if not upload.in_place:
        return " Nothing was stored."
    return f" {upload.offset + progress.octets} octets are stored."
