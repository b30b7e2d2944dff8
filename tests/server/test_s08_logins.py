"""S8: no order of USER, PASS and AUTH logs anybody in who gave no right password for it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ftptls.settings import Limits, Policy, Requirement, Settings
from ftptls.testing.certificates import Authority
from ftptls.testing.dialogue import Client, MemoryServer

from .dialogues import lower

AUTHORITY = Authority()
USERS = {"alice": "for alice", "bob": "for bob"}
OPEN = Settings(
    policy=Policy(
        login_protection=Requirement.OPTIONAL,
        data_protection=Requirement.OPTIONAL,
        auth_after_login=True,
    ),
    limits=Limits(login_attempts=1000, login_delay=0, login_timeout=10**6),
)

names = st.sampled_from([*USERS, "mallory", "anonymous"])
passwords = st.sampled_from([*USERS.values(), "", "wrong"])
steps = st.one_of(
    st.tuples(st.just("USER"), names),
    st.tuples(st.just("PASS"), passwords),
    st.tuples(st.sampled_from(["AUTH", "NOOP", "ACCT", "XYZZY"]), st.just("TLS")),
    st.tuples(st.just("REIN"), st.just("")),
)


class Model:
    """Who ought to be logged in."""

    def __init__(self) -> None:
        self.pending = ""
        self.user = ""
        self.secured = False

    def take(self, client: Client, verb: str, argument: str) -> None:
        """One step, with the reply it ought to have."""
        if verb == "USER":
            client.ask(f"USER {argument}", 331)
            self.pending, self.user = argument, ""
        elif verb == "PASS":
            self._password(client, argument)
        elif verb == "AUTH" and not self.secured:
            client.ask("AUTH TLS", 234)
            client.control.start_tls(client.context)
            self.pending, self.user, self.secured = "", "", True
        elif verb == "REIN":
            client.ask("REIN", 220)
            if self.secured:
                lower(client)
            self.pending, self.user, self.secured = "", "", False
        else:
            client.ask(f"{verb} {argument}", 200, 202, 500, 503)

    def _password(self, client: Client, password: str) -> None:
        if not self.pending:
            client.ask(f"PASS {password}", 503)
            return
        right = USERS.get(self.pending) == password
        client.ask(f"PASS {password}", 230 if right else 530)
        if right:
            self.user = self.pending
        self.pending = ""


@settings(deadline=None, max_examples=300)
@given(st.lists(steps, max_size=12))
def test_every_order(sequence):
    server = MemoryServer({"/f": b""}, OPEN, authority=AUTHORITY, users=USERS)
    client, model = server.connect(), Model()
    for verb, argument in sequence:
        model.take(client, verb, argument)
        client.ask("PWD", 257 if model.user else 530)
        assert server.logged_in == bool(model.user)
        if model.user:
            assert f"Logged in as {model.user}" in client.ask("STAT", 211).text
    server.stop()
    assert server.logged_in == 0
