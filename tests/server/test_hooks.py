"""What hooks are told of, and uploads that wait until somebody has looked at them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError
from ftptls.hooks import Event, content, filesystem
from ftptls.interfaces import IHook, IUploadCheck
from ftptls.settings import ClientCertificate, EventKind, Files, Settings, UploadMode
from ftptls.testing.client import CLIENT, USER
from ftptls.testing.filesystem import InlineWorkers
from ftptls.testing.wires import Ending
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem

pytestmark = pytest.mark.both_paths

DATA = b"1;2;3\n" * 1000
ALL = frozenset(EventKind) - {EventKind.UPLOAD_HELD}


@implementer(IHook)
class Listener:
    """Keeps what it is told."""

    def __init__(self, kinds: Iterable[EventKind] = ALL, *, sha256: bool = False) -> None:
        self.kinds = frozenset(kinds)
        self.sha256 = sha256
        self.events: list[Event] = []

    async def happened(self, event: Event) -> None:
        self.events.append(event)

    def take(self) -> list[dict[str, Any]]:
        """What it was told since the last time, without what differs in each run."""
        taken, self.events = self.events, []
        own = ("id", "time", "session", "port", "seconds")
        return [{k: v for k, v in each.facts.items() if k not in own} for each in taken]


@implementer(IUploadCheck)
class Checker(Listener):
    """Decides when it is told to."""

    def __init__(self, *more: EventKind) -> None:
        super().__init__({EventKind.UPLOAD_HELD, *more})
        self.seen: list[bytes] = []
        self.answers: list[Deferred[str]] = []
        self.cancelled = 0

    async def check(self, event: Event, descriptor: int) -> str:
        self.events.append(event)
        self.seen.append(os.pread(descriptor, 2**24, 0))
        self.answers.append(Deferred(self._cancel))
        return await self.answers[-1]

    def _cancel(self, _answer: object) -> None:
        self.cancelled += 1

    def answer(self, reason: str = "") -> None:
        self.answers.pop().callback(reason)


@pytest.fixture(params=["memory", "local"])
def files(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """Filesystems with a descriptor that can be read once more, and without one."""
    if request.param == "memory":
        return MemoryFilesystem({})
    return LocalFilesystem(tmp_path, InlineWorkers())


def begin_upload(client: Any, line: str, data: bytes) -> Any:
    """Send all of an upload, of which the reply is not there yet."""
    wire = client.begin(line)
    wire.send(data)
    wire.stop(Ending.POLITE)
    client.wait(0)
    return wire


def names(client: Any) -> str:
    return client.download("NLST -a").decode()


class TestEvents:
    def test_each_command_is_told_once_and_in_its_order(self, enter, mode):
        hook = Listener()
        client = enter({"/old": b"old"}, mode=mode, hooks=[hook])
        (login,) = hook.take()
        assert login["event"] == "login"
        assert login["user"] == USER
        assert login["client"] == CLIENT
        assert ("tls_version" in login) is (mode.control != "clear")
        known = {"real_path", *login} - {"event"}
        client.upload("STOR new", DATA)
        client.upload("APPE new", b"more")
        assert client.download("RETR old") == b"old"
        client.ask("RNFR new", 350)
        client.ask("RNTO newer", 250)
        client.ask("DELE newer", 250)
        client.ask("MKD in", 257)
        client.ask("RMD in", 250)
        size = len(DATA)
        stored = {"event": "upload", "path": "/new"}
        told = [{k: v for k, v in each.items() if k not in known} for each in hook.take()]
        assert told == [
            {**stored, "command": "STOR", "size": size, "octets": size},
            {**stored, "command": "APPE", "size": size + 4, "octets": 4},
            {"event": "download", "path": "/old", "command": "RETR", "size": 3, "octets": 3},
            {"event": "rename", "path": "/new", "target": "/newer"},
            {"event": "delete", "path": "/newer"},
            {"event": "directory_made", "path": "/in"},
            {"event": "directory_removed", "path": "/in"},
        ]

    def test_what_fails_is_not_told(self, enter):
        hook = Listener()
        client = enter({"/old": b"old"}, hooks=[hook])
        hook.take()
        for line in ("DELE gone", "MKD gone/in", "RMD old", "RETR gone"):
            client.open()
            client.ask(line, 550)
        wire = client.begin("STOR new")
        wire.send(DATA)
        wire.stop(Ending.RESET)
        client.expect(426)
        assert hook.take() == []

    def test_a_part_says_how_much_of_how_much(self, enter):
        hook = Listener([EventKind.DOWNLOAD])
        client = enter({"/old": b"0123456789"}, hooks=[hook])
        client.ask("REST 4", 350)
        assert client.download("RETR old") == b"456789"
        (told,) = hook.take()
        assert (told["size"], told["octets"]) == (10, 6)

    def test_copies_are_uploads(self, enter):
        hook = Listener([EventKind.UPLOAD, EventKind.DELETE])
        client = enter({"/a": b"12", "/b": b"345"}, hooks=[hook])
        client.ask('SITE COPY "a" "c"', 250)
        client.ask('COMB "c" "a" "b"', 250)
        told = [(each["event"], each["path"], each.get("size")) for each in hook.take()]
        assert told == [
            ("upload", "/c", 2),
            ("upload", "/c", 7),
            ("delete", "/a", None),
            ("delete", "/b", None),
        ]

    def test_a_failed_login_names_who_was_tried(self, greet, settings):
        hook = Listener()
        client = greet(hooks=[hook])
        client.ask("USER $(id) \t", 331)
        client.send("PASS guess")
        client.wait(10)
        client.expect(530)
        (told,) = hook.take()
        assert (told["event"], told["user"]) == ("login_failed", "$(id) \t")

    def test_one_session_has_one_name(self, serve):
        hook = Listener()
        server = serve(hooks=[hook])
        for _ in range(2):
            client = server.connect()
            client.secure()
            client.log_in()
            client.upload("STOR a", b"1")
        first, second = (hook.events[at : at + 2] for at in (0, 2))
        assert first[0].session == first[1].session != second[0].session
        assert len({each.id for each in hook.events}) == 4

    def test_time_is_utc(self, enter):
        hook = Listener()
        enter(hooks=[hook])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", hook.events[0].time)

    def test_a_client_certificate_is_told(self, serve, pki, bob, version):
        hook = Listener()
        verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
        own = pki.server()
        tls = ServerContext(own.key, own.chain, verification=verification)
        client = serve(tls=tls, hooks=[hook]).connect()
        client.context = pki.client_context(version, bob)
        client.secure()
        client.log_in()
        (told,) = hook.take()
        assert "bob" in told["certificate_subject"]
        assert re.fullmatch(r"[0-9a-f]{64}", told["certificate_sha256"])

    def test_sha256_is_told_if_somebody_asks(self, enter, files):
        plain, asking = Listener(), Listener([EventKind.UPLOAD], sha256=True)
        client = enter(filesystem=files, hooks=[plain, asking])
        client.upload("STOR new", DATA)
        (told,) = asking.take()
        assert told["sha256"] == hashlib.sha256(DATA).hexdigest()
        assert "sha256" not in Listener().take()

    def test_the_place_on_the_disk_is_told_where_there_is_one(self, enter, tmp_path):
        (tmp_path / "in").mkdir()
        (tmp_path / "link").symlink_to("in")
        hook = Listener()
        client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()), hooks=[hook])
        hook.take()
        client.upload("STOR link/new", DATA)
        client.download("RETR link/new")
        client.ask("RNFR link/new", 350)
        client.ask("RNTO newer", 250)
        client.ask("DELE newer", 250)
        told = [(each["path"], each["real_path"]) for each in hook.take()]
        assert told == [
            ("/link/new", f"{tmp_path}/in/new"),
            ("/link/new", f"{tmp_path}/in/new"),
            ("/link/new", f"{tmp_path}/newer"),
            ("/newer", f"{tmp_path}/newer"),
        ]

    def test_rights_hold_behind_hooks_as_before_them(self, enter):
        hook = Listener()
        rights = Settings(files=Files(rights=("/** = read_only", "/in/** = upload_only")))
        client = enter({"/in/": b"", "/a": b"1"}, rights, hooks=[hook])
        hook.take()
        client.ask("DELE a", 550)
        client.ask("RNFR a", 550)
        assert "MFMT" not in "".join(client.ask("FEAT", 211).lines)
        client.upload("STOR in/new", DATA)
        (told,) = hook.take()
        assert told["path"] == "/in/new"


@pytest.fixture
def no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system, or a chroot, where a descriptor cannot be opened once more."""
    monkeypatch.setattr(filesystem, "can_reopen", lambda: False)
    monkeypatch.setattr(content, "can_reopen", lambda: False)


class TestMistakesOfHooks:
    def test_one_that_raises_costs_nobody_a_reply(self, enter, log):
        class Broken(Listener):
            async def happened(self, event: Event) -> None:
                raise RuntimeError("it fell over")

        after = Listener()
        client = enter(hooks=[Broken(), after])
        client.upload("STOR new", DATA)
        assert [each["event"] for each in after.take()] == ["login", "upload"]
        assert len(log.alarms) == 2
        assert all("it fell over" in each for each in log.alarms)
        log.events.clear()

    def test_a_check_that_raises_refuses(self, enter, log):
        class Broken(Checker):
            async def check(self, event: Event, descriptor: int) -> str:
                raise RuntimeError("it fell over")

        client = enter({"/old": b"old"}, hooks=[Broken()])
        answer = client.upload("STOR old", DATA, code=451)
        assert answer.text == (
            "The file could not be checked; try again later. Nothing was stored."
        )
        assert client.server.filesystem.contents() == {"/old": b"old"}
        assert len(log.alarms) == 1
        log.events.clear()

    def test_a_check_may_choose_its_reply(self, enter):
        class Full(Checker):
            async def check(self, event: Event, descriptor: int) -> str:
                raise PermanentError(552, "Enough of these.")

        client = enter(hooks=[Full()])
        assert "Enough of these." in client.upload("STOR new", DATA, code=552).text


class TestHeldUploads:
    def test_the_doubles_are_what_they_say(self):
        verifyObject(IHook, Listener())
        verifyObject(IUploadCheck, Checker())

    def test_nobody_sees_it_before_it_is_accepted(self, enter, files, mode):
        hook = Checker()
        client = enter(filesystem=files, mode=mode, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        assert hook.seen == [DATA]
        assert client.quiet
        other = client.server.connect()
        if mode.control == "explicit":
            other.secure(private=mode.private)
        elif mode.control == "implicit":
            other.protect_data(private=mode.private)
        other.log_in()
        assert names(other) == ""
        other.ask("SIZE new", 550)
        hook.answer()
        client.expect(226)
        assert client.download("RETR new") == DATA

    def test_it_is_told_as_an_upload_behind_that(self, enter, files):
        hook = Checker(EventKind.UPLOAD)
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        hook.answer()
        client.expect(226)
        held, there = hook.take()
        assert (held.pop("event"), there.pop("event")) == ("upload_held", "upload")
        assert held == there
        assert held["size"] == held["octets"] == len(DATA)

    def test_a_refused_one_never_appears(self, enter, files):
        hook = Checker()
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        hook.answer("Eicar-Test-Signature FOUND")
        reply = client.expect(550).text
        assert reply == "Refused: Eicar-Test-Signature FOUND. Nothing was stored."
        assert names(client) == ""

    def test_a_copy_is_read_where_the_file_cannot_be(self, enter, files, no_proc):
        first, second = Checker(), Checker()
        second.sha256 = True
        client = enter(filesystem=files, hooks=[first, second])
        begin_upload(client, "STOR new", DATA)
        first.answer()
        second.answer()
        client.expect(226)
        assert first.seen == second.seen == [DATA]
        assert second.take()[0]["sha256"] == hashlib.sha256(DATA).hexdigest()
        assert client.download("RETR new") == DATA

    def test_a_refused_one_leaves_nothing_on_the_disk(self, enter, tmp_path):
        (tmp_path / "old").write_bytes(b"old")
        hook = Checker()
        client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()), hooks=[hook])
        begin_upload(client, "STOR old", DATA)
        assert len(os.listdir(tmp_path)) == 2
        hook.answer("no")
        client.expect(550)
        assert os.listdir(tmp_path) == ["old"]
        assert (tmp_path / "old").read_bytes() == b"old"

    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            ("\n\n virus\r\n226 Fine.\n", "virus"),
            ("a\0b\x1b[31m", "a?b?[31m"),
            ("x" * 500, "x" * 200),
            ("\u2028\n\x85", "not accepted"),
            (" . ", "not accepted"),
        ],
    )
    def test_words_of_a_hook_fit_into_one_line(self, enter, said, shown):
        hook = Checker()
        client = enter(hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        hook.answer(said)
        reply = client.expect(550)
        assert reply.lines == (f"Refused: {shown}. Nothing was stored.",)
        assert client.quiet

    def test_the_control_connection_lives_meanwhile(self, enter, settings):
        hook = Checker()
        given = settings(idle_timeout=5, stall_timeout=5)
        client = enter(None, given, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        client.wait(600)
        status = "\n".join(client.ask("STAT", 211, 212).lines)
        assert f"STOR /new: {len(DATA)} octets, being checked" in status
        client.wait(600)
        assert client.quiet
        hook.answer()
        client.expect(226)
        client.ask("NOOP", 200)

    def test_abor_ends_the_check(self, enter, files):
        hook = Checker()
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        client.send("ABOR")
        assert "Nothing was stored" in client.expect(426).text
        client.expect(226)
        assert hook.cancelled == 1
        assert names(client) == ""

    def test_a_client_that_leaves_ends_the_check(self, enter, files):
        hook = Checker()
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        client.control.close()
        client.wait(5)
        assert hook.cancelled == 1
        other = client.server.connect()
        other.secure()
        other.log_in()
        assert names(other) == ""

    def test_the_server_may_end_meanwhile(self, enter):
        hook = Checker()
        client = enter(hooks=[hook])
        begin_upload(client, "STOR new", DATA)
        client.server.factory.shut_down()
        client.expect(426)
        client.expect(421)
        assert hook.cancelled == 1

    def test_all_are_asked_until_one_refuses(self, enter):
        first, second, third = Checker(), Checker(), Checker()
        client = enter(hooks=[first, second, third])
        begin_upload(client, "STOR new", DATA)
        assert (len(first.seen), len(second.seen)) == (1, 0)
        first.answer()
        assert second.seen == [DATA]
        second.answer("no")
        client.expect(550)
        assert third.seen == []

    def test_what_would_be_seen_at_once_is_refused(self, enter, files):
        hook = Checker()
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR old", DATA)
        hook.answer()
        client.expect(226)
        client.open()
        assert "send all of it, with STOR or STOU" in client.ask("APPE old", 550).text
        client.ask("REST 5", 350)
        client.ask("STOR old", 550)
        assert client.download("RETR old") == DATA

    def test_one_that_broke_off_is_checked_as_a_whole(self, enter, tmp_path):
        hook = Checker()
        files = LocalFilesystem(
            tmp_path, InlineWorkers(), upload_mode=UploadMode.ATOMIC_RESUME, user=USER
        )
        client = enter(filesystem=files, hooks=[hook])
        wire = client.begin("STOR new")
        wire.send(DATA[:100])
        wire.take()
        wire.stop(Ending.RESET)
        client.expect(426)
        assert hook.seen == []
        client.ask("REST 100", 350)
        begin_upload(client, "STOR new", DATA[100:])
        assert hook.seen == [DATA]
        hook.answer("no")
        client.expect(550)
        assert names(client) == ""
        client.ask("SIZE new", 550)

    def test_uploads_in_place_are_refused(self, enter, tmp_path):
        files = LocalFilesystem(tmp_path, InlineWorkers(), upload_mode=UploadMode.DIRECT)
        client = enter(filesystem=files, hooks=[Checker()])
        client.open()
        client.ask("STOR new", 550)
        assert os.listdir(tmp_path) == []

    def test_copies_and_combined_files_are_checked(self, enter):
        hook = Checker()
        client = enter({"/a": b"vi", "/b": b"rus"}, hooks=[hook])
        client.send('COMB "c" "a" "b"')
        client.wait(0)
        assert hook.seen == [b"virus"]
        hook.answer("no")
        client.expect(550)
        client.send('SITE COPY "a" "d"')
        client.wait(0)
        hook.answer()
        client.expect(250)
        assert client.server.filesystem.contents() == {"/a": b"vi", "/b": b"rus", "/d": b"vi"}

    def test_stou_is_held_as_well(self, enter):
        hook = Checker()
        client = enter(hooks=[hook])
        wire = client.begin("STOU")
        wire.send(DATA)
        wire.stop(Ending.POLITE)
        client.wait(0)
        hook.answer("no")
        client.expect(550)
        assert names(client) == ""

    def test_an_empty_file_is_checked(self, enter, files):
        hook = Checker()
        client = enter(filesystem=files, hooks=[hook])
        begin_upload(client, "STOR new", b"")
        assert hook.seen == [b""]
        hook.answer()
        client.expect(226)

    def test_no_descriptor_is_left(self, enter, tmp_path):
        hook = Checker()
        client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()), hooks=[hook])
        before = len(os.listdir("/proc/self/fd"))
        for reason in ("", "no", ""):
            begin_upload(client, "STOR new", DATA)
            hook.answer(reason)
            client.expect(550 if reason else 226)
        client.wait(5)  # the last data connection is seen off
        assert len(os.listdir("/proc/self/fd")) == before
