"""Keep a small certificate authority for partners who have none."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from ftptls.authority.certificates import KeyKind
from ftptls.authority.describing import read
from ftptls.authority.errors import AuthorityError
from ftptls.authority.folder import CERTIFICATE, CRL, KEY, REASONS, AuthorityFolder
from ftptls.cli.common import (
    add_commands,
    add_json,
    ask_secret,
    days,
    print_json,
    print_pairs,
    print_table,
    refusing,
    run_chosen,
    secret,
    secret_in,
)

PASSPHRASE_FLAG = "--passphrase-file"  # noqa: S105 - the name of a flag
_CRL_DAYS = 30.0

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls ca``."""
    add = add_commands(parser)
    new = add("new", _new, "make an authority: a folder with its certificate, key and CRL")
    new.add_argument("--name", required=True, help="what it is called, such as 'Example partners'")
    add_authority(new)
    add_key(new)
    new.add_argument("--days", type=days, default=3650, help="how long it lasts (default 3650)")
    new.add_argument("--encrypt", action="store_true", help="ask for a passphrase for its key")
    _add_crl_days(new)
    listed = add("list", _list, "list the certificates that were issued")
    add_authority(listed, signs=False)
    add_json(listed)
    revoke = add("revoke", _revoke, "take a certificate back, and write a new CRL")
    revoke.add_argument(
        "certificate", metavar="FILE|SERIAL", help="its file, or its serial number in hexadecimal"
    )
    revoke.add_argument("--reason", choices=REASONS, default="", help="why, for the CRL")
    add_authority(revoke)
    _add_crl_days(revoke)
    crl = add("crl", _crl, "write a new CRL, before the old one expires")
    add_authority(crl)
    _add_crl_days(crl)


def add_authority(parser: argparse.ArgumentParser, *, signs: bool = True) -> None:
    """Declare what names an authority.

    Args:
        parser: Of the command.
        signs: Whether the command takes its private key.
    """
    parser.add_argument(
        "--ca",
        metavar="FOLDER",
        type=Path,
        default=Path("ca"),
        help="folder of the authority (default ca)",
    )
    if signs:
        parser.add_argument(
            PASSPHRASE_FLAG,
            metavar="FILE",
            help="file with the passphrase of its key, or - for standard input",
        )


def add_key(parser: argparse.ArgumentParser) -> None:
    """Declare the kind of a new key."""
    parser.add_argument(
        "--key",
        choices=[kind.value for kind in KeyKind],
        default=KeyKind.EC.value,
        help="kind of the key: ec is P-256, rsa has 3072 bits (default ec)",
    )


def opened(chosen: argparse.Namespace) -> AuthorityFolder:
    """The authority that is named; who has its passphrase is asked when it is needed."""
    return AuthorityFolder(chosen.ca, lambda: _passphrase(chosen))


def _passphrase(chosen: argparse.Namespace) -> bytes:
    text = secret(chosen.passphrase_file, f"Passphrase of {chosen.ca / KEY}", PASSPHRASE_FLAG)
    return text.encode()


def _add_crl_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--crl-days",
        type=days,
        default=_CRL_DAYS,
        help="how long its CRL lasts; then a server that has it refuses everybody (default 30)",
    )


def _new(chosen: argparse.Namespace) -> int:
    passphrase = ""
    if chosen.passphrase_file:
        passphrase = secret_in(chosen.passphrase_file)
    elif chosen.encrypt:
        passphrase = ask_secret("Passphrase", PASSPHRASE_FLAG, twice=True)
    with refusing(AuthorityError):
        made = AuthorityFolder.new(
            chosen.ca,
            chosen.name,
            KeyKind(chosen.key),
            chosen.days,
            passphrase.encode(),
            chosen.crl_days,
        )
    print_pairs(
        [
            ("certificate", f"{chosen.ca / CERTIFICATE} (client_certificates.authorities)"),
            ("CRL", f"{chosen.ca / CRL} (revocation.crls)"),
            ("key", f"{chosen.ca / KEY} (keep it secret, and a copy of it)"),
            ("valid until", f"{made.certificate.not_valid_after_utc:%Y-%m-%d}"),
        ]
    )
    return 0


def _list(chosen: argparse.Namespace) -> int:
    with refusing(AuthorityError):
        found = AuthorityFolder(chosen.ca, lambda: b"").issued()
    if chosen.json:
        print_json([asdict(each) for each in found])
    else:
        rows = []
        for each in found:
            revoked = f"{each.revoked[:10]} {each.reason}".strip()
            rows.append((each.serial, each.ends[:10], revoked, each.subject))
        print_table(("SERIAL", "ENDS", "REVOKED", "SUBJECT"), rows)
    return 0


def _revoke(chosen: argparse.Namespace) -> int:
    with refusing(AuthorityError):
        authority = opened(chosen)
        serial = _serial(authority, chosen.certificate)
        issued = authority.revoke(serial, chosen.reason, chosen.crl_days)
    print(f"{issued.serial} is revoked; a server that reads {chosen.ca / CRL} refuses it.")
    print("Another server needs a copy of that file.", file=sys.stderr)
    return 0


def _serial(authority: AuthorityFolder, text: str) -> str:
    """The serial number of a certificate that a file holds, or that is written out."""
    path = Path(text)
    if not path.is_file():
        plain = text.replace(":", "")
        if not plain.isalnum() or set(plain.lower()) - set("0123456789abcdef"):
            raise AuthorityError(f"{path} is neither a file nor a serial number.")
        return text
    certificate = read(path.read_bytes())[0]
    if not authority.has_issued(certificate):
        raise AuthorityError(f"the authority in {authority.path} has not issued {path}.")
    return f"{certificate.serial_number:x}"


def _crl(chosen: argparse.Namespace) -> int:
    with refusing(AuthorityError):
        ends = opened(chosen).list_revoked(chosen.crl_days)
    print(f"{chosen.ca / CRL} is good until {ends:%Y-%m-%d %H:%M} UTC.")
    return 0
