"""From certificates to names: fields, pins, subjects and issuers, and files that change."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel

from ftptls.cred import mappers, rereading
from ftptls.cred.fields import UnusableError, fingerprint, key_fingerprint
from ftptls.cred.mappers import Field, Issuer, Pins, Subjects, distinguished_name

from .conftest import attribute, called, certificate

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

OLD = called("alice")
NEW = certificate([(NameOID.COMMON_NAME, "alice"), (NameOID.TITLE, "renewed")])
OTHER = called("mallory")
EXAMPLE = [(NameOID.ORGANIZATION_NAME, "Example"), (NameOID.COMMON_NAME, "alice")]


def pin(shown: x509.Certificate) -> str:
    return fingerprint(shown).hex()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


# Fields


def test_a_field():
    assert list(Field("CN").names(OLD)) == list(Field("2.5.4.3").names(OLD)) == ["alice"]


def test_what_the_field_objects_to_the_mapper_does():
    with pytest.raises(UnusableError):
        Field("cn").names(called("alice", "bob"))


# Pins


def test_pins_of_several_users_and_several_of_one(file, key):
    other_key = certificate([(NameOID.COMMON_NAME, "alice")], key=key)
    file.write_text(
        "# partners\n\n"
        f"alice: {pin(OLD)} {pin(NEW).upper()}\n"
        f"  Jürgen:{pin(OTHER)}   key:{key_fingerprint(other_key).hex()}\n"
        f"deputy: {pin(OLD)}\r\n"
    )
    pins = Pins(str(file))
    assert list(pins.names(OLD)) == ["alice", "deputy"]
    assert list(pins.names(NEW)) == ["alice"]
    assert list(pins.names(OTHER)) == ["Jürgen"]
    assert list(pins.names(other_key)) == ["Jürgen"]
    assert list(pins.names(called("alice", "x"))) == []


def test_a_pin_as_openssl_writes_it(file):
    digits = pin(OLD).upper()
    colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
    file.write_text(f"alice: {colons}\nbob: key:{colons}\n")
    assert list(Pins(str(file)).names(OLD)) == ["alice"]


def test_the_key_survives_its_certificate(file, key):
    first, second = (certificate([(NameOID.COMMON_NAME, name)], key=key) for name in "ab")
    file.write_text(f"alice: key:{key_fingerprint(first).hex()}\n")
    assert list(Pins(str(file)).names(second)) == ["alice"]
    assert list(Pins(str(file)).names(OLD)) == []


@pytest.mark.parametrize(
    "kind", [["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["ed25519"], ["rsa:2048"], ["rsa-pss"]]
)
def test_fingerprints_are_those_of_openssl(tmp_path, kind):
    """Of keys as well: an RSA-PSS key is not pinned as the RSA key that it might be."""

    def openssl(*arguments: str, given: bytes | None = None) -> bytes:
        return subprocess.run(
            ["openssl", *arguments], input=given, cwd=tmp_path, check=True, capture_output=True
        ).stdout

    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-keyout", "key", "-out", "pem",
            "-subj", "/CN=alice")  # fmt: skip
    shown = x509.load_pem_x509_certificate((tmp_path / "pem").read_bytes())
    told = openssl("x509", "-in", "pem", "-noout", "-fingerprint", "-sha256").decode().strip()
    assert told.partition("=")[2].replace(":", "").lower() == pin(shown)
    info = openssl("pkey", "-pubin", "-outform", "der", given=openssl("x509", "-in", "pem",
                   "-noout", "-pubkey"))  # fmt: skip
    digest = openssl("dgst", "-sha256", "-r", given=info).split()[0].decode()
    assert digest == key_fingerprint(shown).hex()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("alice\n", "line 1: it is not of the form name: value"),
        (f"\n# x\n: {'ab' * 32}\n", "line 3: it is not of the form"),
        ("alice:\n", "line 1: it is not of the form"),
        ("alice: 12\n", "line 1: there is something that is no SHA-256"),
        (f"alice: {'ab' * 31}\n", "no SHA-256 fingerprint"),
        (f"alice: {'ab' * 33}\n", "no SHA-256 fingerprint"),
        (f"alice: {'xy' * 32}\n", "no SHA-256 fingerprint"),
        (f"alice: {'ab' * 32} bob\n", "no SHA-256 fingerprint"),
        (f"alice: sha1:{'ab' * 32}\n", "no SHA-256 fingerprint"),
        (f"alice: {'ab' * 32}", "line 1: it does not end"),
        ("alice: " + "\u0661" * 64 + "\n", "no SHA-256 fingerprint"),
    ],
)
def test_pins_that_are_none(file, text, why):
    file.write_text(text)
    with pytest.raises(ValueError, match=why):
        Pins(str(file))


def test_an_unknown_kind_of_key_has_no_pin(file):
    der = OLD.public_bytes(Encoding.DER)
    public = bytes.fromhex("06072a8648ce3d0201")  # id-ecPublicKey
    assert der.count(public) == 1
    strange = x509.load_der_x509_certificate(
        der.replace(public, bytes.fromhex("06072a8648ce3d0263"))
    )
    file.write_text(f"alice: {pin(strange)}\n")
    assert list(Pins(str(file)).names(strange)) == ["alice"]
    file.write_text(f"alice: key:{'ab' * 32}\n")
    with pytest.raises(UnusableError, match="unknown kind"):
        Pins(str(file)).names(strange)


# Subjects


def test_a_whole_subject(file):
    file.write_text(
        "alice: CN=alice,O=Example\n"
        "deputy: CN=alice,O=Example\n"
        "reverse: O=Example,CN=alice\n"
        "short: CN=alice\n"
        r"comma: CN=Doe\, Jane,O=Example" + "\n"
        "mail: emailAddress=a@example.org,CN=a\n"
        "oid: 2.5.4.12=clerk,CN=a\n"
    )
    names = Subjects(str(file)).names
    assert list(names(certificate(EXAMPLE))) == ["alice", "deputy"]
    assert list(names(certificate(EXAMPLE[::-1]))) == ["reverse"]
    assert list(names(OLD)) == ["short"]
    jane = [EXAMPLE[0], (NameOID.COMMON_NAME, "Doe, Jane")]
    assert list(names(certificate(jane))) == ["comma"]
    mail = [(NameOID.COMMON_NAME, "a"), (NameOID.EMAIL_ADDRESS, "a@example.org")]
    assert list(names(certificate(mail))) == ["mail"]
    clerk = [(NameOID.COMMON_NAME, "a"), (NameOID.TITLE, "clerk")]
    assert list(names(certificate(clerk))) == ["oid"]


@pytest.mark.parametrize(
    "subject",
    [
        [*EXAMPLE, (NameOID.COMMON_NAME, "alice")],
        [EXAMPLE[1]],
        [EXAMPLE[0], (NameOID.COMMON_NAME, "Alice")],
        [EXAMPLE[0], (NameOID.COMMON_NAME, "alice ")],
        [EXAMPLE[0], (NameOID.COMMON_NAME, "alice\0")],
        [EXAMPLE[0], (NameOID.COMMON_NAME, "\u0430lice")],
        [EXAMPLE[0], (NameOID.SURNAME, "alice")],
        [(NameOID.COMMON_NAME, "alice,O=Example")],
        [(NameOID.ORGANIZATION_NAME, "Example,CN=alice")],
    ],
    ids=ascii,
)
def test_nearly_the_subject_is_not_the_subject(file, subject):
    file.write_text("alice: CN=alice,O=Example\n")
    assert list(Subjects(str(file)).names(certificate(subject))) == []


def test_two_values_in_one_place_are_another_subject(file):
    file.write_text("both: CN=alice+UID=a17\none: UID=a17,CN=alice\n")
    pair = [attribute(NameOID.COMMON_NAME, "alice"), attribute(NameOID.USER_ID, "a17")]
    together = x509.Name([x509.RelativeDistinguishedName(pair)])
    shown = certificate(name=together)
    assert list(Subjects(str(file)).names(shown)) == ["both"]


def test_a_subject_in_der_is_the_same_to_the_octet(file):
    shown = certificate(EXAMPLE)
    file.write_text(f"alice: der:{shown.subject.public_bytes().hex()}\n")
    printable = x509.Name(
        [x509.NameAttribute(each.oid, each.value, x509.name._ASN1Type.PrintableString)
         for each in shown.subject]
    )  # fmt: skip
    subjects = Subjects(str(file))
    assert list(subjects.names(shown)) == ["alice"]
    assert list(subjects.names(certificate(name=printable))) == []


# Every attribute that OpenSSL has a name for, and people use.
OPENSSL = (
    "/C=DE/ST=Bayern/L=M\u00fcnchen/street=Main st/postalCode=80331/DC=example"
    '/O=Example, "Inc"+OU=Sales/organizationIdentifier=X/businessCategory=b/OU=#1 + 2; <a>\\\\b'
    "/title=Dr/GN=Ann/initials=A/SN=Lee/generationQualifier=jr/pseudonym=p/dnQualifier=q"
    "/UID=a17/serialNumber=5/emailAddress=a@example.org/CN= Ann Lee "
)


@pytest.mark.parametrize("form", ["RFC2253", "RFC2253,utf8,-esc_msb"])
def test_a_subject_as_openssl_prints_it(file, tmp_path, form):
    def openssl(*arguments: str) -> str:
        return subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "key", "-out", "pem",
            "-utf8", "-multivalue-rdn", "-subj", OPENSSL)  # fmt: skip
    printed = openssl("x509", "-in", "pem", "-noout", "-subject", "-nameopt", form)
    file.write_text(f"alice: {printed.removeprefix('subject=')}")
    shown = x509.load_pem_x509_certificate((tmp_path / "pem").read_bytes())
    assert len(list(shown.subject)) == 21
    assert list(Subjects(str(file)).names(shown)) == ["alice"]


def test_an_empty_subject_is_nobodys(file):
    file.write_text("alice: der:3000\n")
    with pytest.raises(UnusableError, match="empty"):
        Subjects(str(file)).names(certificate())


@pytest.mark.parametrize(
    "subject",
    ["alice", "CN", "CN=", "cn=alice", "CN=a,", "CN=alice, O=Example", "9.9=a", "C=DEU", "der:xy",
     "der:3"],
)  # fmt: skip
def test_subjects_that_are_none(file, subject):
    file.write_text(f"# x\nalice: {subject}\n")
    with pytest.raises(ValueError, match="line 2: there is no subject such as"):
        Subjects(str(file))


@given(st.text('CNOU=+,\\#0ag1."<; \0é', max_size=12))
def test_a_text_is_a_subject_or_refused(text):
    try:
        found = distinguished_name(text)
    except ValueError:
        return
    assert list(found)


# Issuers


def test_below_an_issuer_by_name_or_fingerprint():
    leaf, intermediate, root = OLD, called("Partners"), called("Root")
    chain = (leaf, intermediate, root)
    for text in ("CN=Partners", "CN=Root", pin(root), pin(intermediate).upper()):
        assert Issuer(text).issued(chain), text
    for text in ("CN=Other", pin(OTHER), pin(leaf), "CN=alice"):
        assert not Issuer(text).issued(chain), text


def test_nobody_is_below_himself():
    assert not Issuer("CN=alice").issued((OLD,))


def test_an_authority_without_a_subject_is_no_issuer():
    assert not Issuer("CN=Partners").issued((OLD, certificate()))


@pytest.mark.parametrize("text", ["", "Partners", "12", "cn=x", "CN="])
def test_issuers_that_are_none(text):
    with pytest.raises(ValueError, match=r"is no distinguished name .*no SHA-256 fingerprint"):
        Issuer(text)


# Files that change


@pytest.fixture
def pins(file) -> Pins:
    file.write_text(f"alice: {pin(OLD)}\n")
    return Pins(str(file))


def test_a_change_counts_at_once(file, pins):
    assert list(pins.names(OLD)) == ["alice"]
    file.write_text(f"alice: {pin(NEW)}\n")
    assert list(pins.names(OLD)) == []
    assert list(pins.names(NEW)) == ["alice"]
    file.write_text("")
    assert list(pins.names(NEW)) == []


def test_a_change_in_the_same_moment_and_of_the_same_size_counts(file, pins):
    for shown, other in ((NEW, OLD), (OLD, NEW)) * 10:
        file.write_text(f"alice: {pin(shown)}\n")
        assert (list(pins.names(shown)), list(pins.names(other))) == (["alice"], [])


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """Every text that was parsed, on disks that tell to the nanosecond when a file changed."""
    texts: list[str] = []
    inner = mappers._pins
    monkeypatch.setattr(mappers, "_pins", lambda text: texts.append(text) or inner(text))
    monkeypatch.setattr(rereading, "_UNSETTLED", -1)
    return texts


def test_what_has_not_changed_is_not_parsed_again(file, parsed):
    file.write_text(f"alice: {pin(OLD)}\n")
    pins = Pins(str(file))
    for _ in range(3):
        assert list(pins.names(OLD)) == ["alice"]
    assert len(parsed) == 1
    new = file.with_suffix(".new")
    new.write_text(f"alice: {pin(NEW)}\n")
    new.replace(file)
    for _ in range(3):
        assert list(pins.names(NEW)) == ["alice"]
    assert len(parsed) == 2


def test_an_old_time_of_modification_hides_no_change(file, parsed):
    """As ``cp -p`` brings it along."""
    file.write_text(f"alice: {pin(OLD)}\n")
    pins, about = Pins(str(file)), file.stat()
    file.write_text(f"alice: {pin(NEW)}\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert list(pins.names(OLD)) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"nonsense\n", "line 1: it is not of the form"),
        (b"alice: ab", "does not end"),
        (b"\xff\xfe\n", "utf-8"),
        (b"#" * ((16 << 20) + 1), "more than 16777216 octets"),
        (None, "No such file"),
    ],
    ids=["form", "half", "octets", "size", "gone"],
)
def test_what_is_wrong_changes_nothing_and_is_told_once(file, pins, log, text, why):
    file.unlink()
    if text is not None:
        file.write_bytes(text)
    for _ in range(3):
        assert list(pins.names(OLD)) == ["alice"]
    (event,) = log.events
    assert event["log_level"] is LogLevel.error
    assert f"{file} cannot be used, and what was in it before stays in force" in event["text"]
    assert why in event["text"]
    file.write_text(f"alice: {pin(NEW)}\n")
    assert list(pins.names(OLD)) == []
    file.write_text("again\n")
    assert list(pins.names(NEW)) == ["alice"]
    assert len(log.events) == 2


def test_a_daemon_that_changes_its_folder_still_finds_it(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    file.write_text(f"alice: {pin(OLD)}\n")
    pins = Pins(file.name)
    monkeypatch.chdir("/")
    file.write_text(f"alice: {pin(NEW)}\n")
    assert list(pins.names(NEW)) == ["alice"]


def test_asked_from_several_threads_while_it_changes(file, pins):
    """Each answer is that of one whole file."""

    def ask(_: int) -> tuple[str, ...]:
        return (*pins.names(OLD), *pins.names(OTHER))

    both = f"alice: {pin(OLD)}\nbob: {pin(OTHER)}\n"
    new = file.with_suffix(".new")
    with ThreadPoolExecutor(4) as threads:
        asked = []
        for at in range(50):
            asked += [threads.submit(ask, at) for _ in range(4)]
            new.write_text(both if at % 2 else "# nobody\n")
            new.replace(file)
        answers = {each.result() for each in asked}
    # Between the two questions of one thread the file may have changed.
    assert answers <= {(), ("alice",), ("bob",), ("alice", "bob")}
    assert list(pins.names(OLD)) == ["alice"]
