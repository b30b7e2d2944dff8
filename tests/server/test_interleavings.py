"""Whatever comes in whatever order, nobody has a right that he has not proven (RFC 4217 §5, §8).

One client after the other says USER, PASS, ACCT, AUTH, CCC, REIN and HOST as it comes, shows
certificates that are withdrawn meanwhile, and brings old TLS sessions along. A small model says
who is logged in after each of them; every user has files of his own, which tell whose they are.

``FTPTLS_SCALE`` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections import Counter
from copy import copy

from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from OpenSSL import SSL

from ftptls.settings import Policy, Requirement
from ftptls.testing.dialogue import Client, WireError
from ftptls.wire.arguments import ProtectionLevel
from tests.server.houses import CONTEXTS, DER, VERSIONS, Checker, Houses, served, tls_without
from tests.server.logins_model import OTHER_HOST, PASSWORDS, STRICT_HOST, Kind, Model

_SCALE = os.environ.get("FTPTLS_SCALE")
_EXAMPLES = round(100 * float(_SCALE or 1))

STRICT = Policy(ccc=True)
OPEN = Policy(
    login_protection=Requirement.OPTIONAL,
    data_protection=Requirement.OPTIONAL,
    ccc=True,
    auth_after_login=True,
)
users = st.sampled_from([*PASSWORDS, "nobody"])
certificates = st.sampled_from(["", "alice", "alice", "bob", *PASSWORDS])
lines = st.one_of(
    st.builds("USER {}".format, users),
    st.builds("PASS {}".format, st.sampled_from(["wrong", *PASSWORDS.values()])),
    st.builds("HOST {}".format, st.sampled_from([STRICT_HOST, OTHER_HOST, "none.example"])),
    st.sampled_from(["ACCT x", "NOOP", "PWD"]),
)


class Interleavings(RuleBasedStateMachine):
    """One client after the other."""

    @initialize(
        kind=st.builds(
            Kind, st.booleans(), st.sampled_from([STRICT, OPEN]), st.sampled_from(VERSIONS)
        ),
        shown=certificates,
        sockets=st.booleans(),
    )
    def start(self, kind: Kind, shown: str, sockets: bool) -> None:
        self.kind = kind
        self.realm, self.checker = Houses(), Checker()
        self.serving = served(kind, self.realm, self.checker, sockets=sockets)
        self.server = self.serving.__enter__()
        self.model = Model(kind)
        self.old_session: SSL.Session | None = None
        self.uploads = 0
        self.connect(shown)

    def teardown(self) -> None:
        if hasattr(self, "serving"):
            self.probe()
            self.serving.__exit__(None, None, None)

    # --- turns -----------------------------------------------------------------------------------

    def connect(self, shown: str) -> None:
        """Anew; where TLS comes first, with this certificate and an old session."""
        self.model.connect()
        self.client: Client = self.server.connect(greet=False)
        if self.kind.implicit:
            self.raise_tls(shown)
            if self.model.closing:
                self.go_on()
                return
        self.client.expect(220)

    def raise_tls(self, shown: str) -> None:
        self.client.context = CONTEXTS[self.kind.version, shown]
        works = self.model.raised(shown)
        try:
            self.client.control.start_tls(self.client.context, self.old_session_here())
        except (WireError, SSL.Error):
            assert not works
        if works:
            self.old_session = self.client.control.session

    def old_session_here(self) -> SSL.Session | None:
        """The last handshake's session, though that may have shown another certificate."""
        brought = copy(self.old_session)
        if brought is not None:
            brought._context = self.client.context  # pyOpenSSL looks there; attackers do not
        return brought

    def lower_tls(self) -> None:
        self.old_session = self.client.control.session
        self.client.control.notify()
        self.client.wait(1)
        self.client.control.take()
        self.client.control.stop_tls()

    def ask(self, line: str) -> int:
        self.client.send(line)
        return self.hear(line)

    def hear(self, line: str) -> int:
        """The reply, which must be the model's."""
        code = self.model.answer(line)
        self.client.wait(0)
        answer = self.client.answer()
        assert answer is not None, f"{line}: no answer, but {self.client.control.end}"
        assert answer.code == code, f"{line}: {answer}, not {code}"
        return code

    def go_on(self) -> None:
        """Come again, without certificate, if that was the end."""
        assert self.client.closed == self.model.closing
        if self.model.closing:
            self.client.leave()
            self.connect("")

    # --- what may happen ---------------------------------------------------------------------

    @rule(said=st.lists(lines, min_size=1, max_size=4))
    def say(self, said: list[str]) -> None:
        self.client.send(*said)
        for line in said:
            self.hear(line)
            if self.model.closing:
                break
        self.go_on()

    @rule(name=users, between=st.lists(lines, max_size=1))
    def log_in(self, name: str, between: list[str]) -> None:
        self.say([f"USER {name}", *between, f"PASS {PASSWORDS.get(name, 'x')}"])

    @rule(shown=certificates)
    def auth(self, shown: str) -> None:
        if self.ask("AUTH TLS") == 234:
            self.raise_tls(shown)
            self.go_on()

    @rule(shown=certificates, then=st.sampled_from(["ccc", "rein", "probe"]))
    def log_in_by_certificate_and_again(self, shown: str, then: str) -> None:
        """What the first login was given is not for the second."""
        name = shown or "bob"
        self.auth(shown)
        self.say([f"USER {name}"])
        {"ccc": self.ccc, "rein": self.rein, "probe": self.probe}[then]()
        self.say([f"USER {name}", f"PASS {PASSWORDS[name]}"])

    @rule()
    def ccc(self) -> None:
        if self.ask("CCC") == 200:
            self.lower_tls()

    @rule()
    def rein(self) -> None:
        was_secured = self.model.secured
        self.ask("REIN")
        if was_secured and not self.model.secured:
            self.lower_tls()

    @rule(shown=certificates)
    def come_again(self, shown: str) -> None:
        self.client.leave()
        self.connect(shown)

    @rule(revoked=st.sampled_from([set(), {"alice"}, {"bob"}, {"alice", "frank"}]))
    def revoke(self, revoked: set[str]) -> None:
        """Or take it back again."""
        self.server.factory.replace_tls(tls_without(revoked))
        self.model.revoke(revoked)
        if self.model.closing:
            self.client.expect(421)
        self.go_on()

    @rule(name=users, revoked=st.booleans())
    @precondition(lambda self: not self.model.user)
    def end_while_the_checker_thinks(self, name: str, revoked: bool) -> None:
        """The client leaves, or is not accepted any more; a right password is of no use then."""
        self.checker.held = []
        self.client.send(f"USER {name}", f"PASS {PASSWORDS.get(name, 'x')}", "PWD")
        self.client.wait(0)
        if revoked and self.model.shown:
            self.server.factory.replace_tls(tls_without({self.model.shown}))
            self.model.revoke({self.model.shown})
        else:
            self.client.leave()
            self.model.leave()
        self.checker.release()
        self.server.reactor.settle()
        assert self.realm.inside == Counter()
        self.go_on()

    @rule()
    def probe(self) -> None:
        """What is told, and where a file ends up, is whose it should be."""
        if self.ask("PWD") == 530:
            self.client.ask("STOR new", 530)
            return
        self.client.ask("TYPE I", 200)
        before = self.realm.contents()
        size = self.client.ask("SIZE whose", 213).text
        assert int(size) == len(before[self.model.user]["/whose"])
        if self.upload():
            before[self.model.user][f"/{self.uploads}"] = b"new"
        assert self.realm.contents() == before

    def upload(self) -> bool:
        """Whether a file could be stored."""
        if self.model.secured:
            self.client.protect_data()
        (pi,) = self.server.factory._sessions
        self.client.private = pi.session.security.level is ProtectionLevel.PRIVATE
        if self.kind.policy is STRICT and not self.client.private:
            self.client.ask("STOR new", 521)
            return False
        self.uploads += 1
        self.client.upload(f"STOR {self.uploads}", b"new", resume=self.model.secured)
        return True

    # --- what must hold always -------------------------------------------------------------------

    @invariant()
    def those_are_logged_in_whom_the_model_has(self) -> None:
        if not hasattr(self, "model"):
            return
        assert self.realm.inside == Counter(filter(None, [self.model.user]))
        (pi,) = self.server.factory._sessions
        session = pi.session
        assert session.login.user == self.model.user
        assert (session.login.filesystem is not None) == bool(self.model.user)
        assert session.login.pending == (self.model.pending or None)
        assert session.login.failures == self.model.failures
        assert session.security.secured == self.model.secured
        assert session.security.certificate == DER[self.model.shown]
        assert session.host == self.model.host
        assert session.policy == self.model.policy


Interleavings.TestCase.settings = bounds(
    max_examples=_EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    derandomize=_SCALE is None,
    phases=[each for each in Phase if each is not Phase.explain],
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
