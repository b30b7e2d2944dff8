"""A portal whose realm gives nothing but an ``IFTPShell``, behind our server as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.protocols import ftp
from zope.interface import implementer

from ftptls.settings import Files, Settings
from ftptls.testing.dialogue import Client
from ftptls.testing.wires import Ending
from tests.server.conftest import relaxed
from tests.shells import LateShell

pytestmark = pytest.mark.both_paths

BIG = bytes(range(256)) * 4096  # one MiB


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Alice's home, as ``FTPRealm`` finds it."""
    (tmp_path / "home" / "alice" / "in").mkdir(parents=True)
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "a.txt").write_bytes(b"for all")
    made = tmp_path / "home" / "alice"
    (made / "big").write_bytes(BIG)
    return made


@pytest.fixture
def call(serve, home: Path) -> Any:
    """A client, under TLS but not logged in, of a server with Twisted's own realm, or another."""

    def make(realm: Any = None, settings: Settings | None = None, mode: Any = None) -> Client:
        implicit = mode is not None and mode.control == "implicit"
        private = mode is None or mode.private
        if mode is not None:
            settings = relaxed(settings)
        server = serve(None, settings, implicit=implicit)
        checker = InMemoryUsernamePasswordDatabaseDontUse(alice=b"correct horse")
        theirs = ftp.FTPRealm(str(home.parent.parent / "public"), str(home.parent))
        server.factory.portal = Portal(realm or theirs, [checker, AllowAnonymousAccess()])
        client = server.connect()
        if implicit:
            client.protect_data(private=private)
        elif mode is None or mode.control == "explicit":
            client.secure(private=private)
        return client

    return make


def test_a_session(call, home, mode):
    client = call(mode=mode)
    client.log_in("alice", "correct horse")
    assert client.download("RETR big") == BIG
    client.upload("STOR in/new", b"hello")
    assert (home / "in" / "new").read_bytes() == b"hello"
    assert client.download("NLST in") == b"in/new\r\n"
    assert b" new\r\n" in client.download("LIST in")
    listed = client.download("MLSD /").decode()
    assert "type=file;size=1048576;" in listed
    client.ask("CWD in", 250)
    client.ask("RNFR new", 350)
    client.ask("RNTO old", 250)
    assert client.ask("SIZE old", 213).text == "5"
    client.ask("MDTM old", 213)
    client.ask("DELE old", 250)
    client.ask("MKD deep", 257)
    client.ask("RMD deep", 250)
    client.ask("QUIT", 221)
    assert list((home / "in").iterdir()) == []


def test_feat_and_502_follow_what_a_shell_can(call):
    client = call()
    client.log_in("alice", "correct horse")
    told = client.ask("FEAT", 211).lines
    verbs = {line.split()[0] for line in told}
    assert {"REST", "MLST", "SIZE", "MDTM", "HASH"} <= verbs
    assert not {"MFMT", "MFCT", "MFF", "AVBL"} & verbs
    for line in ("MFMT 20260101000000 big", "AVBL", "SITE CHMOD 600 big", "SITE UMASK 022"):
        client.ask(line, 502)


def test_only_whole_files_are_stored(call, home):
    client = call()
    client.log_in("alice", "correct horse")
    client.open()
    assert "use STOR" in client.ask("APPE big", 550).text
    client.ask("REST 10", 350)
    assert "send all of it" in client.ask("STOR big", 554).text
    client.ask("REST 2000000", 350)
    client.ask("STOR big", 554)
    assert (home / "big").read_bytes() == BIG
    client.upload("APPE new", b"hello")
    assert (home / "new").read_bytes() == b"hello"


def test_reading_on(call):
    client = call()
    client.log_in("alice", "correct horse")
    client.ask("REST 1000000", 350)
    assert client.download("RETR big") == BIG[1000000:]
    client.ask("RANG 1000 1999", 350)
    assert client.download("RETR big") == BIG[1000:2000]
    client.open()
    client.ask("REST 1048577", 350)
    client.ask("RETR big", 554)


def test_a_file_is_closed_when_no_data_connection_comes(call, settings):
    client = call(settings=settings(connect_timeout=5))
    client.log_in("alice", "correct horse")
    client.passive_port()
    client.ask("RETR big", 150)
    client.wait(6)
    client.expect(425)  # and no ResourceWarning, which would be an error


def test_sums_and_text(call, home):
    text = b"one\ntwo\n"
    (home / "lines").write_bytes(text)
    client = call()
    client.log_in("alice", "correct horse")
    assert client.ask("XCRC lines", 250).text.split()[-1] == f"{crc32(text):08X}"
    client.ask("TYPE A", 200)
    assert client.download("RETR lines") == b"one\r\ntwo\r\n"
    client.upload("STOR back", b"three\r\n")
    assert (home / "back").read_bytes() == b"three\n"


def test_an_upload_that_breaks_is_kept_and_told(call, home):
    client = call()
    client.log_in("alice", "correct horse")
    reply = client.upload("STOR big", b"half", ending=Ending.FIN, code=426)
    assert "4 octets are stored" in reply.text
    assert (home / "big").read_bytes() == b"half"


def test_anonymous_users_only_read(call, home):
    client = call()
    client.ask("USER anonymous", 331)
    client.ask("PASS me@", 230)
    client.ask("TYPE I", 200)
    assert client.download("RETR a.txt") == b"for all"
    assert "perm=r;" in str(client.ask("MLST a.txt", 250))
    for line in ("MKD in", "DELE a.txt", "RMD in"):
        assert "Anonymous users are forbidden" in client.ask(line, 550).text
    wire = client.begin("STOR new")
    wire.send(b"hello")
    wire.stop()
    client.expect(550)
    assert [path.name for path in (home.parent.parent / "public").iterdir()] == ["a.txt"]


def test_refusals_echo_nothing(call, home):
    (home / "dead").symlink_to("nowhere")
    client = call()
    client.log_in("alice", "correct horse")
    client.open()
    for line, code, text in (
        ("RETR zebra", 550, "No such file or directory."),
        ("STOR none/zebra", 550, "No such file or directory."),
        ("RETR in", 550, "Is a directory."),
        ("RMD big", 550, "Not a directory."),
        ("MKD big", 550, "Exists already."),
        ("DELE in", 550, "Is a directory."),
        ("RMD /", 550, "Permission denied."),
        ("MKD none/zebra", 550, "No such file or directory."),
        ("CWD big", 550, "Not a directory."),
    ):
        assert client.ask(line, code).text == text
    assert client.download("NLST") in (b"big\r\nin\r\n", b"in\r\nbig\r\n")


def test_rights_of_the_settings_hold_for_shells_too(call, home):
    rights = ("/** = read_only", "/in/** = upload_only")
    client = call(settings=Settings(files=Files(rights=rights)))
    client.log_in("alice", "correct horse")
    assert client.download("RETR big") == BIG
    client.upload("STOR in/new", b"hello")
    client.ask("DELE big", 550)
    client.open()
    client.ask("STOR in/new", 553)  # replacing takes more
    assert (home / "in" / "new").read_bytes() == b"hello"


# --- realms and shells of others -----------------------------------------------------------


@implementer(IRealm)
class Theirs:
    """Gives one shell.

    Args:
        shell: It.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.asked: list[Any] = []
        self.left = 0

    def requestAvatar(self, avatar_id: object, mind: object, *interfaces: Any) -> Any:
        self.asked.append(interfaces)
        if ftp.IFTPShell not in interfaces:
            raise NotImplementedError
        return ftp.IFTPShell, self.shell, self._leave

    def _leave(self) -> None:
        self.left += 1


class Hours:
    """A realm with a late shell, whose answers take a while of the server's time.

    Args:
        content: The files.
    """

    def __init__(self, content: dict[str, bytes | None]) -> None:
        self.shell = LateShell(content, lambda call: self.reactor.callLater(0.1, call))
        self.realm = Theirs(self.shell)
        self.reactor: Any = None

    def enter(self, call: Any, **options: Any) -> Client:
        client = call(self.realm, **options)
        self.reactor = client.server.reactor
        client.log_in("alice", "correct horse")
        return client


def ask(client: Client, line: str, code: int, seconds: float = 10) -> str:
    """The reply to a command that takes its time."""
    client.send(line)
    client.wait(seconds)
    return client.expect(code).text


def test_a_realm_is_asked_once_for_both(call):
    hours = Hours({})
    client = hours.enter(call)
    assert [[each.__name__ for each in asked] for asked in hours.realm.asked] == [
        ["IFilesystem", "IFTPShell"]
    ]
    client.leave()
    assert hours.realm.left == 1


def test_a_late_shell(call):
    hours = Hours({"in": None, "big": BIG})
    client = hours.enter(call)
    ask(client, "CWD in", 250)
    ask(client, "MKD deep", 257)
    ask(client, "CWD none", 550)
    ask(client, "CDUP", 250)
    wire = client.open().wire
    ask(client, "RETR big", 150)
    client.protect(wire)
    client.wait(200)
    assert wire.take() == BIG
    client.expect(226)
    wire = client.open().wire
    ask(client, "STOR in/new", 150)
    client.protect(wire)
    wire.send(BIG)
    wire.stop()
    client.wait(200)
    client.expect(226)
    assert hours.shell.content["in/new"] == BIG
    assert "in/deep" in hours.shell.content


def test_nobody_else_waits_for_a_late_shell(call):
    hours = Hours({"big": BIG})
    client = hours.enter(call)
    client.send("SIZE big")
    other = client.server.connect()
    other.secure()
    other.ask("NOOP", 200)
    assert client.quiet
    client.wait(1)
    client.expect(213)


@pytest.mark.parametrize("end", ["abort", "leave"])
@pytest.mark.parametrize("verb", ["RETR", "STOR"])
def test_a_shell_that_answers_no_more(call, verb, end):
    """Whoever waits for it can still go, and the file is closed behind him."""
    hours = Hours({"big": BIG})
    client = hours.enter(call)
    wire = client.open().wire
    ask(client, f"{verb} big", 150)
    client.protect(wire)
    client.wait(0.2)
    stuck: list[Any] = []
    hours.shell.later = stuck.append
    if verb == "STOR":
        wire.send(BIG)
    client.wait(10)
    assert stuck
    if end == "leave":
        client.leave()
    else:
        client.send("ABOR")
    client.wait(1)
    while verb == "STOR" and stuck:  # what arrived is kept, which is the shell's to do
        stuck.pop(0)()
    if end == "leave":
        assert hours.realm.left == 1
    else:
        client.expect(426)
        client.expect(226)
        ask(client, "NOOP", 200)
