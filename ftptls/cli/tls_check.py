"""Check the TLS of any FTP server, and say what to do about what is wrong."""

from __future__ import annotations

import argparse
import datetime
import getpass
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftptls.client.findings import Certificate, Findings, Remark
    from ftptls.client.probes import Target

_EXPLICIT_PORT, _IMPLICIT_PORT = 21, 990
_PASSWORD = "FTPTLS_PASSWORD"  # noqa: S105 - the name of a variable

_OK, _PROBLEMS, _UNREACHABLE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of ``ftptls tls-check``."""
    parser.add_argument(
        "server",
        metavar="HOST[:PORT]",
        type=_server,
        help="whom to check; the port is 21, or 990 for implicit TLS; [::1]:2121 for IPv6",
    )
    parser.add_argument(
        "--implicit", action="store_true", help="TLS starts with the connection, without AUTH"
    )
    parser.add_argument("--user", default="", help="log in, to check data connections, too")
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help=f"file with the password; else it is taken from {_PASSWORD}, or asked for",
    )
    parser.add_argument(
        "--cafile",
        metavar="FILE",
        default="",
        help="PEM file of the authorities to trust, not the system's",
    )
    parser.add_argument(
        "--certificate", metavar="FILE", default="", help="PEM file of a certificate to show"
    )
    parser.add_argument(
        "--key", metavar="FILE", default="", help="PEM file of its key, if in another file"
    )
    parser.add_argument("--json", action="store_true", help="print all findings as JSON")
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="seconds for each wait (default 10)",
    )


def run(chosen: argparse.Namespace) -> int:
    """Check, and print what was found.

    Returns:
        The exit status: 0 where nothing is wrong, 1 where something is, 2 where there is no
        connection; why is then said in one sentence on standard error.
    """
    from ftptls.client.findings import remarks
    from ftptls.client.probes import check
    from ftptls.client.wires import ClientError, SilenceError

    try:
        found = check(_target(chosen), _progress)
    except SilenceError as error:
        hint = "" if chosen.implicit else "; if TLS starts at once there, add --implicit"
        print(f"ftptls: cannot check {chosen.server[0]}: {error}{hint}.", file=sys.stderr)
        return _UNREACHABLE
    except (ClientError, OSError) as error:
        print(f"ftptls: cannot check {chosen.server[0]}: {error}.", file=sys.stderr)
        return _UNREACHABLE
    said = remarks(found, datetime.datetime.now(datetime.UTC))
    ok = not any(remark.is_problem for remark in said)
    if chosen.json:
        verdict = {"ok": ok, "remarks": [asdict(remark) for remark in said]}
        print(json.dumps({**asdict(found), "verdict": verdict}, indent=2))
    else:
        print("\n".join([*_told(found), *_verdict(said)]))
    return _OK if ok else _PROBLEMS


def _target(chosen: argparse.Namespace) -> Target:
    from ftptls.client.probes import Target

    host, port = chosen.server
    return Target(
        host,
        port or (_IMPLICIT_PORT if chosen.implicit else _EXPLICIT_PORT),
        implicit=chosen.implicit,
        authorities=chosen.cafile,
        certificate=chosen.certificate,
        key=chosen.key,
        user=chosen.user,
        password=_password(chosen) if chosen.user else "",
        patience=chosen.patience,
    )


def _password(chosen: argparse.Namespace) -> str:
    if chosen.password_file:
        with open(chosen.password_file, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    if _PASSWORD in os.environ:
        return os.environ[_PASSWORD]
    return getpass.getpass(f"Password of {chosen.user}: ")


def _server(text: str) -> tuple[str, int]:
    """Host and port; 0 if none is given."""
    host, mark, port = text.rpartition(":")
    if not mark or (":" in host and not text.startswith("[")) or text.endswith("]"):
        host, port = text, "0"
    if not host or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST or HOST:PORT.")
    return host.strip("[]"), int(port)


def _progress(step: str) -> None:
    print(f"ftptls: looking at {step} ...", file=sys.stderr, flush=True)


def _told(found: Findings) -> Iterator[str]:
    """What was found, a line for each thing."""
    yield _line("server", f"{found.server}, {found.mode} TLS")
    yield _line("greeting", _clean(found.greeting))
    for depth, certificate in enumerate(found.chain):
        yield from _shown(depth, certificate)
    if found.chain:
        yield _line("verifies", f"no: {found.objection}" if found.objection else "yes")
    for version, accepted in found.versions.items():
        yield _line(version, "accepted" if accepted else "refused")
        for cipher in found.ciphers.get(version, ()):
            yield _line("", cipher)
        if version in found.cut:
            yield _line("", "... and more")
    if found.versions:
        yield _line("resumption", f"control {_shrug(found.control_resumed)}, {_data(found)}")
        yield _line("ALPN", f"ftp {found.alpn_ftp}, http/1.1 {found.alpn_foreign}")
        yield _line("renegotiation", _shrug(found.renegotiation))
        yield _line("compression", "no (this OpenSSL offers none)")
        yield _line("FEAT", ", ".join(map(_clean, found.features)) or "nothing about TLS")
        yield _line("behind AUTH", found.injection or "not applicable")
    yield ""


def _shown(depth: int, certificate: Certificate) -> Iterator[str]:
    yield _line(f"certificate {depth}", _clean(certificate.subject) or "(no subject)")
    yield _line("", f"issued by {_clean(certificate.issuer)}")
    yield _line("", f"valid from {certificate.not_before} to {certificate.not_after}")
    yield _line("", f"{certificate.key}, SHA-256 {certificate.fingerprint}")
    if certificate.names:
        yield _line("", f"for {', '.join(map(_clean, certificate.names))}")


def _data(found: Findings) -> str:
    if found.data_trouble:
        return f"data not known ({_clean(found.data_trouble)})"
    return f"data {_shrug(found.data_resumed)}, data without it {_shrug(found.data_unresumed)}"


def _verdict(said: list[Remark]) -> Iterator[str]:
    for remark in said:
        yield f"{'PROBLEM' if remark.is_problem else 'advice'}: {_clean(remark.text)}"
    if not any(remark.is_problem for remark in said):
        yield "No problem was found."


def _line(name: str, text: str) -> str:
    return f"{name:<14} {text}".rstrip()


def _shrug(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: "not known"}[answer]


def _clean(text: str) -> str:
    """The server's text, without what could play with a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
