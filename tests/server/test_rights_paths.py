"""Rights that differ by path: spellings, moves, links, and the ``perm`` fact."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftptls.settings import Rule, Settings, UploadMode
from ftptls.settings.rights import Right, Rights
from ftptls.testing.client import Client
from ftptls.testing.dialogue import MemoryServer
from ftptls.vfs.local import LocalFilesystem
from ftptls.workers import InlineWorkers
from tests.server.conftest import MODES, relaxed
from tests.server.test_rights import with_rights

CLEAR = MODES[0]
TREE = {"/pub/a": b"a", "/pub/b": b"b", "/secret/x": b"hush", "/in/": b""}


def transfer(client: Client, line: str, data: bytes = b"") -> str:
    """Begin a transfer, and say how it ends."""
    wire = client.open().wire
    client.send(line)
    answer = client.answer()
    assert answer is not None
    if answer.code == 150:
        wire.send(data)
        if data:
            wire.stop()
        wire.take()
        answer = client.answer()
    wire.close()
    return str(answer)


# Spellings

SPELLINGS = [
    "/secret/x", "//secret//x", "/./secret/./x", "/pub/../secret/x", "/secret/x/", "/secret/x/.",
    "../secret/x", "../../../secret/x", "a/../../secret/x", "none/../../secret/x", "/secret/y/../x",
]  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_spelling_slips_by(enter, name):
    client = enter(TREE, with_rights("read_only", "/secret/** = nothing"))
    client.ask("CWD /pub", 250)
    for line in (
        "SIZE",
        "MDTM",
        "MLST",
        "RNFR",
        "SITE CPFR",
        "CWD",
        "STAT",
        "HASH",
        "XMD5",
        "DELE",
    ):
        client.ask(f"{line} {name}", 550)
    for line in ("RETR", "LIST", "NLST", "MLSD", "STOR", "APPE"):
        client.passive_port()
        client.ask(f"{line} {name}", 550)
    client.ask(f"SITE COPY {name} /pub/new", 550)
    assert client.server.filesystem.contents()["/secret/x"] == b"hush"


@given(st.lists(st.sampled_from(["..", ".", "", "pub", "secret", "none"]), max_size=6))
def test_no_way_leads_around(way):
    """Whatever leads to the file, it is the file that counts."""
    server = MemoryServer(TREE, relaxed(with_rights("full", "/secret/** = nothing")))
    client = server.connect()
    client.log_in()
    client.ask("CWD /pub", 250)
    client.ask("/".join(["RNFR", *way, "x"]).replace("/", " ", 1), 550)
    server.stop()


def test_case_counts(enter):
    """These are other names here, and there is nothing by them."""
    client = enter(TREE, with_rights("read_only", "/secret/** = nothing"))
    for name in ("/SECRET/x", "/Secret/x", "/\u017fecret/x", "/secret\u200b/x"):
        assert client.ask(f"SIZE {name}", 550).text == "No such file or directory."


def test_who_may_read_one_folder_in_a_forbidden_one(enter):
    lines = ("read_only", "/secret/** = nothing", "/secret/open/** = read_only")
    client = enter({**TREE, "/secret/open/z": b"z"}, with_rights(*lines))
    client.ask("CWD /secret", 250)
    client.passive_port()
    client.ask("LIST", 550)
    assert client.download("NLST open") == b"open/z\r\n"
    assert client.download("RETR open/z") == b"z"


def test_what_may_not_be_known_is_in_no_listing(enter):
    lines = ("full", "/secret/** = nothing", "/**/*.key = nothing")
    client = enter({**TREE, "/pub/tls.key": b"", "/pub/c/d.key": b""}, with_rights(*lines))
    client.ask("RMD /in", 250)
    assert sorted(client.download("NLST -R /").split()) == [
        b"/pub",
        b"/pub/a",
        b"/pub/b",
        b"/pub/c",
    ]
    assert b"secret" not in client.download("MLSD /")
    client.passive_port()
    client.ask("NLST /pub/*.key", 550)


# Moves


def test_a_move_takes_rights_to_both(enter):
    lines = ("/** = nothing", "/pub/** = full", "/ro/** = read_only", "/in/** = upload_only")
    client = enter({**TREE, "/ro/r": b"r"}, with_rights(*lines))
    before = client.server.filesystem.contents()
    client.ask("RNFR /ro/r", 550)
    for target in ("/ro/new", "/secret/new", "/secret/x", "/new", "/ro/r"):
        client.ask("RNFR /pub/a", 350)
        client.ask(f"RNTO {target}", 550)
        client.ask(f"SITE COPY /pub/a {target}", 550)
    assert client.server.filesystem.contents() == before
    client.ask("RNFR /pub/a", 350)
    client.ask("RNTO /in/a", 250)
    client.ask("RNFR /in/a", 550)


def test_nothing_is_moved_to_where_more_may_be_done(enter):
    """Else who may rename, but not read, would read."""
    lines = ("/** = full", "/box/** = rename write_new list", "/box/deep/** = nothing")
    client = enter({**TREE, "/box/f": b"?", "/box/d/g": b"?", "/dir/e": b""}, with_rights(*lines))
    for source, target in (("/box/f", "/pub/f"), ("/box/d", "/pub/d"), ("/box", "/pub/box")):
        client.ask(f"RNFR {source}", 350)
        client.ask(f"RNTO {target}", 550)
    client.ask("RNFR /dir", 350)
    assert "Not everything" in client.ask("RNTO /box", 550).text
    client.ask("RNFR /box/f", 350)
    client.ask("RNTO /box/h", 250)
    client.ask("RNFR /pub/a", 350)
    client.ask("RNTO /box/a", 250)
    client.ask("SITE COPY /box/a /pub/again", 550)


def test_who_may_append_resumes_at_the_end_only(enter):
    client = enter({"/f": b"0123"}, with_rights("read append list"))
    client.ask("REST 2", 350)
    client.passive_port()
    assert "resume at 4" in client.ask("STOR /f", 554).text
    client.ask("REST 4", 350)
    client.upload("STOR /f", b"45")
    client.upload("APPE /f", b"6")
    assert client.server.filesystem.contents() == {"/f": b"0123456"}


@pytest.mark.parametrize("mode", UploadMode)
def test_parts_are_combined_as_rights_allow(enter, tmp_path, mode):
    """With ``direct``, the target is appended to; that takes no right to replace it."""
    (tmp_path / "whole").write_bytes(b"1")
    (tmp_path / "part").write_bytes(b"2")
    files = LocalFilesystem(tmp_path, InlineWorkers(), upload_mode=mode)
    client = enter(settings=with_rights("no_overwrite"), filesystem=files)
    client.ask("COMB whole part", 553)
    assert (tmp_path / "whole").read_bytes() + (tmp_path / "part").read_bytes() == b"12"


# Whom a rule is for


def test_rights_by_rule_and_for_everybody(serve):
    given_rights = Settings(
        files=with_rights("read_only").files,
        rules=(
            Rule(users=("b*",), rights=("upload_only",)),
            Rule(users=("bob",), policy={"ccc": True}),  # says nothing of rights
            Rule(networks=("203.0.113.0/24",), rights=("nothing",)),
        ),
    )
    users = {"alice": "a", "bob": "b"}
    server = serve(TREE, relaxed(given_rights), users=users)
    alice, bob, stranger = server.connect(), server.connect(), server.connect("203.0.113.66")
    for client, name in ((alice, "alice"), (bob, "bob"), (stranger, "alice")):
        client.log_in(name, users[name])
    assert alice.download("RETR /pub/a") == b"a"
    assert transfer(alice, "STOR /pub/c", b"c").startswith("550")
    assert transfer(bob, "RETR /pub/a").startswith("550")
    assert transfer(bob, "STOR /pub/c", b"c").startswith("226")
    assert transfer(stranger, "RETR /pub/a").startswith("550")
    assert transfer(stranger, "STOR /pub/d", b"d").startswith("550")
    bob.ask("USER alice", 331)
    bob.ask("PASS a", 230)
    assert transfer(bob, "STOR /pub/d", b"d").startswith("550")


def test_read_only_holds_whatever_rights_say(enter):
    rules = (Rule(users=("alice",), rights=("full",)),)
    files = with_rights("full", read_only=True).files
    client = enter(TREE, Settings(files=files, rules=rules))
    assert client.download("RETR /pub/a") == b"a"
    client.ask("DELE /pub/a", 550)
    client.ask("SITE UMASK 000", 550)
    client.ask("MKD /new", 550)


def test_a_change_of_umask_changes_no_right(enter):
    client = enter(TREE, with_rights("full", "/secret/** = nothing"))
    client.ask("SITE UMASK 077", 200)
    client.ask("SIZE /secret/x", 550)
    client.ask("MKD /pub/d", 257)
    assert "mode=0700" in client.ask("MLST /pub/d", 250).text


# Links


@pytest.fixture
def linked(enter, tmp_path) -> Callable[..., Client]:
    """A client in a folder with links from where much is allowed to where little is, and back."""
    for name in ("pub", "secret", "in", "ro"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret" / "x").write_bytes(b"hush")
    (tmp_path / "secret" / "deep").mkdir()
    (tmp_path / "ro" / "r").write_bytes(b"r")
    (tmp_path / "pub" / "a").write_bytes(b"a")
    os.symlink("../secret", tmp_path / "pub" / "dir")
    os.symlink("../secret/x", tmp_path / "pub" / "file")
    os.symlink("../ro/r", tmp_path / "pub" / "r")
    os.symlink("../ro", tmp_path / "pub" / "ro")
    os.symlink("../pub", tmp_path / "secret" / "pub")
    os.symlink("../secret/new", tmp_path / "pub" / "to-be")
    os.symlink("round", tmp_path / "in" / "round")
    files = LocalFilesystem(tmp_path, InlineWorkers())
    lines = (
        *("/** = full", "/secret/** = nothing"),
        *("/ro/** = read_only", "/in/** = upload_only"),
    )
    return enter(settings=with_rights(*lines), filesystem=files, mode=CLEAR)


def test_no_link_leads_to_what_is_forbidden(linked, tmp_path):
    for name in ("/pub/dir/x", "/pub/file", "/pub/dir", "/pub/dir/deep", "/pub/dir/none"):
        for line in ("SIZE", "MDTM", "CWD", "MLST", "HASH", "SITE CPFR", "SITE CHMOD 777", "AVBL"):
            linked.ask(f"{line} {name}", 550)
        for line in ("RETR", "LIST", "MLSD", "APPE"):
            assert transfer(linked, f"{line} {name}").startswith("550")
    for name in ("/pub/dir/x", "/pub/dir/new", "/pub/to-be"):
        assert transfer(linked, f"STOR {name}", b"!").startswith("550")
        assert transfer(linked, f"STOU {name}", b"!").startswith("550") is ("to-be" not in name)
        linked.ask("RNFR /pub/a", 350)
        linked.ask(f"RNTO {name}", 550 if "to-be" not in name else 250)
        if "to-be" in name:
            linked.ask("RNFR /pub/to-be", 350)
            linked.ask("RNTO /pub/a", 250)
    linked.ask("MKD /pub/dir/new", 550)
    linked.ask("RMD /pub/dir/deep", 550)
    linked.ask("DELE /pub/dir/x", 550)
    assert sorted(os.listdir(tmp_path / "secret")) == ["deep", "pub", "x"]
    assert (tmp_path / "secret" / "x").read_bytes() == b"hush"


def test_no_link_leads_out_of_what_is_forbidden(linked):
    """The path that was asked for counts as well as where it leads."""
    for line in ("SIZE", "CWD", "MLST"):
        linked.ask(f"{line} /secret/pub/a", 550)
    assert transfer(linked, "RETR /secret/pub/a").startswith("550")
    linked.ask("DELE /secret/pub/a", 550)


def test_through_a_link_as_much_as_where_it_leads(linked):
    assert linked.download("RETR /pub/r") == b"r"
    assert linked.download("NLST /pub/ro") == b"/pub/ro/r\r\n"
    assert transfer(linked, "STOR /pub/r", b"!").startswith("550")
    linked.ask("DELE /pub/ro/r", 550)
    linked.ask("SITE CHMOD 777 /pub/r", 550)
    linked.ask("RNFR /pub/ro/r", 550)
    assert "perm=dfr;" in linked.ask("MLST /pub/r", 250).text
    assert "perm=r;" in linked.ask("MLST /pub/ro/r", 250).text


def test_a_link_is_a_name_like_another(linked, tmp_path):
    linked.ask("DELE /pub/r", 250)
    assert (tmp_path / "ro" / "r").read_bytes() == b"r"
    linked.ask("DELE /pub/dir", 250)
    assert (tmp_path / "secret" / "x").exists()


def test_links_are_made_to_what_may_be_read(linked, tmp_path):
    for target in ("/secret/x", "/secret", "/pub/dir/x", "/in/none"):
        linked.ask(f"SITE SYMLINK {target} /pub/mine", 550)
        assert not (tmp_path / "pub" / "mine").is_symlink()
    linked.ask("SITE SYMLINK /pub/a /ro/mine", 550)
    linked.ask("SITE SYMLINK /ro/r /pub/mine", 200)
    assert linked.download("RETR /pub/mine") == b"r"


def test_links_in_a_drop_box_are_told_of_no_more_than_files(linked):
    missing = str(linked.ask("SIZE /in/none", 550))
    for name in ("/in/round", "/in/round/x"):
        for line in ("SIZE", "CWD", "MLST", "AVBL"):
            assert str(linked.ask(f"{line} {name}", 550)) == missing
    assert "taken" not in transfer(linked, "STOR /in/round", b"!")


def test_two_names_that_each_give_a_part_give_nothing(enter, tmp_path):
    """By the link one may store new files, and where it leads replace some: so nothing."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "f").write_bytes(b"f")
    os.symlink("there", tmp_path / "way")
    lines = ("/** = nothing", "/there/** = overwrite", "/way/** = write_new")
    files = LocalFilesystem(tmp_path, InlineWorkers())
    client = enter(settings=with_rights(*lines), filesystem=files, mode=CLEAR)
    for name in ("/way/f", "/way/new"):
        assert transfer(client, f"STOR {name}", b"!").startswith("550")
    assert transfer(client, "STOR /there/new", b"!").startswith("550")
    assert os.listdir(tmp_path / "there") == ["f"]
    assert (tmp_path / "there" / "f").read_bytes() == b"f"
    assert transfer(client, "STOR /there/f", b"!").startswith("226")


def test_a_name_by_which_less_may_be_done(enter, tmp_path):
    """Whatever may be done by the other one."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "f").write_bytes(b"f")
    (tmp_path / "mine").write_bytes(b"mine")
    os.symlink("there", tmp_path / "way")
    lines = ("/** = full", "/way/** = read make_directory")
    files = LocalFilesystem(tmp_path, InlineWorkers())
    client = enter(settings=with_rights(*lines), filesystem=files, mode=CLEAR)
    assert "perm=r;" in client.ask("MLST /way/f", 250).text
    assert "perm=adfrw;" in client.ask("MLST /there/f", 250).text
    client.ask("DELE /way/f", 550)
    client.ask("RNFR /way/f", 550)
    for name in ("/way/new", "/way/f"):
        client.ask("RNFR /mine", 350)
        client.ask(f"RNTO {name}", 550)
    client.ask("MKD /way/new", 257)
    assert sorted(os.listdir(tmp_path / "there")) == ["f", "new"]


def test_a_link_in_a_drop_box_to_what_may_be_read(linked, tmp_path):
    """By this name nobody may know of it."""
    os.symlink("../pub/a", tmp_path / "in" / "link")
    for line in ("SIZE", "MLST", "MDTM", "STAT"):
        linked.ask(f"{line} /in/link", 550)
    assert transfer(linked, "RETR /in/link").startswith("550")


def test_no_link_is_made_to_what_may_be_listed_but_not_read(enter, tmp_path):
    """Other programs follow it, too, and ask nobody."""
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "f").write_bytes(b"f")
    files = LocalFilesystem(tmp_path, InlineWorkers())
    client = enter(settings=with_rights("/** = full", "/seen/** = list"), filesystem=files)
    client.ask("SIZE /seen/f", 213)
    client.ask("SITE SYMLINK /seen/f /mine", 550)
    assert os.listdir(tmp_path) == ["seen"]


# The perm fact: its letters are what the commands do

NAMES = ["d", "e", "f", "n"]
SOME = {"/f": b"0", "/d/f": b"1", "/d/e/f": b"2", "/e/": b""}
PLACES = ["/", "/f", "/d", "/d/f", "/d/e", "/d/e/f", "/e"]
segments = st.sampled_from([*NAMES, "*", "*", "**", "**"])
patterns = st.lists(segments, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
rights = st.sets(st.sampled_from(list(Right))).map(
    lambda found: " ".join(each.word for each in found) or "nothing"
)
lines = st.lists(st.builds("{} = {}".format, patterns, rights), min_size=1, max_size=4)


class Asked:
    """What is really done under some rights; each time in files as they were at first."""

    def __init__(self, rights_lines: list[str]) -> None:
        self._settings = relaxed(with_rights(*rights_lines))

    def __call__(self, *said: str) -> str:
        server = MemoryServer(SOME, self._settings, tls=False)
        client = server.connect()
        client.log_in()
        answer = ""
        for line in said:
            if line.split()[0] in ("RETR", "STOR", "APPE", "LIST", "MLSD"):
                data = b"data" if line.startswith(("STOR", "APPE")) else b""
                answer = transfer(client, line, data)
            else:
                client.send(line)
                answer = str(client.answer())
        server.stop()
        return answer

    def done(self, *said: str) -> bool:
        return self(*said)[0] in "123"

    def let(self, *said: str) -> bool:
        """Whether it is no right that is missing."""
        return not self(*said).startswith("550 You may not")

    def perm(self, path: str) -> str | None:
        """The letters; None if there is nothing, as they say."""
        answer = self(f"MLST {path}")
        if answer.startswith("550"):
            return None
        return answer.partition("perm=")[2].partition(";")[0]


def letters(asked: Asked, path: str) -> dict[str, bool]:
    """Of every letter, whether what it stands for is done."""
    if path.endswith("f"):
        lines_of_letters = {"r": "RETR", "w": "STOR", "a": "APPE", "d": "DELE", "f": "RNFR"}
        return {letter: asked.done(f"{verb} {path}") for letter, verb in lines_of_letters.items()}
    names = [str(PurePosixPath(path) / name) for name in (*NAMES, "z")]
    free = [name for name in names if name not in PLACES]
    found = {
        "e": asked.done(f"CWD {path}"),
        "l": asked.done(f"LIST {path}"),
        "c": any(asked.done(f"STOR {name}") for name in free),
        "m": any(asked.done(f"MKD {name}") for name in free),
        "p": any(asked.let(f"DELE {name}") for name in names),
    }
    if path != "/":
        found |= {"d": asked.let(f"RMD {path}"), "f": asked.done(f"RNFR {path}")}
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(lines, st.sampled_from(PLACES))
def test_the_letters_of_perm_are_what_the_commands_do(rights_lines, path):
    asked = Asked(rights_lines)
    perm = asked.perm(path)
    if perm is None:
        for line in ("CWD", "SIZE", "MDTM", "RETR", "LIST", "MLSD", "RNFR", "DELE", "RMD"):
            assert not asked.done(f"{line} {path}"), line
        return
    does = letters(asked, path)
    done = {letter for letter, it_does in does.items() if it_does}
    # What is given for a single name may be hidden by another line, or be of no use, for the
    # name is taken: then a directory is said to be good for a little too much.
    ends = [line.split()[0].replace("/**", "") for line in rights_lines]
    assert done <= set(perm)
    assert set(perm) - done <= (
        set() if all(end[-2:] in ("", "/*") for end in ends) else set("cmp")
    )
    assert asked.done(f"MLSD {path}") is ("l" in perm)


@given(lines, st.sampled_from(["/", "/d", "/d/e"]))
def test_a_listing_tells_what_mlst_tells(rights_lines, path):
    server = MemoryServer(SOME, relaxed(with_rights(*rights_lines)), tls=False)
    client = server.connect()
    client.log_in()
    client.ask("OPTS MLST type;perm;", 200)
    wire = client.open().wire
    client.send(f"MLSD {path}")
    answer = client.answer()
    assert answer is not None
    if answer.code == 150:
        told = {}
        for line in wire.take().decode().splitlines():
            facts, _, name = line.partition(" ")
            if name not in (".", ".."):
                told[name] = facts
        client.expect(226)
        known = {}
        for place in PLACES[1:]:
            if str(PurePosixPath(place).parent) == path:
                client.send(f"MLST {place}")
                found = client.answer()
                if found is not None and found.code == 250:
                    known[PurePosixPath(place).name] = found.lines[1].strip().partition(" ")[0]
        assert told == known
    wire.close()
    server.stop()


@given(lines, st.lists(st.sampled_from(NAMES), max_size=4).map(lambda each: "/" + "/".join(each)))
def test_what_holds_throughout_and_somewhere(rights_lines, name):
    """What is said of all that is below a path, and of some of it, is true of each path below."""
    found, path = Rights(rights_lines), PurePosixPath(name)
    below = [path, *(path / a for a in NAMES), *(path / a / b for a in NAMES for b in NAMES)]
    each = [found.at(one) for one in below]
    throughout = found.throughout(path)
    assert throughout is None or all(one == throughout for one in each)
    for one in each:
        assert one in found.somewhere(path)
    for child in NAMES:
        assert found.at(path / child) in found.inside(path)
