"""Signatures of what is sent to a URL, as the Standard Webhooks have them.

Three headers: ``webhook-id``, ``webhook-timestamp`` in seconds since the epoch, and
``webhook-signature``, which holds ``v1,`` and the HMAC-SHA256 in Base64 of the three parts
``id.timestamp.body``. With several keys there are several signatures, with blanks between
them, so that a key can be replaced without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = b"whsec_"
_SIZES = range(24, 65)


def read_keys(path: str) -> tuple[bytes, ...]:
    """The keys in a file, one in each line; blocks.

    Raises:
        ValueError: There is none, or a line is none; the text does not repeat it.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith(b"#")]
    if not lines:
        raise ValueError(f"{path} holds no key; {HOW_TO_MAKE}")
    return tuple(_key(line, path) for line in lines)


HOW_TO_MAKE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'


def _key(line: bytes, path: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) not in _SIZES or not line.startswith(_PREFIX):
        raise ValueError(f"{path} holds a line that is no key; {HOW_TO_MAKE}")
    return key


def signed_headers(
    keys: tuple[bytes, ...], event_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt to send an event.

    Args:
        keys: Each makes a signature.
        event_id: The event's own name, the same in every attempt.
        timestamp: When this attempt is made, in seconds since the epoch.
        body: What is sent.
    """
    content = f"{event_id}.{timestamp}.".encode() + body
    made = (hmac.new(key, content, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made),
    }
