"""The user-PI: commands, replies, AUTH and CCC, and passive data connections."""

from __future__ import annotations

from collections.abc import Callable, Collection

from OpenSSL import SSL

from ftptls.client.wires import ClientError, Closing, SilenceError, Wire
from ftptls.wire.addresses import epsv_port, pasv_port
from ftptls.wire.replies import Reply, ReplyError, ReplyReader

_FORBIDDEN = frozenset("\r\n\0")
_MOST_DATA = 16 * 1024 * 1024


class UserPI(Closing):
    """A control connection, from the user's side; greeted already.

    Args:
        wire: The connection.
        name: The server's name, for SNI; empty for none.

    Attributes:
        greeting: The server's 220.
        private: Whether data connections are protected (PROT P).
        resume: Whether they resume the session of the control connection.
    """

    def __init__(self, wire: Wire, name: str = "") -> None:
        self.wire = wire
        self._name = name
        self._context: SSL.Context | None = None
        self._replies = ReplyReader()
        self._host = wire.host
        self.private = False
        self.resume = True
        self.greeting = Reply(220, "")

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        *,
        patience: float = 10,
        implicit: SSL.Context | None = None,
        session: SSL.Session | None = None,
        name: str = "",
    ) -> UserPI:
        """Connect and take the greeting.

        Args:
            host: Name or address.
            port: The port.
            patience: Seconds that each wait may take.
            implicit: The context, where TLS starts with the connection.
            session: What to resume there.
            name: The server's name, for SNI.

        Raises:
            ClientError: It cannot be had.
        """
        pi = cls(Wire.connect(host, port, patience), name)
        try:
            if implicit is not None:
                pi.begin_tls(implicit, session)
                pi.private = True
            pi.greeting = pi.expect(220)
        except BaseException:
            pi.close()
            raise
        return pi

    def close(self) -> None:
        """Close without a word."""
        self.wire.close()

    # --- commands and replies --------------------------------------------------------------

    def send(self, verb: str, argument: str = "") -> None:
        """Send a command.

        Raises:
            ValueError: There is CR, LF or NUL in it: it would be more than one command.
        """
        line = f"{verb} {argument}" if argument else verb
        if _FORBIDDEN & set(line):
            raise ValueError("a command cannot hold CR, LF or NUL")
        self.wire.hurry()
        self.wire.write(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def reply(self) -> Reply:
        """The next reply.

        Raises:
            ClientError: There is none.
        """
        try:
            while (reply := self._replies.next_reply()) is None:
                data = self.wire.read()
                if not data:
                    raise ClientError("the server closed the connection")
                self._replies.feed(data)
        except ReplyError as error:
            raise ClientError(str(error)) from None
        return reply

    def expect(self, *codes: int) -> Reply:
        """The next reply, which must have one of these codes.

        Raises:
            ClientError: It has not.
        """
        reply = self.reply()
        if reply.code not in codes:
            raise ClientError(f"the server says: {reply.code} {reply.text}")
        return reply

    def ask(self, verb: str, argument: str = "", codes: Collection[int] = ()) -> Reply:
        """Send a command and take its reply; with ``codes``, it must have one of them."""
        self.send(verb, argument)
        return self.expect(*codes) if codes else self.reply()

    # --- protection and login ----------------------------------------------------------------

    def secure(
        self, context: SSL.Context, session: SSL.Session | None = None, mechanism: str = "TLS"
    ) -> None:
        """AUTH and the handshake (RFC 4217 §4).

        Raises:
            ClientError: The server refuses, or says more in clear text behind its 234, which
                anybody on the way could have put there.
        """
        self.ask("AUTH", mechanism, [234])
        if self._replies.buffered or self.wire.pending:
            self.close()
            raise ClientError("there is more in clear text behind the 234; somebody injected it")
        self.begin_tls(context, session)

    def overhear(self, seconds: float) -> bytes:
        """What the server says without being asked, within so long; taken from no reply."""
        self.wire.hurry(seconds)
        try:
            return self.wire.read()
        except SilenceError:
            return b""

    def begin_tls(self, context: SSL.Context, session: SSL.Session | None = None) -> None:
        """Shake hands, whatever was said before; :meth:`secure` is what one wants.

        Raises:
            HandshakeError: It failed.
        """
        self.wire.start_tls(context, session, self._name)
        self._context = context

    def log_in(self, user: str, password: str) -> None:
        """USER, PASS if it is asked for, and TYPE I."""
        if self.ask("USER", user, [331, 230, 232]).code == 331:
            self.ask("PASS", password, [230, 202])
        self.ask("TYPE", "I", [200])

    def protect_data(self, *, private: bool = True) -> None:
        """PBSZ and PROT (RFC 4217 §9)."""
        self.ask("PBSZ", "0", [200])
        self.ask("PROT", "P" if private else "C", [200])
        self.private = private

    def clear(self) -> None:
        """CCC: back to clear text on the control connection (RFC 4217 §5)."""
        self.ask("CCC", codes=[200])
        self.wire.lower_tls()

    # --- data connections --------------------------------------------------------------------

    def open_data(self) -> Wire:
        """A passive data connection, by EPSV or PASV, to the server's own address."""
        reply = self.ask("EPSV")
        read: Callable[[str], int] = epsv_port
        if reply.code != 229:
            reply, read = self.ask("PASV", codes=[227]), pasv_port
        try:
            port = read(reply.text)
        except ValueError as error:
            raise ClientError(str(error)) from None
        return Wire.connect(self._host, port, self.wire.patience)

    def begin(self, verb: str, argument: str = "") -> Wire:
        """Start a transfer, up to its data connection and that one's protection.

        Raises:
            ClientError: The server refuses, or there is no data connection.
        """
        data = self.open_data()
        try:
            self.ask(verb, argument, [125, 150])
            if self.private and self._context is not None:
                control = self.wire.tls
                session = control.get_session() if control is not None and self.resume else None
                data.start_tls(self._context, session, self._name)
        except BaseException:
            data.close()
            raise
        return data

    def download(self, verb: str, argument: str = "") -> bytes:
        """What RETR, LIST or the like sends.

        Raises:
            ClientError: It did not arrive whole, or is more than a check should read.
        """
        data = self.begin(verb, argument)
        received = bytearray()
        try:
            while piece := data.read():
                received += piece
                if len(received) > _MOST_DATA:
                    raise ClientError("the server sends more than is read here")
                data.hurry()
            if self.private and not data.ended:
                raise ClientError("the data ends without TLS close_notify: it may be cut short")
            data.finish()
        finally:
            data.close()
        self.expect(226, 250)
        return bytes(received)

    def upload(self, verb: str, argument: str, content: bytes) -> None:
        """Send by STOR or APPE.

        Raises:
            ClientError: The server did not take it.
        """
        data = self.begin(verb, argument)
        try:
            data.hurry()
            data.write(content)
            data.finish()
            self.wire.hurry()
            self.expect(226, 250)
        finally:
            data.close()
