"""Arguments of commands: text to values (RFC 959 §5.3, RFC 2228 §4, RFC 2389, RFC 2428, RFC 3659).

Every parser takes the argument as text and raises :class:`ArgumentError` with words
that say what is accepted. No text repeats what the client sent: a server that echoes
can be made to speak for someone else (ALPACA, CVE-2021-3618).
"""

from __future__ import annotations

import enum
import ipaddress
import re
from dataclasses import dataclass

from ftptls.wire.addresses import DataAddress, canonical, family_of
from ftptls.wire.compression import DEFAULT_LEVEL
from ftptls.wire.representation import Representation, TransferMode

_OFFSET_MAX = 2**63 - 1
_BUFFER_MAX = 2**32 - 1

_FLAG_WORD = re.compile(r"-([A-Za-z0-9]+)(?: |\Z)")
_OPTION_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_BYTE_SIZE = re.compile(r"L ?([0-9]{1,3})")


class ArgumentError(ValueError):
    """A command's argument is not acceptable.

    Args:
        text: What the client reads: what is accepted.
        code: The reply code.
    """

    def __init__(self, text: str, code: int = 501) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class ProtectionLevel(enum.Enum):
    """Data channel protection levels that TLS has (RFC 2228 §3, RFC 4217 §9)."""

    CLEAR = "C"
    PRIVATE = "P"


class Mechanism(enum.Enum):
    """Names by which AUTH asks for TLS (RFC 4217 §17, and the drafts before it)."""

    TLS = "TLS"
    TLS_C = "TLS-C"
    SSL = "SSL"
    TLS_P = "TLS-P"

    @property
    def protects_data(self) -> bool:
        """Whether the name implies PROT P: so it was in the drafts, and lftp relies on it."""
        return self in (Mechanism.SSL, Mechanism.TLS_P)


_MECHANISMS = {each.value: each for each in Mechanism}


class ExtendedPassive(enum.Enum):
    """What EPSV asks for (RFC 2428 §3)."""

    ANY = ""
    IPV4 = "1"
    IPV6 = "2"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class ListingRequest:
    """What LIST and NLST ask for: ``ls`` flags, which clients send unasked, and a path."""

    flags: frozenset[str]
    path: str


@dataclass(frozen=True, slots=True)
class Option:
    """A name in upper case and its value (OPTS, RFC 2389 §4; SITE)."""

    name: str
    value: str


def _number(text: str, maximum: int) -> int | None:
    """A decimal number from 0 to ``maximum``; None if the text is none.

    Args:
        text: Digits only; no sign, blank or other script's digits.
        maximum: The largest number accepted.
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    # int() refuses very long strings of digits, with words of its own.
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(maximum)):
        return None
    value = int(digits)
    return value if value <= maximum else None


def nothing(text: str) -> None:
    """No argument; blanks are tolerated, as old clients pad commands."""
    if text.strip(" "):
        raise ArgumentError("This command takes no argument.")


def anything(text: str) -> str:
    """Any text, also none."""
    return text


def required(text: str) -> str:
    """Any text but none."""
    if not text:
        raise ArgumentError("This command needs an argument.")
    return text


def optional_path(text: str) -> str:
    """A pathname, or nothing (RFC 3659 §2.2.1)."""
    if "\0" in text or "\r" in text or "\n" in text:
        raise ArgumentError("Names with NUL, CR or LF are not served.", 553)
    return text


def path(text: str) -> str:
    """A pathname (RFC 3659 §2.2.1)."""
    if not text:
        raise ArgumentError("This command needs a pathname.")
    return optional_path(text)


def marker(text: str) -> int:
    """The restart marker of REST: an offset in octets (RFC 3659 §5.3)."""
    value = _number(text, _OFFSET_MAX)
    if value is None:
        raise ArgumentError("REST takes an offset in octets: digits only, below 2^63.")
    return value


def seconds(text: str) -> int | None:
    """A number of seconds, or nothing (SITE IDLE)."""
    value = _number(text.strip(" "), _BUFFER_MAX)
    if value is None and text.strip(" "):
        raise ArgumentError("Give a number of seconds: digits only.")
    return value


def allocation(text: str) -> int:
    """The size in ALLO, ``n [R m]``, in octets (RFC 959 §4.1.3)."""
    words = text.split()
    value = _number(words[0], _OFFSET_MAX) if words else None
    record = ["R", "0"] if len(words) == 1 else [word.upper() for word in words[1:]]
    wrong = len(record) != 2 or record[0] != "R" or _number(record[1], _OFFSET_MAX) is None
    if value is None or wrong:
        raise ArgumentError("ALLO takes a number of octets, and optionally R and a record size.")
    return value


def representation(text: str) -> Representation:
    """A representation type for TYPE: A, A N, A T, I or L 8 (RFC 959 §3.1.1, §5.3.1).

    To a host without vertical format control, A T is the same as A N, and L 8 the same as
    I (RFC 1123 §4.1.2.1 and §4.1.2.2). EBCDIC and carriage control (A C) are not offered.
    """
    words = text.upper().split()
    asked = " ".join(words)
    if asked in ("A", "A N", "A T"):
        return Representation.ASCII
    if asked == "I":
        return Representation.IMAGE
    if size := _BYTE_SIZE.fullmatch(asked):
        if int(size[1]) == 8:
            return Representation.IMAGE
        raise ArgumentError("Only bytes of 8 bits are supported: TYPE L 8.", 504)
    if words and words[0] in ("A", "E") and words[1:] in ([], ["N"], ["T"], ["C"]):
        raise ArgumentError("Supported types: A, A N, A T, I, L 8.", 504)
    raise ArgumentError("TYPE takes one of: A, A N, A T, I, L 8.")


def structure(text: str) -> str:
    """A file structure for STRU: F (RFC 959 §3.1.2).

    Pages are advised against, and records are for hosts whose filesystems have them
    (RFC 1123 §4.1.2.3 and §4.1.2.13): here a file has neither.
    """
    asked = text.strip(" ").upper()
    if asked == "F":
        return asked
    if asked in ("R", "P"):
        raise ArgumentError("Only file structure is supported: STRU F.", 504)
    raise ArgumentError("STRU takes F.")


def transfer_mode(text: str) -> TransferMode:
    """A transmission mode for MODE: S (RFC 959 §3.4), or Z (draft-preston-ftpext-deflate)."""
    asked = text.strip(" ").upper()
    if asked in ("B", "C"):
        raise ArgumentError("Supported modes: S, and Z to compress.", 504)
    try:
        return TransferMode(asked)
    except ValueError:
        raise ArgumentError("MODE takes S or Z.") from None


def compression_level(text: str) -> int:
    """The level in ``OPTS MODE Z [ENGINE ZLIB] [LEVEL n]``; without LEVEL, the default one.

    Args:
        text: What follows ``OPTS MODE``.
    """
    mode, *words = text.upper().split() or [""]
    if mode != "Z" or len(words) % 2:
        raise ArgumentError("Only MODE Z has options: OPTS MODE Z LEVEL 0 to 9.")
    level: int | None = DEFAULT_LEVEL
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "LEVEL":
            level = _number(value, 9)
        elif (name, value) != ("ENGINE", "ZLIB"):
            raise ArgumentError("The options of MODE Z are LEVEL 0 to 9, and ENGINE ZLIB.")
    if level is None:
        raise ArgumentError("LEVEL takes a number from 0 to 9.")
    return level


def protection(text: str) -> ProtectionLevel:
    """A protection level for PROT: C or P (RFC 2228 §3, RFC 4217 §9)."""
    asked = text.strip(" ").upper()
    if not asked:
        raise ArgumentError("PROT takes C or P.")
    if asked in ("S", "E"):
        raise ArgumentError("TLS has no such protection level; use PROT P or PROT C.", 536)
    try:
        return ProtectionLevel(asked)
    except ValueError:
        raise ArgumentError("Unknown protection level; use PROT P or PROT C.", 504) from None


def buffer_size(text: str) -> int:
    """A protection buffer size for PBSZ: an unsigned 32-bit number (RFC 2228 §3)."""
    value = _number(text.strip(" "), _BUFFER_MAX)
    if value is None:
        raise ArgumentError("PBSZ takes a number below 2^32; over TLS it is 0.")
    return value


def mechanism(text: str) -> Mechanism:
    """A security mechanism for AUTH, in any case (RFC 2228 §3, RFC 4217 §17)."""
    asked = text.strip(" ").upper()
    if not asked:
        raise ArgumentError("AUTH takes the name of a mechanism: TLS.")
    found = _MECHANISMS.get(asked)
    if found is None:
        raise ArgumentError("Unknown security mechanism; use AUTH TLS.", 504)
    return found


def listing_request(text: str) -> ListingRequest:
    """Flags and path for LIST and NLST.

    RFC 959 knows only a path. Leading words of a hyphen with letters or digits are
    taken as the flags of ``ls``; ``--`` ends them, so that ``-- -l`` names a file.
    """
    flags: set[str] = set()
    rest = text
    while word := _FLAG_WORD.match(rest):
        flags.update(word[1])
        rest = rest[word.end() :]
    if rest == "--" or rest.startswith("-- "):
        rest = rest[3:]
    return ListingRequest(frozenset(flags), optional_path(rest))


def option(text: str) -> Option:
    """A name and what follows it after one space (RFC 2389 §4)."""
    name, _, value = text.partition(" ")
    if not _OPTION_NAME.fullmatch(name):
        raise ArgumentError("This command needs the name of a command or option.")
    return Option(name.upper(), value)


def host_port(text: str) -> DataAddress:
    """The address in PORT: ``h1,h2,h3,h4,p1,p2`` (RFC 959 §5.3.2)."""
    octets = [_number(part, 255) for part in text.strip(" ").split(",")]
    numbers = [octet for octet in octets if octet is not None]
    if len(octets) != 6 or len(numbers) != 6:
        raise ArgumentError("PORT takes six numbers from 0 to 255: h1,h2,h3,h4,p1,p2.")
    port = numbers[4] * 256 + numbers[5]
    if port == 0:
        raise ArgumentError("PORT takes a port from 1 to 65535.")
    return DataAddress(4, ".".join(map(str, numbers[:4])), port)


def _unsupported_protocol() -> ArgumentError:
    """The 522 whose list of protocols a program reads (RFC 2428 §2)."""
    return ArgumentError("Network protocol not supported, use (1,2)", 522)


def extended_host_port(text: str) -> DataAddress:
    """The address in EPRT: ``|1|132.235.1.2|6275|`` (RFC 2428 §2).

    An IPv4 address in IPv6 dress is returned as what it is, so that no later check
    sees it as a stranger, or as a friend.
    """
    malformed = ArgumentError("EPRT takes |1|IPv4 address|port| or |2|IPv6 address|port|.")
    asked = text.strip(" ")
    delimiter = asked[:1]
    if not "!" <= delimiter <= "~":
        raise malformed
    fields = asked.split(delimiter)
    if len(fields) != 5 or fields[0] or fields[4]:
        raise malformed
    _, protocol, host, port_text, _ = fields
    if not (protocol.isascii() and protocol.isdecimal()):
        raise malformed
    if protocol not in ("1", "2"):
        raise _unsupported_protocol()
    port = _number(port_text, 65535)
    if not port or "%" in host:
        raise malformed
    try:
        address = ipaddress.IPv4Address(host) if protocol == "1" else ipaddress.IPv6Address(host)
    except ValueError:
        raise malformed from None
    plain = canonical(str(address))
    return DataAddress(family_of(plain), plain, port)


def extended_passive(text: str) -> ExtendedPassive:
    """The argument of EPSV: nothing, 1, 2 or ALL (RFC 2428 §3)."""
    asked = text.strip(" ").upper()
    try:
        return ExtendedPassive(asked)
    except ValueError:
        if asked.isascii() and asked.isdecimal():
            raise _unsupported_protocol() from None
        raise ArgumentError("EPSV takes nothing, 1, 2 or ALL.") from None
