"""Old, demanding and hostile TLS clients: s_client and curl against a real server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftptls.testing.certificates import PKI, Pair
from tests.interop.clients import PATIENCE, curl, url
from tests.interop.server import PASSWORD, USER, Server, eventually
from tests.interop.test_openssl import VERSIONS, Client, arguments, s_client


def log_in(client: Client) -> None:
    """As there; but a long ticket is still being printed when the first reply comes."""
    for line, answer in (
        (f"USER {USER}", r"331 Send"),
        (f"PASS {PASSWORD}", r"230 Logged"),
        ("PBSZ 0", r"200 Buffer"),
        ("PROT P", r"200 Data"),
    ):
        client.type(line, answer)


@dataclass(frozen=True)
class Partner:
    """A client with a certificate, in files."""

    certificate: Path
    key: Path

    @property
    def for_curl(self) -> list[str]:
        return ["--cert", str(self.certificate), "--key", str(self.key)]

    @property
    def for_openssl(self) -> list[str]:
        chain = ["-cert_chain", str(self.certificate)]
        return ["-cert", str(self.certificate), "-key", str(self.key), *chain]


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("partners")


def write(folder: Path, pki: PKI, name: str, pair: Pair) -> Partner:
    partner = Partner(folder / f"{name}.pem", folder / f"{name}.key")
    partner.certificate.write_bytes(pair.certificate_pem + pki.intermediate.certificate_pem)
    partner.key.write_bytes(pair.key_pem())
    return partner


@pytest.fixture(scope="module")
def bob(folder: Path, pki: PKI) -> Partner:
    return write(folder, pki, "bob", pki.client("bob"))


@pytest.fixture(scope="module")
def late(folder: Path, pki: PKI) -> Partner:
    return write(folder, pki, "late", pki.client("bob", late=True))


@pytest.fixture(scope="module")
def guarded_server(start_server, folder: Path, pki: PKI) -> Server:
    authorities = folder / "authorities"
    authorities.mkdir()
    (authorities / "root.pem").write_bytes(pki.root.certificate_pem)
    return start_server(
        flags=["--client-certificates", "required", "--client-authorities", str(authorities)]
    )


@VERSIONS
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_curl_with_a_certificate(
    guarded_server: Server, bob: Partner, tmp_path: Path, kind: str, version: str
) -> None:
    (tmp_path / "up").write_bytes(b"partner's data")
    tls = [f"--tlsv{version}", "--tls-max", version, *bob.for_curl]
    at = url(guarded_server, f"up-{kind}-{version}", kind=kind)
    curl(guarded_server, tmp_path, *tls, "--upload-file", "up", at)
    curl(guarded_server, tmp_path, *tls, "--output", "down", at)
    assert (tmp_path / "down").read_bytes() == b"partner's data"


@VERSIONS
@pytest.mark.parametrize("who", ["nobody", "late"])
def test_curl_with_none_or_a_bad_one(
    guarded_server: Server, late: Partner, tmp_path: Path, who: str, version: str
) -> None:
    tls = ["--ssl-reqd", "--cacert", str(guarded_server.authority)]
    tls += [f"--tlsv{version}", "--tls-max", version]
    tls += late.for_curl if who == "late" else []
    done = subprocess.run(
        ["curl", "--silent", *tls, url(guarded_server)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (35, 56, 60)  # the handshake, or what comes after it, or an alert
    cause = "has expired" if who == "late" else "did not return a certificate"
    guarded_server.wait_for(f"TLS failed on the control connection: .*{cause}")


@VERSIONS
def test_s_client_with_a_certificate(guarded_server: Server, bob: Partner, version: str) -> None:
    port = guarded_server.port()
    with s_client(
        guarded_server, version, port, *arguments("explicit"), *bob.for_openssl
    ) as client:
        log_in(client)
        assert "CN = Example root" in client.said


@pytest.fixture(scope="module")
def old_server(start_server) -> Server:
    return start_server(flags=["--tls-profile", "legacy"])


@pytest.mark.parametrize(("option", "version"), [("1", "TLSv1"), ("1.1", "TLSv1.1")])
def test_an_old_camera(old_server: Server, option: str, version: str) -> None:
    """TLS 1.0, as long as the listener's profile lets it in, and says so in the log."""
    old = ["-cipher", "DEFAULT:@SECLEVEL=0"]
    (old_server.root / "some").write_text("what the camera saw\n")
    starttls = ["-starttls", "ftp", *old]
    with s_client(old_server, option, old_server.port(), *starttls) as control:
        log_in(control)
        port = int(control.type("EPSV", r"\|\d+\|").split("|||")[1].partition("|")[0])
        with s_client(old_server, option, port, *old) as data:
            control.type("retr some", "^226 ")  # a capital R would be its own command
            data.wait()
        assert "what the camera saw" in data.said
    assert f"New, {version}" in control.said or f"Protocol  : {version}\n" in control.said
    assert "INSECURE: tcp:0:interface=127.0.0.1 speaks TLS 1.0" in old_server.log


def test_an_old_camera_elsewhere(server: Server) -> None:
    starttls = ["-starttls", "ftp", "-cipher", "DEFAULT:@SECLEVEL=0"]
    with s_client(server, "1", server.port(), *starttls) as client:
        client.wait()
    assert "alert protocol version" in client.said
    server.wait_for("the client offers TLS 1.0")


@pytest.mark.parametrize(("offered", "chosen"), [("ftp", True), ("h2,ftp", True), ("h2", False)])
def test_s3_alpn(server: Server, offered: str, chosen: bool) -> None:
    with s_client(server, "1.3", server.port("implicit"), "-alpn", offered) as client:
        if chosen:
            client.type("NOOP", "^200 ")
        else:
            client.wait()
    assert ("ALPN protocol: ftp" in client.said) is chosen
    assert ("alert no application protocol" in client.said) is not chosen


def key_updates(client: Client, most: int) -> Iterator[int]:
    """Send KeyUpdate time and again: a K at the start of what is typed, each by itself."""
    for count in range(1, most):
        if client._process.poll() is not None:
            return
        try:
            client._process.stdin.write(b"K\n")
            client._process.stdin.flush()
        except BrokenPipeError:
            return
        deadline = time.monotonic() + PATIENCE
        while client.said.count("KEYUPDATE") < count and client._process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        yield count


def test_s10_key_updates_on_the_control_connection(server: Server) -> None:
    with s_client(server, "1.3", server.port("implicit")) as client:
        client.type("NOOP", "^200 ")
        sent = list(key_updates(client, 500))
        client.wait()
    assert 60 < len(sent) < 100
    server.wait_for("TLS records without data, one after the other")


def test_s10_key_updates_between_commands_are_fine(server: Server) -> None:
    with s_client(server, "1.3", server.port("implicit")) as client:
        for _ in range(4):
            assert len(list(key_updates(client, 21))) == 20
            client.said = ""
            client.type("NOOP", "^200 ")


def test_s10_key_updates_on_a_data_connection(server: Server) -> None:
    with s_client(server, "1.3", server.port(), "-starttls", "ftp") as control:
        log_in(control)
        port = int(control.type("EPSV", r"\|\d+\|").split("|||")[1].partition("|")[0])
        with s_client(server, "1.3", port) as data:
            control.type("STOR flooded", "^150 ")
            sent = list(key_updates(data, 5000))
            eventually(lambda: "426 " in control.said, PATIENCE)
    assert "records without data" in control.said
    assert len(sent) < 2000
    assert not (server.root / "flooded").exists()
