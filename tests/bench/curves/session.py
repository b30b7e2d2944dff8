"""A small FTP client over TLS that blocks nobody; a process holds thousands of them."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

from tests.bench.clients import BenchError, Target
from tests.bench.curves.loop import readable, turn, writable

_PIECE = 256 * 1024
_RECORD = 16 * 1024
_TURN = 32  # records, then another session has its turn
# Of all sessions of the process: what they hold while they have a turn.
_records = memoryview(bytearray(_PIECE))
_plain = bytearray(_RECORD)


class Stream:
    """One connection, at first in clear; TLS over memory takes large pieces from the kernel.

    Args:
        connected: A socket that is, or will be.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received, self._unsent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    @property
    def session(self) -> ssl.SSLSession | None:
        """What another connection can resume."""
        return self._tls.session if self._tls else None

    async def secure(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        """Put TLS on it."""
        self._tls = tls = context.wrap_bio(
            self._received, self._unsent, server_hostname="127.0.0.1", session=session
        )
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    async def receive(self) -> memoryview:
        """The next octets, valid until the next call of any stream; none is their end."""
        tls = self._tls
        if tls is None:
            return await self._take()
        while True:
            try:
                return memoryview(_plain)[: tls.read(_RECORD, _plain)]
            except ssl.SSLWantReadError:
                await self._fill()
            except ssl.SSLZeroReturnError:
                return memoryview(b"")

    async def send(self, data: bytes | memoryview) -> None:
        """All of it."""
        if self._tls is None:
            await self._give(memoryview(data))
            return
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        await self._flush()

    async def finish(self) -> None:
        """Say that this was all, and read on until the server has heard it.

        Whether all is well tells its 226; a server that has waited long enough may be gone.
        """
        if self._tls is not None:
            with suppress(ssl.SSLWantReadError):  # the other side's may still be on its way
                self._tls.unwrap()
        with suppress(OSError):
            await self._flush()
            self._socket.shutdown(socket.SHUT_WR)
            while await self._take():
                pass

    def close(self) -> None:
        """Let go."""
        self._socket.close()

    async def _fill(self) -> None:
        data = await self._take()
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()

    async def _flush(self) -> None:
        await self._give(memoryview(self._unsent.read()))

    async def _take(self) -> memoryview:
        while True:
            try:
                return _records[: self._socket.recv_into(_records)]
            except BlockingIOError:
                await readable(self._socket)

    async def _give(self, data: memoryview) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                await writable(self._socket)


async def connected(source: str, port: int, room: int = 0) -> Stream:
    """To a port of 127.0.0.1.

    Args:
        source: Address to come from.
        port: Where to.
        room: Octets that the kernel may keep unread; 0 leaves that to it.
    """
    made = socket.socket()
    made.setblocking(False)
    if room:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.bind((source, 0))
    error = made.connect_ex(("127.0.0.1", port))
    if error == errno.EINPROGRESS:
        await writable(made)
        error = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        made.close()
        raise OSError(error, os.strerror(error))
    return Stream(made)


class Session:
    """One control connection.

    Args:
        target: With whom; on 127.0.0.1.
        context: Shared by all sessions.
        source: Address to come from: many sessions are of many clients.
    """

    def __init__(self, target: Target, context: ssl.SSLContext, source: str) -> None:
        self._target = target
        self._context = context
        self._source = source
        self._unread = b""

    async def log_in(self) -> None:
        """Connect, and come as far as to PROT P."""
        self._control = await connected(self._source, self._target.port)
        await self._expect("220")
        await self.command("AUTH TLS", "234")
        await self._control.secure(self._context)
        await self.command(f"USER {self._target.user}", "331")
        await self.command(f"PASS {self._target.password}", "230")
        await self.command("PBSZ 0", "200")
        await self.command("PROT P", "200")
        await self.command("TYPE I", "200")

    async def command(self, line: str, code: str) -> str:
        """Its reply.

        Raises:
            BenchError: It is another one.
        """
        await self._control.send(f"{line}\r\n".encode())
        return await self._expect(code)

    async def retrieve(self, line: str, room: int = 0) -> AsyncIterator[int]:
        """Octets of a file or listing, as many as came at once.

        Args:
            line: The command.
            room: See :func:`connected`.
        """
        data = await self._open(line, room)
        count = 0
        while piece := await data.receive():
            yield len(piece)
            count += 1
            if not count % _TURN:
                await turn()
        await data.finish()
        data.close()
        await self._expect("226")

    async def store(self, line: str, octets: int) -> AsyncIterator[int]:
        """Send so many octets; yields how many are gone."""
        data = await self._open(line, 0)
        piece = memoryview(bytes(_PIECE))
        while octets:
            sent = min(octets, _PIECE)
            await data.send(piece[:sent])
            octets -= sent
            yield sent
            await turn()
        await data.finish()
        data.close()
        await self._expect("226")

    async def quit(self) -> None:
        """Log out, and be gone."""
        await self.command("QUIT", "221")
        self._control.close()

    async def _open(self, line: str, room: int) -> Stream:
        reply = await self.command("EPSV", "229")
        port = int(reply.rpartition("|||")[2].partition("|")[0])
        data = await connected(self._source, port, room)
        await self._control.send(f"{line}\r\n".encode())
        await self._expect("150")
        await data.secure(self._context, self._control.session)
        return data

    async def _expect(self, code: str) -> str:
        """The last line of the next reply, if it has this code."""
        while True:
            line, end, rest = self._unread.partition(b"\r\n")
            if end:
                self._unread = rest
                if re.match(rb"\d{3} ", line):
                    break
            else:
                piece = bytes(await self._control.receive())
                if not piece:
                    raise BenchError(f"the server closed, and {code} was to come")
                self._unread += piece
        text = line.decode(errors="replace")
        if not text.startswith(code):
            raise BenchError(f"{code} was to come, and it was: {text}")
        return text
