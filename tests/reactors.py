"""A reactor that is nothing but a clock and a state."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.task import Clock


class Running(Clock):
    """One that runs, until it is shut down."""

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self._at_the_end: list[Any] = []
        self._asked: deque[tuple[Any, ...]] = deque()

    def callFromThread(self, call: Any, *args: Any) -> None:  # noqa: N802 - Twisted's name
        self._asked.append((call, *args))

    def advance(self, amount: float) -> None:
        while self._asked:
            call, *args = self._asked.popleft()
            call(*args)
        super().advance(amount)

    def addSystemEventTrigger(  # noqa: N802 - Twisted's name
        self, phase: str, event: str, call: Any
    ) -> None:
        assert (phase, event) == ("after", "shutdown")
        self._at_the_end.append(call)

    def shut_down(self) -> None:
        self.running = False
        for call in self._at_the_end:
            call()
