"""Rights that differ by path, in folders full of links: nothing gets around them by any way."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from ftptls.errors import FTPError
from ftptls.interfaces import Store
from ftptls.settings.rights import KNOW, Right, Rights
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.rights import Restricted

P = PurePosixPath
FOLDERS = ["", "a", "b", "a/c"]
ABOVE = {"": "", "a": "../", "b": "../", "a/c": "../../"}

# Links called l and m, in any folder, to any folder, file or link; and to nothing.
PLACES = [(folder, name) for folder in FOLDERS for name in "lm"]
TARGETS = [*FOLDERS, *FOLDERS, "f", "a/f", "b/f", "a/c/f", "l", "a/l", "b/m", "none", "b/new"]
links = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(TARGETS), min_size=1, max_size=4)
patterns = st.sampled_from(
    ["/a/**", "/b/**", "/l/**", "/m/**", "/a/l/**", "/b/m/**", "/a/c/**", "/**/l/**", "/**/f",
     "/**/new", "/**/a/*", "/*", "/a", "/b/*", "/l/f", "/a/c/f"]
)  # fmt: skip
rights = st.sets(st.sampled_from(list(Right))).map(
    lambda found: " ".join(each.word for each in found) or "nothing"
)


@st.composite
def lines(draw: st.DrawFn, made: dict[tuple[str, str], str]) -> list[str]:
    """For everything, and then for where a link leads, or for anything else."""
    led_to = st.sampled_from([f"/{target}/**".replace("//", "/") for target in made.values()])
    found = [draw(st.sampled_from(["full", "full", "nothing"]))]
    for pattern in draw(st.lists(led_to | patterns, min_size=1, max_size=3)):
        found.append(f"{pattern} = {draw(rights)}")
    return found


tails = st.sampled_from(["", "/f", "/f", "/new", "/c", "/c/f", "/l", "/l/f"])


@st.composite
def paths(draw: st.DrawFn, made: dict[tuple[str, str], str]) -> PurePosixPath:
    """Through a link, mostly."""
    folder, name = draw(st.sampled_from([*made, *made, *PLACES]))
    start = draw(st.sampled_from([f"/{folder}/{name}", f"/{folder}/{name}", f"/{folder}"]))
    return P((start + draw(tails)).replace("//", "/"))


def plant(root: Path, made: dict[tuple[str, str], str]) -> None:
    """The folders, a file in each, and the links."""
    for folder in FOLDERS:
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "f").write_text(f"/{folder}/f".replace("//", "/"))
    for (folder, name), target in made.items():
        os.symlink(f"{ABOVE[folder]}{target}" or ".", root / folder / name)


def real(root: Path, path: PurePosixPath) -> PurePosixPath:
    """Where a path leads, as the system sees it."""
    return P("/") / P(os.path.realpath(root / str(path)[1:])).relative_to(root)


def allowed(call) -> object:
    """What comes of it; None if it is refused, or cannot be done."""
    try:
        return run_now(call)
    except (FTPError, OSError):
        return None


@given(st.data(), links)
def test_both_names_must_give_it(data, made):
    """What is there is read, stored to, listed and told of by who may by either name."""
    given_rights, path = Rights(data.draw(lines(made))), data.draw(paths(made))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder))
        plant(root, made)
        plain = LocalFilesystem(root, InlineWorkers())
        files = Restricted(plain, given_rights)
        end = real(root, path)
        may = given_rights.at(path) & given_rights.at(end)
        reader = allowed(plain.open_read(path))
        ours = allowed(files.open_read(path))
        assert (ours is not None) is (reader is not None and Right.READ in may)
        for each in filter(None, (reader, ours)):
            run_now(each.close())
        exists = (root / str(end)[1:]).exists()
        upload = allowed(plain.open_write(path, Store.REPLACE, 0))
        restricted = allowed(files.open_write(path, Store.REPLACE, 0))
        takes = Right.OVERWRITE if exists else Right.WRITE_NEW
        assert (restricted is not None) is (upload is not None and takes in may)
        told = allowed(files.stat(path))
        if told is not None and told.is_file:
            for each in (path, end):
                here, around = given_rights.at(each), given_rights.at(each.parent)
                assert here & KNOW or (here and Right.LIST in around)
            assert ("r" in told.perm) is (Right.READ in may)
            assert ("w" in told.perm) is (Right.OVERWRITE in may)
        listed = allowed(_names(files, path))
        if listed is not None:
            assert Right.LIST in may
            assert set(listed) <= set(os.listdir(root / str(end)[1:]))


async def _names(files: Restricted, path: PurePosixPath) -> list[str]:
    return [entry.name async for batch in files.scan(path) for entry in batch]


@given(st.data(), links)
def test_what_changes_may_be_changed(data, made):
    """After every change that was let: names that are gone might be deleted, and so on."""
    given_rights = Rights(data.draw(lines(made)))
    path, other = data.draw(paths(made)), data.draw(paths(made))
    for verb in ("remove_file", "remove_directory", "make_directory", "rename"):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(os.path.realpath(folder))
            plant(root, made)
            (root / "b" / "f").unlink()
            files = Restricted(LocalFilesystem(root, InlineWorkers()), given_rights)
            before = snapshot(root)
            two = [other] if verb == "rename" else []
            allowed(getattr(files, verb)(path, *two))
            after = snapshot(root)
            for gone in before.keys() - after.keys():
                if verb != "rename" or not _is_below(gone, before.keys() - after.keys()):
                    took = Right.RENAME if verb == "rename" else Right.DELETE
                    assert took in given_rights.at(gone), (verb, gone)
            for come in after.keys() - before.keys():
                if not _is_below(come, after.keys() - before.keys()):
                    takes = Right.WRITE_NEW | Right.MAKE_DIRECTORY
                    assert takes & given_rights.at(come), (verb, come)
            for both in before.keys() & after.keys():
                if before[both] != after[both]:
                    takes = Right.OVERWRITE | Right.DELETE
                    assert takes & given_rights.at(both), (verb, both)


def _is_below(path: PurePosixPath, others: set[PurePosixPath]) -> bool:
    """Whether it came or went with a directory around it."""
    return any(parent in others for parent in path.parents)


def snapshot(root: Path) -> dict[PurePosixPath, str]:
    """Every name, and which file it is of or where it points."""
    found = {}
    for path in root.rglob("*"):
        kind = "directory" if path.is_dir() and not path.is_symlink() else ""
        text = os.readlink(path) if path.is_symlink() else kind or path.read_text()
        found[P("/") / path.relative_to(root)] = text
    return found
