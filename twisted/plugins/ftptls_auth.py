"""Tells Cred of the ways of ftptls to check users; imports none of them before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import Interface, implementer

from ftptls.errors import MissingExtraError
from ftptls.interfaces import ICertificateAndPassword, IX509Credentials


@implementer(IPlugin, ICheckerFactory)
@dataclass(frozen=True)
class _Factory:
    """One kind of ``--auth``.

    Attributes:
        authType: What stands before the colon.
        argStringFormat: What stands behind it, in one line.
        authHelp: The same, at length.
        credentialInterfaces: What its checkers look at.
        maker: What takes the argument and makes a checker, as ``module:name``.
        prefix: What the maker wants before the argument.
    """

    authType: str  # noqa: N815 - imposed by ICheckerFactory
    argStringFormat: str  # noqa: N815
    authHelp: str  # noqa: N815
    credentialInterfaces: tuple[type[Interface], ...]
    maker: str
    prefix: str = ""

    def generateChecker(self, argstring: str) -> ICredentialsChecker:  # noqa: N802
        """A new checker.

        Raises:
            AuthStringError: It cannot be used; says in a sentence what to do.
        """
        from ftptls.cred.strings import AuthStringError

        if not argstring:
            raise AuthStringError(f"it needs {self.argStringFormat} behind the colon.")
        module, _, path = self.maker.partition(":")
        try:
            make: Callable[[str], Any] = attrgetter(path)(import_module(module))
            made: ICredentialsChecker = make(self.prefix + argstring)
        except OSError as error:
            raise AuthStringError(f"cannot read {error.filename}: {error.strerror}.") from None
        except (MissingExtraError, ValueError) as error:
            raise AuthStringError(f"{str(error).removesuffix('.')}.") from None
        return made


x509 = _Factory(
    "x509",
    "MAPPER[:MAPPER...][:issuer=NAME-OR-FINGERPRINT...]",
    """
TLS client certificates. Each mapper finds names of users in a certificate;
they are tried in the order in which they are written, until one of them has the
name in USER, exactly.

  cn, uid, emailAddress, serialNumber, or an OID such as 2.5.4.12
                 the attribute of the subject; refused if it is there twice
  dn             the whole subject, as in RFC 4514
  email, uri, dns, upn
                 each such entry of the subject alternative name
  subjects=FILE  lines of `name: CN=alice,O=Example`
  pins=FILE      lines of `name: SHA-256 ...` of certificates, or with `key:`
                 before it of public keys; several while one is being replaced
  map=FILE       lines of `field /expression/ name`, where the expression (RE2)
                 must match all of a field above, and \\1 is its first group
  issuer=NAME    only certificates below this authority: its subject, such as
                 CN=Partners,O=Example, or the SHA-256 of its certificate;
                 may be repeated

Files are read again when they change. A colon within a part is written \\:.

Example: x509:pins=/etc/ftptls/pins:email:issuer=CN=Partners,O=Example
""",
    (IX509Credentials,),
    "ftptls.cred.strings:make_x509_checker",
)

htpasswd = _Factory(
    "htpasswd",
    "FILE",
    """
Names and password hashes in a file with lines of `name:hash`, as htpasswd
writes it: Argon2id, scrypt, bcrypt, SHA-512 crypt, PBKDF2. It is read again
when it changes. Needs the extra: pip install 'ftptls[passwords]'

Example: htpasswd:/etc/ftptls/users
""",
    (IUsernamePassword,),
    "ftptls.cred.htpasswd:HtpasswdChecker",
)

pam = _Factory(
    "pam",
    "SERVICE",
    """
The users of this machine, by a service of PAM: a file of /etc/pam.d. Needs the
extra: pip install 'ftptls[pam]'

Example: pam:ftptls
""",
    (IUsernamePassword,),
    "ftptls.cred.pam:PAMChecker",
)

_STORED = (IUsernamePassword, IX509Credentials, ICertificateAndPassword)

sqlite = _Factory(
    "sqlite",
    "FILE",
    """
A user store in one file, kept with `ftptls user`: passwords, certificates, and
what each user may do. Needs the extra: pip install 'ftptls[store]'

Example: sqlite:/var/lib/ftptls/users.db
""",
    _STORED,
    "ftptls.store:StoreChecker.open",
    prefix="sqlite:",
)

store = _Factory(
    "store",
    "URL",
    """
A user store by its URL, for a pool of servers. Needs the extra:
pip install 'ftptls[store]'

Example: store:postgresql://ftptls@db.example/users
""",
    _STORED,
    "ftptls.store:StoreChecker.open",
)
