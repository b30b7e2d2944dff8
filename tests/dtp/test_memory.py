"""The memory that a transfer takes: bounded, used again for each piece, and never sent twice."""

from __future__ import annotations

import mmap
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftptls.dtp.incoming import FileUpload, Incoming
from ftptls.dtp.pumps import NO_END, PIECE, FileDownload, Outgoing, Pump, Want
from ftptls.progress import Progress
from ftptls.testing.certificates import Authority
from ftptls.tls import buffers
from ftptls.tls.buffers import PrivateCalls, PublicCalls
from ftptls.tls.stream import TLSStream
from tests.tls.conftest import Peer
from tests.tls.test_stream import shake

MIB = 1 << 20
SIZES = [0, 1, 1000, 16384, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 77]
# Of what Python counts; OpenSSL holds the records of one piece besides, and room to grow.
MOST = 2 * MIB - 768 * 1024


@pytest.fixture(params=[PrivateCalls, PublicCalls], ids=["private", "public"], autouse=True)
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "CALLS", request.param())


@pytest.fixture
def counted() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


class NarrowLink:
    """Takes and gives few octets at a time, and every other time none."""

    threadable = True

    def __init__(self, peer: Peer | None = None, content: bytes = b"") -> None:
        self.sent = bytearray()
        self._peer = peer
        self._coming = memoryview(content)
        self._calls = 0

    def _block_sometimes(self) -> None:
        self._calls += 1
        if self._calls % 2:
            raise BlockingIOError

    def send(self, data: memoryview) -> int:
        self._block_sometimes()
        taken = data[:50_000]
        if self._peer is not None:
            self._peer.take(bytes(taken))
            self.sent += self._peer.received
            self._peer.received.clear()
        else:
            self.sent += taken
        return len(taken)

    def receive_into(self, buffer: memoryview) -> int:
        self._block_sometimes()
        piece = self._coming[: min(100_000, len(buffer))]
        buffer[: len(piece)] = piece
        self._coming = self._coming[len(piece) :]
        return len(piece)


def protected() -> tuple[TLSStream, Peer]:
    """Both ends of a TLS connection behind their handshake."""
    authority = Authority()
    stream = TLSStream(authority.server_context().new_session().connection(), hold_tickets=True)
    peer = Peer(authority.client_context())
    shake(stream, peer)
    return stream, peer


def run(pump: Pump) -> None:
    while pump.step() is not Want.DONE:
        pass


def pattern(size: int) -> bytes:
    """Octets of which no two pieces are the same."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("end", [NO_END, 0, 1], ids=["whole", "to its end", "short of it"])
def test_a_download_is_its_file(tmp_path: Path, size: int, end: int) -> None:
    end = end if end == NO_END else max(0, size - end)
    (tmp_path / "file").write_bytes(pattern(size))
    stream, peer = protected()
    link, source = NarrowLink(peer), os.open(tmp_path / "file", os.O_RDONLY)
    outgoing = Outgoing(link, stream)  # type: ignore[arg-type]
    run(FileDownload(Progress(), source, 0, end, outgoing))
    assert bytes(link.sent) == pattern(size)[:end]
    os.close(source)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("clear", [False, True])
def test_an_upload_is_what_came(tmp_path: Path, size: int, clear: bool) -> None:
    stream, peer = protected()
    content = pattern(size) if clear else peer.send(pattern(size)) + peer.close()
    incoming = Incoming(NarrowLink(content=content), None if clear else stream)  # type: ignore[arg-type]
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    run(FileUpload(Progress(), target, 0, incoming))
    os.close(target)
    assert (tmp_path / "file").read_bytes() == pattern(size)


@pytest.mark.parametrize("size", [1000, 32 * MIB])
def test_a_download_takes_as_much_as_it_needs(tmp_path: Path, size: int, counted: None) -> None:
    stream, _ = protected()
    with (tmp_path / "file").open("wb") as file:
        file.truncate(size)
    link, source = NarrowLink(), os.open(tmp_path / "file", os.O_RDONLY)
    outgoing, progress = Outgoing(link, stream), Progress()  # type: ignore[arg-type]
    pump = FileDownload(progress, source, 0, size, outgoing)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    while pump.step() is not Want.DONE:
        link.sent.clear()
    taken = tracemalloc.get_traced_memory()[1] - before
    os.close(source)
    assert progress.octets == size
    assert taken < min(MOST, 64 * 1024 + 2 * size)


def mapped(memory: memoryview) -> int:
    """How much of it Python does not count."""
    return len(memory) if isinstance(memory.obj, mmap.mmap) else 0


@pytest.mark.parametrize("size", [1000, 16 * MIB])
def test_an_upload_takes_as_much_as_it_needs(tmp_path: Path, size: int, counted: None) -> None:
    stream, peer = protected()
    link = NarrowLink(content=peer.send(bytes(size)) + peer.close())
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    incoming = Incoming(link, stream)  # type: ignore[arg-type]
    pump = FileUpload(Progress(), target, 0, incoming)
    run(pump)
    taken = tracemalloc.get_traced_memory()[1] - before
    taken += mapped(pump._block._memory) + mapped(incoming._records)
    os.close(target)
    assert (tmp_path / "file").stat().st_size == size
    assert taken < min(MOST, 96 * 1024 + 2 * size)


class WideLink(NarrowLink):
    """Takes everything at once."""

    def send(self, data: memoryview) -> int:
        return len(data)


@pytest.mark.parametrize(("link", "largest"), [(NarrowLink, 32 * 1024), (WideLink, 512 * 1024)])
def test_who_is_slow_gets_small_pieces_and_takes_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: type[NarrowLink], largest: int
) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(4 * MIB)
    pieces, real = [], os.preadv

    def read(source: int, into: list[memoryview], position: int) -> int:
        pieces.append(real(source, into, position))
        return pieces[-1]

    monkeypatch.setattr(os, "preadv", read)
    source = os.open(tmp_path / "file", os.O_RDONLY)
    outgoing = Outgoing(link(), protected()[0])  # type: ignore[arg-type]
    run(FileDownload(Progress(), source, 0, 4 * MIB, outgoing))
    os.close(source)
    assert sum(pieces) == 4 * MIB
    assert max(pieces) == largest
    assert len(outgoing._records) < 2 * largest
