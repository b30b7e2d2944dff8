"""``ftptls tls-check`` against our server, and against others that do it differently."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import hashes

from ftptls.cli import main, tls_check
from ftptls.testing.certificates import Authority
from tests.conftest import Process
from tests.interop.certificates import Certificates
from tests.interop.server import PASSWORD, USER, eventually

PYFTPDLIB = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
authorizer = DummyAuthorizer()
authorizer.add_user("alice", "correct horse", sys.argv[3])
TLS_FTPHandler.certfile, TLS_FTPHandler.keyfile = sys.argv[1:3]
TLS_FTPHandler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), TLS_FTPHandler)
print("port", server.socket.getsockname()[1], flush=True)
server.serve_forever(handle_exit=False)
"""

VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user=YES
seccomp_sandbox=NO
one_process_model=YES
secure_chroot_dir={root}
anonymous_enable=YES
no_anon_password=YES
anon_root={root}
allow_anon_ssl=YES
ssl_enable=YES
ssl_ciphers=HIGH
require_ssl_reuse=YES
rsa_cert_file={chain}
rsa_private_key_file={key}
"""

Check = Callable[..., tuple[int, dict]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run the command; its status, and what it printed as JSON."""
    monkeypatch.setenv("FTPTLS_PASSWORD", PASSWORD)

    def run(*arguments: str) -> tuple[int, dict]:
        status = main(["tls-check", "--json", *arguments])
        return status, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def pyftpdlib(tmp_path_factory: pytest.TempPathFactory, throwaway: Certificates) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("pyftpdlib")
    command = [sys.executable, "-c", PYFTPDLIB, str(throwaway.chain), str(throwaway.key)]
    process = Process([*command, str(folder)], folder / "log", folder, PYTHONWARNINGS="ignore")
    try:
        yield int(process.wait_for(r"^port (\d+)$")[1])
    finally:
        process.end()


@pytest.fixture(scope="module")
def vsftpd(tmp_path_factory: pytest.TempPathFactory, throwaway: Certificates) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("vsftpd")
    root = folder / "root"
    root.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    text = VSFTPD.format(port=port, root=root, chain=throwaway.chain, key=throwaway.key)
    (folder / "vsftpd.conf").write_text(text.lstrip())
    program = shutil.which("vsftpd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "vsftpd is not installed; make test does that"
    process = Process([program, str(folder / "vsftpd.conf")], folder / "log", folder)

    def listens() -> bool:
        assert process.running, process.output
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens)
        yield port
    finally:
        process.end()


def accepted(found: dict) -> set[str]:
    return {name for name, yes in found["versions"].items() if yes}


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_our_server(server, check, kind):
    flags = ["--implicit"] if kind == "implicit" else []
    flags += ["--cafile", str(server.authority), "--user", USER]
    status, found = check(f"localhost:{server.port(kind)}", *flags)
    assert status == 0, found["verdict"]
    assert found["verdict"]["ok"]
    assert found["mode"] == kind
    assert found["objection"] == ""
    assert found["chain"][0]["names"] == ["localhost", "127.0.0.1", "::1"]
    assert found["chain"][0]["key"] == "EC secp256r1"
    assert accepted(found) == {"TLS 1.2", "TLS 1.3"}
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in found["ciphers"]["TLS 1.2"]
    assert found["ciphers"]["TLS 1.3"][0] == "TLS_AES_128_GCM_SHA256"
    assert found["data_resumed"] is True
    assert found["data_unresumed"] is True
    assert found["renegotiation"] is False
    assert found["injection"] == ("" if kind == "implicit" else "refused")
    assert {"PBSZ", "PROT"} <= set(found["features"])


def test_our_server_where_sessions_must_be_resumed(start_server, check):
    settings = ["refusal_grace = 0.1", "[policy]", 'session_reuse = "require"']
    server = start_server(limits=settings)
    flags = ["--cafile", str(server.authority), "--user", USER]
    status, found = check(f"127.0.0.1:{server.port()}", *flags)
    assert status == 0
    assert found["data_resumed"] is True
    assert found["data_unresumed"] is False


def test_our_server_where_it_lets_old_devices_in(start_server, check):
    server = start_server(flags=["--tls-profile", "legacy"])
    status, found = check(f"localhost:{server.port()}", "--cafile", str(server.authority))
    assert status == 1
    assert accepted(found) == {"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}
    assert found["ciphers"]["TLS 1.0"]
    (problem,) = [each["text"] for each in found["verdict"]["remarks"] if each["is_problem"]]
    assert "TLS 1.0 and TLS 1.1 are broken" in problem


def test_our_server_where_clients_show_certificates(start_server, check, tmp_path):
    authority = Authority()
    files, client = authority.write(tmp_path), authority.client(USER)
    (tmp_path / "client.pem").write_bytes(client.certificate_pem + client.key_pem())
    flags = ["--client-certificates", "required", "--client-authorities", str(files.root)]
    server = start_server(flags=[*flags, "--log-debug"])
    where = [f"localhost:{server.port()}", "--cafile", str(server.authority), "--user", USER]
    status, found = check(*where)
    assert status == 1
    assert "certificate" in found["silence"]
    status, found = check(*where, "--certificate", str(tmp_path / "client.pem"))
    assert status == 0, found["verdict"]
    assert accepted(found) == {"TLS 1.2", "TLS 1.3"}
    assert found["data_resumed"] is True
    line = server.wait_for(r"alice@\S+ TLS on the data connection: .*client certificate .*$")[0]
    assert f"'CN={USER}' SHA-256 {client.certificate.fingerprint(hashes.SHA256()).hex()}" in line


def test_pyftpdlib_carries_out_what_stands_behind_auth(pyftpdlib, throwaway, check):
    flags = ["--cafile", str(throwaway.authority), "--user", USER]
    status, found = check(f"localhost:{pyftpdlib}", *flags)
    assert status == 1
    assert found["injection"] == "carried out inside TLS"
    (problem,) = [each["text"] for each in found["verdict"]["remarks"] if each["is_problem"]]
    assert "CVE-2011-0411" in problem
    assert found["data_resumed"] is True
    assert found["data_unresumed"] is True


def test_vsftpd_requires_the_session(vsftpd, throwaway, check):
    flags = ["--cafile", str(throwaway.authority), "--user", "anonymous"]
    status, found = check(f"127.0.0.1:{vsftpd}", *flags)
    assert status == 0, found["verdict"]
    assert found["data_resumed"] is True
    assert found["data_unresumed"] is False
    assert found["injection"] == "refused"
    assert found["alpn_foreign"] == "ignored"


def test_a_certificate_that_does_not_verify(server, check):
    status, found = check(f"localhost:{server.port()}")
    assert status == 1
    assert "certificate" in found["objection"]
    assert found["data_trouble"]


def test_a_certificate_for_another_name(server, check, monkeypatch):
    genuine = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda to, *rest: genuine(("127.0.0.1", to[1]), *rest)
    )
    status, found = check(f"ftp.example:{server.port()}", "--cafile", str(server.authority))
    assert status == 1
    assert found["objection"] == "it is not for ftp.example"


def test_a_wrong_password(server, check, tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    flags = ["--cafile", str(server.authority), "--user", USER]
    flags += ["--password-file", str(tmp_path / "password")]
    status, found = check(f"localhost:{server.port()}", *flags)
    assert status == 0
    assert "530" in found["data_trouble"]


def test_what_is_printed(server, capsys, monkeypatch):
    monkeypatch.delenv("FTPTLS_PASSWORD", raising=False)
    monkeypatch.setattr(tls_check.getpass, "getpass", lambda prompt: PASSWORD)
    flags = ["--cafile", str(server.authority), "--user", USER]
    assert main(["tls-check", f"localhost:{server.port()}", *flags]) == 0
    printed = capsys.readouterr()
    assert "verifies       yes" in printed.out
    assert "data yes, data without it yes" in printed.out
    assert printed.out.endswith("No problem was found.\n")
    assert PASSWORD not in printed.out + printed.err
    assert "looking at ciphers" in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["127.0.0.1:1"], "cannot connect"),
        (["localhost:1", "--cafile", "/nowhere.pem"], "no PEM certificates"),
        (["localhost:1", "--certificate", "/nowhere.pem"], "no certificate with its key"),
        (["localhost:1", "--user", "a", "--password-file", "/nowhere"], "No such file"),
    ],
)
def test_no_connection(capsys, arguments, words):
    assert main(["tls-check", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_implicit_listener_is_greeted_by_nobody(server, capsys):
    where = f"127.0.0.1:{server.port('implicit')}"
    assert main(["tls-check", where, "--patience", "0.3"]) == 2
    assert "add --implicit" in capsys.readouterr().err


def test_an_explicit_listener_taken_for_an_implicit_one(server, check):
    status, found = check(f"127.0.0.1:{server.port()}", "--implicit")
    assert status == 1
    assert found["refusal"] == "the server answers in clear text"


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("a", ("a", 0)),
        ("a:21", ("a", 21)),
        ("[::1]:21", ("::1", 21)),
        ("[::1]", ("::1", 0)),
        ("::1", ("::1", 0)),
    ],
)
def test_servers(text, server):
    assert tls_check._server(text) == server


@pytest.mark.parametrize("text", ["", ":21", "a:b", "a:65536", "a:"])
def test_no_servers(text, capsys):
    with pytest.raises(SystemExit):
        main(["tls-check", text])
    assert "no HOST" in capsys.readouterr().err


def test_over_ipv6(server, check):
    status, _ = check(f"[::1]:{server.port(family=6)}", "--cafile", str(server.authority))
    assert status == 0


def test_a_greeting_cannot_play_with_the_terminal():
    assert tls_check._clean("a\x1b[31m\r\nb") == "a?[31m??b"
