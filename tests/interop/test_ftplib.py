"""Python's ftplib: every way to connect, and all it can do."""

from __future__ import annotations

import ftplib
import hashlib
import io
import os
import random
from pathlib import Path

import pytest

from tests.interop.clients import Bare, fetch, ftp, store, trusting
from tests.interop.conftest import StartServer
from tests.interop.server import PASSWORD, USER, Server

SOME = random.Random(1).randbytes(300_000)


@pytest.mark.parametrize("reuse", [True, False], ids=["reuse", "new sessions"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_every_way_to_connect(
    server: Server,
    folder: Path,
    kind: str,
    family: int,
    passive: bool,
    version: str,
    reuse: bool,
) -> None:
    with ftp(
        server, kind=kind, family=family, version=version, reuse=reuse, passive=passive
    ) as client:
        assert client.sock.version() == f"TLSv{version}"
        client.cwd(folder.name)
        store(client, "some", SOME)
        assert (folder / "some").read_bytes() == SOME
        assert fetch(client, "some") == SOME
        assert client.nlst() == ["some"]
        assert client.resumed == [reuse] * 3


def test_the_umask_of_the_settings(start_server: StartServer) -> None:
    server = start_server(files=['umask = "027"'])
    with ftp(server) as client:
        store(client, "private", SOME)
        client.mkd("folder")
    modes = {path.name: path.stat().st_mode & 0o777 for path in server.root.iterdir()}
    assert modes == {"private": 0o640, "folder": 0o750}


def test_list(server: Server, folder: Path) -> None:
    (folder / "file").write_bytes(b"12345")
    (folder / "dir").mkdir()
    (folder / "dangling").symlink_to("nowhere")
    os.utime(folder / "file", (981173106, 981173106))
    with ftp(server) as client:
        client.cwd(folder.name)
        lines: list[str] = []
        client.dir(lines.append)
        rows = {line.split()[8]: line for line in lines}
        assert set(rows) == {"file", "dir", "dangling"}
        assert rows["file"].startswith("-rw-")
        assert rows["file"].split()[4] == "5"
        assert "2001" in rows["file"]
        assert rows["dir"].startswith("drwx")
        assert sorted(client.nlst()) == ["dangling", "dir", "file"]
        facts = dict(client.mlsd())
        assert facts["file"]["type"] == "file"
        assert facts["file"]["size"] == "5"
        assert facts["file"]["modify"] == "20010203040506"
        assert facts["dir"]["type"] == "dir"
        client.voidcmd("TYPE I")
        assert client.size("file") == 5
        assert client.sendcmd("MDTM file") == "213 20010203040506"


def test_an_empty_directory(server: Server, folder: Path) -> None:
    with ftp(server) as client:
        client.cwd(folder.name)
        lines: list[str] = []
        client.dir(lines.append)
        assert lines == []
        assert client.nlst() == []


def test_directories(server: Server, folder: Path) -> None:
    with ftp(server) as client:
        client.cwd(folder.name)
        assert client.mkd("made") == f"/{folder.name}/made"
        client.cwd("made")
        assert client.pwd() == f"/{folder.name}/made"
        client.cwd("..")
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            client.mkd("made")
        client.rmd("made")
        assert not (folder / "made").exists()
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            client.cwd("made")
        client.mkd("full")
        store(client, "full/file", b"x")
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            client.rmd("full")


def test_rename_and_delete(server: Server, folder: Path) -> None:
    (folder / "old").write_bytes(SOME)
    with ftp(server) as client:
        client.cwd(folder.name)
        client.rename("old", "new")
        assert fetch(client, "new") == SOME
        client.delete("new")
        assert list(folder.iterdir()) == []
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            client.delete("new")
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            fetch(client, "new")


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_an_empty_file(server: Server, folder: Path, passive: bool) -> None:
    with ftp(server, passive=passive) as client:
        client.cwd(folder.name)
        store(client, "empty", b"")
        assert (folder / "empty").read_bytes() == b""
        assert fetch(client, "empty") == b""


def test_resume(server: Server, folder: Path) -> None:
    (folder / "some").write_bytes(SOME)
    with ftp(server) as client:
        client.cwd(folder.name)
        assert fetch(client, "some", rest=250_000) == SOME[250_000:]
        assert fetch(client, "some", rest=len(SOME)) == b""
        (folder / "up").write_bytes(SOME[:200_000])
        store(client, "up", SOME[150_000:], rest=150_000)
        assert (folder / "up").read_bytes() == SOME
        with pytest.raises(ftplib.error_perm, match=r"^554"):
            fetch(client, "some", rest=len(SOME) + 1)


def test_append(server: Server, folder: Path) -> None:
    with ftp(server) as client:
        client.cwd(folder.name)
        client.storbinary("APPE log", io.BytesIO(SOME[:10]))
        client.storbinary("APPE log", io.BytesIO(SOME[10:]))
        assert (folder / "log").read_bytes() == SOME


def test_text(server: Server, folder: Path) -> None:
    lines = [f"line {number}" for number in range(100_000)]
    (folder / "unix").write_text("\n".join(lines) + "\n")
    with ftp(server) as client:
        client.cwd(folder.name)
        raw: list[bytes] = []
        client.voidcmd("TYPE A")
        with client.transfercmd("RETR unix") as connection:
            while piece := connection.recv(65536):
                raw.append(piece)
            connection.unwrap()
        client.voidresp()
        assert b"".join(raw) == "".join(f"{line}\r\n" for line in lines).encode()
        client.storlines("STOR stored", io.BytesIO((folder / "unix").read_bytes()))
        assert (folder / "stored").read_text() == (folder / "unix").read_text()
        got: list[str] = []
        client.retrlines("RETR stored", got.append)
        assert got == lines


def test_a_hundred_megabytes(server: Server, folder: Path, tmp_path: Path) -> None:
    piece = random.Random(2).randbytes(4_000_000)
    expected = hashlib.sha256()
    source = tmp_path / "source"
    with source.open("wb") as file:
        for number in range(25):
            file.write(number.to_bytes(4, "big") + piece[4:])
            expected.update(number.to_bytes(4, "big") + piece[4:])
    with ftp(server) as client, source.open("rb") as file:
        client.cwd(folder.name)
        client.storbinary("STOR big", file, blocksize=262144)
        received = hashlib.sha256()
        client.retrbinary("RETR big", received.update, blocksize=262144)
    source.unlink()
    with (folder / "big").open("rb") as file:
        stored = hashlib.file_digest(file, "sha256")
    (folder / "big").unlink()
    assert stored.digest() == received.digest() == expected.digest()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_many_small_files_in_one_session(server: Server, folder: Path, version: str) -> None:
    with ftp(server, version=version) as client:
        client.cwd(folder.name)
        for number in range(60):
            store(client, f"{number:03}", SOME[: number * 100])
        assert sorted(client.nlst()) == [f"{number:03}" for number in range(60)]
        for number in range(60):
            assert fetch(client, f"{number:03}") == SOME[: number * 100]
        assert all(client.resumed)


def test_a_session_of_another_connection_is_not_resumed(server: Server) -> None:
    with ftp(server) as one, Bare(server, login=False) as other:
        one.nlst()
        assert one.resumed == [True]
        other.command("AUTH TLS", 234)
        sock = one.context.wrap_socket(
            other.sock, server_hostname="localhost", session=one.sock.session
        )
        assert not sock.session_reused
        sock.close()


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_a_clear_data_connection_is_refused(server: Server, folder: Path, kind: str) -> None:
    (folder / "some").write_bytes(SOME)
    with ftp(server, kind=kind, protect=False) as client:
        client.cwd(folder.name)
        for command in ("RETR some", "STOR new", "LIST", "NLST", "MLSD", "APPE some"):
            with pytest.raises(ftplib.error_perm, match=r"^521"):
                client.transfercmd(command)
        assert [each.name for each in folder.iterdir()] == ["some"]
        client.prot_p()
        assert fetch(client, "some") == SOME


def test_a_clear_login_is_refused_before_the_password(server: Server) -> None:
    client = ftplib.FTP(timeout=60)
    client.connect("127.0.0.1", server.port())
    with pytest.raises(ftplib.error_perm, match=r"^530"):
        client.login(USER, PASSWORD)
    client.quit()


def test_a_wrong_password_is_refused(server: Server) -> None:
    with ftplib.FTP_TLS(context=trusting(server), timeout=60) as client:
        client.connect("127.0.0.1", server.port())
        with pytest.raises(ftplib.error_perm, match=r"^530"):
            client.login(USER, "wrong")
        client.login(USER, PASSWORD)


def test_without_protection_where_it_is_optional(open_server: Server) -> None:
    (open_server.root / "some").write_bytes(SOME)
    with ftplib.FTP(timeout=60) as client:
        client.connect("127.0.0.1", open_server.port())
        client.login(USER, PASSWORD)
        for passive in (True, False):
            client.set_pasv(passive)
            pieces: list[bytes] = []
            client.retrbinary("RETR some", pieces.append)
            assert b"".join(pieces) == SOME
            client.storbinary("STOR copy", io.BytesIO(SOME))
            assert (open_server.root / "copy").read_bytes() == SOME
            client.delete("copy")


@pytest.mark.parametrize("protect", [True, False], ids=["TLS", "clear"])
@pytest.mark.parametrize("direction", ["RETR", "STOR"])
def test_abort(open_server: Server, direction: str, protect: bool) -> None:
    source = open_server.root / "endless"
    with source.open("wb") as file:
        file.truncate(1 << 30)
    with ftp(open_server, protect=protect) as client:
        name = "endless" if direction == "RETR" else "new"
        connection = client.transfercmd(f"{direction} {name}")
        if direction == "RETR":
            connection.recv(100_000)
        else:
            connection.sendall(SOME)
        assert client.abort().startswith("426")
        assert client.voidresp().startswith("226")
        connection.close()
        assert client.pwd() == "/"
        assert [each for each in client.nlst() if each.startswith("new")] == []
    source.unlink()


def test_resumption_may_be_required(strict_server: Server) -> None:
    (strict_server.root / "old").write_bytes(SOME)
    for version in ("1.2", "1.3"):
        for passive in (True, False):
            with ftp(strict_server, version=version, passive=passive) as client:
                assert fetch(client, "old") == SOME
            with ftp(strict_server, version=version, passive=passive, reuse=False) as client:
                for command in ("NLST", "RETR old", "STOR old", "APPE old"):
                    client.transfercmd(command).close()
                    with pytest.raises(ftplib.error_perm, match=r"^522"):
                        client.voidresp()
            assert (strict_server.root / "old").read_bytes() == SOME


def test_the_log_tells_of_resumption(server: Server, folder: Path) -> None:
    with ftp(server) as client:
        client.nlst()
        client.nlst()
        port = client.sock.getsockname()[1]
    found = server.wait_for(rf":{port} NLST '/': .* over TLSv1.3 resumed, 226")
    assert found


@pytest.fixture(scope="module")
def open_server(start_server) -> Server:
    return start_server(flags=["--login-protection", "optional", "--data-protection", "optional"])


@pytest.fixture(scope="module")
def strict_server(start_server) -> Server:
    return start_server(flags=["--session-reuse", "require"], limits=["refusal_grace = 0.1"])
