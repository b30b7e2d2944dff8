"""Names whose case does not count: the contract, and what is one name."""

from __future__ import annotations

import pytest

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem, IRealPaths, Store
from ftptls.testing.filesystem import HardLinksContract, RealPathsContract, run_now
from ftptls.vfs.folding import CaseFolding
from ftptls.vfs.guarantees import CASE_FOLDING, LOCAL, MEMORY
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import Restricted, Rights
from tests.vfs.calls import path, read, store
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestFoldingInMemory(MemoryContract, RealPathsContract):
    guarantees = CASE_FOLDING.of(MEMORY)
    folds_case = True

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return CaseFolding(filesystem)


class TestFoldingLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = CASE_FOLDING.of(LOCAL)
    folds_case = True

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return CaseFolding(filesystem)


@pytest.fixture
def inner() -> MemoryFilesystem:
    return MemoryFilesystem({"/In/Deep/File.TXT": b"here", "/In/b": b""})


@pytest.fixture
def files(inner: MemoryFilesystem) -> CaseFolding:
    return CaseFolding(inner)


@pytest.mark.parametrize("where", ["/in/deep/file.txt", "/IN/DEEP/FILE.TXT", "/In/deep/File.TXT"])
def test_every_spelling_is_one_file(files, inner, where):
    assert read(files, where) == b"here"
    assert run_now(files.stat(path(where))).name == "File.TXT"
    store(files, where, b"there")
    store(files, where, b"!", Store.APPEND)
    with pytest.raises(FileExistsError):
        run_now(files.open_write(path(where), Store.NEW, 0))
    assert inner.contents() == {"/In/Deep/File.TXT": b"there!", "/In/b": b""}
    run_now(files.remove_file(path(where)))
    assert inner.contents() == {"/In/b": b""}


def test_new_names_are_kept_as_they_are_spelled(files, inner):
    store(files, "/IN/NewName", b"1")
    run_now(files.make_directory(path("/in/DEEP/Made")))
    assert "/In/NewName" in inner.contents()
    assert run_now(inner.stat(path("/In/Deep/Made"))).is_directory
    with pytest.raises(FileExistsError):
        run_now(files.make_directory(path("/iN/dEEP/mADE")))


def test_letters_may_be_composed_or_not(files, inner):
    store(files, "/re\u0301sume\u0301", b"1")
    store(files, "/R\u00c9SUM\u00c9", b"2")
    assert inner.contents()["/re\u0301sume\u0301"] == b"2"
    store(files, "/stra\u00dfe", b"3")
    assert read(files, "/STRASSE") == b"3"


def test_the_case_alone_can_be_changed(files, inner):
    run_now(files.rename(path("/in/deep/file.txt"), path("/in/deep/file.txt")))
    assert "/In/Deep/file.txt" in inner.contents()
    run_now(files.rename(path("/in/deep"), path("/in/DEEP")))
    assert "/In/DEEP/file.txt" in inner.contents()


def test_a_rename_takes_the_place_of_the_other_spelling(files, inner):
    run_now(files.rename(path("/in/B"), path("/in/deep/FILE.txt")))
    assert inner.contents() == {"/In/Deep/File.TXT": b""}


def test_names_that_differ_in_case_only_are_found_by_their_own():
    inner = MemoryFilesystem({"/b": b"small", "/B": b"large"})
    files = CaseFolding(inner)
    assert (read(files, "/b"), read(files, "/B")) == (b"small", b"large")
    inner = MemoryFilesystem({"/ab": b"1", "/AB": b"2"})
    assert read(CaseFolding(inner), "/aB") == b"2"


def test_rights_are_judged_by_names_as_they_are(files):
    assert IRealPaths.providedBy(files)
    guarded = Restricted(files, Rights(["/** = full", "/In/Deep/** = nothing"]))
    for where in ("/In/Deep/File.TXT", "/in/deep/file.txt", "/IN/DEEP/FILE.TXT"):
        with pytest.raises((PermanentError, FileNotFoundError)):
            read(guarded, where)
    with pytest.raises((PermanentError, FileNotFoundError)):
        store(guarded, "/in/deep/new", b"")
    assert read(guarded, "/in/B") == b""
