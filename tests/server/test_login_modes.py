"""Logins by certificate, by password, by either and by both (RFC 4217 §8)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
from cryptography.x509.oid import NameOID
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from ftptls.cred import CertificateAndPassword
from ftptls.interfaces import ICertificateAndPassword, IProtection, IX509Credentials
from ftptls.settings import ClientCertificate, LoginMode, Rule
from ftptls.testing.dialogue import PASSWORD, USER
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.vfs.memory import MemoryFilesystem

from .dialogues import lower

CONTENT = {"/f": b"0123"}


def named(credentials) -> bytes:
    """The common name in a certificate."""
    (found,) = credentials.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return found.value.encode()


@implementer(ICredentialsChecker)
class ByCommonName:
    """Whoever is called what the certificate says."""

    credentialInterfaces = (IX509Credentials,)

    def requestAvatarId(self, credentials):
        self.seen = credentials
        if named(credentials) != credentials.username:
            raise UnauthorizedLogin
        return credentials.username


@implementer(ICredentialsChecker)
class ByBoth(ByCommonName):
    """The same, with a password."""

    credentialInterfaces = (ICertificateAndPassword,)

    def requestAvatarId(self, credentials):
        self.seen = credentials
        if named(credentials.shown) != credentials.username:
            raise UnauthorizedLogin
        if credentials.password != PASSWORD.encode():
            raise UnauthorizedLogin
        return credentials.username


@pytest.fixture
def dial(serve, pki, settings):
    """A client under TLS that shows a certificate, or none."""

    def make(mode, shown="alice", version=None, relax=False, **options):
        server_pair = pki.server()
        verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
        tls = ServerContext(server_pair.key, server_pair.chain, verification=verification)
        made = settings(login=mode, relax=relax, ccc=True, login_delay=0)
        options.setdefault("checkers", [ByCommonName(), ByBoth()])
        client = serve(CONTENT, made, tls=tls, **options).connect()
        pair = pki.client(shown) if shown else None
        client.context = pki.client_context(version or 0x0304, pair)
        client.secure()
        return client

    return make


def login_code(client, password: str = PASSWORD) -> int:
    """The code that ends the login: of USER if it is no 331, else of PASS."""
    code = client.ask(f"USER {USER}", 232, 331, 530).code
    if code != 331:
        return code
    client.send(f"PASS {password}")
    client.wait(0)
    return client.expect(230, 530).code


MODES = [
    # mode, certificate, password -> code
    (LoginMode.PASSWORD, "alice", PASSWORD, 230),
    (LoginMode.PASSWORD, "alice", "wrong", 530),
    (LoginMode.PASSWORD, "", PASSWORD, 230),
    (LoginMode.CERTIFICATE, "alice", "", 232),
    (LoginMode.CERTIFICATE, "bob", PASSWORD, 530),
    (LoginMode.CERTIFICATE, "", PASSWORD, 530),
    (LoginMode.EITHER, "alice", "", 232),
    (LoginMode.EITHER, "bob", PASSWORD, 230),
    (LoginMode.EITHER, "bob", "wrong", 530),
    (LoginMode.EITHER, "", PASSWORD, 230),
    (LoginMode.EITHER, "", "wrong", 530),
    (LoginMode.BOTH, "alice", PASSWORD, 230),
    (LoginMode.BOTH, "alice", "wrong", 530),
    (LoginMode.BOTH, "bob", PASSWORD, 530),
    (LoginMode.BOTH, "", PASSWORD, 530),
]


@pytest.mark.parametrize(("mode", "shown", "password", "code"), MODES)
def test_what_proves_who_it_is(dial, version, mode, shown, password, code):
    client = dial(mode, shown, version)
    assert login_code(client, password) == code
    client.ask("PWD", 257 if code < 300 else 530)
    if code < 300:
        client.ask("TYPE I", 200)
        assert client.download("RETR f") == b"0123"


def test_a_password_behind_232_is_superfluous(dial):
    client = dial(LoginMode.EITHER)
    client.ask(f"USER {USER}", 232)
    client.ask("PASS whatever", 202)
    client.ask("PWD", 257)


def test_what_a_checker_is_told(dial):
    checker = ByCommonName()
    client = dial(LoginMode.CERTIFICATE, checkers=[checker])
    client.ask(f"USER {USER}", 232)
    seen = checker.seen
    assert (seen.username, seen.address, seen.host) == (b"alice", "192.0.2.1", "")
    assert seen.certificate is seen.chain[0]
    assert len(seen.chain) > 1
    assert seen.tls.version == "TLSv1.3"


def test_a_password_is_not_shown():
    assert "sesame" not in repr(CertificateAndPassword(None, b"open sesame"))


def test_each_user_starts_from_nothing(dial):
    client = dial(LoginMode.EITHER)
    client.ask(f"USER {USER}", 232)
    client.ask("USER mallory", 331)
    client.ask("PWD", 530)
    client.send("PASS wrong")
    client.wait(0)
    client.expect(530)
    client.ask("PWD", 530)
    assert client.server.logged_in == 0


def test_a_certificate_counts_under_tls_only(dial):
    """Behind CCC, whoever writes into the connection could name the certificate's user."""
    client = dial(LoginMode.EITHER, relax=True)
    client.ask(f"USER {USER}", 232)
    client.ask("CCC", 200)
    lower(client)
    client.ask(f"USER {USER}", 331)
    client.ask("PWD", 530)


def test_rein_takes_the_certificate_away(dial):
    client = dial(LoginMode.EITHER, relax=True)
    client.ask(f"USER {USER}", 232)
    client.ask("REIN", 220)
    lower(client)
    client.ask(f"USER {USER}", 331)


def test_a_rule_for_one_user(serve, dial, settings):
    client = dial(LoginMode.EITHER)
    made = client.server.factory.settings
    strict = Rule(users=(USER,), policy={"login": LoginMode.BOTH})
    client.server.factory.settings = replace(made, rules=(strict,))
    again = client.server.connect()
    again.context = client.context
    again.secure()
    again.ask(f"USER {USER}", 331)
    again.ask(f"PASS {PASSWORD}", 230)


@implementer(IProtection)
class Careful(MemoryFilesystem):
    """Of an avatar who wants both of his user, and allows more than others do."""

    policy: ClassVar = {"login": LoginMode.BOTH, "ccc": True}


def test_the_policy_of_an_avatar_goes_with_him(serve, settings):
    """Also where he is turned away: the password was right, and not enough."""
    client = serve(filesystem=Careful(), settings=settings(login_delay=0)).connect()
    client.secure()
    before = client.ask("FEAT", 211)
    client.ask(f"USER {USER}", 331)
    client.send(f"PASS {PASSWORD}")
    client.wait(0)
    client.expect(530)
    assert client.ask("FEAT", 211) == before
    assert client.server.logged_in == 0


def test_without_a_checker_of_certificates_there_are_passwords(dial):
    client = dial(LoginMode.EITHER, checkers=())
    assert login_code(client) == 230


def test_a_broken_checker_is_told_to_the_operator(dial, log):
    class Broken(ByCommonName):
        def requestAvatarId(self, credentials):
            raise OSError("the directory is down")

    client = dial(LoginMode.EITHER, checkers=[Broken()])
    client.ask(f"USER {USER}", 530)
    client.ask("PWD", 530)
    assert "the directory is down" in log.text
    log.events.clear()
