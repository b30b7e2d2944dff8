"""Filesystems as avatars of ``twisted.protocols.ftp``."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.protocols import ftp
from twisted.protocols.basic import FileSender
from twisted.protocols.ftp import FileConsumer, IFTPShell, IReadFile, IWriteFile
from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem
from ftptls.testing.filesystem import InlineWorkers
from ftptls.vfs.ftpshell import AsShell, ShellFilesystem
from ftptls.vfs.ftpshell.errors import RefusedError
from ftptls.vfs.ftpshell.facts import KEYS
from ftptls.vfs.ftpshell.files import StoppedError
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.entries import Entry, Kind

CONTENT = {"/in/a.txt": b"hello", "/in/deep/": b"", "/b": b"12"}
BIG = bytes(range(256)) * 4096  # one MiB


def now(deferred: Deferred[Any]) -> Any:
    """What a Deferred fired with, which it has."""
    results: list[Any] = []
    deferred.addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


@pytest.fixture
def memory() -> MemoryFilesystem:
    return MemoryFilesystem(CONTENT, now=lambda: 1000.0)


@pytest.fixture
def shell(memory: MemoryFilesystem) -> AsShell:
    return AsShell(memory)


class Consumer:
    """Takes pieces, and pauses behind each if it is to."""

    def __init__(self, *, pauses: bool = False, refuses: bool = False) -> None:
        self.data = b""
        self.producer: Any = None
        self.ended = 0
        self._pauses, self._refuses = pauses, refuses

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.ended += 1

    def write(self, data: bytes) -> None:
        if self._refuses:
            raise TypeError("as Twisted's server does in TYPE A")
        self.data += data
        if self._pauses:
            self.producer.pauseProducing()


class Producer:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


# --- names and what is told ----------------------------------------------------------------


def test_interfaces(shell: AsShell, memory: MemoryFilesystem) -> None:
    assert verifyObject(IFTPShell, shell)
    assert verifyObject(IReadFile, now(shell.openForReading(["b"])))
    assert verifyObject(IWriteFile, now(shell.openForWriting(["b"])))
    assert isinstance(IFTPShell(memory), AsShell)
    assert IFilesystem(shell) is memory  # with all that it can do


def test_listing(shell: AsShell) -> None:
    assert sorted(now(shell.list(["in"], ("size", "directory")))) == [
        ("a.txt", [5, False]),
        ("deep", [0, True]),
    ]
    assert now(shell.list(["in", "deep"])) == []
    assert now(shell.list(["in", "a.txt"], ("size",))) == [("a.txt", [5])]
    assert now(shell.list([])) == [("in", []), ("b", [])]


def test_stat_by_each_key(shell: AsShell) -> None:
    size, directory, permissions, links, modified, owner, group = now(shell.stat(["b"], KEYS))
    assert (size, directory, links, modified, owner, group) == (2, False, 1, 1000, "ftp", "ftp")
    assert permissions.shorthand() == "rw-r--r--"  # Twisted's server asks for that
    with pytest.raises(ValueError, match="'colour' is no key"):
        now(shell.stat(["b"], ("size", "colour")))


def test_access_is_for_directories(shell: AsShell) -> None:
    assert now(shell.access(["in"])) is None
    assert now(shell.access([])) is None
    with pytest.raises(ftp.IsNotADirectoryError):
        now(shell.access(["b"]))
    with pytest.raises(ftp.FileNotFoundError):
        now(shell.access(["none"]))


def test_changes(shell: AsShell, memory: MemoryFilesystem) -> None:
    now(shell.makeDirectory(["new"]))
    now(shell.rename(["b"], ["new", "b"]))
    now(shell.removeDirectory(["in", "deep"]))
    now(shell.removeFile(["in", "a.txt"]))
    assert memory.contents() == {"/new/b": b"12"}


@pytest.mark.parametrize(
    ("segments", "path"),
    [(["ü"], "/ü"), ([b"\xc3\xbc"], "/ü"), (["a", b"\xff"], "/a/\udcff"), (["\xc3\xbc"], "/Ã¼")],
)
def test_segments(segments: list[str | bytes], path: str) -> None:
    names: dict[str, bytes] = {path: b"1"}
    assert now(AsShell(MemoryFilesystem(names)).stat(segments, ("size",))) == [1]


def test_segments_of_twisteds_own_server() -> None:
    shell = AsShell(MemoryFilesystem({"/ü": b"1", "/\udcff": b"2"}), wire_names=True)
    assert now(shell.stat(["\xc3\xbc"], ("size",))) == [1]
    assert now(shell.stat(["\xff"], ("size",))) == [1]
    assert now(shell.list([])) == [("ü", []), (b"\xff", [])]
    with pytest.raises(RefusedError):
        now(shell.stat(["\u6f22"]))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "nul\0"])
def test_segments_that_are_no_names(shell: AsShell, name: str) -> None:
    for call in (shell.stat, shell.list, shell.openForReading, shell.openForWriting):
        with pytest.raises(RefusedError) as caught:
            now(call(["in", name]))
        assert caught.value.response() == "553 Not allowed with this name."


def test_links_are_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "in").mkdir()
    (tmp_path / "file").symlink_to("a")
    (tmp_path / "folder").symlink_to("in")
    (tmp_path / "dead").symlink_to("nowhere")
    shell = AsShell(LocalFilesystem(tmp_path, InlineWorkers()))
    found = dict(now(shell.list([], ("directory", "size"))))
    assert found["file"] == [False, 2]
    assert found["folder"][0] is True
    assert found["dead"][0] is False


def test_a_link_that_vanishes_while_it_is_listed() -> None:
    class Moving(MemoryFilesystem):
        async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
            yield [Entry("gone", Kind.LINK)]

    assert now(AsShell(Moving()).list([], ("directory",))) == [("gone", [False])]


# --- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda shell: shell.stat(["none"]), ftp.FileNotFoundError),
        (lambda shell: shell.makeDirectory(["b"]), ftp.FileExistsError),
        (lambda shell: shell.makeDirectory(["b", "c"]), ftp.IsNotADirectoryError),
        (lambda shell: shell.removeFile(["in"]), ftp.IsADirectoryError),
        (lambda shell: shell.removeDirectory([]), ftp.PermissionDeniedError),
        (lambda shell: shell.openForReading(["in"]), ftp.IsADirectoryError),
        (lambda shell: shell.openForWriting(["none", "x"]), ftp.FileNotFoundError),
    ],
)
def test_errors_twisted_knows(shell: AsShell, call: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        now(call(shell))


def test_errors_it_does_not_know(shell: AsShell) -> None:
    with pytest.raises(RefusedError) as caught:
        now(shell.removeDirectory(["in"]))
    assert caught.value.response() == "550 Directory is not empty."
    assert caught.value.errorCode in ftp.RESPONSE
    assert ftp.RESPONSE[caught.value.errorCode] % "in"  # as the server words it for RETR


def test_words_of_our_own() -> None:
    class Picky(MemoryFilesystem):
        async def stat(self, path: PurePosixPath) -> Entry:
            raise PermanentError(552, "You have had enough, 漢.")

    with pytest.raises(RefusedError) as caught:
        now(AsShell(Picky()).stat(["b"]))
    assert caught.value.response().encode("latin-1").decode() == "552 You have had enough, 漢."


def test_a_name_in_words_of_twisteds() -> None:
    """Its server sends replies as Latin-1; none may fail there."""
    shell = AsShell(MemoryFilesystem(), wire_names=True)
    name = "漢".encode().decode("latin-1")
    file = now(shell.openForWriting([name]))
    now(file.receive())
    now(shell.makeDirectory([name]))
    with pytest.raises(ftp.IsADirectoryError) as caught:
        now(file.close())
    assert caught.value.response().encode("latin-1").decode() == "550 漢: is a directory"


def test_a_mistake_stays_one() -> None:
    class Broken(MemoryFilesystem):
        async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
            raise KeyError(path)
            yield ()

    with pytest.raises(KeyError):
        now(AsShell(Broken()).list([]))


# --- sending -------------------------------------------------------------------------------


def test_a_file_is_sent() -> None:
    consumer = Consumer()
    now(now(AsShell(MemoryFilesystem({"/big": BIG})).openForReading(["big"])).send(consumer))
    assert consumer.data == BIG
    assert consumer.ended == 1


def test_a_file_is_sent_as_the_consumer_has_room() -> None:
    consumer = Consumer(pauses=True)
    file = now(AsShell(MemoryFilesystem({"/big": BIG})).openForReading(["big"]))
    sent = file.send(consumer)
    sizes = []
    while not sent.called:
        sizes.append(len(consumer.data))
        file.resumeProducing()
    assert consumer.data == BIG
    assert sizes == sorted(set(sizes))  # each time a piece more, and no more than that
    assert len(sizes) > 4


def test_a_consumer_that_goes_away() -> None:
    closed = []

    class Watched(MemoryFilesystem):
        async def open_read(self, path: PurePosixPath) -> Any:
            reader = await super().open_read(path)
            close = reader.close

            async def noted() -> None:
                closed.append(path)
                await close()

            reader.close = noted
            return reader

    shell = AsShell(Watched({"/big": BIG}))
    consumer = Consumer(pauses=True)
    file = now(shell.openForReading(["big"]))
    sent = file.send(consumer)
    file.stopProducing()
    with pytest.raises(StoppedError):
        now(sent)
    assert (len(consumer.data), consumer.ended, len(closed)) == (128 * 1024, 1, 1)
    consumer = Consumer(refuses=True)
    with pytest.raises(TypeError, match="TYPE A"):
        now(now(shell.openForReading(["big"])).send(consumer))
    assert (consumer.ended, len(closed)) == (1, 2)


def test_a_consumer_that_goes_away_while_the_disk_is_read(memory: MemoryFilesystem) -> None:
    file, consumer = now(AsShell(memory).openForReading(["b"])), Consumer()
    reading: Deferred[bytes] = Deferred()
    file._reader.read_at = lambda offset, size: reading
    sent = file.send(consumer)
    consumer.producer.stopProducing()
    reading.callback(b"12")
    with pytest.raises(StoppedError):
        now(sent)
    assert (consumer.data, consumer.ended) == (b"", 1)


def test_a_disk_that_fails_under_a_file_that_is_sent(shell: AsShell) -> None:
    file = now(shell.openForReading(["b"]))
    file._reader._node = None
    with pytest.raises(RefusedError) as caught:
        now(file.send(Consumer()))
    assert caught.value.response().startswith("451 ")


# --- receiving -----------------------------------------------------------------------------


def store(shell: AsShell, path: list[str], *pieces: bytes) -> None:
    file = now(shell.openForWriting(path))
    consumer = now(file.receive())
    consumer.registerProducer(Producer(), True)
    for piece in pieces:
        consumer.write(piece)
    consumer.unregisterProducer()
    now(file.close())


def test_a_file_is_received(shell: AsShell, memory: MemoryFilesystem) -> None:
    store(shell, ["b"], b"01", b"23", b"45")
    store(shell, ["nothing"])
    assert memory.contents() == {"/b": b"012345", "/nothing": b"", "/in/a.txt": b"hello"}


def test_it_appears_when_it_is_closed(shell: AsShell, memory: MemoryFilesystem) -> None:
    file = now(shell.openForWriting(["b"]))
    consumer = now(file.receive())
    consumer.write(b"new")
    assert memory.contents()["/b"] == b"12"
    now(file.close())
    assert memory.contents()["/b"] == b"new"


def test_it_is_received_from_who_waits_to_be_asked(
    shell: AsShell, memory: MemoryFilesystem, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(BIG)
    file = now(shell.openForWriting(["big"]))
    consumer = now(file.receive())
    with (tmp_path / "big").open("rb") as source:
        now(FileSender().beginFileTransfer(source, consumer))
    now(file.close())
    assert memory.contents()["/big"] == BIG


class Slow(MemoryFilesystem):
    """Its uploads write when they are let."""

    def __init__(self, *, limit: int = 2**26) -> None:
        super().__init__(limit=limit)
        self.waiting: list[Deferred[None]] = []

    async def open_write(self, *args: Any) -> Any:
        upload = await super().open_write(*args)
        write = upload.write_at

        async def later(offset: int, data: bytes) -> None:
            self.waiting.append(Deferred())
            await self.waiting[-1]
            await write(offset, data)

        upload.write_at = later
        return upload

    def let(self) -> None:
        self.waiting.pop(0).callback(None)


def test_who_writes_is_held_back() -> None:
    slow, producer = Slow(), Producer()
    file = now(AsShell(slow).openForWriting(["big"]))
    consumer = now(file.receive())
    consumer.registerProducer(producer, True)
    for start in range(0, len(BIG), 2**16):
        consumer.write(BIG[start : start + 2**16])
    assert producer.told == ["pause"]
    assert len(slow.waiting) == 1  # one after the other
    for _ in range(16):
        assert producer.told == ["pause"]
        slow.let()
        if producer.told[-1] == "resume":
            break
    assert producer.told == ["pause", "resume"]
    consumer.unregisterProducer()
    closed = file.close()
    assert not closed.called
    while slow.waiting:
        slow.let()
    now(closed)
    assert slow.contents() == {"/big": BIG}


def test_a_full_disk_stops_who_writes_and_is_told_at_the_end() -> None:
    slow, producer = Slow(limit=10), Producer()
    file = now(AsShell(slow).openForWriting(["big"]))
    consumer = now(file.receive())
    consumer.registerProducer(producer, True)
    consumer.write(b"0" * 8)
    consumer.write(b"1" * 8)
    closed = file.close()
    slow.let()
    assert not closed.called
    slow.let()
    assert producer.told == ["stop"]
    consumer.write(b"2")
    assert slow.waiting == []
    with pytest.raises(RefusedError) as caught:
        now(closed)
    assert caught.value.response() == "452 No space left on the server."
    assert slow.contents() == {}


def test_a_file_that_cannot_begin(shell: AsShell, memory: MemoryFilesystem) -> None:
    file = now(shell.openForWriting(["in", "deep", "x"]))
    now(shell.removeDirectory(["in", "deep"]))
    with pytest.raises(ftp.FileNotFoundError):
        now(file.receive())


def test_a_commit_that_is_refused(shell: AsShell, memory: MemoryFilesystem) -> None:
    file = now(shell.openForWriting(["x"]))
    now(file.receive()).write(b"1")
    now(shell.makeDirectory(["x"]))
    with pytest.raises(ftp.IsADirectoryError):
        now(file.close())


# --- both at once --------------------------------------------------------------------------


def test_errors_come_back_as_they_were(shell: AsShell) -> None:
    files = ShellFilesystem(shell)
    results: list[Any] = []
    Deferred.fromCoroutine(files.remove_directory(PurePosixPath("/in"))).addBoth(results.append)
    assert results[0].value.errno == errno.ENOTEMPTY


def test_a_shell_of_twisteds_writes_into_ours(tmp_path: Path, memory: MemoryFilesystem) -> None:
    """What one sends, the other receives."""
    (tmp_path / "big").write_bytes(BIG)
    theirs = ftp.FTPShell(ftp.filepath.FilePath(str(tmp_path)))
    file = now(AsShell(memory).openForWriting(["big"]))
    now(now(theirs.openForReading(["big"])).send(now(file.receive())))
    now(file.close())
    assert memory.contents()["/big"] == BIG
    back = now(theirs.openForWriting(["back"]))
    consumer = now(back.receive())
    assert isinstance(consumer, FileConsumer)
    now(now(AsShell(memory).openForReading(["big"])).send(consumer))
    now(back.close())
    assert (tmp_path / "back").read_bytes() == BIG
