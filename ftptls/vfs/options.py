"""How a local folder is served, where operators differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ftptls.settings import Files, Links, OwnerNames


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How a local folder is served.

    Attributes:
        fsync: Whether an upload is on the disk itself before it counts as stored.
        lock_uploads: Whether a file that is being uploaded is refused to other uploads.
        links: What symbolic links are to clients.
        owner_names: Whom listings name as owner and group of a file.
    """

    fsync: bool = False
    lock_uploads: bool = False
    links: Links = Links.FOLLOW
    owner_names: OwnerNames = OwnerNames.REAL

    @classmethod
    def from_settings(cls, files: Files) -> Self:
        """As the settings have it."""
        return cls(files.fsync, files.lock_uploads, files.links, files.owner_names)
