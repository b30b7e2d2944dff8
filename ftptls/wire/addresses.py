"""Addresses of data connections and their text forms (RFC 959 §4.1.2, RFC 2428 §2, §3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_NUMBERS = re.compile(r"\b\d{1,3},\d{1,3},\d{1,3},\d{1,3},(\d{1,3}),(\d{1,3})\b", re.ASCII)
_EXTENDED = re.compile(r"\((?P<d>[!-~])(?P=d)(?P=d)(\d{1,5})(?P=d)\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DataAddress:
    """Where a data connection goes.

    Attributes:
        family: 4 or 6.
        host: A numeric address in its canonical form.
        port: 1 to 65535.
    """

    family: int
    host: str
    port: int


@lru_cache(maxsize=1024)  # each session asks several times about the same few
def _parsed(host: str) -> IPv4Address | IPv6Address:
    """The address without its zone, and IPv4 where it is IPv4 in IPv6 dress."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1024)
def canonical(host: str) -> str:
    """The one spelling of a numeric address, so that spellings can be compared.

    Args:
        host: IPv4 or IPv6. An IPv4-mapped IPv6 address becomes IPv4, as a
            dual-stack socket reports IPv4 peers so; a zone (``%eth0``) is dropped.

    Raises:
        ValueError: If it is no numeric address.
    """
    return str(_parsed(host))


def family_of(host: str) -> int:
    """4 or 6, for the canonical form of the address.

    Raises:
        ValueError: If it is no numeric address.
    """
    return _parsed(host).version


def same_host(a: str, b: str) -> bool:
    """Whether two texts are one address; False if either is no numeric address."""
    try:
        return _parsed(a) == _parsed(b)
    except ValueError:
        return False


def is_usable_peer(host: str) -> bool:
    """Whether a connection to this address reaches one other host.

    Unspecified, "this network" (RFC 1122 §3.2.1.3), multicast and broadcast
    addresses do not; nor does anything that is no numeric address.
    """
    try:
        address = _parsed(host)
    except ValueError:
        return False
    if address.is_multicast or address.is_unspecified:
        return False
    return address.version == 6 or not (address.packed[0] == 0 or address.packed == b"\xff" * 4)


def pasv_text(host: str, port: int) -> str:
    """``h1,h2,h3,h4,p1,p2`` for the reply to PASV (RFC 959 §4.1.2).

    Raises:
        ValueError: If the address is not IPv4, or the port is out of range.
    """
    if family_of(host) != 4:
        raise ValueError("PASV tells IPv4 addresses only")
    high, low = divmod(_checked(port), 256)
    return f"{canonical(host).replace('.', ',')},{high},{low}"


def epsv_text(port: int) -> str:
    """``|||port|`` for the reply to EPSV (RFC 2428 §3).

    Raises:
        ValueError: If the port is out of range.
    """
    return f"|||{_checked(port)}|"


def pasv_port(text: str) -> int:
    """The port in a 227 reply; its host is not to be trusted, and left out (RFC 2577 §3).

    Raises:
        ValueError: There is none.
    """
    found = _NUMBERS.search(text)
    if found is None or int(found[1]) > 255 or int(found[2]) > 255:
        raise ValueError("there is no address in the reply to PASV")
    return _checked(int(found[1]) * 256 + int(found[2]))


def epsv_port(text: str) -> int:
    """The port in a 229 reply (RFC 2428 §3).

    Raises:
        ValueError: There is none.
    """
    found = _EXTENDED.search(text)
    if found is None:
        raise ValueError("there is no port in the reply to EPSV")
    return _checked(int(found[2]))


def _checked(port: int) -> int:
    """The port, if it is one."""
    if not 1 <= port <= 65535:
        raise ValueError("a port is from 1 to 65535")
    return port
