"""What is known of a setting besides its value: help, flag, and what it accepts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a setting besides its type and default.

    Attributes:
        help: One or two sentences for ``--help`` and the reference page.
        flag: Name of its command-line flag; without one it is for the file only.
        minimum: For a number: the least that is accepted.
        accepts: What is accepted, in words, where the type does not say it all.
        check: Whether a value of the right type is accepted.
        path: Whether it names a file or folder; a relative one in the
            configuration file starts at the folder of that file.
        secret: Whether an error must not show the value.
    """

    help: str
    flag: str = ""
    minimum: float = 0
    accepts: str = ""
    check: Callable[[Any], bool] = lambda _: True
    path: bool = False
    secret: bool = False


_MEDIA_NAME = r"[0-9A-Za-z][0-9A-Za-z!#$&^_.+-]{0,126}"
_LABEL = re.compile(r"[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?")


def setting(default: Any, help_text: str, **about: Any) -> Any:
    """A dataclass field that is a setting.

    Args:
        default: The value without configuration.
        help_text: One or two sentences for ``--help`` and the reference page.
        **about: The other attributes of :class:`About`.
    """
    return field(default=default, metadata={"about": About(help_text, **about)})


def is_ipv4(text: str) -> bool:
    """Whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_host_name(text: str) -> bool:
    """Whether it is a name that HOST and SNI may carry (RFC 7151 §3.1)."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def is_network(text: str) -> bool:
    """Whether a text is a network, such as ``10.0.0.0/8``."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_media_type(text: str) -> bool:
    """Whether it says the media type of an ending: ``csv=text/csv`` (RFC 6838 §4.2)."""
    return re.fullmatch(rf"[^=./\s]+={_MEDIA_NAME}/{_MEDIA_NAME}", text) is not None


def mounted(text: str) -> tuple[str, str]:
    """Where a line of mounts puts something, and what: ``/archive = /srv/archive``."""
    point, _, folder = (part.strip() for part in text.partition("="))
    return point, folder


def is_mount(text: str) -> bool:
    """Whether it is such a line, with a clean absolute path that is not the root."""
    point, folder = mounted(text)
    parts = point.split("/")
    clean = parts[0] == "" and all(each not in ("", ".", "..") for each in parts[1:])
    whole = folder.startswith(("/", "{home}")) or "://" in folder
    return clean and len(parts) > 1 and whole and "\0" not in text


def is_fingerprint(text: str) -> bool:
    """Whether a text is a SHA-256 fingerprint in hexadecimal, with or without colons."""
    return re.fullmatch(r"[0-9a-fA-F]{64}", text.replace(":", "")) is not None
