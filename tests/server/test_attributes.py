"""Times, modes, groups, links and room, on each kind of filesystem."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from zope.interface import implementer

from ftptls.commands import standard_commands
from ftptls.interfaces import IFilesystem
from ftptls.testing.filesystem import InlineWorkers
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import READ_ONLY, Restricted

CONTENT = {"/a.txt": b"12345", "/dir/b c": b"", "/20200101000000 x": b"", "/x": b""}
LINES = {
    "MDTM 20200101000000 a.txt",
    "MFMT 20200101000000 a.txt",
    "MFCT 20200101000000 a.txt",
    "MFF Modify=20200101000000; a.txt",
    "MFF UNIX.mode=600; a.txt",
    "SITE CHMOD 600 a.txt",
    "SITE CHGRP {group} a.txt",
    "SITE UTIME 202001010000 a.txt",
    "SITE SYMLINK a.txt link",
    "SITE MKDIR made",
    "SITE UMASK 077",
    "AVBL",
}


@implementer(IFilesystem)
class Plain:
    """What a filesystem must do, and nothing else."""

    def __init__(self, filesystem: IFilesystem) -> None:
        for name in IFilesystem:
            setattr(self, name, getattr(filesystem, name))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, data in CONTENT.items():
        (tmp_path / path[1:]).parent.mkdir(exist_ok=True)
        (tmp_path / path[1:]).write_bytes(data)
    return tmp_path


@pytest.fixture
def local(enter, root):
    """A client whose files are on the disk."""
    return enter(filesystem=LocalFilesystem(root, InlineWorkers()))


@pytest.fixture
def memory(enter):
    """A client whose files are in memory."""
    return enter(CONTENT)


def told(client) -> set[str]:
    return {line.strip() for line in client.ask("FEAT", 211).lines[1:-1]}


def codes(client, group: str) -> dict[str, int]:
    found = {}
    for line in LINES:
        client.send(line.format(group=group))
        found[line] = client.answer().code
    return found


def test_on_the_disk_all_but_the_time_of_creation(local, root):
    group = str((root / "a.txt").stat().st_gid)
    assert {line for line, code in codes(local, group).items() if code > 299} == {
        "MFCT 20200101000000 a.txt"
    }
    local.ask("MFCT 20200101000000 a.txt", 502)
    features = told(local)
    assert "MFF UNIX.group;UNIX.mode;Modify;" in features
    assert {"MFMT", "SITE UTIME", "SITE SYMLINK", "SITE MKDIR", "AVBL"} <= features
    assert "MFCT" not in features


def test_in_memory_no_groups_and_no_links(memory):
    refused = {line: code for line, code in codes(memory, "ftp").items() if code > 299}
    assert refused == {"SITE CHGRP {group} a.txt": 502, "SITE SYMLINK a.txt link": 502}
    features = told(memory)
    assert "MFF UNIX.mode;Create;Modify;" in features
    assert {"MFMT", "MFCT", "SITE CHMOD", "SITE UMASK", "AVBL"} <= features
    assert not {"SITE CHGRP", "SITE SYMLINK"} & features


def test_a_filesystem_without_any_of_it(enter):
    filesystem = MemoryFilesystem(CONTENT)
    client = enter(filesystem=Plain(filesystem))
    refused = {line: code for line, code in codes(client, "ftp").items() if code > 299}
    assert refused.pop("MDTM 20200101000000 a.txt") == 550  # there is no file of that name
    assert set(refused.values()) == {502}
    assert set(refused) == LINES - {"MDTM 20200101000000 a.txt", "SITE MKDIR made"}
    features = told(client)
    assert {"MDTM", "SITE MKDIR"} <= features
    needing = [command for command in standard_commands().values() if command.needs]
    assert {command.verb for command in needing} >= {"MFMT", "SITE CHMOD", "AVBL"}
    assert not {command.verb for command in needing} & features
    assert not any(line.startswith("MFF") for line in features)


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_nothing_changes_where_all_is_read_only(enter, root, kind):
    inner = (
        MemoryFilesystem(CONTENT) if kind == "memory" else LocalFilesystem(root, InlineWorkers())
    )
    client = enter(filesystem=Restricted(inner, READ_ONLY))
    before = client.ask("MLST a.txt", 250).lines
    answers = codes(client, str((root / "a.txt").stat().st_gid))
    assert answers.pop("AVBL") == 213
    assert client.ask("AVBL", 213).text == "0"
    lacking = {"MFCT"} if kind == "local" else {"SITE CHGRP", "SITE SYMLINK"}
    for line, code in answers.items():
        if line == "MFF UNIX.mode=600; a.txt" or not line.startswith(tuple(lacking)):
            assert code == 550, line
        else:
            assert code == 502, line
    assert client.ask("MLST a.txt", 250).lines == before
    assert "perm=r;" in before[1]
    assert not {"MFMT", "SITE CHMOD"} & told(client)
    client.ask("SITE MKDIR dir", 257)
    assert client.ask("SITE UMASK", 200).text == "The umask is 022."


def test_before_login_feat_tells_all(greet):
    features = told(greet(CONTENT))
    assert {"MFMT", "MFCT", "SITE SYMLINK"} <= features
    assert "MFF UNIX.group;UNIX.mode;Create;Modify;" in features


# Times


def test_mfmt(local, root):
    answer = local.ask("MFMT 20020717210715 dir/b c", 213)
    assert answer.text == "Modify=20020717210715; dir/b c"
    assert (root / "dir" / "b c").stat().st_mtime_ns == 1026940035 * 10**9
    assert local.ask("MDTM dir/b c", 213).text == "20020717210715"


def test_mfmt_leaves_when_it_was_read(local, root):
    os.utime(root / "a.txt", ns=(123456789, 0))
    local.ask("MFMT 20020717210715 a.txt", 213)
    assert (root / "a.txt").stat().st_atime_ns == 123456789


def test_fractions_are_kept_and_told_where_they_were_asked_for(local, root):
    assert (
        local.ask("MFMT 20020717210715.123456789 a.txt", 213).text
        == "Modify=20020717210715.123456; a.txt"
    )
    assert (root / "a.txt").stat().st_mtime_ns == 1026940035123456000
    assert local.ask("MDTM a.txt", 213).text == "20020717210715"


@pytest.mark.parametrize("when", ["19691231235959", "19020101000000", "21060207062816"])
def test_times_before_1970_and_beyond_2038(local, memory, when):
    for client in (local, memory):
        assert client.ask(f"MFMT {when} a.txt", 213).text == f"Modify={when}; a.txt"
        assert client.ask("MDTM a.txt", 213).text == when


def test_the_reply_tells_what_the_disk_made_of_it(local, root):
    answer = local.ask("MFMT 99991231235959 a.txt", 213).text
    seconds = int((root / "a.txt").stat().st_mtime)
    assert answer == f"Modify={local.ask('MDTM a.txt', 213).text}; a.txt"
    assert 2**32 < seconds <= 253402300799


def test_mfct(memory):
    before = memory.ask("MDTM a.txt", 213).text
    assert memory.ask("MFCT 20020717210715 a.txt", 213).text == "Create=20020717210715; a.txt"
    assert memory.ask("MDTM a.txt", 213).text == before


def test_mdtm_sets_and_tells(local, root):
    assert local.ask("MDTM 20200101000000 a.txt", 213).text == "20200101000000"
    assert local.ask("MDTM 20210101000000.25 dir/b c", 213).text == "20210101000000"
    assert (root / "dir" / "b c").stat().st_mtime == 1609459200.25
    assert local.ask("MDTM 20210101000000 /dir", 213).text == "20210101000000"


def test_mdtm_of_a_file_that_is_named_like_a_time(local, root):
    os.utime(root / "20200101000000 x", (0, 0))
    os.utime(root / "x", (1, 1))
    assert local.ask("MDTM 20200101000000 x", 213).text == "19700101000000"
    assert (root / "x").stat().st_mtime == 1


def test_a_long_name_behind_a_time(local, root):
    name = "n" * 250
    (root / name).write_bytes(b"")
    assert local.ask(f"MDTM 20200101000000 {name}", 213).text == "20200101000000"


def test_utime_in_both_forms(local, root):
    path = root / "dir" / "b c"
    local.ask("SITE UTIME 200002240826 dir/b c", 200)
    assert (path.stat().st_atime, path.stat().st_mtime) == (951380760, 951380760)
    local.ask("site utime dir/b c 19700101000001 19700101000002 19700101000003 utc", 200)
    assert (path.stat().st_atime, path.stat().st_mtime) == (1, 2)


# Facts


def test_mff_sets_them_all(local, root):
    answer = local.ask("MFF Modify=20020717212230;unix.MODE=640; a.txt", 213)
    assert answer.text == "Modify=20020717212230;UNIX.mode=0640; a.txt"
    info = (root / "a.txt").stat()
    assert (info.st_mtime, stat.S_IMODE(info.st_mode)) == (1026940950, 0o640)


def test_mff_of_a_group(local, root):
    info = (root / "a.txt").stat()
    answer = local.ask(f"MFF UNIX.group={info.st_gid};UNIX.mode=600; a.txt", 213).text
    assert answer.startswith("UNIX.group=")
    assert answer.endswith(";UNIX.mode=0600; a.txt")
    local.ask("MFF UNIX.group=no-such-group;UNIX.mode=644; a.txt", 550)
    local.ask("MFF UNIX.group=4294967295; a.txt", 550)
    after = (root / "a.txt").stat()
    assert (after.st_gid, stat.S_IMODE(after.st_mode)) == (info.st_gid, 0o600)


def test_mff_changes_nothing_if_it_cannot_change_all(local, root):
    before = (root / "a.txt").stat()
    for facts, code in (
        ("Modify=20020717212230;Create=20020717212230;", 504),
        ("Modify=20020717212230;UNIX.owner=root;", 504),
        ("Modify=20020717212230;UNIX.mode=4755;", 504),
        ("UNIX.mode=600;Modify=20020230212230;", 501),
        ("UNIX.mode=600;UNIX.group=no-such-group;", 550),
    ):
        local.ask(f"MFF {facts} a.txt", code)
        after = (root / "a.txt").stat()
        assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)
    told = local.ask("MFF Create=20020717212230; a.txt", 504).text
    assert told == "The facts that can be set here: UNIX.group, UNIX.mode, Modify."


# Modes


def test_chmod(local, root):
    local.ask("SITE CHMOD 600 dir/b c", 200)
    assert stat.S_IMODE((root / "dir" / "b c").stat().st_mode) == 0o600
    local.ask("SITE CHMOD 0751 dir", 200)
    assert stat.S_IMODE((root / "dir").stat().st_mode) == 0o751


def test_umask_is_of_the_session(local, root):
    assert local.ask("SITE UMASK", 200).text == "The umask is 022."
    local.ask("SITE UMASK 077", 200)
    assert local.ask("SITE UMASK", 200).text == "The umask is 077."
    local.upload("STOR new", b"x")
    local.ask("SITE MKDIR made/in", 257)
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "made").stat().st_mode) == 0o700
    other = local.server.connect()
    other.secure()
    other.log_in()
    assert other.ask("SITE UMASK", 200).text == "The umask is 022."
    local.log_in()
    assert local.ask("SITE UMASK", 200).text == "The umask is 022."


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("chmod", "SITE CHMOD 600 a.txt"),
        ("chmod", "MFF UNIX.mode=600; a.txt"),
        ("utime", "MFMT 20020717210715 a.txt"),
        ("utime", "MDTM 20020717210715 a.txt"),
        ("utime", "SITE UTIME 200207172107 a.txt"),
        ("chown", "SITE CHGRP 0 a.txt"),
        ("symlink", "SITE SYMLINK a.txt link"),
    ],
)
def test_what_the_system_does_not_permit(local, monkeypatch, call, line):
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "not your file")

    monkeypatch.setattr(os, call, refuse)
    assert local.ask(line, 550).text == "Permission denied."


# Links and directories


def test_symlink(local, root):
    local.ask('SITE SYMLINK "dir/b c" "a link"', 200)
    assert (root / "a link").resolve() == root / "dir" / "b c"
    local.ask("CWD dir", 250)
    local.ask("SITE SYMLINK ../a.txt up", 200)
    assert os.readlink(root / "dir" / "up") == "../a.txt"
    assert local.download("RETR up") == b"12345"
    local.ask("SITE SYMLINK ../../../../etc/passwd outside", 550)
    local.ask("SITE SYMLINK up up", 550)
    local.ask("SITE SYMLINK up", 501)
    local.ask("SITE SYMLINK b c up2", 501)


def test_mkdir_makes_what_is_missing(local, root):
    assert local.ask("SITE MKDIR dir/one/two three", 257).text.startswith('"/dir/one/two three"')
    assert (root / "dir" / "one" / "two three").is_dir()
    local.ask("SITE MKDIR a.txt/b", 550)
    local.ask("SITE MKDIR /", 257)


# Room


def test_avbl(local, memory, root):
    info = os.statvfs(root)
    told = int(local.ask("AVBL dir", 213).text)
    assert 0 < told <= info.f_blocks * info.f_frsize
    before = int(memory.ask("AVBL", 213).text)
    memory.upload("STOR big", b"x" * 1000)
    assert int(memory.ask("AVBL", 213).text) == before - 1000
