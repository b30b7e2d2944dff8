"""The servers that are measured: each a process of its own, on a free port of the loopback.

All are set up as an operator would, and alike where it counts: each writes a line for every
login and transfer into a file, and keeps its user with a hash that costs nothing, as it is not
hashes that are compared.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import debian
from tests.bench.accounting import Account
from tests.conftest import Process

USER, PASSWORD = "alice", "correct horse"
_TWISTD = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()",
    "--nodaemon",
    "--pidfile=",
]
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


@dataclass(frozen=True)
class Place:
    """What a server is started with.

    Attributes:
        folder: For its files; an empty one of its own.
        root: The folder to serve.
        authority: PEM file of whom clients and servers trust.
        chain: PEM file of what the server shows.
        key: PEM file of its key.
        port: Where to listen.
    """

    folder: Path
    root: Path
    authority: Path
    chain: Path
    key: Path
    port: int


def proftpd(place: Place) -> list[str]:
    """With mod_tls, a process for each session, and users in a file or by certificate."""
    _demand_root("ProFTPD")
    users = place.folder / "users"
    line = f"{USER}:{_cheap_hash()}:{os.getuid()}:{os.getgid()}::{place.root}:/bin/false\n"
    users.write_text(line)
    users.chmod(0o600)
    config = place.folder / "proftpd.conf"
    config.write_text(
        f"""
        ModulePath {debian.FOLDER}/usr/lib/proftpd
        LoadModule mod_tls.c
        ServerType standalone
        DefaultAddress 127.0.0.1
        UseIPv6 off
        Port {place.port}
        User root
        Group root
        RootLogin on
        RequireValidShell off
        UseReverseDNS off
        DelayEngine off
        MaxInstances none
        WtmpLog off
        SystemLog {place.folder}/system.log
        TransferLog {place.folder}/transfers.log
        PidFile {place.folder}/pid
        ScoreboardFile {place.folder}/scoreboard
        AuthOrder mod_auth_file.c
        AuthUserFile {users}
        DefaultRoot ~
        TLSEngine on
        TLSRequired off
        TLSRSACertificateFile {place.chain}
        TLSRSACertificateKeyFile {place.key}
        TLSCACertificateFile {place.authority}
        TLSVerifyClient optional
        TLSUserName CommonName
        TLSOptions NoSessionReuseRequired
        """
    )
    debian.unpack("proftpd-core", "proftpd-mod-crypto")
    return [*debian.program("sbin/proftpd"), "--nodaemon", "-q", "-c", str(config)]


def vsftpd(place: Place) -> list[str]:
    """With processes for each session; the one user is anonymous, for others it asks PAM."""
    _demand_root("vsftpd")
    config = place.folder / "vsftpd.conf"
    lines = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": place.port,
        "background": "NO",
        "run_as_launching_user": "NO",
        "anonymous_enable": "YES",
        "anon_root": place.root,
        "allow_anon_ssl": "YES",
        "ssl_enable": "YES",
        "rsa_cert_file": place.chain,
        "rsa_private_key_file": place.key,
        "require_ssl_reuse": "NO",
        "seccomp_sandbox": "NO",
        "xferlog_enable": "YES",
        "vsftpd_log_file": f"{place.folder}/transfers.log",
        "write_enable": "YES",
        "anon_upload_enable": "YES",
        "max_clients": 0,
        "max_per_ip": 0,
    }
    config.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return [_program("vsftpd"), str(config)]


def pureftpd(place: Place) -> list[str]:
    """With processes for each session, and one user who is nobody, as it lets no root in."""
    _demand_root("Pure-FTPd")
    debian.unpack("pure-ftpd", "pure-ftpd-common")
    users, database = place.folder / "passwd", place.folder / "users.pdb"
    asked = [*debian.program("bin/pure-pw"), "useradd", USER]
    asked += ["-u", "65534", "-g", "65534", "-D", str(place.root)]  # -d would ask for a chroot
    asked += ["-f", str(users)]
    subprocess.run(asked, input=f"{PASSWORD}\n" * 2, check=True, capture_output=True, text=True)
    name, _, rest = users.read_text().split(":", 2)
    users.write_text(f"{name}:{_cheap_hash()}:{rest}")
    made = [*debian.program("bin/pure-pw"), "mkdb", str(database), "-f", str(users)]
    subprocess.run(made, check=True, capture_output=True)
    return [
        *debian.program("sbin/pure-ftpd"),
        f"--bind=127.0.0.1,{place.port}",
        f"--login=puredb:{database}",
        "--noanonymous",
        "--dontresolve",
        "--ipv4only",
        "--limitrecursion=1000000:10",  # as many names as there are, by default 10,000
        "--tls=1",
        f"--certfile={place.chain},{place.key}",
        f"--pidfile={place.folder}/pid",
        f"--altlog=clf:{place.folder}/transfers.log",
        "--maxclientsnumber=100000",
        "--maxclientsperip=100000",
    ]


def pyftpdlib(place: Place) -> list[str]:
    """In one process, with its users in memory, in clear."""
    script = place.folder / "server.py"
    script.write_text(
        f"""
import logging, warnings
warnings.simplefilter("ignore")
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.INFO)
users = DummyAuthorizer()
users.add_user({USER!r}, {PASSWORD!r}, {str(place.root)!r}, perm="elradfmwMT")
TLS_FTPHandler.certfile, TLS_FTPHandler.keyfile = {str(place.chain)!r}, {str(place.key)!r}
TLS_FTPHandler.authorizer = users
server = FTPServer(("127.0.0.1", {place.port}), TLS_FTPHandler)
server.max_cons = server.max_cons_per_ip = 0
server.serve_forever()
"""
    )
    return [sys.executable, str(script)]


def twistd_ftp(place: Place) -> list[str]:
    """The server of ``twistd ftp``, in one process, in clear only, with its users in memory."""
    homes = place.folder / "homes"
    homes.mkdir()
    (homes / USER).symlink_to(place.root)
    script = place.folder / "server.tac"
    script.write_text(
        f"""
from twisted.application import service, strports
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.protocols.ftp import FTPFactory, FTPRealm
checker = InMemoryUsernamePasswordDatabaseDontUse()
checker.addUser({USER!r}, {PASSWORD!r})
portal = Portal(FTPRealm({str(place.root)!r}, {str(homes)!r}), [checker])
application = service.Application("ftp")
server = strports.service("tcp:{place.port}:interface=127.0.0.1", FTPFactory(portal))
server.setServiceParent(application)
"""
    )
    return [*_TWISTD, "--no_save", "--python", str(script)]


def ftptls(
    *auth: str, certificates: bool = False, settings: str = ""
) -> Callable[[Place], list[str]]:
    """This server, with users by these Cred strings; ``{folder}`` is its own folder.

    Args:
        auth: The strings.
        certificates: Whether clients are asked for theirs, which takes longer.
        settings: More TOML.
    """

    def command(place: Place) -> list[str]:
        """As ``twistd ftptls``, with its defaults, but that clear text may be spoken, too."""
        flags = ["--explicit", f"tcp:{place.port}:interface=127.0.0.1", "--root", str(place.root)]
        flags += ["--certificate", str(place.chain), "--key", str(place.key)]
        for each in auth:
            flags += ["--auth", each.format(folder=place.folder)]
        config = place.folder / "server.toml"
        asked = f'mode = "optional"\nauthorities = ["{place.authority}"]' if certificates else ""
        config.write_text(f"[client_certificates]\n{asked}\n{settings}")
        return [*_TWISTD, "ftptls", "--config", str(config), *flags]

    return command


def _cheap_hash() -> str:
    """Of the password, by the oldest crypt(3)."""
    asked = ["perl", "-e", "print crypt($ARGV[0], 'ab')", PASSWORD]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


def _demand_root(name: str) -> None:
    if os.geteuid():
        raise SystemExit(f"{name} has to be started by root; leave it out with --only otherwise.")


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise SystemExit(
            f"{name} is not installed: make packages installs it; or leave it out with --only."
        )
    return found


def place(folder: Path, authority: Authority, kind: KeyKind) -> Place:
    """Files and a free port for one server."""
    folder.mkdir()
    root = folder / "root"
    root.mkdir()
    written = authority.write(folder, kind)
    return Place(folder, root, written.root, written.certificate, written.key, _free_port())


def _free_port() -> int:
    """One that the system gives to nobody else before the server listens there."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def running(
    command: Sequence[str], place: Place, account: Account | None = None
) -> Iterator[Process]:
    """The server, once it listens; ended by its own process id.

    Args:
        command: Its own.
        place: Where it runs.
        account: What it is accounted in.

    Raises:
        SystemExit: It ended at once, or never listened.
    """
    started = account.entering(command) if account else command
    process = Process(started, place.folder / "log", place.folder)
    try:
        if account:
            account.begin(process.pid)
        _wait(process, place.port)
        yield process
    finally:
        process.end()
        if account:
            account.close()


def _wait(process: Process, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not process.running:
            raise SystemExit(f"the server ended at once:\n{process.output}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"the server did not listen within 30 seconds:\n{process.output}")
