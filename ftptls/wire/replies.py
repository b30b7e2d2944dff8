"""Replies: what the server says on the control connection (RFC 959 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.wire.paths import shown


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: a three-digit code, its text, and the lines in between.

    Attributes:
        code: The reply code, 100 to 699.
        text: The text of the last (or only) line.
        lines: For a multi-line reply, the lines that stand before the last
            one. The first follows the code and a hyphen; the others are
            indented, so that none can be mistaken for the last line.
    """

    code: int
    text: str
    lines: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The reply as it goes over the wire, in UTF-8 (RFC 2640 §2.2)."""
        last = f"{self.code} {shown(self.text)}\r\n"
        if not self.lines:
            return last.encode("utf-8", "surrogateescape")
        first, *inner = (shown(line) for line in self.lines)
        body = "".join(f" {line}\r\n" for line in inner)
        return f"{self.code}-{first}\r\n{body}{last}".encode("utf-8", "surrogateescape")

    @property
    def is_preliminary(self) -> bool:
        """Whether another reply follows (RFC 959 §4.2.1: 1yz)."""
        return 100 <= self.code < 200

    @property
    def is_error(self) -> bool:
        """Whether the command failed (RFC 959 §4.2.1: 4yz and 5yz)."""
        return 400 <= self.code < 600
