"""A whole server that serves as users of the machine: threads, sockets, PAM and certificates.

Only root may start it. Started by anybody else, it says so and ends.
"""

from __future__ import annotations

import ftplib
import io
import os
import pwd
import re
import ssl
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftptls.testing.certificates import Authority, WrittenFiles
from ftptls.vfs.owners import objection
from tests.conftest import Process, Spawn
from tests.pam import by_password
from tests.unix import ALICE, BOB, as_root, give, reachable_folder

PASSWORD = "correct horse"
DATA = os.urandom(300_000)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> WrittenFiles:
    return authority.write(tmp_path)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for everybody, in which each may remove only what is his."""
    with reachable_folder() as folder:
        folder.chmod(0o1777)
        yield folder


@dataclass
class Server:
    """A running one.

    Attributes:
        process: It.
        trusted: Whom its clients trust.
    """

    process: Process
    trusted: Path

    def client(self) -> ftplib.FTP_TLS:
        """A new client, connected, not logged in."""
        port = int(self.process.wait_for(r"explicit TLS on 127\.0\.0\.1:(\d+)$")[1])
        client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(self.trusted)))
        client.connect("127.0.0.1", port, 60)
        return client

    @contextmanager
    def enter(self, entry: pwd.struct_passwd, password: str = PASSWORD) -> Iterator[ftplib.FTP_TLS]:
        """A client of this user, logged in."""
        with self.client() as client:
            client.login(entry.pw_name, password)
            client.prot_p()
            yield client

    def refuses(self, entry: pwd.struct_passwd, password: str = PASSWORD) -> None:
        """See that it does not let him in, by the words for every wrong login."""
        incorrect = pytest.raises(ftplib.error_perm, match="530 Login incorrect")
        with incorrect, self.enter(entry, password):
            raise AssertionError("he is in")

    def identities(self) -> set[str]:
        """Real, effective, saved and filesystem user of each of its threads."""
        found = set()
        for status in Path(f"/proc/{self.process.pid}/task").glob("*/status"):
            line = re.search(r"^Uid:\s+(.*)$", status.read_text(), re.MULTILINE)
            assert line
            found.add(line[1])
        return found


Start = Callable[..., Server]


@pytest.fixture
def start(
    spawn: Spawn, twistd: list[str], files: WrittenFiles, tmp_path: Path, root: Path
) -> Start:
    """Start a server with these lines in its file, and these flags."""

    def make(*lines: str, flags: tuple[str, ...] = ()) -> Server:
        config = tmp_path / "unix.toml"
        config.write_text("\n".join(["[unix]", "enabled = true", "minimum_uid = 1", *lines, ""]))
        given = [f"--certificate={files.certificate}", f"--key={files.key}", f"--root={root}"]
        given += ["--explicit=tcp:0:interface=127.0.0.1", f"--config={config}"]
        return Server(spawn(*twistd, "ftptls", *given, *flags), files.root)

    return make


def by_memory(*entries: pwd.struct_passwd) -> tuple[str, ...]:
    """Flags that let them in with the password."""
    return tuple(f"--auth=memory:{entry.pw_name}:{PASSWORD}" for entry in entries)


def owner(path: Path) -> tuple[int, int]:
    info = path.stat()
    return info.st_uid, info.st_gid


def test_it_starts_for_root_only(start: Start) -> None:
    server = start(flags=by_memory(ALICE))
    why = objection()
    if not why:
        server.process.wait_for("explicit TLS on")
        return
    assert server.process.wait() == 1
    assert f"--unix-users cannot work: {why}." in server.process.output


@as_root
def test_it_does_not_start_once_its_rights_are_given_away(
    spawn: Spawn, twistd: list[str], start: Start
) -> None:
    twistd += [f"--uid={ALICE.pw_uid}", f"--gid={ALICE.pw_gid}"]
    server = start(flags=by_memory(ALICE))
    assert server.process.wait() == 1
    assert "do without --uid and --gid of twistd" in server.process.output
    assert "Traceback" not in server.process.output


@as_root
@pytest.mark.parametrize("upload_mode", ["atomic", "direct"])
def test_many_transfers_of_two_users_do_not_mix(start: Start, root: Path, upload_mode: str) -> None:
    flags = (*by_memory(ALICE, BOB), f"--upload-mode={upload_mode}")
    # From their first moment on, files are nobody else's.
    server = start("[files]", 'umask = "077"', flags=flags)

    def work(number: int) -> None:
        entry, other = (ALICE, BOB) if number % 2 else (BOB, ALICE)
        with server.enter(entry) as client:
            for turn in range(6):
                name = f"{entry.pw_name}-{number}-{turn}"
                client.storbinary(f"STOR {name}", io.BytesIO(DATA))
                client.sendcmd(f"SITE CHMOD 600 {name}")
                client.mkd(f"{name}.d")
                back = io.BytesIO()
                client.retrbinary(f"RETR {name}", back.write)
                assert back.getvalue() == DATA
                for theirs in [each for each in client.nlst() if each.startswith(other.pw_name)]:
                    for refused in (f"DELE {theirs}", f"RETR {theirs}", f"RMD {theirs}"):
                        with pytest.raises(ftplib.error_perm, match=r"^550"):
                            client.sendcmd(refused)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [None] * 6
    made = sorted(path.name for path in root.iterdir())
    assert len(made) == 6 * 6 * 2
    for entry in (ALICE, BOB):
        hers = [name for name in made if name.startswith(f"{entry.pw_name}-")]
        assert {owner(root / name) for name in hers} == {(entry.pw_uid, entry.pw_gid)}
        assert len(hers) == len(made) / 2
    assert server.identities() == {"0\t0\t0\t0"}


@as_root
def test_what_is_received_is_written_as_the_user(start: Start, root: Path) -> None:
    """As root, a program would stay one that runs as its owner, whoever writes to it."""
    server = start(flags=by_memory(ALICE))
    (root / "program").write_bytes(b"x")
    give(root / "program", ALICE, 0o4755)
    with server.enter(ALICE) as client:
        client.storbinary("APPE program", io.BytesIO(DATA))
    assert stat.S_IMODE((root / "program").stat().st_mode) == 0o755


@as_root
def test_a_certificate_and_a_user(
    start: Start, root: Path, authority: Authority, files: WrittenFiles, tmp_path: Path
) -> None:
    server = start(
        "[client_certificates]",
        'mode = "optional"',
        f'authorities = ["{files.root}"]',
        "[policy]",
        'login = "certificate"',
        flags=("--auth=x509:cn",),
    )
    pair = authority.client(BOB.pw_name)
    both = tmp_path / "client.pem"
    both.write_bytes(pair.key_pem() + pair.certificate_pem)
    with server.client() as client:
        client.context.load_cert_chain(both)
        client.auth()
        assert client.sendcmd(f"USER {BOB.pw_name}").startswith("232")
        client.prot_p()
        client.storbinary("STOR file", io.BytesIO(DATA))
    assert owner(root / "file") == (BOB.pw_uid, BOB.pw_gid)


@as_root
def test_pam(start: Start, root: Path, tmp_path: Path) -> None:
    """With a service where the system has them, for this test alone."""
    service = Path(f"/etc/pam.d/ftptls-test-{os.getpid()}")
    lines = by_password(tmp_path, {ALICE.pw_name: PASSWORD, "root": PASSWORD})
    server = start(f'account_service = "{service.name}"', flags=(f"--auth=pam:{service.name}",))
    try:
        service.write_text("\n".join([*lines, ""]))
        with server.enter(ALICE) as client:
            client.storbinary("STOR file", io.BytesIO(DATA))
        for entry in (BOB, pwd.getpwnam("root")):
            server.refuses(entry)
        server.refuses(ALICE, "wrong")
        closed = [line.replace("acct=success", "acct=acct_expired") for line in lines]
        service.write_text("\n".join([*closed, ""]))
        server.refuses(ALICE)
    finally:
        service.unlink()
    assert owner(root / "file") == (ALICE.pw_uid, ALICE.pw_gid)
    assert "Login refused: 'root': the number of the user, 0, is below" in server.process.output
    assert "User account has expired" in server.process.output
    assert PASSWORD not in server.process.output
