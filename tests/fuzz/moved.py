"""What a transfer moves: a file as it is before, over the wire, and behind it."""

from __future__ import annotations

import zlib

from tests.fuzz.model import Model


class File:
    """What a name leads to, and how it is transferred, as things stand before that."""

    def __init__(self, model: Model, name: str) -> None:
        now = model.now
        self.path = model.path(name)
        self.private, self.deflated, self.ascii = now.private, now.deflated, now.ascii
        self.marker, self.part = now.marker, now.part
        self.data = model.files.get(self.path, b"")
        self.children = model.children(self.path)

    def downloaded(self) -> bytes:
        """What RETR sends, before it is compressed."""
        if self.ascii:
            return self.data.replace(b"\n", b"\r\n")
        first, end = self.part or (self.marker, None)
        return self.data[first:end]

    def encoded(self, payload: bytes) -> bytes:
        """What a client sends, so that ``payload`` is stored."""
        sent = payload.replace(b"\n", b"\r\n") if self.ascii else payload
        return zlib.compress(sent) if self.deflated else sent

    def stored(self, verb: str, payload: bytes) -> bytes:
        """What the file holds behind an upload: with a marker, what is around it stays."""
        if verb == "STOU":  # a new file
            return payload
        at = self.marker or (len(self.data) if verb == "APPE" else 0)
        rest = self.data[at + len(payload) :] if self.marker else b""
        return self.data[:at] + payload + rest
