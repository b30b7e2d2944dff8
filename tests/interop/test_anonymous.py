"""What clients do who are given no name, against a public folder with a drop box."""

from __future__ import annotations

import ftplib
import io
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.clients import PATIENCE, curl, run, trusting, url
from tests.interop.server import Server

LOGIN_DENIED, UPLOAD_FAILED = 67, 25
CURL = ["curl", "--silent", "--show-error", "--disable", "--max-time", f"{3 * PATIENCE}"]


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What everybody is given."""
    folder = tmp_path_factory.mktemp("public")
    (folder / "incoming").mkdir()
    (folder / "docs").mkdir()
    (folder / "docs" / "readme").write_bytes(b"Read me.\n")
    (folder / "hello").write_bytes(b"Hello.\n")
    return folder


@pytest.fixture(scope="module")
def offering(start_server: Callable[..., Server], public: Path) -> Server:
    """A server that lets anybody in, also without TLS."""
    made = start_server(
        flags=["--anonymous", "--anonymous-root", str(public)],
        anonymous=["clear = true", 'rights = ["read_only", "/incoming/** = upload_only"]'],
    )
    (made.root / "private").write_bytes(b"alice's")
    return made


@pytest.fixture
def new(public: Path, request: pytest.FixtureRequest) -> Path:
    """Where an upload of this test arrives."""
    return public / "incoming" / request.node.name.translate({ord(sign): "_" for sign in "[]-"})


def lftp(server: Server, home: Path, *commands: str, tls: bool = True, status: int = 0) -> str:
    """lftp with its defaults for who has no name."""
    force = "yes" if tls else "no"
    script = [
        f'set ssl:ca-file "{server.authority}"; set ftp:ssl-allow {force}',
        f"set ftp:ssl-force {force}; set ftp:ssl-protect-data {force}",
        f"set net:timeout {PATIENCE}; set net:max-retries 1; set cmd:fail-exit yes",
        f"open {url(server, '')}",
        *commands,
    ]
    text = "\n".join(script) + "\n"
    return run(["lftp", "--norc", "-f", "/dev/stdin"], home, text.encode(), status=status)


@pytest.mark.parametrize("tls", [["--ssl-reqd"], []], ids=["tls", "clear"])
def test_curl(offering: Server, tmp_path: Path, new: Path, tls: list[str]) -> None:
    with_tls = [*CURL, *tls, "--cacert", str(offering.authority)]
    assert run([*with_tls, url(offering, "hello")], tmp_path) == "Hello.\n"
    listed = run([*with_tls, "--list-only", url(offering, "")], tmp_path)
    assert set(listed.split()) == {"hello", "docs", "incoming"}
    (tmp_path / "mine").write_bytes(b"sent")
    upload = [*with_tls, "--upload-file", "mine"]
    run([*upload, url(offering, f"incoming/{new.name}")], tmp_path)
    assert new.read_bytes() == b"sent"
    run([*upload, url(offering, "hello")], tmp_path, status=UPLOAD_FAILED)
    run([*upload, url(offering, f"incoming/{new.name}")], tmp_path, status=UPLOAD_FAILED)
    for name in (f"incoming/{new.name}", "incoming/", "private"):
        said = run([*with_tls, url(offering, name)], tmp_path, status=(9, 19, 78))
        assert "sent" not in said
    offering.wait_for("says to be ftp@example.com")


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "clear"])
def test_lftp(offering: Server, tmp_path: Path, new: Path, tls: bool) -> None:
    said = lftp(offering, tmp_path, "cls -1", "cat docs/readme", tls=tls)
    assert "Read me." in said
    assert {"hello", "docs/", "incoming/"} <= set(said.split())
    (tmp_path / "mine").write_bytes(b"sent")
    lftp(offering, tmp_path, f"put mine -o incoming/{new.name}", tls=tls)
    assert new.read_bytes() == b"sent"
    for command in ("put mine", "rm hello", "mkdir new", f"get incoming/{new.name}"):
        assert "550" in lftp(offering, tmp_path, command, tls=tls, status=1)
    lftp(offering, tmp_path, f"mirror / {tmp_path}/copy", tls=tls, status=1)
    assert (tmp_path / "copy" / "docs" / "readme").read_bytes() == b"Read me.\n"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "clear"])
def test_ftplib(offering: Server, new: Path, tls: bool) -> None:
    client = ftplib.FTP_TLS(context=trusting(offering)) if tls else ftplib.FTP()
    with client:
        client.connect("127.0.0.1", offering.port(), PATIENCE)
        client.login()
        if isinstance(client, ftplib.FTP_TLS):
            client.prot_p()
        assert {name for name, _ in client.mlsd(facts=["type"])} >= {"hello", "docs"}
        client.storbinary(f"STOR incoming/{new.name}", io.BytesIO(b"sent"))
        assert new.read_bytes() == b"sent"
        with pytest.raises(ftplib.error_perm, match="550 You may not list"):
            client.nlst("incoming")
        client.voidcmd("TYPE I")
        with pytest.raises(ftplib.error_perm, match="550 No such"):
            client.size(f"incoming/{new.name}")


def test_who_has_a_name_still_needs_tls(offering: Server, tmp_path: Path) -> None:
    assert curl(offering, tmp_path, url(offering, "private")) == "alice's"
    at = url(offering, "private")
    run([*CURL, "--user", "alice:correct horse", at], tmp_path, status=LOGIN_DENIED)


def test_off_by_default(server: Server, tmp_path: Path) -> None:
    with_tls = [*CURL, "--ssl-reqd", "--cacert", str(server.authority)]
    (server.root / "hello").write_bytes(b"Hello.\n")
    run([*with_tls, url(server, "hello")], tmp_path, status=LOGIN_DENIED)
    with ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(server.authority))) as client:
        client.connect("127.0.0.1", server.port(), PATIENCE)
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login()
