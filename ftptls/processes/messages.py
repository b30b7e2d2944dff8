"""What processes say to each other, as octets: one JSON array in each line.

A message is one of these:

``["verb", ...]``
    is told; there is no answer. What is behind the verb are its arguments.
``[7, "verb", ...]``
    is asked, under a number that is greater than 0.
``[-7, value]``
    is the answer.
``[-7, 421, "text"]``
    is the answer of one who refuses, as an FTP reply (RFC 959 §4.2).

Texts may hold the surrogates that stand for octets in names that are no UTF-8.
"""

from __future__ import annotations

import json
from typing import Any

Message = list[Any]

_encoder = json.JSONEncoder(separators=(",", ":"))
_decoder = json.JSONDecoder()


def encode(message: Message) -> bytes:
    """One line; JSON escapes the ends of lines that are within texts."""
    return _encoder.encode(message).encode("ascii") + b"\n"


class MessageReader:
    """Takes octets as they come, and gives whole messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that end in these octets.

        Raises:
            ValueError: A line is no message.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [_decoded(line) for line in lines]


def _decoded(line: bytes) -> Message:
    message = _decoder.decode(line.decode("ascii"))
    if not (isinstance(message, list) and message and type(message[0]) in (int, str)):
        raise ValueError("a message is an array that begins with a number or a verb")
    return message
