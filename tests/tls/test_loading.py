"""Certificates in every form that operators have them in, and what each refusal says."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    NoEncryption,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from twisted.logger import formatEvent, globalLogPublisher

from ftptls import programs
from ftptls.settings import TLS, Settings
from ftptls.testing.certificates import PKI, KeyKind, pem
from ftptls.tls.contexts import ServerContext
from ftptls.tls.loading import (
    CertificateError,
    Identity,
    Passphrases,
    load_authorities,
    load_identities,
    load_identity,
    warn_of_dates,
)


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def identity(pki: PKI) -> Identity:
    return pki.server()


def written(folder: Path, identity: Identity, name: str = "server", password: bytes = b""):
    chain, key = pem(identity, password)
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    for path, content in zip(paths, (chain, key), strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def pkcs12(path: Path, identity: Identity, password: bytes = b"", shuffled: bool = False) -> str:
    others = list(identity.chain[1:])
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(
        serialize_key_and_certificates(
            b"server",
            identity.key,
            identity.chain[0],
            others[::-1] if shuffled else others,
            encryption,
        )
    )
    return str(path)


def program(text: str) -> Passphrases:
    return Passphrases([sys.executable, "-c", text])


SAYS_SECRET = "print('secret'); print('second line')"


def test_a_chain(tmp_path, identity):
    assert load_identity(*written(tmp_path, identity)).chain == identity.chain


def test_an_encrypted_key_and_a_program_that_knows_its_passphrase(tmp_path, identity):
    found = load_identity(*written(tmp_path, identity, password=b"secret"), program(SAYS_SECRET))
    assert found.key.private_numbers() == identity.key.private_numbers()


def test_the_program_is_told_the_file(tmp_path, identity):
    certificate, key = written(tmp_path, identity, password=b"secret")
    tell = f"import sys; print('secret' if sys.argv[1:] == [{key!r}] else 'wrong')"
    load_identity(certificate, key, program(tell))


def test_the_program_is_not_run_for_a_clear_key(tmp_path, identity):
    ran = tmp_path / "ran"
    load_identity(*written(tmp_path, identity), program(f"open({str(ran)!r}, 'w')"))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("print('wrong')", r"prints for \S+server.key does not open it\."),
        ("raise SystemExit(3)", r"ended with status 3 for \S+server.key\."),
        ("pass", r"printed nothing for \S+server.key\."),
        ("print()", r"printed nothing for \S+server.key\."),
    ],
)
def test_a_program_that_does_not_help(tmp_path, identity, text, cause):
    with pytest.raises(CertificateError, match=cause) as caught:
        load_identity(*written(tmp_path, identity, password=b"secret"), program(text))
    assert "wrong" not in str(caught.value)


def test_a_program_that_is_not_there(tmp_path, identity):
    files = written(tmp_path, identity, password=b"secret")
    with pytest.raises(
        CertificateError, match=r"/none cannot be run \(No such file or directory\) for "
    ):
        load_identity(*files, Passphrases([str(tmp_path / "none")]))


def test_a_program_that_never_ends(tmp_path, identity, monkeypatch):
    monkeypatch.setattr(programs, "_PATIENCE", 0.1)
    with pytest.raises(CertificateError, match=r"took longer than 0\.1 s"):
        load_identity(
            *written(tmp_path, identity, password=b"secret"),
            program("import time; time.sleep(60)"),
        )


@pytest.mark.parametrize("password", [b"", b"secret"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_pkcs12(tmp_path, pki, identity, password, shuffled):
    whole = Identity(identity.key, (*identity.chain, pki.root.certificate))
    path = pkcs12(tmp_path / "server.p12", whole, password, shuffled)
    found = load_identity(path, "", program(SAYS_SECRET) if password else None)
    assert found.chain == whole.chain


def test_pkcs12_whose_passphrase_nobody_knows(tmp_path, identity):
    path = pkcs12(tmp_path / "server.p12", identity, b"secret")
    with pytest.raises(CertificateError, match=r"server\.p12 .*tls\.passphrase_program"):
        load_identity(path)
    with pytest.raises(CertificateError, match=r"server\.p12 .*does not open it"):
        load_identity(path, "", program("print('wrong')"))


def test_pkcs12_without_a_key(tmp_path, identity):
    path = tmp_path / "server.p12"
    path.write_bytes(
        serialize_key_and_certificates(b"", None, identity.chain[0], None, NoEncryption())
    )
    with pytest.raises(CertificateError, match=r"server\.p12 is PKCS#12 without"):
        load_identity(str(path))


def test_one_certificate_of_each_kind_of_key(tmp_path, pki):
    files = [written(tmp_path, pki.server(kind), kind.name) for kind in KeyKind]
    certificates, keys = zip(*files, strict=True)
    found = load_identities(certificates, keys, Passphrases())
    assert [each.source for each in found] == list(certificates)
    assert len({each.kind for each in found}) == 2


def test_two_certificates_of_the_same_kind(tmp_path, pki):
    files = [written(tmp_path, pki.server(), name) for name in ("one", "two")]
    certificates, keys = zip(*files, strict=True)
    with pytest.raises(CertificateError, match=r"one\.pem and \S+two\.pem are both for"):
        load_identities(certificates, keys, Passphrases())


def test_keys_in_another_order_than_certificates(tmp_path, pki):
    files = [written(tmp_path, pki.server(kind), kind.name) for kind in KeyKind]
    certificates, keys = zip(*files, strict=True)
    with pytest.raises(CertificateError, match=r"key in \S+RSA\.key .* certificate in \S+EC\.pem"):
        load_identities(certificates, keys[::-1], Passphrases())


def test_fewer_keys_than_certificates(tmp_path, pki):
    files = [written(tmp_path, pki.server(kind), kind.name) for kind in KeyKind]
    certificates, keys = zip(*files, strict=True)
    with pytest.raises(CertificateError, match=r"2 certificates .* and 1 keys"):
        load_identities(certificates, keys[:1], Passphrases())


def test_authorities_from_files_and_folders(tmp_path, pki):
    other = PKI(name="Other")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, authority in (("one.pem", pki.root), ("two.crt", other.root), ("3.0", pki.root)):
        (folder / name).write_bytes(authority.certificate_pem)
    (folder / ".hidden").write_text("no certificate")
    (folder / "inner").mkdir()
    file = tmp_path / "file.pem"
    file.write_bytes(pki.intermediate.certificate_pem)
    found = load_authorities([str(folder), str(file)])
    expected = [pki.root, other.root, pki.intermediate]
    assert sorted(map(hash, found)) == sorted(hash(each.certificate) for each in expected)


def test_a_folder_without_authorities(tmp_path):
    with pytest.raises(CertificateError, match="no certificate of an authority in"):
        load_authorities([str(tmp_path)])
    (tmp_path / "readme").write_text("hello")
    with pytest.raises(CertificateError, match=r"no PEM certificate in \S+readme"):
        load_authorities([str(tmp_path)])


@pytest.fixture
def log():
    lines: list[str] = []
    observer = lambda event: lines.append(formatEvent(event))  # noqa: E731
    globalLogPublisher.addObserver(observer)
    yield lines
    globalLogPublisher.removeObserver(observer)


def test_dates_are_warned_about(pki, log):
    late = pki.server(late=True)
    warn_of_dates(late)
    (line,) = log
    assert "CN=localhost in memory expired on" in line
    log.clear()
    month = datetime.timedelta(days=30)
    warn_of_dates(pki.server(), datetime.datetime.now(datetime.UTC) - month)
    assert [("is not valid before" in line) for line in log] == [True, True]
    log.clear()
    warn_of_dates(pki.server())
    assert log == []


def test_an_expired_certificate_is_loaded_and_warned_about(tmp_path, pki, log):
    certificate, key = written(tmp_path, pki.server(late=True))
    ServerContext.from_settings(Settings(tls=TLS(certificate=(certificate,), key=(key,))))
    (line,) = log
    assert f"in {certificate} expired on" in line


def test_a_secret_is_nowhere_in_the_log(tmp_path, identity, log):
    certificate, key = written(tmp_path, identity, password=b"secret")
    say = (sys.executable, "-c", SAYS_SECRET)
    ServerContext.from_settings(
        Settings(tls=TLS(certificate=(certificate,), key=(key,), passphrase_program=say))
    )
    assert "secret" not in "\n".join(log)


def test_one_file_may_be_given_as_text():
    assert TLS(certificate="a.pem", key="a.key") == TLS(certificate=("a.pem",), key=("a.key",))
    assert TLS(certificate="", key="").certificate == ()
