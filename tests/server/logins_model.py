"""Who is logged in after each command, said once more and simply (RFC 4217 §5, §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ftptls.settings import LoginMode, Policy, Rule

STRICT_HOST = "strict.example"
OTHER_HOST = "other.example"
PASSWORDS = {
    name: f"the word of {name}" for name in ("alice", "bob", "carol", "dave", "erin", "frank")
}
BOTH = {"login": LoginMode.BOTH}
# frank's avatar says for itself that a certificate or a password is not enough.
OF_AVATARS: Mapping[str, Mapping[str, LoginMode]] = {"frank": BOTH}
RULES = (
    Rule(users=("carol",), policy=BOTH),
    Rule(users=("dave",), policy={"login": LoginMode.CERTIFICATE}),
    Rule(users=("erin",), policy={"login": LoginMode.PASSWORD}),
    Rule(hosts=(STRICT_HOST,), policy=BOTH),
)
ATTEMPTS = 5


@dataclass(frozen=True)
class Kind:
    """A listener.

    Attributes:
        implicit: Whether TLS starts with the connection.
        policy: What holds for everybody.
        version: Of TLS.
    """

    implicit: bool
    policy: Policy
    version: int


@dataclass
class Model:
    """One session, of which only this is known: who may do what he does, and why.

    Attributes:
        kind: The listener.
        revoked: Whose certificates are not accepted any more.
        refused: Whose were not when the session began: its handshakes go by that.
        secured: Whether the control connection is under TLS.
        cleared: Whether CCC took it away.
        shown: Whose certificate the last handshake showed; it counts under TLS only.
        host: What HOST named.
        named: The name of the last USER.
        user: Who is logged in.
        pending: Whose PASS is awaited.
        by_certificate: Whether he needed no password.
        failures: Failed logins.
        closing: Whether the last reply was the end.
    """

    kind: Kind
    revoked: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    secured: bool = False
    cleared: bool = False
    shown: str = ""
    host: str = ""
    named: str = ""
    user: str = ""
    pending: str = ""
    by_certificate: bool = False
    failures: int = 0
    closing: bool = False

    def connect(self) -> None:
        """Somebody connected: nothing is left of whoever was there before."""
        new = Model(self.kind, self.revoked, self.revoked)
        vars(self).update(vars(new))

    def answer(self, line: str) -> int:
        """What the reply is, and how the session is behind it."""
        verb, _, argument = line.partition(" ")
        code: int = getattr(self, f"_{verb.lower()}")(argument)
        return code

    def raised(self, shown: str) -> bool:
        """TLS was to come up, and somebody's certificate was shown; whether that works."""
        if shown in self.revoked | self.refused:
            self.closing = True
            self._forget_user()
            return False
        self.secured, self.shown = True, shown
        return True

    def revoke(self, revoked: set[str]) -> None:
        """Other certificates are not accepted any more, which ends their sessions."""
        self.revoked = revoked
        if self.shown in revoked:
            self.closing = True
            self._forget_user()

    def leave(self) -> None:
        """The client is gone."""
        self.closing = True
        self._forget_user()

    @property
    def policy(self) -> Policy:
        """What holds now: for the name that was given, and for the avatar that is there."""
        policy = replace(self.kind.policy, login=self._mode(self.named))
        return replace(policy, **OF_AVATARS.get(self.user, {}))

    # --- commands --------------------------------------------------------------------------------

    def _user(self, name: str) -> int:
        self._forget_user()
        self.named = name
        if self._takes_tls and not self.secured:
            return 530
        mode, shown = self._mode(name), self._counts
        if mode is LoginMode.PASSWORD:
            shown = ""
        if not shown and mode in (LoginMode.CERTIFICATE, LoginMode.BOTH):
            return 530
        if shown and mode is not LoginMode.BOTH:
            if shown == name and name not in OF_AVATARS:
                self.user, self.by_certificate, self.failures = name, True, 0
                return 232
            if mode is LoginMode.CERTIFICATE:
                return self._fail()
        self.pending = name
        return 331

    def _pass(self, password: str) -> int:
        if self.by_certificate:
            return 202
        name, self.pending = self.pending, ""
        if not name:
            return 503
        takes_both = self._mode(name) is LoginMode.BOTH or name in OF_AVATARS
        if password != PASSWORDS.get(name) or (takes_both and self._counts != name):
            return self._fail()
        self.user, self.failures = name, 0
        return 230

    def _acct(self, _: str) -> int:
        return 202 if self.user else 503

    def _auth(self, _: str) -> int:
        if self.secured or (self.user and not (self.cleared or self.kind.policy.auth_after_login)):
            return 503
        self._forget_user()
        self.named, self.cleared = "", False
        return 234

    def _ccc(self, _: str) -> int:
        if not self.secured:
            return 533
        if not self.user:
            return 530
        self.secured, self.cleared = False, True
        return 200

    def _rein(self, _: str) -> int:
        self._forget_user()
        self.named = self.host = ""
        self.cleared = False
        if not self.kind.implicit:
            self.secured, self.shown = False, ""
        return 220

    def _host(self, name: str) -> int:
        if self.user:
            return 503
        if name not in (STRICT_HOST, OTHER_HOST):
            return 504
        self._forget_user()
        self.named, self.host = "", name
        return 220

    def _noop(self, _: str) -> int:
        return 200

    def _pwd(self, _: str) -> int:
        return 257 if self.user else 530

    # --- rights ----------------------------------------------------------------------------------

    @property
    def _takes_tls(self) -> bool:
        return self.kind.policy.login_protection.value == "required"

    @property
    def _counts(self) -> str:
        """Whose certificate counts now."""
        return self.shown if self.secured else ""

    def _mode(self, name: str) -> LoginMode:
        if self.host == STRICT_HOST:
            return LoginMode.BOTH
        return {
            "carol": LoginMode.BOTH,
            "dave": LoginMode.CERTIFICATE,
            "erin": LoginMode.PASSWORD,
        }.get(name, LoginMode.EITHER)

    def _forget_user(self) -> None:
        self.user = self.pending = ""
        self.by_certificate = False

    def _fail(self) -> int:
        self._forget_user()
        self.failures += 1
        self.closing = self.failures >= ATTEMPTS
        return 421 if self.closing else 530
