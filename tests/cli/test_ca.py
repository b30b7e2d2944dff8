"""``ftptls ca``: an authority, what it issued, and what it took back."""

from __future__ import annotations

import datetime
import json
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ftptls.authority.certificates import KeyKind, for_client, new_key
from ftptls.authority.folder import REASONS, AuthorityFolder
from tests.cli.conftest import Command


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def ca(run: Command, folder: Path) -> Path:
    """An authority in the folder ``ca``."""
    assert run("ca", "new", "--name", "Example partners").status == 0
    return folder / "ca"


def crl(ca: Path) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl((ca / "ca.crl").read_bytes())


def test_a_new_authority_signs_for_nobody_below_it(ca: Path) -> None:
    certificate = x509.load_pem_x509_certificate((ca / "ca.pem").read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert certificate.subject.rfc4514_string() == "CN=Example partners"
    openssl("verify", "-x509_strict", "-CAfile", f"{ca}/ca.pem", f"{ca}/ca.pem")


def test_only_its_owner_reads_the_key(ca: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in ca.iterdir()}
    expected = {"ca.pem": 0o644, "ca.key": 0o600, "ca.crl": 0o644, "issued.json": 0o600}
    assert modes == expected
    assert stat.S_IMODE(ca.stat().st_mode) == 0o700


def test_there_is_a_list_from_the_beginning(ca: Path) -> None:
    assert len(crl(ca)) == 0
    openssl("crl", "-in", f"{ca}/ca.crl", "-CAfile", f"{ca}/ca.pem", "-noout")


@pytest.mark.parametrize(("kind", "words"), [("ec", "prime256v1"), ("rsa", "(3072 bit)")])
def test_kinds_of_keys(run: Command, folder: Path, kind: str, words: str) -> None:
    assert run("ca", "new", "--name", "x", "--key", kind).status == 0
    assert words in openssl("x509", "-in", "ca/ca.pem", "-noout", "-text")


def test_one_authority_never_replaces_another(run: Command, ca: Path) -> None:
    before = {path.name: path.read_bytes() for path in ca.iterdir()}
    again = run("ca", "new", "--name", "other")
    assert (again.status, again.output) == (1, "")
    assert again.errors == "ftptls: there is an authority in ca; name another folder.\n"
    assert {path.name: path.read_bytes() for path in ca.iterdir()} == before


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a\nb", "x" * 65, "\u202egnp.exe", " x"])
def test_names_that_nobody_could_read_are_refused(run: Command, folder: Path, name: str) -> None:
    refused = run("ca", "new", "--name", name)
    assert refused.status == 1
    assert refused.errors.count("\n") == 1
    assert "is no name" in refused.errors
    assert not (folder / "ca").exists()


def test_a_folder_that_cannot_be_made(run: Command, folder: Path) -> None:
    (folder / "file").touch()
    refused = run("ca", "new", "--name", "x", "--ca", "file/ca")
    assert refused.errors == "ftptls: cannot use file/ca: Not a directory.\n"


# the passphrase


def test_a_passphrase_is_typed_twice(run: Command, folder: Path) -> None:
    made = run("ca", "new", "--name", "x", "--encrypt", answers=["secret", "secret"])
    assert made.status == 0
    assert "secret\n" not in made.output + made.errors
    key = (folder / "ca/ca.key").read_bytes()
    with pytest.raises(TypeError):
        load_pem_private_key(key, None)
    assert run("cert", "new", "localhost", answers=["secret"]).status == 0
    wrong = run("cert", "new", "::1", answers=["wrong"])
    assert wrong.errors == "ftptls: cannot use ca/ca.key: the passphrase does not open it.\n"
    assert [path.name for path in folder.glob("*.pem")] == ["localhost.pem"]


def test_two_passphrases_that_differ(run: Command, folder: Path) -> None:
    made = run("ca", "new", "--name", "x", "--encrypt", answers=["secret", "secrte"])
    assert made.errors == "ftptls: the two differ; nothing was done.\n"
    assert not (folder / "ca").exists()


def test_a_passphrase_from_a_file_and_from_standard_input(run: Command, folder: Path) -> None:
    (folder / "word").write_text("secret\n")
    assert run("ca", "new", "--name", "x", "--passphrase-file", "word").status == 0
    given = run("cert", "new", "localhost", "--passphrase-file", "-", given="secret\n")
    assert given.status == 0, given.errors
    nobody = run("cert", "new", "::1")
    assert nobody.status == 1
    assert nobody.errors == (
        "ftptls: Passphrase of ca/ca.key: nobody can be asked for it; "
        "name a file with --passphrase-file, or -.\n"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n"])
def test_files_without_a_passphrase(run: Command, folder: Path, content: bytes) -> None:
    (folder / "word").write_bytes(content)
    refused = run("ca", "new", "--name", "x", "--passphrase-file", "word")
    assert refused.status == 1
    assert refused.errors.count("\n") == 1
    assert not (folder / "ca").exists()


# revocation


def test_a_revoked_certificate_is_refused_by_openssl(run: Command, ca: Path) -> None:
    for name in ("bob", "alice"):
        assert run("cert", "client", name).status == 0
    revoked = run("ca", "revoke", "bob.pem", "--reason", "keyCompromise")
    assert revoked.status == 0, revoked.errors
    check = ["verify", "-crl_check", "-CAfile", "ca/ca.pem", "-CRLfile", "ca/ca.crl"]
    openssl(*check, "alice.pem")
    done = subprocess.run(["openssl", *check, "bob.pem"], capture_output=True, timeout=60)
    assert b"certificate revoked" in done.stderr
    (entry,) = crl(ca)
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == (
        x509.ReasonFlags.key_compromise
    )


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_can_be_given(run: Command, ca: Path, reason: str) -> None:
    run("cert", "client", "bob")
    assert run("ca", "revoke", "bob.pem", "--reason", reason).status == 0
    assert "Reason Code" in openssl("crl", "-in", "ca/ca.crl", "-noout", "-text")


def test_a_serial_number_will_do(run: Command, ca: Path) -> None:
    run("cert", "client", "bob")
    serial = json.loads(run("ca", "list", "--json").output)[0]["serial"]
    pairs = ":".join(f"{int(serial, 16):040X}"[at : at + 2] for at in range(0, 40, 2))
    assert run("ca", "revoke", pairs).status == 0
    assert run("ca", "revoke", serial).errors.startswith("ftptls: it was revoked before, on 20")
    assert len(crl(ca)) == 1


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("1234", "the authority in ca has issued no 1234."),
        ("../bob", "../bob is neither a file nor a serial number."),
        ("ca/ca.key", "there is no certificate in it that can be read."),
        ("ca/issued.json", "it holds no certificate in PEM, DER or PKCS#12."),
    ],
)
def test_what_cannot_be_revoked(run: Command, ca: Path, which: str, sentence: str) -> None:
    assert run("ca", "revoke", which).errors == f"ftptls: {sentence}\n"


def test_the_certificate_of_another_authority(run: Command, ca: Path) -> None:
    run("ca", "new", "--name", "Example partners", "--ca", "other")
    run("cert", "client", "bob", "--ca", "other")
    refused = run("ca", "revoke", "bob.pem")
    assert refused.errors == "ftptls: the authority in ca has not issued bob.pem.\n"


def test_a_new_list_has_the_next_number(run: Command, ca: Path) -> None:
    assert run("ca", "crl", "--crl-days", "7").status == 0
    made = crl(ca)
    assert made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    assert made.next_update_utc is not None
    assert made.next_update_utc - made.last_update_utc == datetime.timedelta(days=7, hours=1)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_days_that_are_none(run: Command, ca: Path, text: str) -> None:
    refused = run("ca", "crl", f"--crl-days={text}")
    assert refused.status == 2
    assert "is no number of days above 0" in refused.errors


def test_days_beyond_the_calendar(run: Command, ca: Path) -> None:
    for days in ("9999999", "1e300"):
        assert "days lead beyond the year 9999" in run("ca", "crl", "--crl-days", days).errors


# the record


def test_the_list_of_what_was_issued(run: Command, ca: Path) -> None:
    run("cert", "client", "bob")
    run("cert", "new", "localhost")
    run("ca", "revoke", "bob.pem")
    titles, *rows = run("ca", "list").output.splitlines()
    assert titles.split() == ["SERIAL", "ENDS", "REVOKED", "SUBJECT"]
    assert [row.rpartition("  ")[2] for row in rows] == ["CN=bob", "CN=localhost"]
    listed = json.loads(run("ca", "list", "--json").output)
    assert [bool(each["revoked"]) for each in listed] == [True, False]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"issued": [{"serial": 1}], "crl_number": 1}', b'{"issued": []}', b"\xff"],
)
def test_a_damaged_record_is_not_written_over(run: Command, ca: Path, content: bytes) -> None:
    (ca / "issued.json").write_bytes(content)
    refused = run("cert", "client", "bob")
    assert refused.errors == "ftptls: ca/issued.json is damaged; restore it from a backup.\n"
    assert (ca / "issued.json").read_bytes() == content


def test_nobody_is_forgotten_when_several_issue_at_once(ca: Path) -> None:
    def issue(name: str) -> None:
        authority = AuthorityFolder(ca, lambda: b"")
        authority.issue(for_client(name), new_key(KeyKind.EC).public_key(), 1)

    names = [f"user{number}" for number in range(12)]
    threads = [threading.Thread(target=issue, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    issued = AuthorityFolder(ca, lambda: b"").issued()
    assert sorted(each.subject for each in issued) == sorted(f"CN={name}" for name in names)
    assert len({each.serial for each in issued}) == 12


def test_no_authority(run: Command) -> None:
    for command in (["ca", "list"], ["ca", "crl"], ["cert", "new", "localhost"]):
        assert run(*command).errors == (
            "ftptls: there is no authority in ca; make one with 'ftptls ca new'.\n"
        )


def test_a_key_of_somebody_else(run: Command, ca: Path) -> None:
    run("ca", "new", "--name", "other", "--ca", "other")
    (ca / "ca.key").write_bytes(Path("other/ca.key").read_bytes())
    assert run("ca", "crl").errors == "ftptls: ca/ca.key does not belong to ca/ca.pem.\n"


def test_an_authority_that_has_expired(run: Command, folder: Path) -> None:
    run("ca", "new", "--name", "short", "--days", "0.00000001")
    refused = run("cert", "new", "localhost")
    assert "has expired; make a new authority" in refused.errors
    assert not list(folder.glob("*.pem"))
