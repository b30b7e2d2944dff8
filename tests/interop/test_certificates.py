"""Logins by client certificate with curl and lftp: 232 for USER, and certificate and password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftptls.cred.fields import fingerprint
from ftptls.testing.certificates import PKI, Pair
from tests.interop.clients import curl, lftp, url
from tests.interop.server import PASSWORD, USER, Server

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
# Over which lftp speaks one version only.
ONLY = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}


@dataclass(frozen=True)
class Partner:
    """A client's certificate and key, in files."""

    certificate: Path
    key: Path

    def curl(self, version: str) -> list[str]:
        """Its flags."""
        tls = [f"--tlsv{version}", "--tls-max", version]
        return [*tls, "--cert", str(self.certificate), "--key", str(self.key)]

    def lftp(self, version: str) -> str:
        """Its settings."""
        files = f'set ssl:cert-file "{self.certificate}"; set ssl:key-file "{self.key}"'
        return f"set ssl:priority {ONLY[version]}; {files}; debug 9"


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("partners")


@pytest.fixture(scope="module")
def pairs(pki: PKI) -> dict[str, Pair]:
    """By what they are for: by common name, by e-mail address, by pin."""
    mail = x509.SubjectAlternativeName([x509.RFC822Name(f"{USER}@partner.example")])
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return {
        "cn": pki.client(USER),
        "email": pki.issue("Alice Example", mail, usage=usage),
        "pin": pki.client("whoever"),
        "mallory": pki.client("mallory"),
    }


@pytest.fixture(scope="module")
def partners(folder: Path, pki: PKI, pairs: dict[str, Pair]) -> dict[str, Partner]:
    made = {}
    for name, pair in pairs.items():
        made[name] = Partner(folder / f"{name}.pem", folder / f"{name}.key")
        chain = pair.certificate_pem + pki.intermediate.certificate_pem
        made[name].certificate.write_bytes(chain)
        made[name].key.write_bytes(pair.key_pem())
    return made


@pytest.fixture(scope="module")
def auth(folder: Path, pki: PKI, pairs: dict[str, Pair]) -> list[str]:
    """Flags of servers that find out whose a certificate is."""
    (folder / "root.pem").write_bytes(pki.root.certificate_pem)
    (folder / "pins").write_text(f"{USER}: {fingerprint(pairs['pin'].certificate).hex()}\n")
    (folder / "map").write_text("email /(.*)@partner\\.example/ \\1\n")
    flags = ["--client-certificates", "optional", "--client-authorities", str(folder / "root.pem")]
    return [*flags, "--auth", f"x509:cn:pins={folder}/pins:map={folder}/map"]


@pytest.fixture(scope="module")
def server(start_server, auth: list[str]) -> Server:
    """It takes certificates alone."""
    return start_server(flags=[*auth, "--login", "certificate"])


@pytest.fixture(scope="module")
def strict_server(start_server, auth: list[str]) -> Server:
    """It takes a certificate and a password, which two checkers know of."""
    return start_server(flags=[*auth, "--login", "both"])


def codes(said: str) -> list[str]:
    """The codes that answered USER and PASS, as either program tells them."""
    return re.findall(r"^<(?:---)? (230|232|331|530) ", said, re.MULTILINE)


@VERSIONS
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("who", ["cn", "email", "pin"])
def test_curl_by_certificate(
    server: Server, partners: dict[str, Partner], tmp_path: Path, who: str, kind: str, version: str
) -> None:
    (tmp_path / "up").write_bytes(b"partner's data")
    at = url(server, f"curl-{who}-{kind}-{version}", kind=kind)
    flags = ["--verbose", "--user", f"{USER}:", *partners[who].curl(version)]
    assert codes(curl(server, tmp_path, *flags, "--upload-file", "up", at)) == ["232"]
    assert codes(curl(server, tmp_path, *flags, "--output", "down", at)) == ["232"]
    assert (tmp_path / "down").read_bytes() == b"partner's data"


@VERSIONS
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("who", ["cn", "email", "pin"])
def test_lftp_by_certificate(
    server: Server, partners: dict[str, Partner], tmp_path: Path, who: str, kind: str, version: str
) -> None:
    (tmp_path / "up").write_bytes(b"partner's data")
    name = f"lftp-{who}-{kind}-{version}"
    settings = partners[who].lftp(version)
    steps = [f"put up -o {name}", f"get {name} -o down"]
    said = lftp(server, tmp_path, *steps, kind=kind, settings=settings)
    assert set(codes(said)) == {"232"}
    assert (tmp_path / "down").read_bytes() == b"partner's data"


@VERSIONS
def test_a_wrong_certificate(
    server: Server, partners: dict[str, Partner], tmp_path: Path, version: str
) -> None:
    flags = ["--verbose", *partners["mallory"].curl(version)]
    assert codes(curl(server, tmp_path, *flags, url(server), status=67)) == ["530"]
    said = lftp(server, tmp_path, "ls", settings=partners["mallory"].lftp(version), status=1)
    assert "530" in codes(said)
    server.wait_for(
        rf"127\.0\.0\.1 login by certificate refused for '{USER}': certificate .* is for 'mallory'"
    )


@VERSIONS
def test_no_certificate(server: Server, tmp_path: Path, version: str) -> None:
    tls = [f"--tlsv{version}", "--tls-max", version]
    said = curl(server, tmp_path, "--verbose", *tls, url(server), status=67)
    assert "530 This login takes a client certificate; set one up in the client." in said


@VERSIONS
def test_certificate_and_password(
    strict_server: Server, partners: dict[str, Partner], tmp_path: Path, version: str
) -> None:
    (tmp_path / "up").write_bytes(b"partner's data")
    right = ["--verbose", *partners["email"].curl(version)]
    at = url(strict_server, f"both-{version}")
    assert codes(curl(strict_server, tmp_path, *right, "--upload-file", "up", at)) == ["331", "230"]
    steps = [f"get both-{version} -o down"]
    said = lftp(strict_server, tmp_path, *steps, settings=partners["email"].lftp(version))
    assert codes(said)[:2] == ["331", "230"]
    assert (tmp_path / "down").read_bytes() == b"partner's data"


@VERSIONS
def test_certificate_or_password_is_not_enough(
    strict_server: Server, partners: dict[str, Partner], tmp_path: Path, version: str
) -> None:
    """A right certificate with a wrong password, and the other way round."""
    at = url(strict_server)
    wrong = ["--verbose", *partners["cn"].curl(version), "--user", f"{USER}:{PASSWORD}x"]
    assert codes(curl(strict_server, tmp_path, *wrong, at, status=67)) == ["331", "530"]
    other = ["--verbose", *partners["mallory"].curl(version)]
    assert codes(curl(strict_server, tmp_path, *other, at, status=67)) == ["331", "530"]
