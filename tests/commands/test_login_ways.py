"""Where a login takes the quick way, it comes out as on the long one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.cred.credentials import Anonymous, UsernamePassword
from zope.interface import implementer

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.commands.login import _is_enough
from ftptls.cred.credentials import CertificateAndPassword, NameAndPassword, X509Credentials
from ftptls.interfaces import IProtection
from ftptls.session import Peers, Session
from ftptls.settings import Anonymous as AnonymousSettings
from ftptls.settings import Files, LoginMode, Policy, Requirement, Rule, Settings
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import Restricted

RULE = Rule(
    users=("bob",), policy={"data_protection": Requirement.FORBIDDEN}, rights=("/** = list",)
)


@implementer(IProtection)
class Protected:
    def __init__(self, **own: Requirement) -> None:
        self.policy = own


STRICT, INDIFFERENT = Protected(login_protection=Requirement.REQUIRED), Protected()


def context(settings: Settings) -> Context:
    session: Any = Session(Peers("192.0.2.1", "192.0.2.2"))
    reporter: Any = SimpleNamespace(around=lambda filesystem: filesystem)
    rest: Any = SimpleNamespace()
    return Context(session, settings, rest, rest, {}, rest, rest, rest, rest, reporter)


@pytest.mark.parametrize("mode", LoginMode)
def test_a_password_is_enough_or_not_whoever_shows_it(mode: LoginMode) -> None:
    told = NameAndPassword(b"alice", b"secret", "192.0.2.1")
    assert _is_enough(mode, told) is _is_enough(mode, UsernamePassword(b"alice", b"secret"))
    assert _is_enough(mode, told) is policy.suffices(mode, certificate=False, password=True)


@pytest.mark.parametrize("mode", LoginMode)
def test_what_else_is_shown(mode: LoginMode) -> None:
    report: Any = None
    shown = X509Credentials(b"alice", (), "192.0.2.1", "", report)
    assert _is_enough(mode, shown) is (mode in (LoginMode.CERTIFICATE, LoginMode.EITHER))
    assert _is_enough(mode, CertificateAndPassword(shown, b"secret"))
    assert _is_enough(mode, Anonymous()) is (mode in (LoginMode.PASSWORD, LoginMode.EITHER))


@pytest.mark.parametrize("avatar", [None, object(), STRICT, INDIFFERENT])
@pytest.mark.parametrize("user", ["", "alice", "bob", "anonymous"])
@pytest.mark.parametrize("rules", [(), (RULE,)])
@pytest.mark.parametrize("anonymous", [False, True])
def test_the_policy_of_a_login(avatar: Any, user: str, rules: Any, anonymous: bool) -> None:
    own = Policy(control_protection=Requirement.OPTIONAL)
    enabled = AnonymousSettings(enabled=anonymous)
    here = context(Settings(policy=own, rules=rules, anonymous=enabled))
    here.apply_policy(user, avatar)
    assert here.session.policy == policy.effective(
        own,
        here.settings.all_rules,
        client="192.0.2.1",
        user=user,
        avatar=getattr(avatar, "policy", None),
    )


@pytest.mark.parametrize("files", [Files(), Files(read_only=True), Files(rights=("/** = list",))])
@pytest.mark.parametrize("rules", [(), (RULE,)])
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_the_rights_of_a_login(files: Files, rules: Any, user: str) -> None:
    here = context(Settings(files=files, rules=rules))
    given = here.restricted(MemoryFilesystem(), user)
    due = policy.rights(files, here.settings.all_rules, client="192.0.2.1", user=user)
    assert isinstance(given, Restricted) is bool(due)
