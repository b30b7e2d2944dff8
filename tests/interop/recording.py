"""``twistd`` that notes which thread does what with how many octets, for test_threads.

At the end it writes ``calls.json`` to its working directory: octets by call and thread, and
the longest time that the reactor did not get round to anything else.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

from ftptls.tls.stream import TLSStream

_octets: Counter[str] = Counter()
_lock = threading.Lock()


def _note(name: str, octets: int) -> None:
    where = "reactor" if threading.current_thread() is threading.main_thread() else "worker"
    with _lock:
        _octets[f"{name} on {where}"] += octets


def _record(owner: Any, name: str, octets: Callable[..., int]) -> None:
    call = getattr(owner, name)

    @functools.wraps(call)
    def recorded(*args: Any, **more: Any) -> Any:
        result = call(*args, **more)
        _note(name if owner is os else f"{owner.__name__}.{name}", octets(result, *args))
        return result

    setattr(owner, name, recorded)


def _result(result: int, *args: object) -> int:
    return result


def main() -> None:
    """Run ``twistd`` as the command line says."""
    _record(os, "preadv", _result)
    _record(os, "pwrite", _result)
    _record(os, "sendfile", _result)
    _record(os, "splice", _result)
    _record(os, "splice", _result)
    for owner, name in (
        (SSL.Connection, "send"),
        (TLSStream, "decrypt"),
        (socket.socket, "send"),
        (socket.socket, "recv_into"),
    ):
        _record(owner, name, _result)

    from twisted.internet import reactor, task

    loop: Any = reactor
    turns: list[float] = []
    longest = [0.0]

    def turn() -> None:
        turns.append(time.monotonic())
        longest[0] = max(longest[0], turns[-1] - turns.pop(0) if turns[1:] else 0.0)

    loop.callWhenRunning(task.LoopingCall(turn).start, 0.002)

    def tell() -> None:
        with open("calls.json", "w", encoding="ascii") as file:
            json.dump({"octets": _octets, "longest": longest[0]}, file)

    loop.addSystemEventTrigger("after", "shutdown", tell)
    sys.argv[0] = "twistd"
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
