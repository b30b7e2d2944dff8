"""Whether a hook works, for the log: a burst of failures is told once."""

from __future__ import annotations

from ftptls import observe


class Standing:
    """What is known of one hook.

    Args:
        name: What the log calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._failures = 0
        self._full = False

    def failed(self, why: str) -> None:
        """It did not do what it should."""
        self._failures += 1
        if self._failures == 1:
            observe.hook_failed(self.name, why)

    def worked(self) -> None:
        """It did."""
        if self._failures:
            observe.hook_works(self.name, self._failures)
        self._failures = 0

    def waiting(self, count: int, most: int) -> None:
        """So many events wait now, before any are dropped; a burst ends with half of them."""
        if count > most and not self._full:
            self._full = True
            observe.events_dropped(self.name, most)
        elif count <= most // 2:
            self._full = False
