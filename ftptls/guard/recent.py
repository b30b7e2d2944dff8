"""What happened lately, and to whom: counts that time and bounded memory forget."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

_LONGEST_NAME = 64


class Recent:
    """How often something happened within a window of time, by key.

    Args:
        window: Seconds for which an event counts.
        keys: How many keys are kept; of more, the one goes that was quiet for longest.
        each: How far it is counted for one key.
    """

    def __init__(self, window: float, keys: int, each: int) -> None:
        self._window = window
        self._keys = keys
        self._each = each
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, key: str, now: float) -> int:
        """It happened again; how often it did, this time included."""
        self.note(key, now)
        return self.count(key, now)

    def note(self, key: str, now: float) -> None:
        """It happened again."""
        times = self._times.get(key)
        if times is None:
            self._times[key] = deque((now,), self._each)
            self._let_go(now)
        else:
            times.append(now)
            self._times.move_to_end(key)

    def count(self, key: str, now: float) -> int:
        """How often it happened."""
        times = self._times.get(key)
        if times is None:
            return 0
        return sum([time > now - self._window for time in times])

    def happened(self, key: str, now: float) -> bool:
        """Whether it happened at all."""
        times = self._times.get(key)
        return times is not None and times[-1] > now - self._window

    def forget(self, key: str, latest: int | None = None) -> None:
        """As if it had never happened, or not the latest times."""
        times = self._times.get(key)
        if times is None:
            return
        for _ in range(len(times) if latest is None else min(latest, len(times))):
            times.pop()
        if not times:
            del self._times[key]

    def _let_go(self, now: float) -> None:
        """There is one more key; where it is one too many, or others are over, they go."""
        while len(self._times) > self._keys:
            self._times.popitem(last=False)
        while self._times:
            key, times = next(iter(self._times.items()))
            if times[-1] > now - self._window:
                break
            del self._times[key]


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """What an address is counted under: itself, or its IPv6 network of 64 bits.

    One who has any IPv6 address mostly has all of such a network. Empty if it is no address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    if ip.version == 4:
        return str(ip)
    return str(IPv6Network((int(ip) >> 64 << 64, 64)))


@lru_cache(maxsize=256)
def name_key(name: str) -> str:
    """What the name of a user is counted under: without case, short, and good to show."""
    key = name.casefold()
    if len(key) <= _LONGEST_NAME and key.isprintable() and key.strip() == key != "":
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape"))
    return f"sha256:{digest.hexdigest()[:32]}"
