"""What may be done, by path: the lines, and a filesystem that keeps to them."""

from __future__ import annotations

import errno
from pathlib import Path, PurePosixPath

import pytest
from zope.interface.verify import verifyObject

from ftptls.interfaces import IFilesystem, IRestricted
from ftptls.settings import UploadMode
from ftptls.settings.rights import FULL, NOTHING, PROFILES, Right, is_rights_line
from ftptls.testing.filesystem import InlineWorkers, RealPathsContract, run_now
from ftptls.vfs.guarantees import LOCAL, LOCAL_DIRECT, MEMORY, RESTRICTED
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import Restricted, Rights
from tests.vfs.test_contract import LocalContract, MemoryContract

EVERYTHING = Rights(["full"])
# The same, but nobody can know it without a look at the path.
BY_PATH = Rights(["/** = full", "/never/** = nothing"])


class TestEverythingLocal(LocalContract, RealPathsContract):
    guarantees = RESTRICTED.of(LOCAL)
    rights = EVERYTHING

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Restricted(filesystem, self.rights)


class TestByPathLocal(TestEverythingLocal):
    rights = BY_PATH


class TestByPathWalk(TestByPathLocal):
    walk = True


class TestByPathDirect(TestByPathLocal):
    guarantees = RESTRICTED.of(LOCAL_DIRECT)
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestEverythingInMemory(MemoryContract):
    guarantees = RESTRICTED.of(MEMORY)
    rights = EVERYTHING

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Restricted(filesystem, self.rights)


class TestByPathInMemory(TestEverythingInMemory):
    rights = BY_PATH


# Lines

P = PurePosixPath


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("/in", ["/in"], ["/", "/in/a", "/inn", "/IN", "/a/in"]),
        ("/in/", ["/in"], ["/in/a"]),
        ("//in//a", ["/in/a"], ["/in", "/a"]),
        ("/", ["/"], ["/in"]),
        ("/*", ["/in", "/.hidden", "/ "], ["/", "/in/a"]),
        ("/**", ["/", "/in", "/in/a/b"], []),
        ("/in/**", ["/in", "/in/a", "/in/a/b"], ["/", "/inn", "/out/in"]),
        ("/**/a", ["/a", "/in/a", "/in/x/a"], ["/a/b", "/"]),
        ("/in/**/a/*", ["/in/a/b", "/in/x/y/a/b"], ["/in/a", "/a/b", "/in/a/b/c"]),
        ("/*.t[xy]t", ["/.txt", "/a.tyt"], ["/a.tzt", "/a/b.txt"]),
        ("/a?", ["/ab"], ["/a", "/abc"]),
        ("/a=b", ["/a=b"], ["/a"]),
        ("/*.key", ["/\udcff.key"], []),
        ("/with blanks/in it", ["/with blanks/in it"], ["/with"]),
    ],
)
def test_a_pattern(pattern, matched, others):
    rights = Rights([f"{pattern} = read"])
    assert [path for path in matched if rights.at(P(path)) is not Right.READ] == []
    assert [path for path in others if rights.at(P(path)) is not NOTHING] == []


def test_the_last_line_that_matches_counts():
    rights = Rights(["full", "/in/** = nothing", "# /in/a = full", "", "/in/a=list, read"])
    assert rights.at(P("/x")) == FULL
    assert rights.at(P("/in/b")) == NOTHING
    assert rights.at(P("/in/a")) == Right.LIST | Right.READ
    assert str(rights) == "full\n/in/** = nothing\n/in/a=list, read"
    assert rights == Rights(str(rights).splitlines())


def test_what_may_be_done_with_names_in_a_directory():
    """Lines that later ones hide for every name count no more."""
    assert Rights(["/** = write_new", "/** = read"]).inside(P("/")) == Right.READ
    assert Rights(["/d/* = write_new", "/** = nothing"]).inside(P("/d")) == NOTHING
    some = Rights(["/d/* = write_new", "/d/a = read"])
    assert some.inside(P("/d")) == Right.READ | Right.WRITE_NEW
    assert some.inside(P("/")) == some.inside(P("/d/a")) == NOTHING


def test_words_and_profiles_are_joined():
    assert Rights(["read_only append"]).at(P("/")) == PROFILES["read_only"] | Right.APPEND
    assert Rights([]).at(P("/")) == NOTHING


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/in = everything", "is no right"),
        ("/in = READ", "is no right"),
        ("/in =", "names no right"),
        ("=", "names no right"),
        ("in = read", "must begin with a path"),
        ("/in/../out = read", "without . and .."),
        ("./in = read", "must begin with a path"),
        ("= read", "must begin with a path"),
        ("/in", "is no right"),
        ("/a = read = list", None),
    ],
)
def test_a_line_that_says_no_rights(line, why):
    """A path may hold an equals sign: the last one counts."""
    assert is_rights_line(line) is (why is None)
    if why is not None:
        with pytest.raises(ValueError, match=why):
            Rights([line])


def test_what_is_far_too_deep_has_no_rights():
    """To judge a path takes time for each of its names, and there may be thousands in one."""
    rights = Rights(["full", "/**/x/** = read", "/a/**/b = read"])
    for depth in (256, 4000):
        path = P("/" + "a/" * depth)
        assert rights.at(path) == rights.somewhere(path) == rights.inside(path) == NOTHING
        assert rights.throughout(path) == NOTHING
        assert list(rights.along(path))[-1] == NOTHING
        assert len(list(rights.along(path))) == 257
        restricted = Restricted(MemoryFilesystem({"/a": b""}), rights)
        with pytest.raises(FileNotFoundError):
            run_now(restricted.stat(path))
    assert rights.at(P("/" + "a/" * 255)) == FULL
    assert list(rights.along(P("/a/b"))) == [FULL, FULL, Right.READ]


# Several at once


def test_restrictions_add_up_and_forget_none():
    files = MemoryFilesystem({"/a": b"", "/b": b""})
    outer = Restricted(
        Restricted(files, Rights(["/a = full"])), Rights(["/** = read", "/b = full"])
    )
    assert run_now(outer.stat(P("/a"))).perm == "r"
    for filesystem in (outer, outer.with_umask(0o077)):
        with pytest.raises(OSError, match="No such file") as caught:
            run_now(filesystem.stat(P("/b")))
        assert caught.value.errno == errno.ENOENT
    assert verifyObject(IRestricted, outer)
    assert outer.somewhere == FULL


def test_a_folder_is_listed_with_what_may_be_done_in_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "in").mkdir()
    files = Restricted(LocalFilesystem(tmp_path, InlineWorkers()), Rights(["read_only"]))

    async def perms() -> dict[str, str]:
        return {each.name: each.perm async for batch in files.scan(P("/")) for each in batch}

    assert run_now(perms()) == {"a": "r", "in": "el"}
