"""Something between a client and an S3 API server that fails by plan."""

from __future__ import annotations

import enum
import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Fault(enum.Enum):
    """What happens to a request."""

    NONE = enum.auto()
    BUSY = enum.auto()
    """503, and the server never sees it."""
    BROKEN = enum.auto()
    """500, likewise."""
    RESET = enum.auto()
    """The connection is reset, likewise."""
    LOST = enum.auto()
    """It is done, but the connection is reset in place of the answer."""
    HALF = enum.auto()
    """It is done, but the connection is reset in the middle of the answer."""
    HANGS = enum.auto()
    """No answer comes before :meth:`Faults.release`."""
    STRANGER = enum.auto()
    """403, with words that are not for everybody's eyes."""


_SECRETS = "an-access-key a-secret-nobody-may-read"
_REFUSALS = {
    Fault.BUSY: (503, "SlowDown", ""),
    Fault.BROKEN: (500, "InternalError", ""),
    Fault.STRANGER: (
        403,
        "InvalidAccessKeyId",
        _SECRETS,
    ),
}


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    range: str = ""
    authorization: str = field(default="", repr=False)

    @property
    def what(self) -> str:
        """The method and what of S3 it is, such as ``POST uploads`` or ``GET list``."""
        query = self.path.partition("?")[2]
        for word in ("uploads", "uploadId", "list-type"):
            if word in query:
                return f"{self.method} {word}"
        return self.method


Plan = Callable[[Request], Fault]


class Faults:
    """A proxy on a free port.

    Args:
        port: Where the server listens.

    Attributes:
        plan: Says what happens to each request.
        requests: What came so far.
        url: Where to come.
    """

    def __init__(self, port: int) -> None:
        self.plan: Plan = lambda _: Fault.NONE
        self.requests: list[Request] = []
        self.held = threading.Semaphore(0)
        self._upstream = port
        self._released = threading.Event()
        self._is_down = False
        self._server = self._listen(0)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def once(self, fault: Fault, *whats: str, times: int = 1) -> None:
        """Let the first requests of these kinds fail."""
        left = dict.fromkeys(whats, times)

        def plan(request: Request) -> Fault:
            if left.get(request.what, 0) == 0:
                return Fault.NONE
            left[request.what] -= 1
            return fault

        self.plan = plan

    def count(self, what: str) -> int:
        """How many requests of a kind came."""
        return sum(each.what == what for each in self.requests)

    def release(self) -> None:
        """Let what hangs go."""
        self._released.set()

    def down(self) -> None:
        """Listen no more, and answer nobody who is there."""
        self._is_down = True
        self._server.shutdown()
        self._server.server_close()

    def up(self) -> None:
        """Listen again."""
        self._is_down = False
        self._server = self._listen(self.port)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        faults = self

        class Handler(_Handler):
            owner = faults

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def handle(self, handler: _Handler) -> None:
        if self._is_down:
            handler.reset()
            return
        headers = (handler.headers.get(name, "") for name in ("Range", "Authorization"))
        request = Request(handler.command, unquote(handler.path), *headers)
        self.requests.append(request)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self.plan(request)
        if fault is Fault.HANGS:
            self.held.release()
            self._released.wait()
            handler.reset()
        elif fault is Fault.RESET:
            handler.reset()
        elif fault in _REFUSALS:
            status, code, words = _REFUSALS[fault]
            text = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))]
            handler.answer(status, headers, b"" if handler.command == "HEAD" else text)
        else:
            self._forward(handler, body, fault)

    def _forward(self, handler: _Handler, body: bytes, fault: Fault) -> None:
        server = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            server.putrequest(
                handler.command, handler.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in handler.headers.items():
                server.putheader(name, value)
            server.endheaders(body)
            answer = server.getresponse()
            data = answer.read()
        finally:
            server.close()
        if fault is Fault.LOST:
            handler.reset()
            return
        headers = [each for each in answer.getheaders() if each[0].lower() not in _OWN]
        if handler.command == "HEAD":
            headers += [e for e in answer.getheaders() if e[0].lower() == "content-length"]
        elif answer.status != 204:
            headers.append(("Content-Length", str(len(data))))
        half = fault is Fault.HALF
        handler.answer(answer.status, headers, data[: len(data) // 2] if half else data)
        if half:
            handler.reset()


_OWN = {"connection", "content-length", "transfer-encoding"}


class _Handler(BaseHTTPRequestHandler):
    owner: Faults
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        pass

    def _pass(self) -> None:
        with suppress(OSError):
            self.owner.handle(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815


@contextmanager
def between(port: int) -> Iterator[Faults]:
    """A proxy that runs meanwhile."""
    faults = Faults(port)
    try:
        yield faults
    finally:
        faults.release()
        faults.down()
