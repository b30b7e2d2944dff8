"""One session's way to the hooks: what happens there, with all that is known of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from ftptls.hooks.asking import Hooks
from ftptls.hooks.events import Event
from ftptls.hooks.filesystem import Hooked
from ftptls.interfaces import IFilesystem, IWorkers
from ftptls.progress import Progress
from ftptls.session import Session
from ftptls.settings import EventKind


class Reporter:
    """Tells the hooks of what happens in a session.

    Args:
        hooks: Whom.
        session: Where.
        progress: Of the command in progress.
        workers: For what blocks.
        clock: The one that transfers go by.
    """

    def __init__(
        self,
        hooks: Hooks,
        session: Session,
        progress: Callable[[], Progress],
        workers: IWorkers,
        clock: Callable[[], float],
    ) -> None:
        self.hooks = hooks
        self._session = session
        self._progress = progress
        self._workers = workers
        self._clock = clock

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        """A user's files, such that hooks are told of what happens to them."""
        return Hooked(filesystem, self, self._workers) if self.hooks else filesystem

    async def tell(self, kind: EventKind, **facts: Any) -> None:
        """Tell of something that happened.

        Args:
            kind: What.
            **facts: Those of :class:`~ftptls.hooks.events.Event` that the session does not know.
        """
        if self.hooks.want(kind):
            await self.hooks.tell(self.event(kind, **facts))

    async def tell_of_download(self, path: PurePosixPath, size: int) -> None:
        """Tell that the transfer in progress sent what it should."""
        files = self._session.login.filesystem
        if isinstance(files, Hooked) and self.hooks.want(EventKind.DOWNLOAD):
            known = {"path": str(path), "real_path": await files.place(path), "size": size}
            await self.tell(EventKind.DOWNLOAD, **known, **self.transfer())

    def event(self, kind: EventKind, **facts: Any) -> Event:
        """Something that happened, with what the session knows."""
        session = self._session
        known: dict[str, Any] = {"user": session.login.user or None, "host": session.host or None}
        report = session.security.report
        if report is not None and session.security.secured:
            known |= {
                "tls_version": report.version,
                "tls_cipher": report.cipher,
                "certificate_subject": report.subject or None,
                "certificate_sha256": report.fingerprint or None,
            }
        now = datetime.datetime.now(datetime.UTC)
        return Event(
            event=kind,
            time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            session=session.id,
            client=session.peers.client,
            port=session.peers.port,
            **known | facts,
        )

    def transfer(self) -> dict[str, Any]:
        """What is known of the transfer in progress, or that just ended."""
        progress = self._progress()
        known: dict[str, Any] = {"command": progress.verb or None, "octets": progress.octets}
        if progress.began is not None:
            known["seconds"] = round(self._clock() - progress.began, 3)
        return known
