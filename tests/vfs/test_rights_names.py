"""Rights by path, where a file has other names: old versions, and another case."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem, Store
from ftptls.testing.filesystem import run_now
from ftptls.vfs.folding import CaseFolding
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.mounts import Mounts
from ftptls.vfs.rights import Restricted, Rights
from ftptls.vfs.subtree import Subtree
from ftptls.vfs.versions import Versions

P = PurePosixPath


def kept(lines: list[str]) -> tuple[Restricted, str]:
    """A filesystem in which each file has an old version, and what that is called."""
    inner = MemoryFilesystem({"/secret/a": b"top", "/secret/in/b": b"top", "/pub/c": b"fine"})
    files = Versions(inner, 3, lambda: 0.0)
    for name in ("/secret/a", "/secret/in/b", "/pub/c"):
        upload = run_now(files.open_write(P(name), Store.REPLACE, 0))
        run_now(upload.begin())
        run_now(upload.commit())
    return Restricted(files, Rights(lines)), "1970-01-01T00.00.00.000000Z"


def names(files: IFilesystem, where: str) -> set[str]:
    async def scan() -> set[str]:
        return {each.name async for batch in files.scan(P(where)) for each in batch}

    return run_now(scan())


def test_an_old_version_has_the_rights_of_the_file():
    files, version = kept(["/** = full", "/secret/** = nothing"])
    assert names(files, "/.versions") == {"pub"}
    assert names(files, "/.versions/pub/c") == {version}
    assert run_now(run_now(files.open_read(P(f"/.versions/pub/c/{version}"))).read_at(0, 9))
    for folder in ("/.versions/secret", "/.versions/secret/a", "/.versions/secret/in"):
        with pytest.raises(PermanentError, match="550 You may not list"):
            names(files, folder)
        with pytest.raises(FileNotFoundError):
            run_now(files.stat(P(folder)))
    for name in (f"secret/a/{version}", f"secret/in/b/{version}"):
        with pytest.raises(PermanentError, match="550 You may not read"):
            run_now(files.open_read(P(f"/.versions/{name}")))
        with pytest.raises(FileNotFoundError):
            run_now(files.stat(P(f"/.versions/{name}")))
        with pytest.raises(FileNotFoundError):
            run_now(files.stat(P(f"/.versions/{name}/below")))


def test_old_versions_can_have_fewer_rights_than_the_files():
    files, _ = kept(["/** = full", "/.versions/** = nothing"])
    with pytest.raises(PermanentError, match="550 You may not list"):
        names(files, "/.versions/pub/c")


def test_old_versions_in_what_is_mounted_or_around():
    inner, version = kept(["full"])
    mounted = Mounts({"/": MemoryFilesystem(), "/in/here": inner})
    files = Restricted(mounted, Rights(["/** = full", "/in/here/secret/** = nothing"]))
    assert names(files, "/in/here/.versions") == {"pub"}
    with pytest.raises(PermanentError, match="550 You may not read"):
        run_now(files.open_read(P(f"/in/here/.versions/secret/a/{version}")))
    part = Subtree(CaseFolding(mounted), P("/in"))
    files = Restricted(part, Rights(["/** = full", "/here/secret/** = nothing"]))
    assert names(files, "/here/.versions/PUB/c") == {version}
    for name in ("secret", "SECRET"):
        with pytest.raises(PermanentError, match="550 You may not read"):
            run_now(files.open_read(P(f"/here/.versions/{name}/a/{version}")))


@pytest.mark.parametrize("wrap", [CaseFolding, lambda files: Versions(CaseFolding(files), 2)])
def test_names_in_any_case_where_rights_differ(wrap):
    inner = MemoryFilesystem({"/In/File": b"1", "/In/Other": b"2"})
    files = Restricted(wrap(inner), Rights(["/** = full", "/never/** = nothing"]))
    assert run_now(files.stat(P("/in/FILE"))).name == "File"
    with pytest.raises(FileExistsError):
        run_now(files.make_directory(P("/IN")))
    run_now(files.rename(P("/in/file"), P("/in/FILE")))
    assert names(files, "/in") == {"FILE", "Other"}
    run_now(files.rename(P("/in/other"), P("/in/OTHER")))
    run_now(files.remove_file(P("/IN/other")))
    assert names(files, "/in") == {"FILE"}
    run_now(files.remove_file(P("/in/file")))
    run_now(files.remove_directory(P("/IN")))
    assert not inner.contents()


def test_no_case_leads_around_rights():
    inner = MemoryFilesystem({"/In/Locked": b"1", "/In/Mine": b"2"})
    rights = Rights(["/** = full", "/In/Locked = read"])
    files = Restricted(CaseFolding(inner), rights)
    for change, args in (
        (files.remove_file, (P("/in/LOCKED"),)),
        (files.rename, (P("/in/LOCKED"), P("/in/x"))),
        (files.rename, (P("/in/mine"), P("/in/LOCKED"))),
        (files.open_write, (P("/in/LOCKED"), Store.REPLACE, 0)),
        (files.set_times, (P("/in/LOCKED"), 0.0)),
    ):
        with pytest.raises(PermanentError, match="550 You may not"):
            run_now(change(*args))
    assert inner.contents() == {"/In/Locked": b"1", "/In/Mine": b"2"}
