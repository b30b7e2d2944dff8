"""Clients whose certificates are withdrawn: before they come, while they log in, and later."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail, succeed

from ftptls.settings import ClientCertificate
from ftptls.testing.certificates import Pair
from ftptls.testing.dialogue import WireError
from ftptls.testing.responder import revocation_list
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext, session_reused
from ftptls.tls.revocation import RevocationLists
from ftptls.tls.standing import Verdict

CONTENT = {"/f": b"0123"}


@pytest.fixture
def context(pki):
    """A context that does not accept those who were revoked."""
    shown = pki.server()

    def make(*revoked: Pair, mode=ClientCertificate.OPTIONAL) -> ServerContext:
        lists = RevocationLists([revocation_list(pki.intermediate, *revoked)])
        wanted = Verification(mode, (pki.root.certificate,), revocations=lists)
        return ServerContext(shown.key, shown.chain, verification=wanted)

    return make


@pytest.fixture
def dial(serve, pki, bob, context):
    """A client that shows a certificate, its TLS not up yet."""

    def make(
        shown: Pair | None = bob, version=SSL.TLS1_3_VERSION, *, server=None, check=None, **options
    ):
        server = server or serve(CONTENT, tls=context(), **options)
        server.factory.ocsp = check
        client = server.connect(greet=False)
        client.context = pki.client_context(version, shown)
        if server.implicit:
            client.control.start_tls(client.context)
            client.private = True
        client.expect(220)
        return client

    return make


# --- CRLs that change ---------------------------------------------------------------------------


def test_a_running_session_goes_on_with_new_lists(dial, context, pki, version):
    client = dial(version=version)
    client.secure()
    client.log_in()
    client.server.factory.replace_tls(context(pki.client("mallory")))
    assert client.download("RETR f") == b"0123"


def test_s08_a_running_session_ends_when_its_certificate_is_revoked(
    dial, context, bob, version, log
):
    client = dial(version=version)
    client.secure()
    client.log_in()
    assert client.download("RETR f") == b"0123"  # by resumption, which verifies nothing
    client.server.factory.replace_tls(context(bob))
    answer = client.expect(421)
    assert "certificate is not accepted any more" in answer.text
    assert client.closed
    assert "session ended, its client certificate is not accepted any more: certificate" in log.text


def test_s08_a_session_that_is_to_show_its_certificate_later_is_looked_at_by_the_new_lists(
    dial, context, bob
):
    client = dial()
    client.server.factory.replace_tls(context(bob))
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)
    client.expect(421)
    assert client.closed


def test_s08_a_revoked_client_gets_no_further_than_the_handshake(dial, context, bob, log):
    client = dial()
    client.server.factory.replace_tls(context(bob))
    late = dial(server=client.server)
    late.send("QUIT")
    late.expect(221)
    another = dial(server=client.server)
    with pytest.raises((WireError, SSL.Error)):
        another.secure()
    assert "its authority has revoked it" in log.text


@pytest.mark.parametrize("revoked", [False, True])
def test_s08_a_control_connection_resumes_nothing(dial, context, pki, bob, version, revoked):
    """Whatever session a client brings along, it is verified by the lists of today."""
    first = dial(version=version)
    first.secure()
    server = first.server
    server.factory.replace_tls(context(*([bob] if revoked else [])))
    second = server.connect()
    second.context = first.context
    second.ask("AUTH TLS", 234)

    def go_on() -> None:
        second.control.start_tls(first.context, first.control.session)
        second.ask("NOOP", 200)

    if revoked:
        with pytest.raises((WireError, SSL.Error)):
            go_on()
        assert second.closed
    else:
        go_on()
        assert not session_reused(second.control.tls)


def test_s08_clients_without_certificate_are_not_concerned(dial, context, bob):
    client = dial(None)
    client.secure()
    client.log_in()
    client.server.factory.replace_tls(context(bob))
    assert client.download("RETR f") == b"0123"


def test_a_transfer_of_a_revoked_client_is_aborted(dial, context, bob):
    client = dial()
    client.secure()
    client.log_in()
    client.begin("STOR g").send(b"half of it")
    client.server.factory.replace_tls(context(bob))
    client.expect(426)
    client.expect(421)
    assert client.closed


# --- OCSP ---------------------------------------------------------------------------------------


class Check:
    """What is said of a certificate, at once or when somebody lets it."""

    def __init__(self, *verdicts: Verdict | Exception | Deferred) -> None:
        self.verdicts = list(verdicts)
        self.chains: list[list[str]] = []

    def verdict(self, chain):
        self.chains.append([each.subject.rfc4514_string() for each in chain])
        said = self.verdicts.pop(0)
        if isinstance(said, Deferred):
            return said
        return fail(said) if isinstance(said, Exception) else succeed(said)


GOOD, REVOKED = Verdict("good"), Verdict("revoked since then", "it is revoked")


@pytest.mark.parametrize("implicit", [False, True])
def test_a_good_certificate(dial, log, implicit):
    check = Check(GOOD)
    client = dial(check=check, implicit=implicit)
    if not implicit:
        client.secure()
    client.log_in()
    (pi,) = client.server.factory._sessions
    assert pi.session.security.standing == "good"
    assert check.chains == [["CN=bob", "CN=Example intermediate", "CN=Example root"]]
    assert "OCSP on the client certificate: good" in log.text


def test_s08_a_revoked_certificate_does_not_get_past_user(dial, log):
    check = Check(REVOKED)
    client = dial(check=check)
    client.secure()
    for _ in range(2):
        answer = client.ask("USER alice", 530)
        assert answer.text == "The client certificate is not accepted: it is revoked."
        client.ask("PASS correct horse", 503)
    assert "OCSP on the client certificate: revoked since then; refused, for it is" in log.text
    assert len(check.chains) == 1  # kept with the session


def test_user_waits_for_the_answer_and_nothing_else_does(dial):
    pending: Deferred = Deferred()
    client = dial(check=Check(pending))
    client.secure()
    client.ask("NOOP", 200)
    client.send("USER alice", "NOOP")
    assert client.answer() is None
    other = client.server.connect()
    other.ask("NOOP", 200)
    pending.callback(GOOD)
    client.expect(331)
    client.expect(200)


def test_a_client_that_does_not_wait(dial):
    given_up: list[Deferred] = []
    pending: Deferred = Deferred(given_up.append)
    client = dial(check=Check(pending))
    client.secure()
    client.send("USER alice")
    assert client.answer() is None
    client.leave()
    client.server.reactor.settle()
    assert given_up == [pending]


def test_without_certificate_nobody_is_asked(dial):
    check = Check()
    client = dial(None, check=check)
    client.secure()
    client.log_in()
    assert check.chains == []


def test_a_check_that_breaks_down_lets_nobody_in(dial, log):
    client = dial(check=Check(RuntimeError("broken")))
    client.secure()
    answer = client.ask("USER alice", 530)
    assert "cannot be checked now" in answer.text
    (alarm,) = log.alarms
    assert "unforeseen error in the check of a certificate" in alarm
    assert "broken" in alarm
    log.events.clear()
