"""A tree of many files under odd names, to be copied up and down, and what is in such a tree."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

from tests.interop.server import scale

# What servers, clients and the formats of listings between them have stumbled over.
ODD = (
    "plain.txt",
    "s p  a c e",
    " first",
    "last ",
    "-dash",
    "--all",
    "[a]*?{b}",
    "it's",
    'with "quotes"',
    "back\\slash",
    "semi; colon",
    "size=3;type=dir; a",
    "#hash",
    "100%41",
    ".hidden",
    "~",
    "$HOME `id` & !",
    "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{SNOWMAN}",
    "\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C}\N{GRINNING FACE}",
    "drwxr-xr-x 2 0 0 4096 Jan 01 00:00 x",
)
FOLDERS = 60
EACH = 9
BIG = 3_000_000
_SOME = random.Random(9).randbytes(BIG)
_BEGAN = 1_000_000_000


def plant(
    folder: Path,
    folders: int = FOLDERS,
    *,
    without: str = "",
    at_ends: str = "",
    smallest: int = 0,
) -> None:
    """Grow the tree: folders with nine files each, and two more folders without any.

    One file is large, and one in 64 is empty. Each has a time of its own, in whole seconds.

    Args:
        folder: Where it begins; it is made.
        folders: How many have files; more in the long run.
        without: No name has any of these signs in it ...
        at_ends: ... or one of these at its beginning or its end.
        smallest: Octets of the files that are empty otherwise.
    """
    names = [
        name
        for name in ODD
        if not set(without) & set(name) and name[0] not in at_ends and name[-1] not in at_ends
    ]
    for number, place in enumerate(_places(folder, names, round(folders * scale()))):
        place.mkdir(parents=True)
        # Three depths bring each name of a file into each name of a folder.
        first = number + number // len(names) * EACH
        for more in range(EACH):
            _write(place / names[(first + more) % len(names)], number * EACH + more, smallest)
    (folder / "empty" / "and within").mkdir(parents=True)


def _places(folder: Path, names: list[str], count: int) -> Iterator[Path]:
    """Every name is that of a folder, too, at three depths."""
    for number in range(count):
        branch, odd = divmod(number, len(names))
        above = [f"branch {branch // 3}", *["deeper"] * (branch % 3)]
        yield folder.joinpath(*above, names[odd])


def _write(path: Path, number: int, smallest: int) -> None:
    size = BIG if number == 1 else max(number % 64 * 500, smallest)
    path.write_bytes(_SOME[number : number + size])
    time = _BEGAN + number * 86_399
    os.utime(path, (time, time))


def change(folder: Path) -> None:
    """Write one file anew, give one another time, remove one, and make one."""
    written, touched, removed = files(folder)[3:6]
    written.write_bytes(_SOME[:12_345])
    touched.touch()
    removed.unlink()
    (folder / "new").write_bytes(_SOME[:54_321])


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file below, and ``folder`` for every folder, by path."""
    return {
        str(path.relative_to(folder)): "folder" if path.is_dir() else _digest(path)
        for path in folder.rglob("*")
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(folder: Path) -> list[Path]:
    """Every file below."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def times(folder: Path) -> dict[str, int]:
    """When every file below was modified, in seconds."""
    return {str(path.relative_to(folder)): int(path.stat().st_mtime) for path in files(folder)}
