"""What clients do that keep to themselves when they speak, read and close."""

from __future__ import annotations

import random
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.clients import Bare, everything, reset
from tests.interop.server import Server, eventually

SOME = random.Random(3).randbytes(400_000)
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def test_pipelined_commands(server: Server, folder: Path) -> None:
    with Bare(server) as client:
        client.send(
            f"CWD {folder.name}\r\nMKD a\r\nNOOP\r\nMKD b\r\nRMD a\r\nPWD\r\nSYST\r\n".encode()
        )
        client.expect(250, 257, 200, 257, 250, 257, 215)
        assert [each.name for each in folder.iterdir()] == ["b"]
        client.send("NOOP\r\n" * 2000 + "QUIT")
        client.expect(*[200] * 2000, 221)
        assert client.line() == ""


def test_commands_in_single_octets(server: Server) -> None:
    with Bare(server) as client:
        for octet in b"PWD\r\n":
            client.send(bytes([octet]))
        client.expect(257)


def test_commands_behind_a_transfer_wait_for_it(server: Server, folder: Path) -> None:
    (folder / "some").write_bytes(SOME)
    with Bare(server) as client:
        client.command(f"CWD {folder.name}", 250)
        data = client.passive()
        client.send("RETR some\r\nDELE some\r\nSIZE some")
        client.expect(150)
        with client.protect(data) as protected:
            assert everything(protected) == SOME
        client.expect(226, 250, 550)


@VERSIONS
def test_a_handshake_before_the_command(server: Server, folder: Path, version: str) -> None:
    with Bare(server, version=version) as client:
        client.command(f"CWD {folder.name}", 250)
        for number in range(3):
            data = client.protect(client.passive())
            assert data.session_reused
            client.command(f"STOR {number}", 150)
            data.sendall(SOME)
            data.unwrap().close()
            client.expect(226)
            data = client.protect(client.passive())
            client.command(f"RETR {number}", 150)
            assert everything(data) == SOME
            data.unwrap().close()
            client.expect(226)
        data = client.protect(client.passive())
        client.command("NLST", 150)
        assert sorted(everything(data).split()) == [b"0", b"1", b"2"]
        data.close()
        client.expect(226)


@VERSIONS
def test_the_upload_before_its_command(server: Server, folder: Path, version: str) -> None:
    """A client in a hurry: all of it is sent, and TLS closed, before STOR."""
    with Bare(server, version=version) as client:
        data = client.protect(client.passive())
        data.sendall(SOME[:50_000])
        data.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            data.unwrap()
        client.command(f"STOR {folder.name}/early", 150, 226)
        data.close()
        assert (folder / "early").read_bytes() == SOME[:50_000]


class WriteOnly:
    """TLS that reads for its handshake, and then nothing more: tickets stay unread.

    What Perl's Net::FTP does, without its chance in timing.
    """

    def __init__(self, client: Bare, sock: socket.socket) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        assert isinstance(client.sock, ssl.SSLSocket)
        self._tls = client.context.wrap_bio(
            self._in, self._out, server_hostname="localhost", session=client.sock.session
        )
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                received = sock.recv(65536)
                assert received
                self._in.write(received)

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def close(self) -> None:
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        self._sock.close()

    def _flush(self) -> None:
        if data := self._out.read():
            self._sock.sendall(data)


@VERSIONS
def test_a_hundred_uploads_by_a_client_that_never_reads(
    server: Server, folder: Path, version: str
) -> None:
    with Bare(server, version=version) as client:
        for number in range(100):
            data = client.passive()
            client.command(f"STOR {folder.name}/{number}", 150)
            upload = WriteOnly(client, data)
            for at in range(0, len(SOME), 65536):
                upload.send(SOME[at : at + 65536])
            upload.close()
            client.expect(226)
    assert [each for each in folder.iterdir() if each.read_bytes() != SOME] == []
    assert len(list(folder.iterdir())) == 100


@VERSIONS
@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_truncated_upload_leaves_the_old_file(
    server: Server, folder: Path, version: str, how: str
) -> None:
    (folder / "old").write_bytes(b"as it was")
    with Bare(server, version=version) as client:
        client.command(f"CWD {folder.name}", 250)
        for name in ("old", "new"):
            data = client.transfer(f"STOR {name}")
            data.sendall(SOME)
            if how == "end":
                data.close()
            else:
                reset(data)
            client.expect(426)
        client.command("NOOP", 200)
    assert [each.name for each in folder.iterdir()] == ["old"]
    assert (folder / "old").read_bytes() == b"as it was"


def test_a_truncated_resume_keeps_what_arrived(server: Server, folder: Path) -> None:
    (folder / "part").write_bytes(SOME[:1000])
    with Bare(server) as client:
        client.command("REST 1000", 350)
        data = client.transfer(f"STOR {folder.name}/part")
        data.sendall(SOME[1000:200_000])
        eventually(lambda: (folder / "part").stat().st_size > 100_000)
        data.close()
        reply = client.expect(426)
        size = (folder / "part").stat().st_size
        assert f"{size} octets are stored" in reply
        assert (folder / "part").read_bytes() == SOME[:size]


def test_noop_and_stat_during_a_transfer(server: Server, folder: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(64 << 20)
    with Bare(server) as client:
        data = client.transfer(f"RETR {folder.name}/big")
        assert data.recv(1000)
        for _ in range(50):
            client.command("NOOP", 200)
        assert f"RETR /{folder.name}/big" in client.command("STAT", 211)
        assert 0 < len(everything(data)) < 64 << 20
        data.close()
        client.expect(226)
        client.command("PWD", 257)


@pytest.mark.parametrize("direction", ["RETR", "STOR"])
def test_quit_during_a_transfer(server: Server, folder: Path, direction: str) -> None:
    content = SOME * 20
    (folder / "file").write_bytes(content if direction == "RETR" else b"old")
    with Bare(server) as client:
        data = client.transfer(f"{direction} {folder.name}/file")
        if direction == "RETR":
            assert data.recv(1) == content[:1]
            client.send("QUIT")
            assert everything(data) == content[1:]
        else:
            data.sendall(content[:1000])
            client.send("QUIT")
            data.sendall(content[1000:])
            data.unwrap()
        data.close()
        client.expect(226, 221)
        assert client.line() == ""
        assert (folder / "file").read_bytes() == content


def test_quit_with_its_transfer_command_in_one_segment(server: Server, folder: Path) -> None:
    (folder / "some").write_bytes(SOME)
    with Bare(server) as client:
        data = client.passive()
        client.send(f"RETR {folder.name}/some\r\nQUIT")
        client.expect(150)
        with client.protect(data) as protected:
            assert everything(protected) == SOME
        client.expect(226, 221)


def test_abort_before_the_data_connection(server: Server, folder: Path) -> None:
    with Bare(server) as client:
        client.passive().close()
        client.command("ABOR", 226)
        client.command("EPSV", 229)
        client.command(f"STOR {folder.name}/never", 150)
        client.command("ABOR", 426, 226)
        client.command("EPSV", 229)
        client.send(f"STOR {folder.name}/never\r\nABOR")
        if not client.reply().startswith("426 "):  # where nothing was waited for, it was begun
            client.expect(426)
        client.expect(226)
        client.command("NOOP", 200)
    assert list(folder.iterdir()) == []


def test_abort_in_the_telnet_way(server: Server, folder: Path) -> None:
    """Interrupt, urgent data mark, and the command behind them (RFC 959 §4.1.3)."""
    with (folder / "big").open("wb") as file:
        file.truncate(256 << 20)
    with Bare(server) as client:
        data = client.transfer(f"RETR {folder.name}/big")
        assert data.recv(1000)
        client.send(b"\xff\xf4\xff\xf2ABOR\r\n")
        client.expect(426, 226)
        data.close()
        client.command("NOOP", 200)


def test_a_stranger_and_a_silent_connection_do_not_use_up_the_port(
    server: Server, folder: Path
) -> None:
    (folder / "some").write_bytes(SOME)
    with Bare(server) as client:
        silent = client.passive()
        garbage = socket.create_connection(silent.getpeername(), 60)
        garbage.sendall(b"GET / HTTP/1.0\r\n\r\n")
        data = socket.create_connection(silent.getpeername(), 60)
        client.command(f"RETR {folder.name}/some", 150)
        with client.protect(data) as protected:
            assert everything(protected) == SOME
        client.expect(226)
        silent.close()
        garbage.close()


def test_a_session_of_its_own_yields_to_one_that_is_resumed(server: Server, folder: Path) -> None:
    (folder / "some").write_bytes(SOME)
    with Bare(server) as client:
        first = client.passive()
        second = socket.create_connection(first.getpeername(), 60)
        thief = client.context.wrap_socket(first, server_hostname="localhost")
        mine = client.protect(second)
        client.command(f"RETR {folder.name}/some", 150)
        assert everything(mine) == SOME
        client.expect(226)
        mine.close()
        with suppress(OSError):  # closed, well or not
            assert thief.recv(1) == b""
        thief.close()


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "EHLO mail.example"])
def test_another_protocol_is_told_to_go(server: Server, line: str) -> None:
    with Bare(server, login=False) as client:
        client.command(line, 421)
        assert client.line() == ""


def test_commands_behind_auth_end_the_connection(server: Server) -> None:
    with Bare(server, login=False) as client:
        client.send("AUTH TLS\r\nNOOP")
        client.expect(421)
        assert client.line() == ""


def test_a_line_without_end(server: Server) -> None:
    with Bare(server) as client:
        before = server.memory()
        with suppress(OSError):  # it has enough before
            for _ in range(64):
                client.send(b"A" * (1 << 20))
        assert server.memory() < before + (16 << 20)
    with Bare(server) as client:
        client.command("NOOP", 200)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_can_be_resumed_for_days(server: Server, folder: Path, version: str) -> None:
    """Longer than any control connection lasts, so its data connections never lose it."""
    (folder / "f").write_bytes(b"x")
    with Bare(server, version=version) as client:
        client.command(f"SIZE {folder.name}/f", 213)
        session = client.sock.session
        assert session.ticket_lifetime_hint == 7 * 24 * 3600
        data = client.transfer(f"RETR {folder.name}/f")
        assert data.session_reused
        assert everything(data) == b"x"
        data.close()
        client.expect(226)
