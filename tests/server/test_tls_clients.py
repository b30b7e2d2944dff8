"""Client certificates on the control and data connections, in memory with real TLS."""

from __future__ import annotations

from dataclasses import replace

import pytest
from OpenSSL import SSL

from ftptls.settings import ClientCertificate, Policy, SessionReuse, Settings
from ftptls.testing.certificates import PKI
from ftptls.testing.dialogue import MemoryServer, WireError
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from tests.server.dialogues import clear

pytestmark = pytest.mark.both_paths

NONE, OPTIONAL, REQUIRED = ClientCertificate
CONTENT = {"/f": b"0123"}


@pytest.fixture
def guard(serve, pki):
    """A server that wants certificates."""

    def make(mode=REQUIRED, settings=None, *, implicit=False, **wants) -> MemoryServer:
        wants.setdefault("authorities", (pki.root.certificate,))
        shown = pki.server()
        tls = ServerContext(shown.key, shown.chain, verification=Verification(mode, **wants))
        return serve(CONTENT, settings, tls=tls, implicit=implicit)

    return make


def dial(server, pki, version, shown=None):
    client = server.connect()
    client.context = pki.client_context(version, shown)
    return client


def refused(server, pki, version, shown, log) -> str:
    """The reason in the log, once the handshake failed."""
    client = dial(server, pki, version, shown)
    with pytest.raises((WireError, SSL.Error)):
        client.secure()
    assert client.closed
    (line,) = (each for each in log.text.splitlines() if "TLS failed on the control" in each)
    return line


@pytest.mark.parametrize("mode", ClientCertificate)
def test_a_valid_certificate(guard, pki, bob, version, mode):
    client = dial(guard(mode), pki, version, bob)
    client.secure()
    (pi,) = client.server.factory._sessions
    assert bool(pi.session.security.certificate) is (mode is not NONE)
    client.log_in()
    assert client.download("RETR f") == b"0123"
    assert client.download("RETR f", "PORT") == b"0123"
    client.upload("STOR g", b"new", resume=False)
    client.upload("STOR g", b"new", "PORT", resume=False)


@pytest.mark.parametrize("mode", [NONE, OPTIONAL])
def test_no_certificate_where_none_is_due(guard, pki, version, mode):
    client = dial(guard(mode), pki, version)
    client.secure()
    client.log_in()
    assert client.download("RETR f") == b"0123"


def test_no_certificate_where_one_is_required(guard, pki, version, log):
    reason = refused(guard(), pki, version, None, log)
    assert "did not return a certificate" in reason


BAD = {
    "expired": (lambda pki: pki.client(late=True), "expired"),
    "not yet valid": (lambda pki: pki.client(early=True), "not valid yet"),
    "wrong usage": (lambda pki: pki.wrong_usage(), "purpose|extended key usage"),
    "wrong authority": (lambda _: PKI(name="Other").client(), "issuer|authorit"),
}


@pytest.mark.parametrize("mode", [OPTIONAL, REQUIRED])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_certificate(guard, pki, version, kind, mode, log):
    make, reason = BAD[kind]
    line = refused(guard(mode), pki, version, make(pki), log)
    assert any(word in line for word in reason.split("|")), line
    assert "CN=bob" in line


def test_a_bad_certificate_that_nobody_asked_for(guard, pki, version):
    client = dial(guard(NONE), pki, version, pki.client(late=True))
    client.secure()
    client.log_in()


@pytest.mark.parametrize(("depth", "passes"), [(0, False), (1, True), (9, True)])
def test_the_depth_of_the_chain(guard, pki, bob, version, depth, passes, log):
    """There is one authority between the certificate and the root."""
    server = guard(depth=depth)
    if passes:
        dial(server, pki, version, bob).secure()
    else:
        assert "client_certificates.depth" in refused(server, pki, version, bob, log)


def test_an_intermediate_authority_may_be_trusted_without_its_root(guard, pki, bob, version):
    client = dial(guard(authorities=(pki.intermediate.certificate,)), pki, version, bob)
    client.secure()


@pytest.mark.parametrize("send", [True, False])
def test_names_of_authorities(guard, pki, bob, version, send):
    client = dial(guard(send_names=send), pki, version, bob)
    client.secure()
    names = [name.CN for name in client.control.tls.get_client_ca_list()]
    assert names == (["Example root"] if send else [])


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("reuse", SessionReuse)
@pytest.mark.parametrize("other", ["none", "somebody else's"])
def test_a_data_connection_with_another_certificate(guard, pki, bob, version, how, reuse, other):
    settings = Settings(policy=Policy(session_reuse=reuse))
    client = dial(guard(OPTIONAL, settings), pki, version, bob)
    client.secure()
    client.log_in()
    data_port = client.open(how)
    client.ask("RETR f", 150)
    shown = None if other == "none" else pki.client("mallory")
    data_port.wire.start_tls(pki.client_context(version, shown))
    client.wait(3)
    client.expect(522)
    assert data_port.wire.take() == b""


@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_a_data_connection_without_the_certificate_that_is_required(
    guard, pki, bob, version, how, log
):
    client = dial(guard(), pki, version, bob)
    client.secure()
    client.log_in()
    data_port = client.open(how)
    client.ask("RETR f", 150)
    data_port.wire.begin_tls(pki.client_context(version))
    client.wait(3)
    assert "certificate" in client.expect(522).text
    assert data_port.wire.take() == b""


def test_the_session_is_required_and_the_certificate_stays(guard, pki, bob, version):
    settings = Settings(policy=Policy(session_reuse=SessionReuse.REQUIRE))
    client = dial(guard(REQUIRED, settings), pki, version, bob)
    client.secure()
    client.log_in()
    for _ in range(3):
        assert client.download("RETR f") == b"0123"
        client.upload("STOR g", b"new", "PORT")


def test_implicit_tls(guard, pki, bob, version, log):
    server = guard(implicit=True)
    client = server.connect(greet=False)
    client.control.start_tls(pki.client_context(version, bob))
    client.expect(220)
    other = server.connect(greet=False)
    other.control.begin_tls(pki.client_context(version))
    assert other.closed
    assert "did not return a certificate" in log.text


def test_after_ccc_a_new_handshake_demands_the_certificate_again(guard, pki, bob, version):
    """With what was resumable before: nothing of an earlier handshake counts."""
    client = dial(guard(REQUIRED, Settings(policy=Policy(ccc=True))), pki, version, bob)
    client.secure()
    client.log_in()
    session = client.control.session
    clear(client)
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context, session)
    assert not client.control.resumed
    (pi,) = client.server.factory._sessions
    assert pi.session.security.certificate


def test_verification_is_a_value():
    assert Verification(OPTIONAL) == replace(Verification(), mode=OPTIONAL)
