"""Who may do what: every command under every profile, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ftptls.commands import standard_commands
from ftptls.settings import Files, Settings
from ftptls.settings.rights import FULL, PROFILES, ROOT, Right
from ftptls.testing.client import Answer, Client
from ftptls.testing.filesystem import run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.states import SEQUENCES
from ftptls.workers import InlineWorkers
from tests.server.conftest import MODES
from tests.server.rights_table import CONTENT, NEW, ROWS, Row

COMMANDS = standard_commands()
CLEAR = MODES[0]
# The profiles, each right alone, and all but each.
SETS = {
    **PROFILES,
    **{right.word: right for right in Right},
    **{f"not {right.word}": FULL & ~right for right in Right},
}


def lines_of(rights: Right, pattern: str = "/**") -> tuple[str, ...]:
    return (f"{pattern} = {' '.join(each.word for each in rights) or 'nothing'}",)


def with_rights(*lines: str, **files: Any) -> Settings:
    return Settings(files=Files(rights=lines, **files))


def verbs_of(row: Row) -> list[str]:
    """The record that each line is for."""
    found = []
    for line in row.lines:
        words = line.split(" ")
        two = " ".join(words[:2]).upper()
        found.append(two if two in COMMANDS else words[0])
    return found


def test_every_command_is_in_the_table():
    used = {verb for row in ROWS for verb in verbs_of(row)}
    offered = {each.verb for each in COMMANDS.values() if each.implemented}
    assert used == offered


def test_a_profile_is_a_name_for_rights():
    words = {name: {each.word for each in rights} for name, rights in PROFILES.items()}
    all_words = {each.word for each in Right}
    assert words == {
        "nothing": set(),
        "full": all_words,
        "read_only": {"list", "read"},
        "upload_only": {"write_new"},
        "no_delete": all_words - {"delete"},
        "no_overwrite": all_words - {"overwrite"},
    }


# Every command under every profile


def on_disk(folder: Path) -> LocalFilesystem:
    for name, data in CONTENT.items():
        path = folder / name.strip("/")
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(data)
    return LocalFilesystem(folder, InlineWorkers())


def in_memory(_folder: Path) -> MemoryFilesystem:
    return MemoryFilesystem(CONTENT)


async def walk(filesystem: Any, path: PurePosixPath = ROOT) -> dict[PurePosixPath, Any]:
    """All that there is, and what is in it."""
    found: dict[PurePosixPath, Any] = {}
    async for batch in filesystem.scan(path):
        for entry in batch:
            child, data = path / entry.name, b""
            if entry.is_directory:
                found |= await walk(filesystem, child)
                entry = entry._replace(modified=0.0)  # told by what is in it
            elif entry.is_file:
                reader = await filesystem.open_read(child)
                data = await reader.read_at(0, reader.size)
                await reader.close()
            found[child] = (entry, data)
    return found


def play(client: Client, row: Row) -> tuple[Answer, bytes]:
    """Send the lines until one is refused; the last answer, and what came over data."""
    came = b""
    answer = Answer(0, ())
    for verb, line in zip(verbs_of(row), row.lines, strict=True):
        if not COMMANDS[verb].opens_data:
            client.send(line)
            answer = client.answer()
        else:
            wire = client.open().wire
            client.send(line)
            answer = client.answer()
            if answer.code == 150:
                if verb in ("STOR", "APPE", "STOU"):
                    wire.send(NEW)
                    wire.stop()
                came += wire.take()
                answer = client.answer()
            came += wire.take()
            wire.close()
        if answer.code >= 400:
            break
    return answer, came


def refusal_of(row: Row, filesystem: Any) -> int:
    """502 where the files are kept in a way that cannot do it."""
    needs = [COMMANDS[verb].needs for verb in verbs_of(row)]
    return 502 if any(each and not each.providedBy(filesystem) for each in needs) else 0


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize(("make", "pattern"), [(in_memory, "/**"), (on_disk, "/area/**")])
def test_every_command_under_every_profile(enter, tmp_path, row, make, pattern):
    for name, rights in SETS.items():
        files = make(tmp_path / name)
        settings = with_rights(*lines_of(rights, pattern))
        client = enter(settings=settings, filesystem=files, mode=CLEAR)
        before = run_now(walk(files))
        answer, came = play(client, row)
        refusal = refusal_of(row, files)
        assert answer.code == (refusal or row.answer(rights)), (name, str(answer))
        done = row.is_for(rights) and not refusal and answer.code < 400
        assert (run_now(walk(files)) != before) is (done and row.changes), name
        if not done:
            assert came == b"", name
            for secret in ("01234", "inner", "hollow"):
                assert secret not in answer.text, name
        client.leave()


# What is told


def feature_verb(line: str) -> str:
    """The record that tells a line of FEAT."""
    words = line.split()
    two = " ".join(words[:2])
    return {"TVFS": "MLST", "UTF8": "OPTS UTF8"}.get(line, two if two in COMMANDS else words[0])


def is_of_use(verb: str, rights: Right) -> bool:
    """Whether any row says that the command does something; an opener alone does nothing."""
    return any(
        row.is_for(rights)
        for row in ROWS
        if verb in verbs_of(row)
        if not (verb in SEQUENCES if len(row.lines) == 1 else row.code >= 400)
    )


@pytest.mark.parametrize("make", [in_memory, on_disk])
def test_feat_tells_of_what_may_be_done(enter, tmp_path, make):
    def told(name: str) -> list[str]:
        settings = with_rights(*lines_of(SETS[name]))
        client = enter(settings=settings, filesystem=make(tmp_path / name), mode=CLEAR)
        return [line.strip() for line in client.ask("FEAT", 211).lines[1:-1]]

    everything = told("full")
    assert {"MFMT", "SITE CHMOD", "RANG STREAM", "SIZE"} <= set(everything)
    for name, rights in SETS.items():
        useful = [line for line in everything if is_of_use(feature_verb(line), rights)]
        assert told(name) == useful, name
    assert "SIZE" not in told("upload_only")
    assert "MFMT" not in told("read_only")


STORING = {"STOR", "APPE", "STOU", "MKD", "XMKD"}


@pytest.mark.parametrize("make", [in_memory, on_disk])
@pytest.mark.parametrize("hidden", ["file", "file/below", "dir/inner", "dir/inner/x/y"])
def test_a_drop_box_tells_of_no_file(enter, tmp_path, make, hidden):
    """Whatever is asked of a file that is there is answered as if it were not."""
    settings = with_rights("/area/** = upload_only")
    client = enter(settings=settings, filesystem=make(tmp_path), mode=CLEAR)
    asked = 0
    for row in ROWS:
        if any("/area/file" in line for line in row.lines):
            there = replace(row, lines=tuple(each.replace("file", hidden) for each in row.lines))
            missing = hidden.replace("file", "none").replace("inner", "none")
            absent = replace(row, lines=tuple(each.replace("file", missing) for each in row.lines))
            if verbs_of(row)[-1] in STORING and "/" not in hidden.removeprefix("dir/"):
                continue  # who may store there is told that a name is taken
            asked += 1
            assert str(play(client, there)[0]) == str(play(client, absent)[0]), str(row)
    assert asked > 30


def test_a_drop_box_shows_nothing(enter):
    client = enter(CONTENT, with_rights("/** = read_only", "/area/** = upload_only"))
    assert b"area" in client.download("NLST /")
    for line in ("LIST", "NLST", "MLSD", "LIST *", "NLST f*", "STAT .", "LIST -la", "LIST -R"):
        client.ask("CWD /area", 250)
        if not line.startswith("STAT"):
            client.passive_port()
        assert "file" not in client.ask(line, 550).text
    tree = client.download("NLST -R /")
    assert tree.split() == [b"/area"]
    client.upload("STOR mine", NEW)
    client.ask("SIZE mine", 550)
    client.ask("DELE mine", 550)
    for name in ("mine", "file", "dir"):
        client.passive_port()
        text = client.ask(f"STOR {name}", 553).text
        assert text == "This name cannot be used; choose another one."
    assert client.server.filesystem.contents() == {
        **{name: data for name, data in CONTENT.items() if not name.endswith("/")},
        "/area/mine": NEW,
    }


def test_two_who_choose_one_name_in_a_drop_box(enter):
    """Whoever is whole first has it."""
    client = enter({"/in/": b""}, with_rights("upload_only"))
    other = client.server.connect()
    other.secure()
    other.log_in()
    late = client.begin("STOR /in/x")
    other.upload("STOR /in/x", b"first")
    late.send(b"second")
    late.stop()
    client.expect(550)
    assert client.server.filesystem.contents() == {"/in/x": b"first"}


def test_room_is_told_where_something_may_be_stored(enter):
    client = enter(CONTENT, with_rights("/** = read_only", "/area/dir/** = upload_only"))
    assert client.ask("AVBL /area/empty", 213).text == "0"
    assert int(client.ask("AVBL /area/dir", 213).text) > 0
