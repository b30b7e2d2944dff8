"""Avatars of ``twisted.protocols.ftp`` as filesystems: what the contract does not ask."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.protocols import ftp
from twisted.protocols.basic import FileSender
from twisted.python.filepath import FilePath, InsecurePath, Permissions
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.errors import FTPError, PermanentError
from ftptls.interfaces import IFileReader, IFilesystem, IUpload, Store
from ftptls.testing.filesystem import run_now
from ftptls.vfs import avatars
from ftptls.vfs.ftpshell import ShellFilesystem
from ftptls.vfs.ftpshell.errors import from_shell
from ftptls.wire.entries import Entry, Kind
from tests.shells import LateShell

P = PurePosixPath
T = TypeVar("T")


class Late:
    """A late shell, and what makes it answer.

    Args:
        content: Its files.
    """

    def __init__(self, content: dict[str, bytes | None], **options: Any) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self.shell = LateShell(content, self._waiting.append)
        self.files = ShellFilesystem(self.shell, **options)

    def step(self) -> None:
        self._waiting.popleft()()

    def answer(self) -> None:
        while self._waiting:
            self.step()

    def start(self, awaitable: Awaitable[T]) -> list[Any]:
        """Where the result will be, or the failure."""
        results: list[Any] = []

        async def wait() -> T:
            return await awaitable

        Deferred.fromCoroutine(wait()).addBoth(results.append)
        return results

    def run(self, awaitable: Awaitable[T]) -> T:
        results = self.start(awaitable)
        while not results and self._waiting:
            self.step()
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result

    def scan(self, path: str) -> list[Entry]:
        async def scan() -> list[Entry]:
            return [entry async for batch in self.files.scan(P(path)) for entry in batch]

        return self.run(scan())

    def calls(self) -> list[tuple[str, str]]:
        made, self.shell.asked = self.shell.asked, []
        return made


def names(filesystem: IFilesystem, path: str = "/") -> set[str]:
    async def scan() -> set[str]:
        return {entry.name async for batch in filesystem.scan(P(path)) for entry in batch}

    return run_now(scan())


def disk(folder: Path, kind: type[ftp.FTPAnonymousShell] = ftp.FTPShell) -> ShellFilesystem:
    return ShellFilesystem(kind(FilePath(str(folder))))


# --- errors --------------------------------------------------------------------------------


class OwnCode(ftp.FTPCmdError):
    errorCode = ftp.EXCEEDED_STORAGE_ALLOC


class OwnTransient(ftp.FTPCmdError):
    errorCode = ftp.REQ_ACTN_ABRTD_INSUFF_STORAGE


class ShortCode(ftp.FTPCmdError):
    errorCode = "5"


class OddCode(ftp.FTPCmdError):
    errorCode = "999.what"


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (ftp.FileNotFoundError("x"), errno.ENOENT),
        (ftp.PermissionDeniedError("x"), errno.EACCES),
        (ftp.IsNotADirectoryError("x"), errno.ENOTDIR),
        (ftp.IsADirectoryError("x"), errno.EISDIR),
        (ftp.FileExistsError("x"), errno.EEXIST),
        (ftp.CmdNotImplementedError("x"), errno.EOPNOTSUPP),
        (ftp.CmdNotImplementedForArgError("x"), errno.EOPNOTSUPP),
        (NotImplementedError(), errno.EOPNOTSUPP),
        (InsecurePath("/etc"), errno.EINVAL),
        (OSError(errno.ENOSPC, "full"), errno.ENOSPC),
    ],
)
def test_errors_with_a_number(error: Exception, number: int) -> None:
    told = from_shell(error)
    assert isinstance(told, OSError)
    assert told.errno == number


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ftp.AnonUserDeniedError(), 550, "Anonymous users are forbidden to change the filesystem"),
        (OwnCode("/echo"), 552, "Requested file action aborted, exceeded file storage allocation"),
        (OwnTransient(), 452, "Requested action aborted. Insufficient storage."),
        (ftp.BadCmdSequenceError("/echo"), 550, "The request is refused."),
        (ftp.AuthorizationError(), 550, "Sorry, Authentication failed."),
        (OddCode("/echo"), 550, "The request is refused."),
        (ShortCode("/echo"), 550, "The request is refused."),
        (ftp.FTPCmdError("/echo"), 550, "The request is refused."),
    ],
)
def test_other_errors_of_commands(error: Exception, code: int, text: str) -> None:
    told = from_shell(error)
    assert isinstance(told, FTPError)
    assert (told.reply.code, told.reply.text) == (code, text)


def test_a_mistake_stays_one() -> None:
    for error in (KeyError("x"), CancelledError()):
        assert from_shell(error) is error

    class Broken(ftp.FTPShell):
        def stat(self, path: list[str], keys: tuple[str, ...] = ()) -> Any:
            raise KeyError(path)

    with pytest.raises(KeyError):
        run_now(disk(Path("/"), Broken).stat(P("/a")))


# --- looking -------------------------------------------------------------------------------


def test_a_listing_is_one_call() -> None:
    late = Late({"in": None, "in/a": b"12", "in/b": None, "in/b/c": b""})
    found = {entry.name: entry for entry in late.scan("/in")}
    assert late.calls() == [("list", "in")]
    assert {name: entry.kind for name, entry in found.items()} == {
        "a": Kind.FILE,
        "b": Kind.DIRECTORY,
    }
    assert found["a"] == late.run(late.files.stat(P("/in/a")))


def test_a_single_entry_may_be_the_path_itself() -> None:
    late = Late({"a": b"12", "in": None, "in/a": b"12"})
    assert [entry.name for entry in late.scan("/in")] == ["a"]
    assert late.calls() == [("list", "in"), ("stat", "in")]
    with pytest.raises(NotADirectoryError):
        late.scan("/a")
    with pytest.raises(FileNotFoundError):
        late.scan("/none")


def test_what_a_shell_does_not_know() -> None:
    late = Late({"a": b"12", "in": None})
    entry = late.run(late.files.stat(P("/a")))
    assert entry == Entry("a", Kind.FILE, 2, mode=0o640, owner="jörg", perm="dfrw")
    assert late.run(late.files.stat(P("/in"))).size == 0


@pytest.mark.parametrize(
    ("said", "mode"),
    [(Permissions(0o751), 0o751), (0o104755, 0o4755), (0, 0), (None, 0o644), ("rwx", 0o644)],
)
def test_permissions(said: object, mode: int, tmp_path: Path) -> None:
    class Shell(ftp.FTPShell):
        def _stat_permissions(self, fp: object) -> object:
            return said

    (tmp_path / "a").write_bytes(b"")
    assert run_now(disk(tmp_path, Shell).stat(P("/a"))).mode == mode


def test_one_dead_link_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "in").mkdir()
    (tmp_path / "dead").symlink_to("nowhere")
    assert names(disk(tmp_path)) == {"a", "in"}


def test_odd_names_in_a_listing(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff")).write_bytes(b"")
    (tmp_path / "ü").write_bytes(b"")
    assert names(disk(tmp_path)) == {"\udcff", "ü"}


def test_names_as_twisteds_server_gives_them(tmp_path: Path) -> None:
    late = Late({"\xc3\xbc": b"12"}, wire_names=True)
    assert late.run(late.files.stat(P("/ü"))).size == 2


def test_a_home_named_in_octets(tmp_path: Path) -> None:
    """As ``FTPRealm`` makes it of what Cred's checkers return."""
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "a").write_bytes(b"12")
    home = FilePath(str(tmp_path)).child(b"alice")
    with pytest.raises(TypeError):
        ftp.FTPShell(home).stat(["a"], ("size",))
    assert run_now(ShellFilesystem(ftp.FTPShell(home)).stat(P("/a"))).size == 2


# --- what never waits for ever -------------------------------------------------------------


def test_fifos_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    files = disk(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        run_now(files.open_read(P("/fifo")))
    for how in (Store.REPLACE, Store.NEW, Store.APPEND):
        with pytest.raises(OSError, match="device") as caught:
            run_now(files.open_write(P("/fifo"), how, 0))
        assert caught.value.errno == errno.ENXIO


def test_the_home_itself_is_never_changed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    files = disk(home)
    for change, number in (
        (files.remove_directory(P("/")), errno.EPERM),
        (files.remove_file(P("/")), errno.EISDIR),
        (files.rename(P("/"), P("/x")), errno.EPERM),
        (files.make_directory(P("/")), errno.EEXIST),
    ):
        with pytest.raises(OSError, match=r"\w") as caught:
            run_now(change)
        assert caught.value.errno == number
    assert home.is_dir()


def test_an_anonymous_shell_says_what_may_be_done(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    files = disk(tmp_path, ftp.FTPAnonymousShell)
    assert run_now(files.stat(P("/a"))).perm == "r"
    assert run_now(files.stat(P("/"))).perm == "el"
    for change in (files.make_directory(P("/x")), files.remove_file(P("/a"))):
        with pytest.raises(PermanentError, match="Anonymous users"):
            run_now(change)
    upload = run_now(files.open_write(P("/b"), Store.REPLACE, 0))
    with pytest.raises(PermissionError):
        run_now(upload.begin())
    run_now(upload.abandon())


# --- reading -------------------------------------------------------------------------------

BIG = bytes(range(256)) * 4096  # one MiB


def read(late: Late, reader: IFileReader, offset: int = 0) -> bytes:
    data = b""
    while piece := late.run(reader.read_at(offset + len(data), 100_000)):
        data += piece
    return data


def test_a_sender_is_held_back_while_nobody_reads() -> None:
    late = Late({"big": BIG})
    reader = late.run(late.files.open_read(P("/big")))
    assert verifyObject(IFileReader, reader)
    assert late.run(reader.read_at(0, 10)) == BIG[:10]
    late.answer()
    late.answer()
    assert ("pause", "") in late.calls()
    assert len(reader._inflow._octets) < 300_000
    assert read(late, reader, 10) == BIG[10:]
    late.run(reader.close())


def test_a_restart_reads_from_the_start_and_drops() -> None:
    late = Late({"big": BIG})
    reader = late.run(late.files.open_read(P("/big")))
    assert reader.size == len(BIG)
    assert read(late, reader, 700_001) == BIG[700_001:]
    assert late.calls().count(("openForReading", "big")) == 1


def test_going_back_opens_the_file_again() -> None:
    late = Late({"big": BIG})
    reader = late.run(late.files.open_read(P("/big")))
    assert read(late, reader) == BIG
    assert late.run(reader.read_at(5, 4)) == BIG[5:9]
    assert late.calls().count(("openForReading", "big")) == 2
    late.run(reader.close())


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 3000)), max_size=8),
    st.binary(max_size=4500),
)
def test_any_order_of_reading(reads: list[tuple[int, int]], data: bytes) -> None:
    late = Late({"a": data})
    reader = late.run(late.files.open_read(P("/a")))
    for offset, size in reads:
        found = late.run(reader.read_at(offset, size))
        assert data[offset:].startswith(found)
        assert len(found) <= size
        assert found or offset >= len(data)
    late.run(reader.close())


def test_a_reader_that_is_closed_while_somebody_waits() -> None:
    late = Late({"big": BIG})
    reader = late.run(late.files.open_read(P("/big")))
    results = late.start(reader.read_at(0, 10))
    late.run(reader.close())
    assert late.calls()[-1] == ("stop", "")
    late.answer()
    assert results[0].value.errno == errno.EBADF


def test_a_file_that_was_never_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    opened = []

    class Shell(ftp.FTPShell):
        def openForReading(self, path: list[str]) -> Any:
            return (
                super()
                .openForReading(path)
                .addCallback(opened.append)
                .addCallback(lambda _: opened[-1])
            )

    reader = run_now(disk(tmp_path, Shell).open_read(P("/a")))
    assert not opened[0].fObj.closed
    run_now(reader.close())
    assert opened[0].fObj.closed


@implementer(ftp.IReadFile)
class Sends:
    """Sends in a way of its own."""

    def __init__(self, send: Callable[[Any], Any]) -> None:
        self.send = send


def reader_of(send: Callable[[Any], Any], size: int = 4) -> IFileReader:
    class Shell(ftp.FTPShell):
        def stat(self, path: list[str], keys: tuple[str, ...] = ()) -> Any:
            return [size, False]  # not even a Deferred

        def openForReading(self, path: list[str]) -> Any:
            return succeed(Sends(send))

    return run_now(disk(Path("/"), Shell).open_read(P("/a")))


def contents(reader: IFileReader) -> bytes:
    data = b""
    while piece := run_now(reader.read_at(len(data), 3)):
        data += piece
    run_now(reader.close())
    return data


def test_a_sender_that_registers_nothing() -> None:
    def send(consumer: Any) -> Any:
        consumer.write(b"0123")
        consumer.write(b"4567")

    assert contents(reader_of(send)) == b"01234567"


def test_a_sender_that_is_done_before_all_is_sent() -> None:
    """Its Deferred fires at once; Twisted's server waits for ``unregisterProducer``, too."""

    class Producer:
        def __init__(self, consumer: Any) -> None:
            self.consumer, self.left = consumer, [b"01", b"23"]

        def resumeProducing(self) -> None:
            if self.left:
                self.consumer.write(self.left.pop(0))
            else:
                self.consumer.unregisterProducer()

        def stopProducing(self) -> None:
            self.left = []

    assert (
        contents(reader_of(lambda consumer: consumer.registerProducer(Producer(consumer), False)))
        == b"0123"
    )


def test_what_was_sent_before_it_failed_is_read_before_it_fails() -> None:
    def send(consumer: Any) -> Any:
        consumer.write(b"01")
        return fail(ftp.PermissionDeniedError("x"))

    reader = reader_of(send)
    assert run_now(reader.read_at(0, 10)) == b"01"
    for _ in range(2):
        with pytest.raises(PermissionError):
            run_now(reader.read_at(2, 10))
    run_now(reader.close())


def test_a_disk_that_fails_under_the_sender() -> None:
    class Ill:
        closed = False

        def read(self, size: int) -> bytes:
            raise OSError(errno.EIO, "ill")

        def close(self) -> None:
            self.closed = True

    ill = Ill()
    sender = FileSender()
    reader = reader_of(lambda consumer: sender.beginFileTransfer(ill, consumer))
    with pytest.raises(OSError, match="ill"):
        run_now(reader.read_at(0, 10))
    run_now(reader.close())


def test_a_reader_nobody_closed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    reader = run_now(disk(tmp_path).open_read(P("/a")))
    file = reader._inflow._file.fObj
    del reader
    assert file.closed


# --- uploads -------------------------------------------------------------------------------


def begin(late: Late, path: str) -> IUpload:
    upload = late.run(late.files.open_write(P(path), Store.REPLACE, 0))
    late.run(upload.begin())
    return upload


def test_an_upload_waits_while_the_shell_has_its_hands_full() -> None:
    late = Late({})
    upload = begin(late, "/new")
    assert verifyObject(IUpload, upload)
    late.run(upload.write_at(0, bytes(1024)))
    results = late.start(upload.write_at(1024, b"1"))
    assert results == []
    late.answer()
    assert results == [None]
    assert late.shell.content == {"": None}
    late.run(upload.commit())
    assert late.shell.content["new"] == bytes(1024) + b"1"
    assert late.calls().count(("close", "new")) == 1


def test_the_end_of_an_upload_waits_for_the_shell() -> None:
    late = Late({})
    upload = begin(late, "/new")
    results = late.start(upload.commit())
    assert results == []
    late.answer()
    assert results == [None]


def test_an_abandoned_upload_is_kept_as_far_as_it_came() -> None:
    late = Late({})
    upload = begin(late, "/new")
    assert upload.in_place
    late.run(upload.write_at(0, bytes(2000)))
    waiting = late.start(upload.write_at(2000, b"1"))
    abandoned = late.start(upload.abandon())
    late.answer()
    assert abandoned == [None]
    assert waiting[0].check(OSError).__name__ == "OSError"
    assert late.shell.content["new"] == bytes(2000)


def test_an_upload_that_is_abandoned_while_it_begins() -> None:
    late = Late({})
    upload = late.run(late.files.open_write(P("/new"), Store.REPLACE, 0))
    beginning = late.start(upload.begin())
    late.run(upload.abandon())
    late.answer()
    assert beginning[0].value.errno == errno.EBADF
    assert late.calls()[-1] == ("close", "new")


def test_an_upload_that_is_cancelled_while_it_begins() -> None:
    """What the shell opens nevertheless is closed."""
    late = Late({})
    upload = late.run(late.files.open_write(P("/new"), Store.REPLACE, 0))

    async def begin() -> None:
        await upload.begin()

    beginning = Deferred.fromCoroutine(begin())
    while late.calls()[-1:] != [("openForWriting", "new")]:
        late.step()
    beginning.cancel()
    with pytest.raises(CancelledError):
        run_now(beginning)
    late.run(upload.abandon())
    late.answer()
    assert late.calls() == [("close", "new")]


def test_only_from_front_to_back() -> None:
    late = Late({})
    upload = begin(late, "/new")
    late.run(upload.write_at(0, b"0123"))
    for offset in (0, 5):
        with pytest.raises(OSError, match="not supported"):
            late.run(upload.write_at(offset, b"x"))
    late.run(upload.abandon())


def test_what_can_be_stored_only_whole_says_so() -> None:
    late = Late({"a": b"0123"})
    for how, offset, code, hint in (
        (Store.APPEND, 0, 550, "use STOR"),
        (Store.RESUME, 2, 554, "send all of it"),
        (Store.RESUME, 5, 554, "ends at 4"),
    ):
        with pytest.raises(PermanentError, match=hint) as caught:
            late.run(late.files.open_write(P("/a"), how, offset))
        assert caught.value.reply.code == code
    assert ("openForWriting", "a") not in late.calls()


@implementer(ftp.IWriteFile)
class Takes:
    """A file whose consumer is ill in one place."""

    def __init__(self, ill: str) -> None:
        self._ill = ill
        self.calls: list[str] = []
        self.producer: Any = None

    def _do(self, what: str) -> None:
        self.calls.append(what)
        if what == self._ill:
            raise OSError(errno.ENOSPC, "full")

    def receive(self) -> Any:
        self._do("receive")
        return self

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def write(self, data: bytes) -> None:
        self._do("write")
        if self._ill == "stop":
            self.producer.stopProducing()

    def unregisterProducer(self) -> None:
        self._do("unregister")

    def close(self) -> Any:
        self._do("close")


def upload_to(file: Takes) -> IUpload:
    class Shell(ftp.FTPShell):
        def openForWriting(self, path: list[str]) -> Any:
            return succeed(file)

    return run_now(disk(Path("/nowhere"), _with_root(Shell)).open_write(P("/a"), Store.REPLACE, 0))


def _with_root(kind: type[ftp.FTPShell]) -> type[ftp.FTPShell]:
    class Shell(kind):  # type: ignore[misc, valid-type]
        def stat(self, path: list[str], keys: tuple[str, ...] = ()) -> Any:
            return [0, True][-len(keys) :] if not path else fail(ftp.FileNotFoundError(path))

    return Shell


@pytest.mark.parametrize("ill", ["receive", "write", "unregister", "close"])
def test_a_full_disk_is_told_wherever_it_shows(ill: str) -> None:
    async def store(upload: IUpload) -> None:
        await upload.begin()
        await upload.write_at(0, b"0123")
        await upload.commit()

    file = Takes(ill)
    upload = upload_to(file)
    with pytest.raises(OSError, match="full"):
        run_now(store(upload))
    run_now(upload.abandon())
    assert file.calls.count("close") == (0 if ill == "receive" else 1)
    assert file.calls.count("unregister") == file.calls.count("close")


def test_a_shell_that_wants_no_more() -> None:
    file = Takes("stop")
    upload = upload_to(file)
    run_now(upload.begin())
    run_now(upload.write_at(0, b"0123"))
    with pytest.raises(OSError, match="Input/output") as caught:
        run_now(upload.write_at(4, b"4"))
    assert caught.value.errno == errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        run_now(upload.commit())
    assert file.calls[-2:] == ["unregister", "close"]


def test_an_upload_nobody_ended(tmp_path: Path) -> None:
    upload = run_now(disk(tmp_path).open_write(P("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    run_now(upload.write_at(0, b"0123"))
    upload.__del__()
    assert (tmp_path / "a").read_bytes() == b"0123"
    with pytest.raises(OSError, match="descriptor"):
        run_now(upload.commit())


# --- what a portal is asked for ------------------------------------------------------------


def test_it_is_adapted(tmp_path: Path) -> None:
    shell = ftp.FTPShell(FilePath(str(tmp_path)))
    files = IFilesystem(shell)
    assert isinstance(files, ShellFilesystem)
    assert ftp.IFTPShell(files) is shell
    assert avatars.interfaces() == (IFilesystem, ftp.IFTPShell)


def test_who_has_no_shells_is_spared_the_import() -> None:
    code = (
        "import sys; from ftptls.vfs import avatars; import ftptls.factory; "
        "print(len(avatars.interfaces()), 'twisted.internet.reactor' in sys.modules); "
        "import twisted.protocols.ftp as ftp; "
        "print(avatars.interfaces()[1] is ftp.IFTPShell)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1 False\nTrue\n", done.stderr
