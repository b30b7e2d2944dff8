"""The end of a data connection: the other side closes first."""

from __future__ import annotations

from typing import Any

from ftptls.dtp.links import Link

_SCRAP = memoryview(bytearray(16 * 1024))
# What one look at a connection reads at the most: far more than a close_notify.
_MOST_READ = 8


class Parting:
    """Connections that have carried their transfer, until the other side closes, too.

    What it still sends is read and dropped: a close with unread input would reset the
    connection and cost the client the data that is still on its way. While the session lasts,
    nobody waits for that: it is looked after when the session next wants a connection, and
    at last by a timer.

    Args:
        reactor: For the time.
        seconds: How long the other side has.
    """

    def __init__(self, reactor: Any, seconds: float) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._leaving: list[tuple[Link, float]] = []
        self._timer: Any = None

    def see_off(self, link: Link) -> None:
        """Close a connection, once the other side has or had its time."""
        self._leaving.append((link, self._reactor.seconds() + self._seconds))
        if self._timer is None:
            self._timer = self._reactor.callLater(self._seconds, self._look_at_the_clock)

    def look(self) -> None:
        """Close what the other side has closed by now."""
        if self._leaving:
            self._leaving = [each for each in self._leaving if not _has_left(each[0])]

    def end(self) -> None:
        """The session wants no connection any more; who is still here keeps his time."""
        for link, _ in list(self._leaving):
            self._watch(link)
        self._rest()

    def _watch(self, link: Link) -> None:
        self.look()
        if any(link is each for each, _ in self._leaving):
            link.wait_readable().addCallback(lambda _: self._watch(link))
        self._rest()

    def _rest(self) -> None:
        """Nothing is left to look after, perhaps."""
        if self._timer is not None and not self._leaving:
            self._timer.cancel()
            self._timer = None

    def _look_at_the_clock(self) -> None:
        self._timer = None
        self.look()
        now = self._reactor.seconds()
        while self._leaving and self._leaving[0][1] <= now:
            self._leaving.pop(0)[0].close()
        if self._leaving:
            delay = self._leaving[0][1] - now
            self._timer = self._reactor.callLater(delay, self._look_at_the_clock)


def _has_left(link: Link) -> bool:
    """Whether the other side has closed; then the connection is closed, too."""
    try:
        for _ in range(_MOST_READ):
            if not link.receive_into(_SCRAP):
                break
        else:
            return False
    except BlockingIOError:
        return False
    except OSError:
        pass  # it is gone
    link.close()
    return True
