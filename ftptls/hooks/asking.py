"""Between sessions and hooks: tells each what it wants to know, and asks those that decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from twisted.internet.defer import CancelledError

from ftptls import observe
from ftptls.errors import FTPError, PermanentError, TransientError
from ftptls.hooks.content import Content
from ftptls.hooks.events import Event
from ftptls.interfaces import IHook, IUploadCheck
from ftptls.settings import EventKind

_LONGEST = 200  # characters of a reason


class Hooks:
    """All hooks of a server. Whatever they do, no session stumbles.

    Args:
        hooks: They; asked in this order.

    Raises:
        ValueError: One wants to be asked about uploads, and cannot be.
    """

    def __init__(self, hooks: Iterable[IHook] = ()) -> None:
        self._hooks = tuple(hooks)
        for hook in self._hooks:
            if EventKind.UPLOAD_HELD in hook.kinds and not IUploadCheck.providedBy(hook):
                raise ValueError(f"The hook {hook!r} has UPLOAD_HELD, but is no IUploadCheck.")
        self._of_kind = {
            kind: tuple(hook for hook in self._hooks if kind in hook.kinds) for kind in EventKind
        }

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def want(self, kind: EventKind) -> bool:
        """Whether anybody is told of such events."""
        return bool(self._hooks and self._of_kind[kind])

    def want_sha256(self) -> bool:
        """Whether anybody wants to know the SHA-256 of uploads."""
        told = self._of_kind[EventKind.UPLOAD] + self._of_kind[EventKind.UPLOAD_HELD]
        return any(hook.sha256 for hook in told)

    async def tell(self, event: Event) -> None:
        """Tell all that want to know, and let none of their mistakes get further."""
        for hook in self._of_kind[event.event]:
            try:
                await hook.happened(event)
            except Exception:  # noqa: BLE001 - somebody else's; logged with its traceback
                observe.hook_broke(repr(hook), event.event.value)

    async def check(self, event: Event, open_content: Callable[[], Awaitable[Content]]) -> None:
        """Ask all that decide about uploads.

        Raises:
            FTPError: One refuses, or could not decide.
            OSError: The content cannot be read.
        """
        for hook in self._of_kind[EventKind.UPLOAD_HELD]:
            content = await open_content()
            try:
                reason = await IUploadCheck(hook).check(event, content.fileno())
            except (CancelledError, FTPError):
                raise
            except Exception:  # noqa: BLE001 - somebody else's; logged with its traceback
                observe.hook_broke(repr(hook), event.event.value)
                raise undecided() from None
            finally:
                content.close()
            if reason:
                words = _words(reason)
                observe.upload_refused(repr(hook), event.user or "", event.path or "", words)
                raise PermanentError(550, f"Refused: {words}.")


def undecided() -> TransientError:
    """What the client gets where an upload could not be checked."""
    return TransientError(451, "The file could not be checked; try again later.")


def _words(reason: str) -> str:
    """The first line of a reason, and of that what is fit for a reply."""
    line = next((line for line in reason.splitlines() if line.strip()), "")
    shown = "".join(each if each.isprintable() else "?" for each in line.strip())
    return shown[:_LONGEST].rstrip(" .") or "not accepted"
