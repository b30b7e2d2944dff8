"""What a certificate says of its holder, and what is refused of it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ftptls.cred import names
from ftptls.cred.fields import FIELDS, UnusableError, _utf8_string, field

from .conftest import UPN, called, certificate

# What cryptography says of a subject that is longer than RFC 5280 allows, or empty.
pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")


def read(kind: str, shown: x509.Certificate) -> tuple[str, ...]:
    return field(kind)(shown)


def principal(text: bytes) -> x509.OtherName:
    return x509.OtherName(UPN, bytes([0x0C, len(text)]) + text)


ALICE = certificate(
    [
        (NameOID.ORGANIZATION_NAME, "Example \u2013 L\u2019Org"),
        (NameOID.COMMON_NAME, "alice"),
        (NameOID.USER_ID, "a17"),
        (NameOID.EMAIL_ADDRESS, "old@example.org"),
        (NameOID.SERIAL_NUMBER, "4711"),
        (NameOID.TITLE, "clerk"),
    ],
    [
        x509.RFC822Name("alice@example.org"),
        x509.RFC822Name("a@example.com"),
        x509.UniformResourceIdentifier("spiffe://example.org/alice"),
        x509.DNSName("alice.example.org"),
        principal(b"alice@CORP.example"),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"),
    ],
)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("cn", ("alice",)),
        ("CN", ("alice",)),
        ("uid", ("a17",)),
        ("emailAddress", ("old@example.org",)),
        ("serialNumber", ("4711",)),
        ("2.5.4.12", ("clerk",)),
        ("2.5.4.4", ()),
        ("email", ("alice@example.org", "a@example.com")),
        ("uri", ("spiffe://example.org/alice",)),
        ("dns", ("alice.example.org",)),
        ("upn", ("alice@CORP.example",)),
        (
            "dn",
            (
                "2.5.4.12=clerk,2.5.4.5=4711,1.2.840.113549.1.9.1=old@example.org,UID=a17,"
                "CN=alice,O=Example \u2013 L\u2019Org",
            ),
        ),
    ],
)
def test_each_field(kind, texts):
    assert read(kind, ALICE) == texts


@pytest.mark.parametrize(
    "kind", ["", "zork", "2.5.4.", "9.9.9", "1.99.1", "2.5.4.03.x", "2.5.4.3 "]
)
def test_there_is_no_other_field(kind):
    with pytest.raises(ValueError, match="no field of a certificate"):
        field(kind)


@pytest.mark.parametrize("kind", [each for each in FIELDS if each != "dn"])
def test_a_field_that_is_not_there_names_nobody(kind):
    bare = certificate([(NameOID.ORGANIZATION_NAME, "Example")])
    assert read(kind, bare) == ()


HOSTILE = {
    "NUL": "alice\0.evil.example",
    "only a NUL": "\0",
    "nothing": "",
    "line feed": "alice\nbob",
    "escape": "\x1b[2Jalice",
    "delete": "alice\x7f",
    "Cyrillic a": "\u0430lice",
    "Greek o": "b\u03bfb",
    "digit of another script": "alice\u0967x",
    "full width": "\uff41lice",
    "ligature": "ﬁona",
    "decomposed": "ju\u0308rgen",
    "zero width": "ali\u200bce",
    "direction": "alice\u202ecilbup",
    "variation": "alice\ufe00",
    "joiner": "al\u034fice",
    "filler": "alice\u3164",
    "hyphen": "alice\u2010x",
    "no-break space": "alice\u00a0x",
    "private": "alice\ue000",
    "too long": "a" * 1025,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_refused(text):
    with pytest.raises(UnusableError, match=r"^cn: ") as caught:
        read("cn", called(text))
    assert len(text) < 2 or text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["alice", "Alice Example", "jürgen", "Ольга", "李小龍", "ひらカタ漢字", "김철수", "άλφα",
     "a.b-c_d+e@example.org", "O'Neil; DROP", "محمد", "user2", "नमस्ते"],
)  # fmt: skip
def test_names_of_one_script_are_names(text):
    assert read("cn", called(text)) == (text,)


@pytest.mark.parametrize("text", [*HOSTILE.values()], ids=[*HOSTILE])
def test_nor_is_one_of_them_a_principal(text):
    octets = text.encode()
    if len(octets) < 128:
        with pytest.raises(UnusableError, match=r"^upn: "):
            read("upn", certificate(alternatives=[principal(octets)]))


@pytest.mark.parametrize(
    "kind",
    [x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName],
    ids=lambda k: k.__name__,
)
@pytest.mark.parametrize("text", ["alice\0@evil", "", "a\r\nb"])
def test_hostile_alternative_names_are_refused(kind, text):
    entry = kind._init_without_validation(text)
    field_name = {"RFC822Name": "email", "DNSName": "dns"}.get(kind.__name__, "uri")
    good = kind("alice")
    for several in ([entry], [good, entry], [entry, good]):
        with pytest.raises(UnusableError):
            read(field_name, certificate(alternatives=several))


@pytest.mark.parametrize("kind", ["cn", "2.5.4.3"])
def test_two_common_names_are_none(kind):
    for two in (("alice", "bob"), ("alice", "alice")):
        with pytest.raises(UnusableError, match="more than one"):
            read(kind, called(*two))


@pytest.mark.parametrize("kind", ["dn", "cn", "uid", "serialnumber", "2.5.4.12"])
def test_an_empty_subject_is_refused_where_it_is_asked_for(kind):
    spiffe = certificate(alternatives=[x509.UniformResourceIdentifier("spiffe://example.org/a")])
    with pytest.raises(UnusableError, match="the subject is empty"):
        read(kind, spiffe)
    assert read("uri", spiffe) == ("spiffe://example.org/a",)


def rewritten(old: bytes, new: bytes, shown: x509.Certificate) -> x509.Certificate:
    """The same certificate with other octets in it; its signature is nobody's."""
    der = shown.public_bytes(Encoding.DER)
    assert der.count(old) == 1
    return x509.load_der_x509_certificate(der.replace(old, new))


@pytest.mark.parametrize(
    "text", [b"\x16\x05alic\xe9", b"\x14\x05alic\xe9", b"\x03\x05\0lice", b"\x04\x05alic\xe9"]
)
@pytest.mark.parametrize("kind", ["cn", "dn", "2.5.4.12"])
def test_a_damaged_subject_is_refused(kind, text):
    """In IA5String, TeletexString, BIT STRING and OCTET STRING."""
    with pytest.raises(UnusableError, match="the subject is damaged"):
        read(kind, rewritten(b"\x0c\x05alice", text, called("alice")))


def test_an_attribute_that_is_no_text_is_refused():
    number = x509.ObjectIdentifier("2.5.4.45")  # of persons, a BIT STRING
    shown = certificate([(NameOID.COMMON_NAME, "bob"), (number, "alice")])
    shown = rewritten(b"\x0c\x05alice", b"\x03\x05\0lice", shown)
    for kind in ("2.5.4.45", "dn"):
        with pytest.raises(UnusableError, match="it is no text"):
            read(kind, shown)
    assert read("cn", shown) == ("bob",)


def test_sixteen_bits_are_text_too():
    shown = rewritten(b"\x0c\x06\x00a\x00b\x00c", b"\x1e\x06\0a\0b\0c", called("\0a\0b\0c"))
    assert read("cn", shown) == ("abc",)


@pytest.mark.parametrize("kind", ["email", "uri", "dns", "upn"])
@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x03\x82\x01", b"\x04\x00", b"\x30\x02\xa3\x00"]
)
def test_damaged_alternative_names_are_refused(kind, der):
    damaged = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, der)
    with pytest.raises(UnusableError, match="alternative name is damaged"):
        read(kind, certificate([(NameOID.COMMON_NAME, "alice")], extension=damaged))


@pytest.mark.parametrize("der", [b"\x04\x05alice", b"\x05\x00", b"\x0c\x02\xff\xfe"])
def test_principals_that_are_no_text_are_refused(der):
    with pytest.raises(UnusableError, match="principal name is"):
        read("upn", certificate(alternatives=[x509.OtherName(UPN, der)]))


def test_a_long_principal():
    text = "a" * 300
    long_form = b"\x0c\x82\x01\x2c" + text.encode()
    assert read("upn", certificate(alternatives=[x509.OtherName(UPN, long_form)])) == (text,)


@pytest.mark.parametrize(
    "der",
    [b"", b"\x0c", b"\x0c\x04alice", b"\x0c\x06alice", b"\x0c\x81\x05alic", b"\x0c\x80alice\0\0",
     b"\x0c\x84\xff\xff\xff\xffalice"],
)  # fmt: skip
def test_texts_of_another_length_than_they_say(der):
    with pytest.raises(UnusableError):
        _utf8_string(der)


@given(st.binary(max_size=140))
def test_no_octets_are_an_unforeseen_error(der):
    try:
        text = _utf8_string(b"\x0c" + der)
    except UnusableError:
        return
    assert der.endswith(text.encode())


@given(st.lists(st.text(max_size=12), max_size=3))
def test_whatever_the_subject_says_a_name_is_sound_or_refused(texts):
    shown = called(*texts)
    for kind in ("cn", "dn"):
        try:
            found = read(kind, shown)
        except UnusableError:
            continue
        assert len(texts) == 1 or kind == "dn"
        for text in found:
            assert text.isprintable()
            assert "\0" not in text
        if kind == "cn":
            assert found == tuple(texts)
            assert not names.objection(texts[0])


@pytest.mark.parametrize(
    "value",
    ["a\0b", "", "a\nb", "\u0430lice", "ali\u200bce"],
    ids=["NUL", "nothing", "lines", "script", "unseen"],
)
def test_one_hostile_attribute_spoils_the_whole_subject(value):
    shown = certificate([(NameOID.ORGANIZATION_NAME, value), (NameOID.COMMON_NAME, "alice")])
    with pytest.raises(UnusableError, match=r"^dn: "):
        read("dn", shown)
    assert read("cn", shown) == ("alice",)
