"""``ftptls cert``: certificates for servers and users, in words, and anew."""

from __future__ import annotations

import datetime
import hashlib
import json
import ssl
import stat
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from ftptls.authority.describing import described
from ftptls.testing.certificates import PKI, Pair
from tests.cli.conftest import Command
from tests.cli.test_ca import openssl


@pytest.fixture(autouse=True)
def ca(run: Command) -> None:
    assert run("ca", "new", "--name", "Example partners").status == 0


def certificate(path: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def names(path: str) -> list[str]:
    found = certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(each.value) for each in found.value]


# servers


def test_a_server_certificate(run: Command, folder: Path) -> None:
    made = run("cert", "new", "ftp.example.com", "192.0.2.1", "::1", "*.example.com")
    assert made.status == 0
    assert names("ftp.example.com.pem") == ["ftp.example.com", "192.0.2.1", "::1", "*.example.com"]
    assert stat.S_IMODE((folder / "ftp.example.com.key").stat().st_mode) == 0o600
    openssl(
        *("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca/ca.pem"),
        *("-verify_hostname", "ftp.example.com", "ftp.example.com.pem"),
    )
    ssl.create_default_context().load_cert_chain("ftp.example.com.pem", "ftp.example.com.key")


def test_it_is_good_for_servers_alone(run: Command) -> None:
    run("cert", "new", "localhost")
    check = ["openssl", "verify", "-purpose", "sslclient", "-CAfile", "ca/ca.pem", "localhost.pem"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert "unsuitable certificate purpose" in done.stderr


@pytest.mark.parametrize(
    "host",
    ["", " ", "a b", "a\0b", "a..b", "-a", "http://a", "a/b", "ä.example", "x" * 64, "[::1]", "a."],
)
def test_hosts_that_are_none(run: Command, folder: Path, host: str) -> None:
    refused = run("cert", "new", "--", host)
    assert refused.status == 1
    assert "is no host name or address" in refused.errors
    assert refused.errors.count("\n") == 1
    assert not list(folder.glob("*.pem"))


def test_a_long_host(run: Command) -> None:
    host = ".".join(["x" * 60] * 4)
    assert run("cert", "new", host, "--out", "long").status == 0
    assert names("long.pem") == [host]


def test_it_ends_with_its_authority(run: Command) -> None:
    run("cert", "new", "localhost", "--days", "99999")
    ends = [certificate(path).not_valid_after_utc for path in ("localhost.pem", "ca/ca.pem")]
    assert ends[0] == ends[1]


# users


def test_a_client_certificate(run: Command, folder: Path) -> None:
    uri = "spiffe://example.com/bob"
    made = run(
        *("cert", "client", "bob", "--uid", "b1", "--email", "bob@example.com", "--uri", uri),
        "--json",
    )
    told = json.loads(made.output)
    assert certificate("bob.pem").subject.rfc4514_string() == "UID=b1,CN=bob"
    assert names("bob.pem") == ["bob@example.com", uri]
    openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca/ca.pem", "bob.pem")
    for name in ("bob.key", "bob.p12"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    found = load_pkcs12((folder / "bob.p12").read_bytes(), told["password"].encode())
    assert found.cert is not None
    assert found.cert.certificate == certificate("bob.pem")
    assert [each.certificate for each in found.additional_certs] == [certificate("ca/ca.pem")]


def test_openssl_opens_pkcs12_with_the_password_that_is_shown(run: Command) -> None:
    made = run("cert", "client", "bob")
    (password,) = (
        line.split()[-1] for line in made.output.splitlines() if line.startswith("password")
    )
    assert len(password) == 20
    told = openssl("pkcs12", "-in", "bob.p12", "-passin", f"pass:{password}", "-nodes", "-info")
    assert told.count("BEGIN CERTIFICATE") == 2
    assert "PRIVATE KEY" in told


def test_a_password_of_ones_own_is_never_printed(run: Command, folder: Path) -> None:
    (folder / "word").write_text("Zork and zork\n")
    for more, answers in ((["--password-file", "word"], None), (["--ask"], ["Zork and zork"] * 2)):
        made = run("cert", "client", "bob", "--out", f"bob{len(more)}", *more, answers=answers)
        assert made.status == 0, made.errors
        assert "ork" not in made.output + made.errors
        load_pkcs12((folder / f"bob{len(more)}.p12").read_bytes(), b"Zork and zork")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--email", "bob"], "'bob' is no e-mail address such as bob@example.com."),
        (["--email", "b\0b@x.y"], "'b?b@x.y' is no e-mail address such as bob@example.com."),
        (["--uri", "zork"], "'zork' is no URI such as spiffe://example.com/bob."),
        (["--uri", "http://[x"], "'http://[x' is no URI such as spiffe://example.com/bob."),
        (["--uid", "a\nb"], "'a?b' is no name: it takes 1 to 64 characters"),
    ],
)
def test_other_names_that_are_none(
    run: Command, folder: Path, flags: list[str], sentence: str
) -> None:
    refused = run("cert", "client", "bob", *flags)
    assert refused.errors.startswith(f"ftptls: {sentence}")
    assert not list(folder.glob("bob*"))
    assert json.loads(run("ca", "list", "--json").output) == []


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("Bob Smith", "Bob_Smith"),
        ("...", "_"),
        ("Jürgen", "J_rgen"),
        ("$(id)", "__id_"),
        ("bob@example.com", "bob@example.com"),
    ],
)
def test_files_stay_here_whatever_somebody_is_called(
    run: Command, folder: Path, name: str, file: str
) -> None:
    before = set(folder.parent.iterdir())
    assert run("cert", "client", name).status == 0
    assert sorted(each.name for each in folder.iterdir()) == sorted(
        ["ca", *(f"{file}.{ending}" for ending in ("key", "p12", "pem"))]
    )
    assert set(folder.parent.iterdir()) == before


@pytest.mark.parametrize("ending", ["pem", "key", "p12"])
def test_nothing_that_is_there_is_replaced(run: Command, folder: Path, ending: str) -> None:
    (folder / f"bob.{ending}").symlink_to("nowhere")
    refused = run("cert", "client", "bob")
    assert refused.errors.startswith(f"ftptls: there is bob.{ending} already; ")
    assert [path.name for path in folder.glob("*b*.*")] == [f"bob.{ending}"]


def test_what_fails_in_the_middle_leaves_nothing(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftptls.authority import files

    true = files.os.link
    linked = []

    def link(source: str, target: Path) -> None:
        linked.append(target.name)
        if target.name == "bob.pem":
            raise OSError(28, "No space left on device", str(target))
        true(source, target)

    monkeypatch.setattr(files.os, "link", link)
    refused = run("cert", "client", "bob")
    assert refused.errors == "ftptls: cannot use bob.pem: No space left on device.\n"
    assert linked == ["bob.key", "bob.p12", "bob.pem"]
    assert [path.name for path in folder.iterdir()] == ["ca"]


# in words


def test_a_certificate_in_words(run: Command) -> None:
    run("cert", "client", "bob", "--email", "bob@example.com")
    shown = run("cert", "show", "bob.pem")
    assert shown.status == 0
    fingerprint = openssl("x509", "-in", "bob.pem", "-noout", "-fingerprint", "-sha256")
    plain = fingerprint.strip().partition("=")[2].replace(":", "").lower()
    lines = dict(line.split(None, 1) for line in shown.output.splitlines())
    assert lines["SHA-256"] == plain
    assert lines["subject"] == "CN=bob"
    assert lines["names"] == "email:bob@example.com"
    assert lines["for"] == "clients"


def test_the_fingerprint_of_the_key_is_openssls(run: Command, folder: Path) -> None:
    run("cert", "client", "bob")
    told = json.loads(run("cert", "show", "bob.pem", "--json").output)
    (folder / "bob.pub").write_text(openssl("x509", "-in", "bob.pem", "-noout", "-pubkey"))
    openssl("pkey", "-pubin", "-in", "bob.pub", "-outform", "DER", "-out", "bob.der")
    assert openssl("dgst", "-sha256", "-r", "bob.der").split()[0] == told[0]["key_fingerprint"]


def test_every_form_is_read(run: Command, folder: Path) -> None:
    (folder / "word").write_text("secret\n")
    run("cert", "client", "bob", "--password-file", "word")
    (folder / "bob.der").write_bytes(certificate("bob.pem").public_bytes(Encoding.DER))
    shown = [
        run("cert", "show", "bob.pem", "--json"),
        run("cert", "show", "bob.der", "--json"),
        run("cert", "show", "bob.p12", "--password-file", "word", "--json"),
        run("cert", "show", "bob.p12", "--json", answers=["secret"]),
    ]
    assert len({json.loads(each.output)[0]["fingerprint"] for each in shown}) == 1
    wrong = run("cert", "show", "bob.p12", answers=["wrong"])
    assert wrong.errors == (
        "ftptls: cannot read bob.p12: it is damaged, or the password does not open it.\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"zork",
        b"0",
        b"0\x82",
        b"-----BEGIN CERTIFICATE-----\n",
        b"\xff" * 100,
        b"0" * (2 << 20),
    ],
    ids=["empty", "text", "short", "der", "pem", "octets", "large"],
)
def test_what_is_no_certificate(run: Command, folder: Path, content: bytes) -> None:
    (folder / "zork").write_bytes(content)
    refused = run("cert", "show", "zork", answers=["x"] if content in (b"0", b"0\x82") else None)
    assert refused.status == 1
    assert refused.errors.startswith("ftptls: ")
    assert refused.errors.count("\n") == 1


def test_a_file_that_is_not_there(run: Command) -> None:
    assert run("cert", "show", "zork").errors == (
        "ftptls: cannot use zork: No such file or directory.\n"
    )


PROBLEMS = {
    "expired": (lambda pki: pki.client(late=True), "It expired on"),
    "early": (lambda pki: pki.client(early=True), "It is not valid before"),
    "hidden": (lambda pki: pki.client("bob\0.evil"), "signs that cannot be seen"),
    "no host": (lambda pki: pki.wrong_usage(), "names no host"),
}


@pytest.mark.parametrize("which", PROBLEMS)
def test_problems_are_told(run: Command, folder: Path, which: str) -> None:
    make, words = PROBLEMS[which]
    pair: Pair = make(PKI())
    (folder / "it.pem").write_bytes(pair.certificate_pem)
    shown = run("cert", "show", "it.pem")
    assert shown.status == 1
    assert words in shown.output
    assert shown.output.isascii()
    assert "\0" not in shown.output


# What OpenSSL is told to make, and what is then told of it.
ODD = {
    "nobody": (["-subj", "/"], "It names nobody"),
    "two CNs": (["-subj", "/CN=bob/CN=alice"], "more than one CN"),
    "short": (["-newkey", "rsa:1024"], "Its key has 1024 bits only"),
    "sha1": (["-sha1"], "signed with SHA1, which is broken"),
    "aimless": (["-addext", "basicConstraints=CA:FALSE"], "whether it is for servers or clients"),
}


def self_signed(*flags: str) -> None:
    """A certificate in ``it.pem``."""
    given = [*flags] if "-subj" in flags else ["-subj", "/CN=bob", *flags]
    if "-newkey" not in flags:
        given += ["-newkey", "ed25519" if "-sha1" not in flags else "rsa:2048"]
    openssl("req", "-x509", "-nodes", "-keyout", "it.key", "-out", "it.pem", "-days", "99", *given)


@pytest.mark.parametrize("which", ODD)
def test_certificates_of_others(run: Command, which: str) -> None:
    flags, words = ODD[which]
    self_signed(*flags)
    shown = run("cert", "show", "it.pem")
    assert (shown.status, shown.errors) == (1, "")
    assert words in shown.output


def test_names_of_every_kind(run: Command) -> None:
    self_signed(
        "-addext",
        "subjectAltName=DNS:a.example,IP:::1,email:bob@example.com,URI:spiffe://example.com/bob,"
        "RID:1.2.3.4,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:bob@example.com",
        "-addext",
        "extendedKeyUsage=clientAuth,codeSigning",
    )
    (told,) = json.loads(run("cert", "show", "it.pem", "--json").output)
    assert told["names"] == [
        "DNS:a.example",
        "IP:::1",
        "email:bob@example.com",
        "URI:spiffe://example.com/bob",
        "ID:1.2.3.4",
        "other:1.3.6.1.4.1.311.20.2.3",
    ]
    assert told["usages"] == ["clients", "1.3.6.1.5.5.7.3.3"]
    assert told["key"] == "Ed25519"
    der = openssl("pkey", "-in", "it.key", "-pubout", "-outform", "PEM").splitlines()[1:-1]
    assert told["key_fingerprint"] == hashlib.sha256(b64decode("".join(der))).hexdigest()


def test_one_that_soon_ends() -> None:
    told = described(PKI().client().certificate, datetime.datetime.now(datetime.UTC))
    assert told.problems[0].endswith("renew it.")


# anew


def test_the_same_names_and_key_again(run: Command, folder: Path) -> None:
    run("cert", "client", "bob", "--email", "bob@example.com", "--days", "5")
    before, key = certificate("bob.pem"), (folder / "bob.key").read_bytes()
    made = run("cert", "renew", "bob.pem")
    assert made.status == 0, made.errors
    after = certificate("bob.pem")
    assert (after.subject, after.public_key()) == (before.subject, before.public_key())
    assert names("bob.pem") == ["bob@example.com"]
    assert after.serial_number != before.serial_number
    assert after.not_valid_after_utc > before.not_valid_after_utc
    assert (folder / "bob.key").read_bytes() == key
    password = made.output.partition("only now")[2].split()[0]
    found = load_pkcs12((folder / "bob.p12").read_bytes(), password.encode())
    assert found.cert is not None
    assert found.cert.certificate == after


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_new_key_is_of_the_same_kind(run: Command, folder: Path, kind: str) -> None:
    run("cert", "new", "localhost", "--key", kind)
    before = certificate("localhost.pem")
    assert run("cert", "renew", "localhost.pem", "--new-key").status == 0
    after = certificate("localhost.pem")
    assert after.public_key() != before.public_key()
    assert type(after.public_key()) is type(before.public_key())
    ssl.create_default_context().load_cert_chain("localhost.pem", "localhost.key")
    assert stat.S_IMODE((folder / "localhost.key").stat().st_mode) == 0o600


def test_what_cannot_be_renewed(run: Command, folder: Path) -> None:
    run("cert", "new", "localhost")
    run("ca", "new", "--name", "other", "--ca", "other")
    other = run("cert", "renew", "localhost.pem", "--ca", "other")
    assert other.errors == "ftptls: the authority in other has not issued localhost.pem.\n"
    root = run("cert", "renew", "ca/ca.pem")
    assert "it is an authority's; make a new authority in place of it" in root.errors
    (folder / "localhost.key").unlink()
    missing = run("cert", "renew", "localhost.pem")
    assert "there is no key in localhost.key; name its file with --key-file" in missing.errors
    run("cert", "new", "::1")
    wrong = run("cert", "renew", "localhost.pem", "--key-file", "__1.key")
    assert wrong.errors == "ftptls: the key in __1.key is not that of the certificate.\n"
