"""Starting and stopping: twistd, the ftptls command and .tac, as real processes."""

from __future__ import annotations

import ast
import datetime
import ftplib
import io
import os
import re
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from ftptls import service
from ftptls.cli import main, state
from ftptls.config import ConfigError
from ftptls.interfaces import ICertificateAndPassword, IX509Credentials
from ftptls.service import Listener, ListenError, make_service
from ftptls.settings import (
    TLS,
    ClientCertificate,
    ClientCertificates,
    Files,
    Host,
    Listen,
    LoginMode,
    OwnListener,
    Policy,
    Profile,
    Requirement,
    Rule,
    Settings,
)
from ftptls.testing.certificates import PKI
from tests.conftest import CHECKOUT, Process, Spawn

SERVE = [sys.executable, "-m", "ftptls", "serve", "--port=0", "--implicit-port=0"]
LISTENS = r"ftptls: {} TLS on 127\.0\.0\.1:(\d+)$"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> state.State:
    """A certificate and its key."""
    return state.prepare(tmp_path_factory.mktemp("state"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "hello.txt").write_text("Hello.\n")
    return folder


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


class ImplicitFTP(ftplib.FTP_TLS):
    """FTP over implicit TLS, which ftplib does not have."""

    def connect(
        self, host: str = "", port: int = 0, timeout: float = -999, source: Any = None
    ) -> str:
        plain = socket.create_connection((host, port), 30)
        self.host, self.af = host, plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def names(port: int, ca: Path, user: str, password: str, *, implicit: bool = False) -> list[str]:
    """What a client that verifies the certificate finds in the root."""
    kind = ImplicitFTP if implicit else ftplib.FTP_TLS
    with kind(context=ssl.create_default_context(cafile=str(ca))) as client:
        client.connect("127.0.0.1", port, 30)
        client.login(user, password)
        client.prot_p()
        return client.nlst()


def flags(kept: state.State, root: Path, *more: str) -> list[str]:
    return [
        "ftptls",
        f"--root={root}",
        f"--certificate={kept.certificate}",
        f"--key={kept.key}",
        "--auth=memory:alice:secret",
        *more,
    ]


LOCAL = "tcp:0:interface=127.0.0.1"


# twistd


def test_twistd_serves_explicit_and_implicit_tls(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path
) -> None:
    server = spawn(
        *twistd,
        *flags(kept, root, f"--explicit={LOCAL}", f"--implicit={LOCAL}", "--auth=anonymous"),
    )
    explicit = int(server.wait_for(LISTENS.format("explicit"))[1])
    implicit = int(server.wait_for(LISTENS.format("implicit"))[1])
    assert names(explicit, kept.certificate, "alice", "secret") == ["hello.txt"]
    assert names(implicit, kept.certificate, "alice", "secret", implicit=True) == ["hello.txt"]
    assert names(explicit, kept.certificate, "anonymous", "me@") == ["hello.txt"]
    with pytest.raises(ftplib.error_perm, match="530"):
        names(explicit, kept.certificate, "alice", "wrong")
    assert server.end() in (0, -signal.SIGTERM)  # twistd ends as the signal wants it
    assert "Traceback" not in server.output
    assert "secret" not in server.output


def test_each_listener_tells_where_it_is(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path
) -> None:
    six = r"tcp6:0:interface=\:\:1"
    server = spawn(*twistd, *flags(kept, root, f"--explicit={LOCAL}", f"--explicit={six}"))
    server.wait_for(LISTENS.format("explicit"))
    port = int(server.wait_for(r"ftptls: explicit TLS on \[::1\]:(\d+)$")[1])
    with socket.create_connection(("::1", port), 30) as client:
        assert client.recv(100).startswith(b"220 ")


def test_the_file_configures_and_flags_override(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "ftptls.toml").write_text(
        f"""
        auth = ["memory:alice:wrong"]
        banner = "From the file."
        listen.explicit = "{LOCAL}"
        files.root = "{root.name}"
        tls.certificate = "{kept.certificate}"
        tls.key = "{kept.key}"
        """
    )
    server = spawn(*twistd, "ftptls", "--config", "ftptls.toml", "--auth", "memory:alice:secret")
    port = int(server.wait_for(LISTENS.format("explicit"))[1])
    assert names(port, kept.certificate, "alice", "secret") == ["hello.txt"]
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        assert b"From the file." in client.recv(100)


def test_a_daemon_serves(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, tmp_path: Path
) -> None:
    daemon = [part for part in twistd if not part.startswith("--")]
    command = [*daemon, "--pidfile=server.pid", "--logfile=server.log"]
    assert spawn(*command, *flags(kept, root, f"--explicit={LOCAL}")).wait() == 0
    server = Process(
        ["tail", "-n", "+1", "-F", str(tmp_path / "server.log")], tmp_path / "t", tmp_path
    )
    try:
        port = int(server.wait_for(LISTENS.format("explicit"))[1])
        assert names(port, kept.certificate, "alice", "secret") == ["hello.txt"]
    finally:
        os.kill(int((tmp_path / "server.pid").read_text()), signal.SIGTERM)
        server.wait_for("Server Shut Down")
        server.end()


def ended(process: Process) -> str:
    """The output of a process that failed to start, without a traceback."""
    assert process.wait() == 1
    assert "Traceback" not in process.output
    return process.output


def test_a_busy_port_is_one_sentence(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, busy: int
) -> None:
    endpoint = f"tcp:{busy}:interface=127.0.0.1"
    output = ended(spawn(*twistd, *flags(kept, root, f"--explicit={endpoint}")))
    assert (
        f"ftptls: cannot listen on {endpoint}: Address already in use; "
        "stop the program that listens there, or choose another port.\n"
    ) in output


def test_a_daemon_tells_its_parent_of_a_busy_port(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, busy: int, tmp_path: Path
) -> None:
    daemon = [part for part in twistd if not part.startswith("--")]
    command = [*daemon, "--pidfile=server.pid", "--logfile=server.log"]
    output = ended(
        spawn(*command, *flags(kept, root, f"--explicit=tcp:{busy}:interface=127.0.0.1"))
    )
    assert "cannot listen" in output
    assert not (tmp_path / "server.pid").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--root=none"], r"Cannot serve \S+/none: it does not exist; name a folder\."),
        (
            ["--root=a folder/hello.txt"],
            r"Cannot serve .*hello\.txt: it is a file; name a folder\.",
        ),
        (["--root="], r"There is no folder to serve: name one with --root or files\.root\."),
        (
            ["--certificate=", "--certificate=none.pem"],
            r"Cannot read \S+/none\.pem: No such file or directory\.",
        ),
        (["--certificate=none.pem"], r"There are 2 certificates \(.*\) and 1 keys \(.*\); name .*"),
        (
            ["--key=", "--key=a folder/hello.txt"],
            r"There is no PEM private key in .*hello\.txt; .*",
        ),
        (["--certificate=", "--key="], r"Protection by TLS is required, and there is no .*"),
        (["--certificate="], r"There is a key but no certificate: name both, with --certificate\."),
        (["--implicit=tcp:0", "--certificate=", "--key="], r"The implicit listener tcp:0 needs .*"),
        (["--explicit=tcpp:0"], r"--explicit tcpp:0 is no endpoint that Twisted understands: .*"),
        (["--implicit=tcp:x"], r"--implicit tcp:x is no endpoint that Twisted understands: .*"),
        (["--explicit=ssl:0"], r"--explicit ssl:0 would put TLS inside TLS: .*"),
        (["--auth=zork:zebra"], r"There is no way to check users called 'zork': there are .*"),
        (["--auth=memory:zebra"], r"The --auth string that begins with 'memory' is not .*"),
        (["--auth=x509"], r"--auth x509: it needs MAPPER.* behind the colon\."),
        (["--auth=x509:pins=none"], r"--auth x509: cannot read none: No such file or directory\."),
        (["--auth=x509:cn"], r"--auth x509 is of no use, for no client is asked for .*"),
        (["--session-reuse=no"], r'--session-reuse is "no"; it must be "require" or .*'),
        (["--config=none.toml"], r"Cannot read none\.toml: No such file or directory\."),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, more: list[str], sentence: str
) -> None:
    output = ended(spawn(*twistd, *flags(kept, root, *more)))
    last = output.rstrip().rpartition("\n")[2]
    assert re.fullmatch(f"twistd -c: {sentence}|twistd --nodaemon: {sentence}", last)
    assert "zebra" not in output


def test_nobody_to_let_in_is_refused(spawn: Spawn, twistd: list[str], kept: state.State) -> None:
    command = ["ftptls", "--root=.", f"--certificate={kept.certificate}", f"--key={kept.key}"]
    assert "Nobody could log in: " in ended(spawn(*twistd, *command))


def test_help_lists_the_kinds_of_auth(spawn: Spawn, twistd: list[str]) -> None:
    process = spawn(*twistd, "ftptls", "--help-auth")
    assert process.wait() == 0
    kinds = {"memory", "file", "anonymous", "unix", "x509", "htpasswd", "pam", "sqlite", "store"}
    assert kinds <= set(process.output.split())


def test_help_tells_how_a_kind_of_auth_is_written(spawn: Spawn, twistd: list[str]) -> None:
    process = spawn(*twistd, "ftptls", "--help-auth-type", "x509")
    assert process.wait() == 0
    assert "Example: x509:pins=/etc/ftptls/pins:email:issuer=CN=Partners" in process.output


# As it might have been written for another server, years ago.
THIRD_PARTY = """
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import ICheckerFactory
from twisted.internet import defer
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICredentialsChecker)
class Backwards:
    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    def requestAvatarId(self, credentials):
        checked = defer.maybeDeferred(credentials.checkPassword, credentials.username[::-1])
        return checked.addCallback(self._checked, credentials.username)

    def _checked(self, right, name):
        return name if right else defer.fail(UnauthorizedLogin("not backwards"))


@implementer(ICheckerFactory, IPlugin)
class Factory:
    authType = "backwards"
    authHelp = "The password is the name, backwards."
    argStringFormat = "None."
    credentialInterfaces = Backwards.credentialInterfaces

    def generateChecker(self, argstring):
        return Backwards()


factory = Factory()
"""


def test_checkers_of_others_work_unchanged(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, tmp_path: Path
) -> None:
    plugins = tmp_path / "others" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "backwards.py").write_text(THIRD_PARTY)
    path = os.pathsep.join([str(CHECKOUT), str(tmp_path / "others")])
    helped = spawn(*twistd, "ftptls", "--help-auth", PYTHONPATH=path)
    assert helped.wait() == 0
    assert "backwards" in helped.output.split()
    more = ["--auth=backwards", f"--explicit={LOCAL}"]
    server = spawn(*twistd, *flags(kept, root, *more), PYTHONPATH=path)
    port = int(server.wait_for(LISTENS.format("explicit"))[1])
    for user, password in (("alice", "secret"), ("bob", "bob"[::-1]), ("carol", "lorac")):
        assert names(port, kept.certificate, user, password) == ["hello.txt"]
    with pytest.raises(ftplib.error_perm, match="530 Login incorrect"):
        names(port, kept.certificate, "carol", "carol")


def test_help_tells_flags_choices_and_defaults(spawn: Spawn, twistd: list[str]) -> None:
    process = spawn(*twistd, "ftptls", "--help")
    assert process.wait() == 0
    text = " ".join(process.output.split())
    assert "[atomic or direct or atomic-resume; default: atomic]" in text
    assert "--masquerade-address=" in text
    assert "--read-only " in text


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_the_tac_files_serve(
    spawn: Spawn, twistd: list[str], kept: state.State, root: Path, kind: str
) -> None:
    tac = CHECKOUT / "tac" / f"{kind}.tac"
    assert len(tac.read_text().splitlines()) < 40
    server = spawn(
        *twistd,
        "--no_save",
        f"--python={tac}",
        FTPTLS_ROOT=str(root),
        FTPTLS_PORT=LOCAL.removeprefix("tcp:"),
        FTPTLS_CERTIFICATE=str(kept.certificate),
        FTPTLS_KEY=str(kept.key),
        FTPTLS_AUTH="memory:alice:secret",
    )
    port = int(server.wait_for(LISTENS.format(kind))[1])
    found = names(port, kept.certificate, "alice", "secret", implicit=kind == "implicit")
    assert found == ["hello.txt"]


@pytest.fixture
def partners(kept: state.State, root: Path, tmp_path: Path, spawn: Spawn, twistd: list[str]) -> Any:
    """Clients of ``tac/own_realm.tac``, by the mailboxes in their certificates."""
    pki = PKI()
    (tmp_path / "ca.pem").write_bytes(pki.root.certificate_pem)
    server = spawn(
        *twistd,
        "--no_save",
        f"--python={CHECKOUT / 'tac' / 'own_realm.tac'}",
        FTPTLS_ROOT=str(root),
        FTPTLS_PORT="0:interface=127.0.0.1",
        FTPTLS_CERTIFICATE=str(kept.certificate),
        FTPTLS_KEY=str(kept.key),
        FTPTLS_AUTHORITIES=str(tmp_path / "ca.pem"),
    )
    port = int(server.wait_for(r"FTPFactory starting on (\d+)$")[1])

    def connect(*mailboxes: str) -> ftplib.FTP_TLS:
        names = x509.SubjectAlternativeName([x509.RFC822Name(each) for each in mailboxes])
        pair = pki.issue("Somebody", names, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
        shown = tmp_path / "shown.pem"
        shown.write_bytes(pair.key_pem() + pair.certificate_pem + pki.intermediate.certificate_pem)
        context = ssl.create_default_context(cafile=str(kept.certificate))
        context.load_cert_chain(shown)
        client = ftplib.FTP_TLS(context=context, timeout=30)
        client.connect("127.0.0.1", port)
        client.auth()
        return client

    return connect


def test_own_realm_and_checker(partners: Any, root: Path) -> None:
    """As the guide on embedding tells; people of one company share a folder, others do not."""
    for mailbox in ("alice@acme.example", "bob@acme.example", "carol@initech.example"):
        with partners(mailbox) as client:
            assert client.sendcmd(f"USER {mailbox}").startswith("232")
            client.prot_p()
            before = client.nlst()
            client.storbinary(f"STOR {mailbox}", io.BytesIO(b"hello"))
            assert before == (["alice@acme.example"] if "bob" in mailbox else [])
    assert {path.name for path in (root / "acme").iterdir()} == {
        "alice@acme.example",
        "bob@acme.example",
    }
    assert (root / "initech" / "carol@initech.example").read_bytes() == b"hello"


@pytest.mark.parametrize(
    ("mailboxes", "name"),
    [
        (["alice@acme.example"], "bob@acme.example"),
        (["alice@other.example"], "alice@other.example"),
        (["alice@acme.example", "nul\0@acme.example"], "alice@acme.example"),
        (["alice"], "alice"),
        (["alice@.."], "alice@.."),
    ],
)
def test_whom_they_do_not_let_in(partners: Any, mailboxes: list[str], name: str) -> None:
    with partners(*mailboxes) as client:
        with pytest.raises(ftplib.error_perm, match=r"^530 Login incorrect\."):
            client.sendcmd(f"USER {name}")
        with pytest.raises(ftplib.error_perm, match=r"^530 "):
            client.nlst()


def test_own_realm_and_checker_take_thirty_lines() -> None:
    text = (CHECKOUT / "tac" / "own_realm.tac").read_text()
    classes = [each for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
    lines = [ast.get_source_segment(text, each) or "" for each in classes]
    decorators = len(classes)
    assert sum(len(list(filter(None, each.splitlines()))) for each in lines) + decorators <= 30


def test_an_existing_shell_behind_tls(
    spawn: Spawn, twistd: list[str], kept: state.State, tmp_path: Path
) -> None:
    """A portal for Twisted's own FTP server, as the guide on shells tells."""
    tac = CHECKOUT / "tac" / "existing_shell.tac"
    assert len(tac.read_text().splitlines()) < 40
    home = tmp_path / "homes" / "alice"
    home.mkdir(parents=True)
    (home / "hello.txt").write_text("Hello.\n")
    (tmp_path / "passwords").write_text("alice:secret\n")
    server = spawn(
        *twistd,
        "--no_save",
        f"--python={tac}",
        FTPTLS_ROOT=str(home.parent),
        FTPTLS_PORT=LOCAL.removeprefix("tcp:"),
        FTPTLS_CERTIFICATE=str(kept.certificate),
        FTPTLS_KEY=str(kept.key),
        FTPTLS_AUTH=str(tmp_path / "passwords"),
    )
    port = int(server.wait_for(r"FTPFactory starting on (\d+)$")[1])
    assert names(port, kept.certificate, "alice", "secret") == ["hello.txt"]
    with ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(kept.certificate))) as client:
        client.connect("127.0.0.1", port, 30)
        client.login("alice", "secret")
        client.prot_p()
        data = bytes(range(256)) * 4096
        client.storbinary("STOR big", io.BytesIO(data))
        assert (home / "big").read_bytes() == data
        pieces: list[bytes] = []
        client.retrbinary("RETR big", pieces.append, rest=1000)
        assert b"".join(pieces) == data[1000:]
    with pytest.raises(ftplib.error_perm, match=r"^530"):
        names(port, kept.certificate, "anonymous", "me@")
    assert "Traceback" not in server.output


# the ftptls command


def test_serve_prints_commands_that_work(spawn: Spawn, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "folder"'
    folder.mkdir()
    server = spawn(*SERVE, folder=folder)
    server.wait_for("^lftp .*$")
    for client in ("curl", "lftp"):
        line = server.wait_for(f"^{client} .*$")[0]
        done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert b"welcome.txt" in done.stdout
    assert server.end(signal.SIGINT) == 0
    assert "Traceback" not in server.output


def test_serve_prints_what_a_client_needs(spawn: Spawn, tmp_path: Path) -> None:
    server = spawn(*SERVE)
    server.wait_for("^lftp .*$")
    told = dict(re.findall(r"^(\S+) +(\S.*)$", server.output, re.MULTILINE))
    certificate = Path(told["certificate"])
    assert certificate == tmp_path / ".state" / "certificate.pem"
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificate],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip().endswith(f"={told['SHA-256']}")
    explicit = int(server.wait_for(r"^explicit +ftp://127\.0\.0\.1:(\d+)/")[1])
    implicit = int(server.wait_for(r"^implicit +ftps://127\.0\.0\.1:(\d+)/")[1])
    user, password = told["user"], told["password"]
    assert names(explicit, certificate, user, password) == ["welcome.txt"]
    assert names(implicit, certificate, user, password, implicit=True) == ["welcome.txt"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_certificate_verifies_in_both_versions(spawn: Spawn, version: ssl.TLSVersion) -> None:
    server = spawn(*SERVE)
    certificate = server.wait_for("^certificate (.*)$")[1]
    port = int(server.wait_for(r"^implicit +ftps://127\.0\.0\.1:(\d+)/")[1])
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = context.maximum_version = version
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    for host in ("127.0.0.1", "localhost", "::1"):
        with (
            socket.create_connection(("127.0.0.1", port), 30) as plain,
            context.wrap_socket(plain, server_hostname=host) as client,
        ):
            assert client.recv(100).startswith(b"220 ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--root=none"], r"ftptls: Cannot serve \S+/none: it does not exist; name a folder\."),
        (["--port=70000"], r"ftptls serve: argument --port: '70000' is no port; name one .*"),
        (["--state=o.txt"], r"ftptls: cannot use \S+/o\.txt: File exists\."),
        (["--state=o.txt/below"], r"ftptls: cannot use \S+/o\.txt/below: Not a directory\."),
    ],
)
def test_serve_refuses_in_one_sentence(
    spawn: Spawn, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "o.txt").touch()
    process = spawn(*SERVE, *arguments)
    assert process.wait() != 0
    assert re.fullmatch(sentence + "\n", process.output)


@pytest.mark.parametrize("flag", ["--port", "--implicit-port"])
def test_serve_refuses_a_busy_port_in_one_sentence(spawn: Spawn, busy: int, flag: str) -> None:
    process = spawn(*SERVE, f"{flag}={busy}")
    assert "Address already in use; stop the program" in ended(process)
    assert "Serving" not in process.output


def test_an_unreadable_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, kept: state.State, root: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(
        ConfigError, match=r"^Cannot serve .*: there is no permission to read it\.$"
    ):
        make_service(whole(kept, root), reactor)


def test_the_command_knows_its_version_and_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith("ftptls ")
    with pytest.raises(SystemExit) as done:
        main(["zork"])
    assert done.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


# the state folder


def test_the_state_is_private_and_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    first = state.prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [
        "certificate.pem",
        "key.pem",
        "password",
    ]
    assert state.prepare(folder) == first


def test_what_is_broken_or_expired_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = state.prepare(tmp_path)
    (tmp_path / "key.pem").write_text("broken")
    second = state.prepare(tmp_path)
    assert second.fingerprint != first.fingerprint
    assert second.password == first.password
    (tmp_path / "password").write_text("not; safe\n")
    assert state.prepare(tmp_path).password != first.password
    monkeypatch.setattr(state, "_DAYS", -1 / 48)  # ended half an hour ago
    (tmp_path / "key.pem").unlink()
    expired = state.prepare(tmp_path)
    monkeypatch.undo()
    assert state.prepare(tmp_path).fingerprint != expired.fingerprint


def test_the_certificate_lasts_a_year(kept: state.State) -> None:
    certificate = x509.load_pem_x509_certificate(kept.certificate.read_bytes())
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert datetime.timedelta(364) < lasts < datetime.timedelta(398)


# make_service


def whole(kept: state.State, root: Path, **changes: Any) -> Settings:
    given = {
        "auth": ("memory:alice:secret", "memory:bob:hidden"),
        "listen": Listen(explicit=(LOCAL,)),
        "tls": TLS(str(kept.certificate), str(kept.key)),
        "files": Files(str(root)),
    }
    return Settings(**(given | changes))


def test_the_default_listener_is_explicit(kept: state.State, root: Path) -> None:
    (listener,) = make_service(whole(kept, root, listen=Listen()), reactor)
    assert isinstance(listener, Listener)
    assert (listener.kind, listener.where()) == ("explicit TLS", service.DEFAULT_ENDPOINT)


@pytest.mark.parametrize(("endpoint", "waiting"), [("tcp:2121", 1024), ("tcp:2121:backlog=7", 7)])
def test_a_crowd_may_wait_and_come_in(
    kept: state.State, root: Path, endpoint: str, waiting: int
) -> None:
    memory = MemoryReactorClock()
    made = make_service(whole(kept, root, listen=Listen(explicit=(endpoint,))), memory)
    made.privilegedStartService()
    ((port, _, backlog, _),) = memory.tcpServers
    assert (port, backlog) == (2121, waiting)
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert allowed == most


def test_without_certificate_both_protections_must_be_optional(
    kept: state.State, root: Path
) -> None:
    optional = Requirement.OPTIONAL
    with pytest.raises(
        ConfigError, match=r"or make policy.data_protection optional to serve in clear"
    ):
        make_service(
            whole(kept, root, tls=TLS(), policy=Policy(login_protection=optional)), reactor
        )
    policy = Policy(login_protection=optional, data_protection=optional)
    clear = whole(kept, root, tls=TLS(), policy=policy)
    (listener,) = make_service(clear, reactor)
    assert isinstance(listener, Listener)
    assert listener.kind == "clear text"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_certificates": ClientCertificates(mode=ClientCertificate.REQUIRED)},
        {"hosts": (Host(names=("a.example",), certificate=("a.pem",)),)},
        {"hosts": (Host(names=("a.example",), client_certificates={"depth": 1}),)},
    ],
)
def test_demands_on_clients_take_a_certificate(
    kept: state.State, root: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"take TLS: name the server's own certificate"):
        make_service(whole(kept, root, tls=TLS(), **changes), reactor)


def test_with_user_in_the_root_what_is_above_must_exist(kept: state.State, root: Path) -> None:
    make_service(whole(kept, root, files=Files(f"{root}/{{user}}/in")), reactor)
    with pytest.raises(ConfigError, match="it does not exist"):
        make_service(whole(kept, root, files=Files(f"{root}/none/{{user}}")), reactor)


def test_checkers_of_one_kind_are_asked_in_turn(kept: state.State, root: Path) -> None:
    (listener,) = make_service(whole(kept, root), reactor)
    assert isinstance(listener, Listener)
    checker = listener.factory.portal.checkers[IUsernamePassword]

    def asked(name: bytes, password: bytes) -> list[Any]:
        results: list[Any] = []
        checker.requestAvatarId(UsernamePassword(name, password)).addBoth(results.append)
        return results

    assert asked(b"alice", b"secret") == [b"alice"]
    assert asked(b"bob", b"hidden") == [b"bob"]
    (failure,) = asked(b"bob", b"secret")
    assert failure.check(UnauthorizedLogin)


PASSWORD, BY_CERTIFICATE, EITHER, BOTH = LoginMode
MEMORY, ANYBODY, X509 = "memory:alice:secret", "anonymous", "x509:cn"


def asked(kept: state.State) -> dict[str, Any]:
    """How clients are asked for certificates."""
    return {"mode": ClientCertificate.OPTIONAL, "authorities": (str(kept.certificate),)}


@pytest.mark.parametrize(
    ("login", "auth", "sentence"),
    [
        (PASSWORD, (MEMORY,), ""),
        (PASSWORD, (ANYBODY,), ""),
        (PASSWORD, (X509,), r"no --auth checks passwords; add one such as --auth htpasswd:FILE"),
        (BY_CERTIFICATE, (X509,), ""),
        (BY_CERTIFICATE, (MEMORY,), r"no --auth checks certificates; add one such as --auth x509"),
        (EITHER, (MEMORY,), ""),
        (EITHER, (X509,), ""),
        (EITHER, (X509, MEMORY, ANYBODY), ""),
        (BOTH, (X509, MEMORY), ""),
        (BOTH, (X509,), r"it takes an --auth for certificates, such as x509:cn, and one for pass"),
        (BOTH, (MEMORY,), r"it takes an --auth for certificates"),
        (BOTH, (X509, ANYBODY), r"it takes an --auth for certificates"),
    ],
)
def test_what_logins_demand_must_be_there(
    kept: state.State, root: Path, login: LoginMode, auth: tuple[str, ...], sentence: str
) -> None:
    certificates = ClientCertificates(**asked(kept))
    by_policy: dict[str, Any] = {"policy": Policy(login=login)}
    by_rule: dict[str, Any] = {"rules": (Rule(policy={"login": login}),)}
    for given in (by_policy, by_rule):
        made = whole(kept, root, auth=auth, client_certificates=certificates, **given)
        if sentence:
            where = f'With .* = "{login.value}" nobody could log in: '
            with pytest.raises(ConfigError, match=where + sentence):
                make_service(made, reactor)
        else:
            assert list(make_service(made, reactor))


@pytest.mark.parametrize(
    ("login", "auth"), [(BY_CERTIFICATE, (X509,)), (EITHER, (X509,)), (BOTH, (X509, MEMORY))]
)
def test_certificates_must_be_asked_for(
    kept: state.State, root: Path, login: LoginMode, auth: tuple[str, ...]
) -> None:
    """By one listener at least, and by each where there would be no other way to log in."""
    policy = Policy(login=login)
    with pytest.raises(ConfigError, match=r"--auth x509 is of no use, for no client is asked"):
        make_service(whole(kept, root, auth=auth, policy=policy), reactor)
    asking = OwnListener((LOCAL,), client_certificates=asked(kept))
    with pytest.raises(ConfigError, match=r"nobody could log in, for no client is asked for a"):
        make_service(whole(kept, root, auth=auth, policy=policy, listeners=(asking,)), reactor)
    either = whole(kept, root, auth=(X509, MEMORY), listeners=(asking,))
    assert list(make_service(either, reactor))


def test_a_certificate_and_a_password_are_checked_together(kept: state.State, root: Path) -> None:
    certificates = ClientCertificates(**asked(kept))
    made = whole(kept, root, auth=(X509, MEMORY), client_certificates=certificates)
    (listener,) = make_service(made, reactor)
    assert isinstance(listener, Listener)
    found = set(listener.factory.portal.listCredentialsInterfaces())
    assert {IUsernamePassword, IX509Credentials, ICertificateAndPassword} <= found


class LateEndpoint:
    """An endpoint that takes its time, as those do that ask somebody else for an address."""

    def __init__(self) -> None:
        self.cancelled = False
        self.opening: Deferred[Any] = Deferred(lambda _: setattr(self, "cancelled", True))

    def listen(self, _factory: Any) -> Deferred[Any]:
        return self.opening


def late(kept: state.State, root: Path) -> tuple[Listener, LateEndpoint]:
    (listener,) = make_service(whole(kept, root), reactor)
    assert isinstance(listener, Listener)
    endpoint = LateEndpoint()
    listener._endpoint = endpoint  # type: ignore[assignment]
    listener.startService()
    return listener, endpoint


def test_a_listener_that_fails_late_says_so(
    kept: state.State, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(service._log, "critical", lambda _format, error: said.append(error))
    _listener, endpoint = late(kept, root)
    endpoint.opening.errback(CannotListenError("", 21, OSError(13, "Permission denied")))
    (error,) = said
    assert isinstance(error, ListenError)
    assert "Permission denied; a port below 1024 needs root" in str(error)


def test_stopping_gives_up_opening(
    kept: state.State, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(service._log, "critical", lambda _format, error: said.append(error))
    listener, endpoint = late(kept, root)
    stopped: list[Any] = []
    listener.stopService().addBoth(stopped.append)
    assert endpoint.cancelled
    assert stopped == [None]
    assert not said


def test_all_listeners_share_the_threads_of_transfers(kept: state.State, root: Path) -> None:
    """However many listeners and sessions there are, the processors stay as many as they are."""
    listen = Listen(explicit=("tcp:2100", "tcp:2101"))
    one, other = make_service(whole(kept, root, listen=listen), reactor)
    assert one.factory.steps is other.factory.steps
    assert one.factory.steps is not one.factory.workers


def test_listeners_with_settings_of_their_own(kept: state.State, root: Path) -> None:
    """Each policy is judged where it holds: in clear here is no reason against TLS there."""
    lax = {"login_protection": Requirement.OPTIONAL, "data_protection": Requirement.OPTIONAL}
    clear = OwnListener(explicit=("tcp:2100",), tls={"certificate": (), "key": ()}, policy=lax)
    legacy = OwnListener(implicit=("tcp:9900",), tls={"profile": Profile.LEGACY})
    settings = whole(kept, root, listeners=(clear, legacy))
    common, without, old = make_service(settings, reactor)
    assert common.factory.settings.tls.profile is Profile.INTERMEDIATE
    assert without.factory.tls is None
    assert not without.factory.implicit
    assert old.factory.settings.tls.profile is Profile.LEGACY
    assert old.factory.implicit
    with pytest.raises(ConfigError, match="and there is no certificate"):
        make_service(
            whole(kept, root, listeners=(OwnListener(("tcp:1",), tls=clear.tls),)), reactor
        )
    alone = whole(kept, root, listen=Listen(), listeners=(legacy,))
    assert len(list(make_service(alone, reactor))) == 1
