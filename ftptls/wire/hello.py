"""What a TLS client says first, as far as a diagnosis needs it (RFC 8446 §4.1.2, RFC 5246 §7.4.1).

This is no parser to decide by: TLS itself is OpenSSL's. It reads the offer of a client
whose handshake failed, so that the log can say what did not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME, _PROTOCOLS, _VERSIONS = 0, 16, 43  # extensions: RFC 6066, RFC 7301, RFC 8446

VERSIONS = {
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
"""The names of protocol versions by their numbers."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """An offer.

    Attributes:
        versions: Protocol versions, newest first; of a client older than TLS 1.3, only
            its newest one is known.
        ciphers: Numbers of the cipher suites.
        server_name: The name in SNI; empty without.
        protocols: What ALPN offers.
    """

    versions: tuple[int, ...]
    ciphers: tuple[int, ...]
    server_name: str = ""
    protocols: tuple[bytes, ...] = ()

    @property
    def offer(self) -> str:
        """Its versions in words, such as ``TLS 1.0 only``."""
        newest = VERSIONS.get(self.versions[0], f"version {self.versions[0]:#06x}")
        oldest = len(self.versions) == 1 and self.versions[0] in (0x0300, 0x0301, 0x0304)
        return f"{newest} only" if oldest else f"{newest} at the most"


class _Reader:
    """Takes octets off the front; one too few is an EOFError."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise EOFError
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def parse_client_hello(data: bytes) -> ClientHello | None:
    """The offer at the start of what a client sent; ``None`` if there is none, or not all of it.

    Args:
        data: The first octets, records and all.
    """
    try:
        message = _Reader(_handshake_messages(data))
        if message.number(1) != _CLIENT_HELLO:
            return None
        return _parse_body(_Reader(message.vector(3)))
    except EOFError:
        return None


def _handshake_messages(data: bytes) -> bytes:
    """The content of the handshake records at the front."""
    records, content = _Reader(data), b""
    while records:
        if records.number(1) != _HANDSHAKE:
            break
        records.take(2)
        try:
            content += records.vector(2)
        except EOFError:
            break
    return content


def _parse_body(body: _Reader) -> ClientHello:
    legacy = body.number(2)
    body.take(32)  # random
    body.vector(1)  # session id
    ciphers = _numbers(body.vector(2))
    body.vector(1)  # compression
    found = dict(_extensions(_Reader(body.vector(2)))) if body else {}
    versions = _numbers(found.get(_VERSIONS, b"\0")[1:])
    known = sorted((each for each in versions if each in VERSIONS), reverse=True)
    return ClientHello(
        tuple(known) or (legacy,),
        ciphers,
        _server_name(found.get(_SERVER_NAME, b"")),
        tuple(_protocols(found.get(_PROTOCOLS, b""))),
    )


def _extensions(reader: _Reader) -> list[tuple[int, bytes]]:
    found = []
    while reader:
        found.append((reader.number(2), reader.vector(2)))
    return found


def _numbers(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2))


def _server_name(data: bytes) -> str:
    if not data:
        return ""
    names = _Reader(_Reader(data).vector(2))
    return names.vector(2).decode("ascii", "replace") if names.number(1) == 0 else ""


def _protocols(data: bytes) -> list[bytes]:
    reader, found = _Reader(_Reader(data).vector(2) if data else b""), []
    while reader:
        found.append(reader.vector(1))
    return found
