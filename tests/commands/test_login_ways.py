"""What credentials prove, whether or not zope is asked."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.cred.credentials import Anonymous, ICredentials, UsernamePassword

from ftptls.commands.login import _proofs
from ftptls.cred.credentials import CertificateAndPassword, NameAndPassword, X509Credentials

REPORT: Any = None
SHOWN = X509Credentials(b"alice", (), "192.0.2.1", "", REPORT)


@pytest.mark.parametrize(
    ("credentials", "certificate", "password"),
    [
        (NameAndPassword(b"alice", b"secret", "192.0.2.1"), False, True),
        (UsernamePassword(b"alice", b"secret"), False, True),
        (Anonymous(), False, True),
        (SHOWN, True, False),
        (CertificateAndPassword(SHOWN, b"secret"), True, True),
    ],
)
def test_proofs(credentials: ICredentials, certificate: bool, password: bool) -> None:
    assert _proofs(credentials) == (certificate, password)
