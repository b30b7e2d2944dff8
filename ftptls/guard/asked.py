"""What connections ask of the guard, wherever that is: here, or in another process."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from ftptls.session import Session


class Refusal(NamedTuple):
    """Why a connection may not come in.

    Attributes:
        text: The reason, for the client.
        banned: Whether it is that its address is banned.
    """

    text: str
    banned: bool


class Waiter(Protocol):
    """One who can wait: the control connection."""

    @property
    def client_present(self) -> bool:
        """Whether the client is still there."""

    async def until(self, waiting: Deferred[Any]) -> bool:
        """Wait for something, and give it up if the client leaves; whether it came."""

    async def pause(self, seconds: float) -> None:
        """Wait, not longer than the client is there, and hold up nothing but this session."""


class AnyAttempt(Protocol):
    """One attempt to log in; see :class:`ftptls.guard.Attempt`."""

    @property
    def banned(self) -> bool:
        """Whether the address is banned by now."""

    @property
    def locked(self) -> bool:
        """Whether the name is: the password must not be looked at."""

    async def __aenter__(self) -> AnyAttempt: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def succeeded(self) -> None:
        """The password was right."""

    def failed(self) -> None:
        """It counts against address and name, and may be one too many."""

    async def remaining(self, failures: int) -> float:
        """How many seconds to wait before a failure is told; ``banned`` is known then."""


class AnyVisit(Protocol):
    """One connection; see :class:`ftptls.guard.Visit`."""

    def attempt(self, name: str, session: Session, control: Waiter, delay: float) -> AnyAttempt:
        """Somebody is to be logged in."""

    async def log_in(self, user: str) -> Callable[[], None]:
        """A user is in; what is to be called when he is out.

        Raises:
            FTPError: He has as many sessions as he may.
        """

    def leave(self) -> None:
        """The connection is gone."""


class Entrance(Protocol):
    """What a connection that may come in comes in by."""

    def enter(self, address: str, make_way: Callable[[], None]) -> AnyVisit:
        """A client comes in; see :meth:`ftptls.guard.Door.enter`."""


class AnyDoor(Protocol):
    """The door of a listener; see :class:`ftptls.guard.Door`."""

    def opened(self) -> None:
        """A listener was opened."""

    def closed(self) -> None:
        """A listener was closed."""

    def knock(self, address: str) -> Refusal | Entrance | Deferred[Refusal | Entrance]:
        """Whether one more connection of an address may come in; perhaps known later."""
