"""Copies on the server, and files that are combined of parts."""

from __future__ import annotations

import os
import random

import pytest

from ftptls.commands.pieces import PIECE
from ftptls.settings import UploadMode
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import READ_ONLY, Restricted
from ftptls.workers import InlineWorkers
from tests.server.conftest import MODES
from tests.server.slow import HeldWorkers

BIG = random.Random(6).randbytes(2 * PIECE + 17)
CONTENT = {
    "/big": BIG,
    "/old": b"old",
    "/one": b"1",
    "/two": b"22",
    "/a name": b"x",
    "/dir/in": b"in",
    "/empty": b"",
}


def local(folder, content=CONTENT, mode=UploadMode.ATOMIC) -> LocalFilesystem:
    for name, data in content.items():
        path = folder / name.strip("/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return LocalFilesystem(folder, InlineWorkers(), upload_mode=mode)


def on_disk(folder) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {f"/{path.relative_to(folder)}": path.read_bytes() for path in found}


COPIES = [
    ['SITE COPY "{}" "{}"'],
    ["SITE CPFR {}", "SITE CPTO {}"],
    ["site cpfr {}", "NOOP", "site cpto {}"],
]


def copy(client, how, source, target, *codes):
    """Copy in one of the ways; the codes are those of the last line."""
    first = [how[0].format(source, target)] if len(how) == 1 else [how[0].format(source), *how[1:]]
    *before, last = [line.format(target) for line in first]
    for line in before:
        client.ask(line, 350, 200)
    return client.ask(last, *codes)


@pytest.mark.parametrize("how", COPIES, ids=["copy", "from-to", "noop"])
def test_a_copy(enter, mode, how):
    client = enter(CONTENT, mode=mode)
    assert f"{len(BIG)} octets" in copy(client, how, "big", "dir/copy", 250).text
    copy(client, how, "a name", "another name", 250)
    copy(client, how, "empty", "as empty", 250)
    copy(client, how, "one", "old", 250)
    assert client.server.filesystem.contents() == {
        **CONTENT,
        "/dir/copy": BIG,
        "/another name": b"x",
        "/as empty": b"",
        "/old": b"1",
    }


def test_a_copy_on_disk(enter, tmp_path):
    client = enter(filesystem=local(tmp_path))
    client.ask("SITE COPY big copy", 250)
    assert on_disk(tmp_path) == {**CONTENT, "/copy": BIG}


@pytest.mark.parametrize("how", COPIES[:2], ids=["copy", "from-to"])
def test_what_cannot_be_copied_to(enter, how):
    client = enter(CONTENT)
    for target in ("one", "./one", "dir/../one", "dir", "nowhere/one", "old/one"):
        copy(client, how, "one", target, 550)
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("line", ["SITE COPY {} new", "SITE CPFR {}"])
def test_what_cannot_be_copied(enter, tmp_path, line):
    files = local(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "astray").symlink_to("/etc/passwd")
    client = enter(filesystem=files)
    for source in ("nowhere", "dir", "/", "fifo", "astray"):
        client.ask(line.format(source), 550)
    assert "directory" in client.ask(line.format("dir"), 550).text
    assert on_disk(tmp_path) == CONTENT


@pytest.mark.parametrize("upload_mode", UploadMode)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_another_name_of_the_same_file(enter, tmp_path, upload_mode, link):
    """A copy in place would begin with the end of its source."""
    files = local(tmp_path, mode=upload_mode)
    link("old" if link is os.symlink else tmp_path / "old", tmp_path / "same")
    client = enter(filesystem=files)
    for line in ("SITE COPY old same", "SITE COPY same old", "COMB old one same", "COMB same old"):
        client.ask(line, 550)
    assert (tmp_path / "old").read_bytes() == b"old"
    assert (tmp_path / "same").read_bytes() == b"old"
    assert (tmp_path / "one").exists()


def test_cpfr_is_forgotten(enter):
    client = enter(CONTENT)
    for between in ("PWD", "CWD /", "SIZE one", "SITE CPFR nowhere", "SITE HELP", "RNFR one"):
        client.ask("SITE CPFR one", 350)
        client.send(between)
        client.expect(213, 214, 250, 257, 350, 550)
        client.ask("SITE CPTO new", 503)
    client.ask("SITE CPFR one", 350)
    client.ask("SITE CPTO dir", 550)
    client.ask("SITE CPTO new", 503)
    client.ask("SITE CPFR one", 350)
    client.ask("RNTO new", 503)
    assert client.server.filesystem.contents() == CONTENT


def test_cpfr_is_not_the_next_users(enter):
    client = enter(CONTENT, mode=MODES[0])
    client.ask("SITE CPFR one", 350)
    client.ask("REIN", 220)
    client.log_in()
    client.ask("SITE CPTO new", 503)


def test_who_may_only_read_copies_nothing(enter):
    client = enter(filesystem=Restricted(MemoryFilesystem(CONTENT), READ_ONLY))
    client.ask("SITE COPY one new", 550)
    client.ask("SITE CPFR one", 350)
    client.ask("SITE CPTO new", 550)
    client.ask("COMB new one two", 550)


def test_comb(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.ask('COMB "new" "one" "big" "two"', 250)
    client.ask("COMB dir/in old", 250)
    client.ask('comb "a name" empty', 250)
    assert client.server.filesystem.contents() == {
        "/new": b"1" + BIG + b"22",
        "/dir/in": b"inold",
        "/a name": b"x",
    }


@pytest.mark.parametrize("upload_mode", UploadMode)
def test_comb_on_disk(enter, tmp_path, upload_mode):
    client = enter(filesystem=local(tmp_path, mode=upload_mode))
    client.ask("COMB old one two big", 250)
    client.ask("COMB new dir/in", 250)
    found = on_disk(tmp_path)
    assert found == {"/old": b"old122" + BIG, "/new": b"in", "/a name": b"x", "/empty": b""}


def test_what_cannot_be_combined(enter):
    client = enter(CONTENT)
    for line in (
        "COMB new nowhere",
        "COMB new one nowhere",
        "COMB new dir",
        "COMB dir one",
        "COMB one one",
        "COMB one two ./one",
        "COMB new one one",
        "COMB nowhere/new one",
        "COMB old/new one",
    ):
        client.ask(line, 550)
    assert client.server.filesystem.contents() == CONTENT


class Stubborn(MemoryFilesystem):
    """Says that everything can be deleted, and deletes nothing."""

    async def remove_file(self, path):
        raise PermissionError(13, "no")


def test_a_part_that_is_left_is_told_and_no_failure(enter):
    """Who were told that it failed would combine once more."""
    client = enter(filesystem=Stubborn(CONTENT))
    assert "2 of the parts" in client.ask("COMB new one two", 250).text
    assert client.server.filesystem.contents() == {**CONTENT, "/new": b"122"}


def test_a_part_that_cannot_be_deleted_is_not_combined(enter, tmp_path, monkeypatch):
    files = local(tmp_path)
    client = enter(filesystem=files)
    stat = files.stat

    async def protected(path):
        entry = await stat(path)
        return entry._replace(perm=entry.perm.replace("d", ""))

    monkeypatch.setattr(files, "stat", protected)
    client.ask("COMB new one two", 550)
    assert on_disk(tmp_path) == CONTENT


# --- what is aborted leaves nothing

LONG = ["SITE COPY big new", "SITE COPY big old", "COMB new one big", "COMB old one big"]


@pytest.mark.parametrize("line", LONG)
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_abor(enter, mode, line, where, tmp_path):
    files = MemoryFilesystem(CONTENT) if where == "memory" else local(tmp_path)
    client = enter(filesystem=files, mode=mode)
    client.send(line, "STAT", "ABOR", "NOOP")
    verb = line.removeprefix("SITE ").split()[0]
    assert (
        f"{verb} /{line.split()[-1 if verb == 'COPY' else 1]}: 0 of 20" in client.expect(211).text
    )
    assert [client.expect(426, 226, 200).code for _ in range(3)] == [426, 226, 200]
    assert (files.contents() if where == "memory" else on_disk(tmp_path)) == CONTENT
    client.ask(line, 250)


@pytest.mark.parametrize("line", LONG)
@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_abor_at_any_piece(enter, line, calls):
    class Aborting(MemoryFilesystem):
        """Aborts while it opens its files, one after the other, or looks at them."""

        seen = 0

        async def open_read(self, path):
            return self._count(await super().open_read(path))

        async def open_write(self, path, how, offset):
            return self._count(await super().open_write(path, how, offset))

        def _count(self, opened):
            self.seen += 1
            if self.seen == calls:
                (pi,) = client.server.factory._sessions
                pi._dtp.abort()
            return opened

    client = enter(filesystem=Aborting(CONTENT))
    code = client.ask(line, 426, 250).code
    contents = client.server.filesystem.contents()
    assert (contents == CONTENT) is (code == 426)
    assert code == 426 or client.server.filesystem.seen < calls


@pytest.mark.parametrize("line", LONG)
def test_the_end_of_the_session(enter, tmp_path, line):
    local(tmp_path)
    held = HeldWorkers()
    client = enter(filesystem=LocalFilesystem(tmp_path, held))
    client.send(line)
    client.server.reactor.settle()
    while not any(b"part" in name for name in os.listdir(os.fsencode(tmp_path))):
        held.work()
        client.server.reactor.settle()
    client.leave()
    while held.waiting:
        held.work()
        client.server.reactor.settle()
    assert on_disk(tmp_path) == CONTENT
    assert client.server.logged_in == 0


class Shrinking(MemoryFilesystem):
    """Its files are shorter than they were when they were opened."""

    async def open_read(self, path):
        reader = await super().open_read(path)
        reader.size += 1
        return reader


@pytest.mark.parametrize("line", LONG)
def test_a_source_that_gets_shorter_meanwhile(enter, line):
    client = enter(filesystem=Shrinking(CONTENT))
    client.ask(line, 450)
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("line", LONG)
def test_no_space(enter, line):
    full = MemoryFilesystem(CONTENT, limit=sum(map(len, CONTENT.values())) + PIECE)
    client = enter(filesystem=full)
    client.ask(line, 452)
    assert full.contents() == CONTENT
    client.ask("SITE COPY one new", 250)


def test_other_commands_wait_in_their_order(enter):
    client = enter(CONTENT)
    client.send("SITE COPY big new", "SIZE new", "COMB new one", "SIZE new", "QUIT")
    assert [client.expect(250, 213, 221).code for _ in range(5)] == [250, 213, 250, 213, 221]
    assert client.closed


def test_feat_tells_of_them(greet):
    lines = greet().ask("FEAT", 211).lines
    assert {" SITE COPY", " COMB target;source_list"} <= set(lines)
