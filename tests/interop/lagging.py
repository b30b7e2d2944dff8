"""``twistd`` whose worker threads enter the kernel late, for test_aborts.

Between the moment a call has its descriptor number and the moment the kernel uses it there
are microseconds. Here there are milliseconds, so that a descriptor that is closed under a
worker, its number taken by another, is a mistake that shows.
"""

from __future__ import annotations

import functools
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_LONGEST = 0.002


def _lag() -> None:
    if threading.current_thread() is not threading.main_thread():
        time.sleep(random.uniform(0, _LONGEST))


def _late(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def late(*args: Any) -> Any:
        _lag()
        return call(*args)

    return late


def _send(self: socket.socket, data: memoryview) -> int:
    descriptor = self.fileno()
    _lag()
    return os.write(descriptor, data)


def _recv_into(self: socket.socket, buffer: memoryview) -> int:
    descriptor = self.fileno()
    _lag()
    return os.readv(descriptor, [buffer])


def main() -> None:
    """Run ``twistd`` as the command line says."""
    for name in ("pread", "pwrite", "sendfile"):
        setattr(os, name, _late(getattr(os, name)))
    socket.socket.send = _send  # type: ignore[assignment,method-assign]
    socket.socket.recv_into = _recv_into  # type: ignore[assignment,method-assign]
    sys.argv[0] = "twistd"
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
