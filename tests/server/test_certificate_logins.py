"""Logins by certificates of every kind, with the checkers that ``--auth`` makes (RFC 4217 §5)."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ftptls.authority.certificates import builder
from ftptls.cred import make_checker
from ftptls.cred.composing import compose
from ftptls.cred.fields import fingerprint, key_fingerprint
from ftptls.settings import ClientCertificate, LoginMode
from ftptls.testing.certificates import PKI, Pair
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

CN, UID = NameOID.COMMON_NAME, NameOID.USER_ID
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
BADGE = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # of the arc that is for examples
CONTENT = {"/f": b"0123"}


def issue(pki: PKI, *subject: tuple[x509.ObjectIdentifier, str], also: list | None = None) -> Pair:
    """A client's certificate with any subject, and perhaps alternative names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(*each, _validate=False) for each in subject])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    made = (
        builder(name, key.public_key(), now - day, now + day)
        .issuer_name(pki.intermediate.certificate.subject)
        .add_extension(usage, critical=False)
    )
    if also:
        made = made.add_extension(x509.SubjectAlternativeName(also), critical=not subject)
    return Pair(key, made.sign(pki.intermediate.key, hashes.SHA256()))


@pytest.fixture
def dial(serve, pki, settings, version):
    """A client under TLS that shows a certificate to a server with these ``--auth`` strings."""

    def make(pair, *auth, mode=LoginMode.CERTIFICATE, pki=pki, server=None):
        if server is None:
            checkers = list(compose(make_checker(each) for each in auth))
            verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
            own = pki.server()
            server = serve(
                CONTENT,
                settings(login=mode, login_delay=0, login_attempts=100),
                tls=ServerContext(own.key, own.chain, verification=verification),
                checkers=checkers,
            )
        client = server.connect()
        client.context = pki.client_context(version, pair)
        client.secure()
        return client

    return make


def refused(client, name: str) -> None:
    """Not logged in by the certificate, whose name is no matter to the client."""
    client.send(f"USER {name}")
    client.wait(0)
    assert client.expect(530).lines == ("Login incorrect.",)
    client.ask("PWD", 530)


def welcome(client, name: str) -> None:
    client.ask(f"USER {name}", 232)
    client.ask("TYPE I", 200)
    assert client.download("RETR f") == b"0123"


SUBJECT = [
    (NameOID.ORGANIZATION_NAME, "Example"),
    (CN, "Alice Example"),
    (UID, "a17"),
    (NameOID.EMAIL_ADDRESS, "old@example.org"),
    (NameOID.SERIAL_NUMBER, "4711"),
    (BADGE, "badge-5"),
]
ALTERNATIVES = [
    x509.RFC822Name("alice@example.org"),
    x509.RFC822Name("a@example.com"),
    x509.UniformResourceIdentifier("spiffe://example.org/alice"),
    x509.DNSName("alice.example.org"),
    x509.OtherName(UPN, b"\x0c\x0falice@corp.test"),
]
NAMES = {
    "cn": ["Alice Example"],
    "uid": ["a17"],
    "emailAddress": ["old@example.org"],
    "serialNumber": ["4711"],
    BADGE.dotted_string: ["badge-5"],
    "email": ["alice@example.org", "a@example.com"],
    "uri": ["spiffe://example.org/alice"],
    "dns": ["alice.example.org"],
    "upn": ["alice@corp.test"],
    "dn": [f"{BADGE.dotted_string}=badge-5,2.5.4.5=4711,"
           "1.2.840.113549.1.9.1=old@example.org,UID=a17,CN=Alice Example,O=Example"],
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_by_each_field(dial, pki, kind, log):
    client = dial(issue(pki, *SUBJECT, also=ALTERNATIVES), f"x509:{kind}")
    for name in NAMES[kind]:
        welcome(client, name)
    for other in {name for names in NAMES.values() for name in names} - {*NAMES[kind]}:
        refused(client, other)
        assert f"login by certificate refused for {other!a}: " in log.text
    assert f"is for {NAMES[kind][0]!a}" in log.text


def test_by_several_in_turn(dial, pki):
    client = dial(issue(pki, (CN, "alice"), (UID, "a17")), "x509:uid:cn")
    welcome(client, "alice")
    welcome(client, "a17")
    refused(client, "bob")


@pytest.mark.parametrize(
    "subject",
    [
        [(CN, "alice\0.evil.example")],
        [(CN, "alice"), (CN, "alice")],
        [(CN, "alice"), (CN, "mallory")],
        [(CN, "\u0430lice")],
        [(CN, "alice\u200b")],
        [(CN, "\uff41\uff4c\uff49\uff43\uff45")],
        [(CN, "alice ")],
        [(UID, "alice")],
        [],
    ],
    ids=["NUL", "twice", "two", "Cyrillic", "unseen", "wide", "space", "other", "empty"],
)
def test_hostile_certificates(dial, pki, log, subject):
    """All of an authority that the server trusts, and valid."""
    names = [x509.DNSName("mallory.example.org")] if not subject else None
    client = dial(issue(pki, *subject, also=names), "x509:cn")
    refused(client, "alice")
    assert "login by certificate refused for 'alice': " in log.text


def test_a_wrong_name_is_logged_with_both(dial, pki, log):
    pair = pki.client("bob")
    client = dial(pair, "x509:cn")
    refused(client, "alice")
    (line,) = [each["text"] for each in log.events if "by certificate" in each["text"]]
    told = f"SHA-256 {fingerprint(pair.certificate).hex()} is for 'bob'"
    assert "192.0.2.1 login by certificate refused for 'alice': certificate " in line
    assert line.endswith(told)
    welcome(client, "bob")


def test_a_wrong_certificate_may_still_have_a_password(dial, pki, log):
    client = dial(pki.client("bob"), "x509:cn", "memory:alice:secret", mode=LoginMode.EITHER)
    client.ask("USER alice", 331)
    client.ask("PWD", 530)
    client.ask("PASS secret", 230)
    assert "refused for 'alice'" in log.text


def test_pins_while_a_certificate_is_replaced(dial, pki, tmp_path):
    """Changes count in a running session: USER starts from nothing."""
    pins = tmp_path / "pins"
    old, new = pki.client("whoever"), pki.client("whoever else")
    first, second = fingerprint(old.certificate).hex(), key_fingerprint(new.certificate).hex()
    pins.write_text(f"alice: {first}\n")
    with_old = dial(old, f"x509:pins={pins}")
    with_new = dial(new, server=with_old.server)
    welcome(with_old, "alice")
    refused(with_new, "alice")
    pins.write_text(f"alice: {first} key:{second}\ndeputy: key:{second}\n")
    for client in (with_old, with_new):
        welcome(client, "alice")
    refused(with_old, "deputy")
    pins.write_text(f"alice: key:{second}\n")
    refused(with_old, "alice")
    welcome(with_new, "alice")
    refused(with_new, "whoever else")


def test_by_the_whole_subject(dial, pki, tmp_path):
    subjects = tmp_path / "subjects"
    subjects.write_text("alice: CN=Alice,O=Example\nbob: O=Example,CN=Alice\n")
    alice = issue(pki, (NameOID.ORGANIZATION_NAME, "Example"), (CN, "Alice"))
    client = dial(alice, f"x509:subjects={subjects}")
    welcome(client, "alice")
    refused(client, "bob")
    short = dial(issue(pki, (CN, "Alice")), server=client.server)
    refused(short, "alice")


def test_by_a_map_file_that_changes(dial, pki, tmp_path):
    lines = tmp_path / "map"
    lines.write_text("uri /spiffe:..example.org.(\\w+)/ svc-\\1\ncn /A.*/ readers\n")
    client = dial(issue(pki, *SUBJECT, also=ALTERNATIVES), f"x509:map={lines}")
    for name in ("svc-alice", "readers"):
        welcome(client, name)
    refused(client, "alice")
    lines.write_text("email /(.*)@example\\.org/ \\1\n")
    welcome(client, "alice")
    refused(client, "svc-alice")


def test_only_below_an_issuer(dial, pki, log):
    """TLS trusts the root; logins take the authority of partners alone."""
    name = pki.intermediate.certificate.subject.rfc4514_string()
    for issuer in (name, fingerprint(pki.root.certificate).hex()):
        welcome(dial(pki.client("alice"), f"x509:cn:issuer={issuer}"), "alice")
    client = dial(pki.client("alice"), "x509:cn:issuer=CN=Partners")
    refused(client, "alice")
    assert "it is not below the issuers that are accepted" in log.text


def test_a_certificate_and_a_password_of_two_checkers(dial, pki):
    auth = ("x509:email", "memory:alice@example.org:secret:old@example.org:hidden")
    client = dial(issue(pki, *SUBJECT, also=ALTERNATIVES), *auth, mode=LoginMode.BOTH)
    for name, password, code in (
        ("alice@example.org", "secret", 230),
        ("alice@example.org", "wrong", 530),
        ("old@example.org", "hidden", 530),
        ("a@example.com", "secret", 530),
    ):
        client.ask(f"USER {name}", 331)
        client.ask("PWD", 530)
        client.send(f"PASS {password}")
        client.wait(0)
        client.expect(code)
        client.ask("PWD", 257 if code == 230 else 530)


def test_without_a_certificate_there_is_none_to_take_a_name_from(dial):
    client = dial(None, "x509:cn")
    client.ask("USER alice", 530)
    client.ask("PWD", 530)


@pytest.mark.parametrize("name", ["anonymous", "ftp"])
def test_a_certificate_makes_nobody_anonymous(dial, pki, name):
    refused(dial(pki.client(name), "x509:cn"), name)
