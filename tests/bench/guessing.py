"""Whether time tells which users there are; ``python -m tests.bench.guessing``.

Names that somebody has and names that nobody has are guessed in turns, all with wrong passwords,
and without the delays that hide the rest: this is what an attacker could learn at best. The last
column is how often a known name took longer than an unknown one: 50 % is a toss of a coin.
"""

from __future__ import annotations

import argparse
import ftplib
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from ftptls.cred.passwords import hash_password
from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import peers
from tests.bench.logins import context
from tests.bench.peers import Place

USERS = [f"user{number:02}" for number in range(20)]
DISABLED = USERS[:5]

_SETTINGS = """
[limits]
login_delay = 0
login_attempts = 1000000
login_timeout = 1000000
[guard]
wary_after = 1000000
ban_time = 0
"""


@dataclass(frozen=True)
class Result:
    """Of one store of users.

    Attributes:
        name: The Cred string, in words.
        who: Which names were compared with unknown ones.
        known_ms: The median of what the refusal of one of them takes.
        unknown_ms: The same of an unknown one.
        longer: How often the first takes longer than the second; 0.5 tells nothing.
        chance: How far off 0.5 it is by mere chance in 19 of 20 runs.
    """

    name: str
    who: str
    known_ms: float
    unknown_ms: float
    longer: float
    chance: float


def _htpasswd(place: Place) -> None:
    lines = [f"{name}:{hash_password(name.encode())}\n" for name in USERS]
    (place.folder / "htpasswd").write_text("".join(lines))


def _store(place: Place) -> None:
    from ftptls.store import User, Users

    with Users.open(f"sqlite:{place.folder}/users.db", create=True) as store:
        for name in USERS:
            hashed = hash_password(name.encode())
            store.add(User(name=name, password=hashed, enabled=name not in DISABLED))


STORES: dict[str, tuple[str, Callable[[Place], None], dict[str, list[str]]]] = {
    "htpasswd": ("htpasswd:{folder}/htpasswd", _htpasswd, {"known": USERS}),
    "store": (
        "sqlite:{folder}/users.db",
        _store,
        {"known": [each for each in USERS if each not in DISABLED], "disabled": DISABLED},
    ),
}


def longer(ones: Sequence[float], others: Sequence[float]) -> float:
    """How often one is more than another, all with all; the same counts half."""
    more = sum((one > other) + 0.5 * (one == other) for one, other in product(ones, others))
    return more / (len(ones) * len(others))


def chance(ones: int, others: int) -> float:
    """How far :func:`longer` is off 0.5 by chance, 19 times out of 20 (Mann and Whitney)."""
    return 1.96 * math.sqrt((ones + others + 1) / (12 * ones * others))


def measure(name: str, guesses: int) -> list[Result]:
    """Start a server, and guess that often of each kind of name."""
    auth, prepare, kinds = STORES[name]
    names = {**kinds, "unknown": [f"nobody{number:02}" for number in range(20)]}
    taken: dict[str, list[float]] = {kind: [] for kind in names}
    authority = Authority()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftptls-bench-")))
        place = peers.place(folder / "server", authority, KeyKind.EC)
        prepare(place)
        command = peers.ftptls(auth, settings=_SETTINGS)(place)
        stack.enter_context(peers.running(command, place))
        client = ftplib.FTP_TLS(context=context(authority, folder, certificate=False), timeout=30)
        client.connect("127.0.0.1", place.port)
        client.auth()
        for number in range(guesses + 1):
            for kind in random.sample(list(names), len(names)):
                seconds = _guess(client, random.choice(names[kind]))
                if number:
                    taken[kind].append(seconds)
        client.close()
    unknown = taken.pop("unknown")
    return [_result(name, kind, ones, unknown) for kind, ones in taken.items()]


def _guess(client: ftplib.FTP_TLS, name: str) -> float:
    """How many seconds the refusal takes."""
    client.sendcmd(f"USER {name}")
    began = time.perf_counter()
    try:
        client.sendcmd("PASS wrong")
    except ftplib.error_perm:
        return time.perf_counter() - began
    raise SystemExit("a wrong password was accepted")


def _result(name: str, who: str, known: Sequence[float], unknown: Sequence[float]) -> Result:
    return Result(
        name,
        who,
        1000 * statistics.median(known),
        1000 * statistics.median(unknown),
        longer(known, unknown),
        chance(len(known), len(unknown)),
    )


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        "| users in | names | median, ms | of unknown ones, ms | takes longer |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.name} | {each.who} | {each.known_ms:.2f} | {each.unknown_ms:.2f} "
        f"| {each.longer:.1%} (50 ± {100 * each.chance:.1f} % by chance) |"
        for each in results
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guesses", type=int, default=500, help="of each kind of name")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    results = [each for name in STORES for each in measure(name, given.guesses)]
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
