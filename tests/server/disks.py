"""A folder of the disk that dialogues use as they use a filesystem in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftptls.interfaces import IWorkers
from ftptls.vfs.local import LocalFilesystem
from ftptls.workers import InlineWorkers


class Disk(LocalFilesystem):
    """A local filesystem: its files have descriptors.

    Args:
        root: An empty folder.
        content: What is there at first, by path, as of a
            :class:`~ftptls.vfs.memory.MemoryFilesystem`.
        workers: Who make its calls; by default they are made at once.
        more: See :class:`~ftptls.vfs.local.LocalFilesystem`.
    """

    def __init__(
        self,
        root: Path,
        content: Mapping[str, bytes],
        *,
        workers: IWorkers | None = None,
        **more: Any,
    ) -> None:
        super().__init__(root, workers or InlineWorkers(), **more)
        self._folder = root
        for path, data in content.items():
            place = root / path[1:]
            if path.endswith("/"):
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)

    def contents(self) -> dict[str, bytes]:
        """Every file's octets, by path."""
        files = (each for each in self._folder.rglob("*") if each.is_file())
        return {f"/{each.relative_to(self._folder)}": each.read_bytes() for each in files}
