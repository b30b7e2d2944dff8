"""``ftptls user cert``: which client certificates stand for a user."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ftptls.authority.describing import WrongPasswordError
from ftptls.authority.errors import AuthorityError
from ftptls.cli.certificates import certificates_in
from ftptls.cli.common import CommandError, add_commands, clean, refusing
from ftptls.cli.stores import add_store, opened
from ftptls.store.certificates import from_pem
from ftptls.store.records import CERTIFICATE, KEY, Certificate, User
from ftptls.store.texts import from_values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls user cert``."""
    add = add_commands(parser)
    new = add("add", _add, "let a certificate stand for a user")
    gone = add("remove", _remove, "let it stand for the user no more")
    for each in (new, gone):
        each.add_argument("name", metavar="NAME", help="the user's, as USER gives it")
        each.add_argument(
            "certificate",
            metavar="FILE|FINGERPRINT|FIELD:VALUE",
            help="its file, SHA-256 fingerprint, or what its field says: email:bob@example.com",
        )
        each.add_argument(
            "--key",
            action="store_true",
            help="mean its public key, which stays the same when it is renewed",
        )
        add_store(each)
    new.add_argument("--notes", default="", help="for people; else its subject and its end")


def _add(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users, refusing(AuthorityError):
        users.add_certificate(chosen.name, _certificate(chosen, chosen.notes))
    return 0


def _remove(chosen: argparse.Namespace) -> int:
    with opened(chosen) as users, refusing(AuthorityError):
        meant = _certificate(chosen, "")
        users.remove_certificate(chosen.name, meant.value, meant.kind)
    return 0


def _certificate(chosen: argparse.Namespace, notes: str) -> Certificate:
    """What is meant: the content of a file, a fingerprint, or a field and its value."""
    path = Path(chosen.certificate)
    if path.is_file():
        try:
            first = certificates_in(path)[0].public_bytes(Encoding.PEM)
        except WrongPasswordError:
            raise CommandError(
                f"{clean(str(path))} is encrypted; name a file of the certificate alone."
            ) from None
        return from_pem(first, kind=KEY if chosen.key else CERTIFICATE, notes=notes)
    values = {"name": chosen.name, "certificates": [chosen.certificate]}
    (meant,) = from_values(User, values).certificates
    return replace(meant, kind=KEY if chosen.key else meant.kind, notes=notes)
