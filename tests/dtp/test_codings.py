"""TYPE A and MODE Z on both ways a transfer can take: by a worker, and on the reactor."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.dtp.candidates import Channel
from ftptls.dtp.codings import decoder_of_files, encoder_of_files
from ftptls.dtp.pumps import NO_END, BrokenError
from ftptls.dtp.transfer import Transfer
from ftptls.errors import PermanentError
from ftptls.interfaces import IDescriptor, IFileReader, IUpload, Store
from ftptls.progress import AbortedError, Progress
from ftptls.session import Parameters
from ftptls.settings import Limits
from ftptls.testing.filesystem import run_now
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.representation import Representation, TransferMode
from ftptls.workers import InlineWorkers

MIB = 1024 * 1024
TEXT = b"".join(b"%d bottles of beer\n" % number for number in range(200_000))
Z = Parameters(Representation.IMAGE, TransferMode.DEFLATE)
ASCII_Z = Parameters(Representation.ASCII, TransferMode.DEFLATE)


class Wire:
    """A clear connection that delivers what it is given, and keeps what it is sent."""

    threadable = True

    def __init__(self, data: bytes = b"", progress: Progress | None = None) -> None:
        self._data = memoryview(data)
        self._progress = progress
        self.sent = bytearray()

    def receive_into(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._data), 100_000)
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        if not count and self._progress is not None:
            self._progress.aborted = True  # set first, and then the connection is shut
        return count

    def send(self, data: memoryview) -> int:
        self.sent += data[:100_000]
        return min(len(data), 100_000)

    def shut_write(self) -> None:
        pass


@implementer(IDescriptor, IFileReader, IUpload)
class Opened:
    """A real file, which a worker reads and writes."""

    in_place = True
    offset = 0

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b")

    async def begin(self) -> None:
        pass

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


class Over:
    """Transfers over a connection, with a reactor that gives everybody his turn."""

    def __init__(self, wire: Wire, progress: Progress) -> None:
        self._clock = Clock()
        channel = Channel(wire, None)
        self._transfer = Transfer(self._clock, InlineWorkers(), Limits(), channel, progress)

    def send(self, *args: Any) -> None:
        self._run(self._transfer.send_file(*args))

    def receive(self, upload: Any, decoder: Any) -> None:
        self._run(self._transfer.receive_file(upload, decoder, accept_fin=False))

    def _run(self, coroutine: Any) -> None:
        results: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(results.append)
        while not results:
            self._clock.advance(0)
        if isinstance(results[0], Failure):
            results[0].raiseException()


WAYS = ["by a worker", "on the reactor"]


def send(tmp_path: Path, way: str, content: bytes, parameters: Parameters, *part: int) -> bytes:
    """What goes over the wire of a file, or of a part of it."""
    wire, progress = Wire(), Progress()
    offset, end = part or (0, NO_END)
    encoder = encoder_of_files(parameters)
    if way == "by a worker":
        (tmp_path / "file").write_bytes(content)
        reader: Any = Opened(tmp_path / "file")
        Over(wire, progress).send(reader, offset, end, encoder)
        reader.close()
    else:
        reader = run_now(MemoryFilesystem({"/f": content}).open_read(PurePosixPath("/f")))
        Over(wire, progress).send(reader, offset, end, encoder)
        run_now(reader.close())
    assert progress.octets == len(content[offset:end])  # of the file, however they go
    return bytes(wire.sent)


def receive(
    tmp_path: Path, way: str, data: bytes, parameters: Parameters, *, aborted: bool = False
) -> bytes:
    """What the file gets of what comes over the wire."""
    progress = Progress()
    wire = Wire(data, progress if aborted else None)
    decoder = decoder_of_files(parameters, Limits())
    if way == "by a worker":
        (tmp_path / "file").write_bytes(b"")
        upload: Any = Opened(tmp_path / "file")
        try:
            Over(wire, progress).receive(upload, decoder)
        finally:
            upload.close()
        content = (tmp_path / "file").read_bytes()
    else:
        filesystem = MemoryFilesystem()
        upload = run_now(filesystem.open_write(PurePosixPath("/f"), Store.REPLACE, 0))
        Over(wire, progress).receive(upload, decoder)
        run_now(upload.commit())
        content = filesystem.contents()["/f"]
    assert progress.octets == len(content)
    return content


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("content", [b"", b"x", TEXT], ids=len)
def test_there_and_back(tmp_path: Path, way: str, content: bytes) -> None:
    wire = send(tmp_path, way, content, Z)
    assert zlib.decompress(wire) == content
    assert receive(tmp_path, way, wire, Z) == content


@pytest.mark.parametrize("way", WAYS)
def test_text_there_and_back(tmp_path: Path, way: str) -> None:
    wire = send(tmp_path, way, TEXT, ASCII_Z)
    assert zlib.decompress(wire) == TEXT.replace(b"\n", b"\r\n")
    assert receive(tmp_path, way, wire, ASCII_Z) == TEXT
    plain = Parameters(Representation.ASCII)
    assert send(tmp_path, way, TEXT, plain) == zlib.decompress(wire)
    assert receive(tmp_path, way, zlib.decompress(wire), plain) == TEXT


@pytest.mark.parametrize("way", WAYS)
def test_a_part(tmp_path: Path, way: str) -> None:
    wire = send(tmp_path, way, TEXT, Z, 1000, 600_000)
    assert zlib.decompress(wire) == TEXT[1000:600_000]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "data", [b"", b"no deflate", zlib.compress(TEXT)[:-1], zlib.compress(TEXT) + b"x"], ids=len
)
def test_damage(tmp_path: Path, way: str, data: bytes) -> None:
    with pytest.raises(BrokenError, match="deflate"):
        receive(tmp_path, way, data, Z)


@pytest.mark.parametrize("way", WAYS)
def test_an_abort_is_no_end_of_the_data(tmp_path: Path, way: str) -> None:
    with pytest.raises(AbortedError):
        receive(tmp_path, way, zlib.compress(TEXT), Z, aborted=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_takes_no_memory(tmp_path: Path, way: str) -> None:
    stream = zlib.compressobj(9)
    bomb = b"".join(stream.compress(bytes(MIB)) for _ in range(1024)) + stream.flush()
    if way == "by a worker":  # where it lands is no part of the question
        tracemalloc.start()
    with pytest.raises(PermanentError, match=r"552 .*limits\.inflation.*MODE S"):
        receive(tmp_path, way, bomb, Z)
    if tracemalloc.is_tracing():
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        tracemalloc.stop()
        assert (tmp_path / "file").stat().st_size < 32 * MIB
