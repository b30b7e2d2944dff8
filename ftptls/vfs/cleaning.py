"""What uploads left behind in local folders when the server ended before they did.

A crash leaves hidden files. Those that nobody has locked are of no use any more, or wait for
their user to go on: :mod:`ftptls.vfs.temporaries` tells which.
"""

from __future__ import annotations

import glob
import os
import pwd
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from ftptls.settings import Settings, mounted
from ftptls.vfs.jail import Jail
from ftptls.vfs.temporaries import is_kept, is_temporary, lstat, remove_unused

_LIST = os.O_RDONLY | os.O_DIRECTORY
_DAY = 86400
_NAMES_IN_A_STEP = 1000
_MOST_NAMES = 10_000_000


class Cleaner:
    """Looks through folders, step by step, and removes what uploads left behind.

    Args:
        folders: Where to look, below them as well; gone through on a worker.
        kept_for: Seconds that what arrived of an upload that broke off is kept.
        most: Names after which to look no further.
        now: The clock: seconds since the epoch.

    Attributes:
        removed: How many files were removed.
        kept: How many wait to be gone on with.
        looked_at: How many names there were.
    """

    def __init__(
        self,
        folders: Iterable[str],
        kept_for: float,
        *,
        most: int = _MOST_NAMES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.removed = self.kept = self.looked_at = 0
        self._limit = now() - kept_for
        self._names = islice(self._walk(folders), most)

    def step(self) -> bool:
        """Look at the next names; whether there are more. It blocks, for a while."""
        before = self.looked_at
        for _ in islice(self._names, _NAMES_IN_A_STEP):
            self.looked_at += 1
        return self.looked_at == before + _NAMES_IN_A_STEP

    def _walk(self, folders: Iterable[str]) -> Iterator[None]:
        seen: set[str] = set()
        for folder in folders:
            place = os.path.realpath(folder)
            if place not in seen:
                seen.add(place)
                yield from self._walk_below(Jail(place).without_links())

    def _walk_below(self, jail: Jail) -> Iterator[None]:
        todo = [b"/"]
        while todo:
            path = todo.pop()
            try:
                fd = jail.open(path, _LIST)
            except OSError:  # it has gone, or may not be read
                continue
            try:
                with os.scandir(fd) as names:
                    for each in names:
                        if is_temporary(each.name):
                            self._look_at(os.fsencode(each.name), fd)
                        elif each.is_dir(follow_symlinks=False):
                            todo.append(path.rstrip(b"/") + b"/" + os.fsencode(each.name))
                        yield
            except OSError:  # what is left of it cannot be read
                continue
            finally:
                os.close(fd)

    def _look_at(self, name: bytes, directory: int) -> None:
        try:
            info = lstat(name, directory)
        except OSError:
            return
        if is_kept(os.fsdecode(name)) and info is not None and info.st_mtime > self._limit:
            self.kept += 1
        elif remove_unused(name, directory):
            self.removed += 1


def cleaner_of(settings: Settings) -> Cleaner:
    """What looks through the folders that the settings serve, as far as these tell them."""
    return Cleaner(_folders(settings), settings.files.partials_kept * _DAY)


def _folders(settings: Settings) -> Iterator[str]:
    """Folders that are served; of those of users, the ones that there are."""
    served = [settings.files.root, settings.anonymous.root]
    served += [folder for _, folder in map(mounted, settings.files.mounts)]
    for folder in served:
        _, in_home, below = folder.partition("{home}")
        if in_home:
            for user in _users(settings):
                yield user.pw_dir + below.replace("{user}", user.pw_name)
        elif folder and "://" not in folder:
            # Whoever has a name that begins with a dot is not let in, and not found here.
            yield from glob.iglob("*".join(map(glob.escape, folder.split("{user}"))))


def _users(settings: Settings) -> Iterator[pwd.struct_passwd]:
    """Those of this machine who may log in; a directory service tells only of some."""
    for user in pwd.getpwall():
        if user.pw_uid >= settings.unix.minimum_uid and user.pw_dir.strip("/"):
            yield user
