"""Serve a folder on this machine, with a certificate and a user made for it."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from ftptls.cli import state
from ftptls.cli.state import State
from ftptls.config import ConfigError
from ftptls.settings import TLS, Files, Listen, Settings

_DEFAULT_ROOT = "public"
_WELCOME = "Welcome. This folder is served over FTP with TLS; put your files here.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of ``ftptls serve``."""
    parser.add_argument(
        "--root",
        metavar="FOLDER",
        type=Path,
        default=Path(_DEFAULT_ROOT),
        help="folder to serve; ./public, the default, is made when missing",
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=_port,
        default=2121,
        help="port for explicit TLS (default 2121)",
    )
    parser.add_argument(
        "--implicit-port",
        metavar="PORT",
        type=_port,
        default=2990,
        help="port for implicit TLS (default 2990)",
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        type=Path,
        default=Path(".state"),
        help="folder that keeps the certificate and the password (default .state)",
    )


def run(chosen: argparse.Namespace) -> int:
    """Serve in the foreground until a signal comes.

    Returns:
        The exit status: 0 after a signal, 1 if it could not start; why is then said in
        one sentence on standard error.
    """
    root: Path = chosen.root.absolute()
    try:
        if root == Path(_DEFAULT_ROOT).absolute():
            _make_public(root)
        kept = state.prepare(chosen.state.absolute())
        _serve(root, kept, chosen.port, chosen.implicit_port)
    except OSError as error:
        print(f"ftptls: cannot use {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    except ConfigError as error:
        print(f"ftptls: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(root: Path, kept: State, port: int, implicit_port: int) -> None:
    # Only now, when there is something to serve: Twisted's reactor is slow to import.
    from twisted.internet import reactor
    from twisted.internet.interfaces import IReactorCore
    from twisted.logger import (
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        globalLogBeginner,
    )

    from ftptls.service import Listener, make_service
    from ftptls.textlog import TextLog, standard

    settings = Settings(
        auth=(f"memory:{state.USER}:{kept.password}",),
        listen=Listen(
            explicit=(f"tcp:{port}:interface=127.0.0.1",),
            implicit=(f"tcp:{implicit_port}:interface=127.0.0.1",),
        ),
        tls=TLS(certificate=(os.fspath(kept.certificate),), key=(os.fspath(kept.key),)),
        files=Files(root=os.fspath(root)),
    )
    service = make_service(settings, reactor)
    log = TextLog(standard(sys.stderr, reactor))
    told = FilteringLogObserver(log, [LogLevelFilterPredicate(LogLevel.info)])
    globalLogBeginner.beginLoggingTo([told], redirectStandardIO=False)
    service.privilegedStartService()
    service.startService()
    core = IReactorCore(reactor)
    core.addSystemEventTrigger("before", "shutdown", service.stopService)
    explicit, implicit = (child.where() for child in service if isinstance(child, Listener))
    print(_announcement(root, kept, explicit, implicit), flush=True)
    core.run()


def _announcement(root: Path, kept: State, explicit: str, implicit: str) -> str:
    """All that a client needs, with a line to paste for each of two."""
    host, _, port = explicit.rpartition(":")
    login, certificate = f"{state.USER}:{kept.password}", os.fspath(kept.certificate)
    curl = ["curl", "--ssl-reqd", "--cacert", certificate, "--user", login, f"ftp://{explicit}/"]
    quoted = certificate.replace("\\", "\\\\").replace('"', '\\"')
    script = f'set ssl:ca-file "{quoted}"; set ftp:ssl-force true; ls; bye'
    lftp = ["lftp", "-e", script, "-u", f"{state.USER},{kept.password}", "-p", port, host]
    return "\n".join(
        [
            f"Serving     {root}",
            f"explicit    ftp://{explicit}/ (AUTH TLS)",
            f"implicit    ftps://{implicit}/",
            f"user        {state.USER}",
            f"password    {kept.password}",
            f"certificate {certificate}",
            f"SHA-256     {kept.fingerprint}",
            "",
            "Paste one of these in another shell; Ctrl-C here ends the server.",
            "",
            shlex.join(curl),
            "",
            shlex.join(lftp),
            "",
        ]
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; name one of 0 to 65535.")


def _make_public(root: Path) -> None:
    if not root.exists():
        root.mkdir()
        (root / "welcome.txt").write_text(_WELCOME, encoding="ascii")
