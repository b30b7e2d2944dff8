"""Make, look at and renew certificates, for servers and for users."""

from __future__ import annotations

import argparse
import datetime
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ftptls.authority.certificates import (
    KeyKind,
    Pair,
    PrivateKey,
    Wanted,
    for_client,
    for_server,
    key_pem,
    new_key,
    pkcs12_of,
    same_again,
)
from ftptls.authority.describing import Described, WrongPasswordError, described
from ftptls.authority.errors import AuthorityError
from ftptls.authority.files import PRIVATE, PUBLIC, write, write_new
from ftptls.authority.folder import open_key
from ftptls.cli.ca import add_authority, add_key, opened
from ftptls.cli.certificates import certificates_in
from ftptls.cli.common import (
    CommandError,
    add_commands,
    add_json,
    ask_secret,
    clean,
    days,
    new_secret,
    print_json,
    print_pairs,
    refusing,
    run_chosen,
    secret,
    secret_in,
)

_PASSWORD_FLAG = "--password-file"  # noqa: S105 - the name of a flag
_DAYS = 397.0
_SENSITIVE = re.compile(r"[^A-Za-z0-9._@+-]")

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls cert``."""
    add = add_commands(parser)
    new = add("new", _new, "make a server certificate")
    new.add_argument("hosts", metavar="HOST", nargs="+", help="a name or address that it is for")
    _add_issuing(new)
    client = add("client", _client, "make a client certificate for a user, with PKCS#12")
    client.add_argument("name", metavar="NAME", help="whose it is: its CN")
    client.add_argument("--uid", default="", help="its UID, too")
    client.add_argument("--email", action="append", default=[], help="a mailbox; may be repeated")
    client.add_argument(
        "--uri", action="append", default=[], help="a URI such as SPIFFE's; may be repeated"
    )
    _add_issuing(client)
    _add_password(client)
    show = add("show", _show, "tell in words what certificates say, and what is wrong with them")
    show.add_argument("file", metavar="FILE", type=Path, help="PEM, DER or PKCS#12")
    show.add_argument(
        _PASSWORD_FLAG, metavar="FILE", help="file with the password of PKCS#12, or -"
    )
    add_json(show)
    renew = add("renew", _renew, "issue a certificate anew: same names, new dates")
    renew.add_argument("file", metavar="FILE", type=Path, help="PEM file of the certificate")
    renew.add_argument(
        "--new-key", action="store_true", help="make a new key, too, in place of the old one"
    )
    renew.add_argument(
        "--key-file", metavar="FILE", type=Path, help="PEM file of its key (default FILE.key)"
    )
    _add_days(renew)
    add_authority(renew)
    add_json(renew)
    _add_password(renew)


def _add_issuing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="where to, without the ending (default: the first name)",
    )
    add_authority(parser)
    add_key(parser)
    _add_days(parser)
    add_json(parser)


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=days, default=_DAYS, help="how long it lasts (default 397)")


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        _PASSWORD_FLAG,
        metavar="FILE",
        help="file with a password for PKCS#12, or -; else one is made up",
    )
    parser.add_argument("--ask", action="store_true", help="ask for that password")


def _new(chosen: argparse.Namespace) -> int:
    with refusing(AuthorityError):
        wanted = for_server(chosen.hosts)
        certificate, key = _paths(chosen, chosen.hosts[0], (".pem", ".key"))
        pair = _issued(chosen, wanted)
        write_new(
            {
                key: (pair.key_pem(), PRIVATE),
                certificate: (pair.certificate_pem, PUBLIC),
            }
        )
    _tell(chosen, pair.certificate, {"certificate": str(certificate), "key": str(key)})
    return 0


def _client(chosen: argparse.Namespace) -> int:
    with refusing(AuthorityError):
        wanted = for_client(chosen.name, chosen.uid, chosen.email, chosen.uri)
        certificate, key, p12 = _paths(chosen, chosen.name, (".pem", ".key", ".p12"))
        password, made_up = _password(chosen)
        issuer = opened(chosen).certificate
        pair = _issued(chosen, wanted)
        write_new(
            {
                key: (pair.key_pem(), PRIVATE),
                p12: (pkcs12_of(pair, [issuer], password.encode()), PRIVATE),
                certificate: (pair.certificate_pem, PUBLIC),
            }
        )
    files = {"certificate": str(certificate), "key": str(key), "pkcs12": str(p12)}
    _tell(chosen, pair.certificate, {**files, **made_up})
    return 0


def _renew(chosen: argparse.Namespace) -> int:
    path: Path = chosen.file
    key_path = chosen.key_file or path.with_suffix(".key")
    p12 = path.with_suffix(".p12")
    with refusing(AuthorityError):
        old = certificates_in(path)[0]
        authority = opened(chosen)
        if not authority.has_issued(old):
            raise AuthorityError(f"the authority in {chosen.ca} has not issued {path}.")
        key = new_key(_kind(old)) if chosen.new_key else _key_of(old, key_path)
        password, made_up = _password(chosen) if p12.exists() else ("", {})
        made = authority.issue(same_again(old), key.public_key(), chosen.days)
        files = {"certificate": str(path), "key": str(key_path)}
        if chosen.new_key:
            write(key_path, key_pem(key))
        # The certificate is last: until it is there, there is the old one, to begin anew with.
        if password:
            both = Pair(key, made)
            write(p12, pkcs12_of(both, [authority.certificate], password.encode()))
            files["pkcs12"] = str(p12)
        write(path, made.public_bytes(Encoding.PEM), PUBLIC)
    _tell(chosen, made, {**files, **made_up})
    return 0


def _show(chosen: argparse.Namespace) -> int:
    path: Path = chosen.file
    with refusing(AuthorityError):
        password = secret_in(chosen.password_file).encode() if chosen.password_file else None
        try:
            found = certificates_in(path, password)
        except WrongPasswordError:
            if password is not None:
                raise
            found = certificates_in(
                path, ask_secret(f"Password of {path}", _PASSWORD_FLAG).encode()
            )
    now = datetime.datetime.now(datetime.UTC)
    told = [described(each, now) for each in found]
    if chosen.json:
        print_json([asdict(each) for each in told])
    else:
        for at, each in enumerate(told):
            if at:
                print()
            print_pairs(list(_lines(each)))
    return 1 if any(each.problems for each in told) else 0


def _lines(told: Described) -> Iterator[tuple[str, str]]:
    """A certificate, a line for each thing."""
    yield "subject", told.subject or "(nobody)"
    for at, name in enumerate(told.names):
        yield "" if at else "names", name
    yield "issuer", told.issuer
    yield "valid", f"{told.not_before} to {told.not_after}"
    yield "for", "signing certificates" if told.authority else ", ".join(told.usages)
    yield "serial", told.serial
    yield "key", told.key
    yield "SHA-256", told.fingerprint
    yield "key SHA-256", told.key_fingerprint
    for problem in told.problems:
        yield "PROBLEM", problem


def _tell(chosen: argparse.Namespace, made: x509.Certificate, files: dict[str, str]) -> None:
    """What was made, and where it is."""
    told = described(made, datetime.datetime.now(datetime.UTC))
    facts = {
        **files,
        "subject": told.subject,
        "not_after": told.not_after,
        "fingerprint": told.fingerprint,
    }
    if chosen.json:
        print_json(facts)
    else:
        words = {
            "pkcs12": "PKCS#12",
            "not_after": "valid until",
            "fingerprint": "SHA-256",
            "password": "password, shown only now",
        }
        print_pairs([(words.get(name, name), value) for name, value in facts.items()])


def _issued(chosen: argparse.Namespace, wanted: Wanted) -> Pair:
    key = new_key(KeyKind(chosen.key))
    return Pair(key, opened(chosen).issue(wanted, key.public_key(), chosen.days))


def _paths(chosen: argparse.Namespace, name: str, endings: tuple[str, ...]) -> list[Path]:
    """The files to be written, of which none may be there."""
    stem = chosen.out or Path(_SENSITIVE.sub("_", name).lstrip(".") or "_")
    paths = [stem.with_name(stem.name + ending) for ending in endings]
    for path in paths:
        if os.path.lexists(path):
            raise CommandError(
                f"there is {clean(str(path))} already; name another one with --out, or renew it "
                "with 'ftptls cert renew'."
            )
    return paths


def _password(chosen: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """The password for PKCS#12, and what is to be told of it: it, if it was made up here."""
    if chosen.password_file or chosen.ask:
        what = "Password for PKCS#12"
        return secret(chosen.password_file, what, _PASSWORD_FLAG, twice=True), {}
    made_up = new_secret()
    return made_up, {"password": made_up}


def _kind(certificate: x509.Certificate) -> KeyKind:
    """The kind of key that takes the place of a certificate's."""
    is_rsa = isinstance(certificate.public_key(), rsa.RSAPublicKey)
    return KeyKind.RSA if is_rsa else KeyKind.EC


def _key_of(certificate: x509.Certificate, path: Path) -> PrivateKey:
    what = clean(str(path))
    flag = "--key-file with a key that is not encrypted"
    try:
        data = path.read_bytes()
        key = open_key(data, lambda: ask_secret(f"Passphrase of {what}", flag).encode())
    except FileNotFoundError:
        raise AuthorityError(
            f"there is no key in {what}; name its file with --key-file, or add --new-key."
        ) from None
    except AuthorityError as error:
        raise AuthorityError(f"cannot use {what}: {error}") from None
    if key.public_key() != certificate.public_key():
        raise AuthorityError(f"the key in {what} is not that of the certificate.")
    return key
