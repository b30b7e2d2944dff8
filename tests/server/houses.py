"""A server whose users have files of their own, and certificates that are taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import alsoProvides, implementer

from ftptls.interfaces import (
    ICertificateAndPassword,
    IFilesystem,
    IProtection,
    IX509Credentials,
)
from ftptls.settings import ClientCertificate, Guard, Host, Limits, Settings
from ftptls.testing.certificates import PKI
from ftptls.testing.dialogue import MemoryServer
from ftptls.testing.responder import revocation_list
from ftptls.tls import hosts as tls_hosts
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.tls.profiles import Protocols
from ftptls.tls.revocation import RevocationLists
from ftptls.vfs.memory import MemoryFilesystem
from tests.server.logins_model import (
    ATTEMPTS,
    OF_AVATARS,
    OTHER_HOST,
    PASSWORDS,
    RULES,
    STRICT_HOST,
    Kind,
)

_LIMITS = Limits(
    login_attempts=ATTEMPTS, login_delay=0, login_timeout=1e6, idle_timeout=1e6, passive_timeout=1e5
)
_GUARD = Guard(ban_time=0, wary_after=10**6)

_PKI = PKI()
_SERVER = _PKI.server()
_SHOWN = {name: _PKI.client(name) for name in PASSWORDS}
VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
CONTEXTS = {
    (version, name): _PKI.client_context(version, _SHOWN.get(name))
    for version in VERSIONS
    for name in ("", *PASSWORDS)
}

DER = {name: pair.certificate.public_bytes(Encoding.DER) for name, pair in _SHOWN.items()}
DER[""] = b""


def tls_without(revoked: set[str]) -> ServerContext:
    """A server that does not accept these certificates, on any of its hosts."""
    lists = RevocationLists([revocation_list(_PKI.intermediate, *map(_SHOWN.get, revoked))])
    wanted = Verification(ClientCertificate.OPTIONAL, (_PKI.root.certificate,), revocations=lists)
    hosts = [
        tls_hosts.Host([_SERVER], Protocols(), wanted, (name,))
        for name in (STRICT_HOST, OTHER_HOST)
    ]
    return ServerContext(_SERVER.key, _SERVER.chain, verification=wanted, hosts=hosts)


@implementer(ICredentialsChecker)
class Checker:
    """By password, by the name in the certificate, or by both; in its own time.

    Attributes:
        held: Who waits for it to go on; ``None`` while nobody has to.
    """

    credentialInterfaces = (IUsernamePassword, IX509Credentials, ICertificateAndPassword)

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] | None = None

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        answer: Deferred[bytes] = Deferred()

        def go_on() -> None:
            if _is_right(credentials):
                answer.callback(credentials.username)
            else:
                answer.errback(UnauthorizedLogin())

        if self.held is None:
            go_on()
        else:
            self.held.append(go_on)
        return answer

    def release(self) -> None:
        held, self.held = self.held or [], None
        for each in held:
            each()


def _is_right(credentials: Any) -> bool:
    name = credentials.username.decode()
    if IX509Credentials.providedBy(credentials):
        return _is_called(credentials, name)
    is_password = credentials.password.decode() == PASSWORDS.get(name)
    if ICertificateAndPassword.providedBy(credentials):
        return is_password and _is_called(credentials.shown, name)
    return is_password


def _is_called(shown: IX509Credentials, name: str) -> bool:
    (found,) = shown.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return bool(found.value == name)


@implementer(IRealm)
class Houses:
    """Every user has files of his own, and nobody else's.

    Attributes:
        files: By user.
        inside: How often each user is logged in.
    """

    def __init__(self) -> None:
        self.files = {name: _house(name) for name in PASSWORDS}
        self.inside: Counter[str] = Counter()

    def requestAvatar(self, avatar_id: bytes, mind: object, *interfaces: Any) -> Any:
        name = avatar_id.decode()
        self.inside[name] += 1

        def leave() -> None:
            self.inside[name] -= 1

        return IFilesystem, self.files[name], leave

    def contents(self) -> dict[str, dict[str, bytes]]:
        return {name: files.contents() for name, files in self.files.items()}


def _house(name: str) -> MemoryFilesystem:
    size = 1 + [*PASSWORDS].index(name)  # tells whose it is
    files = MemoryFilesystem({"/whose": bytes(size)})
    if name in OF_AVATARS:
        files.policy = OF_AVATARS[name]
        alsoProvides(files, IProtection)
    return files


@contextmanager
def served(
    kind: Kind, realm: Houses, checker: Checker, *, sockets: bool = False
) -> Iterator[MemoryServer]:
    """A server with nothing left at the end; see :class:`MemoryServer` for ``sockets``."""
    hosts = (Host(names=(STRICT_HOST,)), Host(names=(OTHER_HOST,)))
    settings = Settings(policy=kind.policy, limits=_LIMITS, guard=_GUARD, rules=RULES, hosts=hosts)
    tls = tls_without(set())
    server = MemoryServer(settings=settings, implicit=kind.implicit, tls=tls, sockets=sockets)
    server.factory.portal = Portal(realm, [checker])
    yield server
    server.stop()
    server.reactor.advance(20)
    assert server.reactor.connections == []
    assert server.reactor.getDelayedCalls() == []
    assert realm.inside == Counter()
