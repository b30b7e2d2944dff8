"""Certificates from files that somebody names."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from ftptls.authority.describing import WrongPasswordError, read
from ftptls.authority.errors import AuthorityError
from ftptls.cli.common import clean

_LARGEST = 1 << 20  # octets of a file that is to hold certificates


def certificates_in(path: Path, password: bytes | None = None) -> list[x509.Certificate]:
    """The certificates in a file: PEM, DER or PKCS#12; at least one.

    Args:
        path: The file.
        password: For PKCS#12.

    Raises:
        AuthorityError: There is none.
        WrongPasswordError: The password does not open it, or there is none.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise AuthorityError(f"{clean(str(path))} is too large to hold certificates only.")
    try:
        found = read(data, password)
    except WrongPasswordError as error:
        raise WrongPasswordError(f"cannot read {clean(str(path))}: {error}") from None
    except AuthorityError as error:
        raise AuthorityError(f"cannot read {clean(str(path))}: {error}") from None
    if not found:
        raise AuthorityError(f"there is no certificate in {clean(str(path))}.")
    return found
