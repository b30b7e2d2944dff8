"""Policies that differ by user, network and avatar; and what mod_tls calls TLSRequired."""

from __future__ import annotations

from dataclasses import replace

import pytest
from zope.interface import alsoProvides

from ftptls.interfaces import IProtection
from ftptls.settings import Policy, Requirement, Rule, SessionReuse, Settings
from ftptls.testing.dialogue import PASSWORD, USER
from ftptls.vfs.memory import MemoryFilesystem

REQUIRED, OPTIONAL, FORBIDDEN = Requirement
CONTENT = {"/f": b"0123"}

# As the two mod_tls howtos list them.
TLS_REQUIRED = {
    "off": Policy(login_protection=OPTIONAL, data_protection=OPTIONAL),
    "on": Policy(control_protection=REQUIRED),
    "ctrl": Policy(control_protection=REQUIRED, data_protection=OPTIONAL),
    "data": Policy(login_protection=OPTIONAL, data_protection=REQUIRED),
    "!data": Policy(login_protection=OPTIONAL, data_protection=FORBIDDEN),
    "auth": Policy(data_protection=OPTIONAL),
    "auth+data": Policy(),
    "auth+!data": Policy(data_protection=FORBIDDEN),
    "ctrl+data": Policy(control_protection=REQUIRED),
    "ctrl+!data": Policy(control_protection=REQUIRED, data_protection=FORBIDDEN),
}


def by_rule(*rules: Rule, **policy) -> Settings:
    return Settings(policy=Policy(**policy), rules=rules)


@pytest.mark.parametrize("name", TLS_REQUIRED)
def test_tls_required(serve, name):
    """What each value lets through: a login in clear, CCC, and data of either kind."""
    policy = TLS_REQUIRED[name]
    if policy.control_protection is not REQUIRED:
        policy = replace(policy, ccc=True)
    server = serve(CONTENT, Settings(policy=policy))
    parts = set(name.split("+"))
    clear_login = bool(parts <= {"off", "data", "!data"})
    server.connect().ask(f"USER {USER}", 331 if clear_login else 530)
    client = server.connect()
    client.secure(private=False)
    client.log_in()
    if parts & {"on", "data"}:
        client.passive_port()
        client.ask("RETR f", 521)
    else:
        assert client.download("RETR f") == b"0123"
    client.ask("PROT P", 534 if "!data" in parts else 200)
    client.ask("CCC", 534 if parts & {"on", "ctrl"} else 200)


def test_anonymous_in_clear_and_nobody_else(serve):
    rule = Rule(
        users=("ftp", "anon*"),
        policy={"login_protection": OPTIONAL, "data_protection": OPTIONAL},
    )
    client = serve(CONTENT, by_rule(rule), users={"anonymous": "a@b", USER: PASSWORD}).connect()
    client.ask(f"USER {USER}", 530)
    client.ask("USER anonymous", 331)
    client.ask("PASS a@b", 230)
    client.passive_port()
    client.ask(f"USER {USER}", 530)
    client.ask("PWD", 530)


def test_a_user_who_may_not_log_in_under_tls(serve):
    rule = Rule(
        users=("kiosk",),
        policy={"login_protection": FORBIDDEN, "data_protection": FORBIDDEN},
    )
    server = serve(CONTENT, by_rule(rule), users={"kiosk": "k", USER: PASSWORD})
    client = server.connect()
    client.secure()
    assert "without TLS" in client.ask("USER kiosk", 530).text
    client.log_in()
    other = server.connect()
    other.ask("USER kiosk", 331)
    other.ask("PASS k", 230)
    assert other.download("RETR f") == b"0123"


@pytest.mark.parametrize(("network", "code"), [("192.0.2.0/24", 331), ("10.0.0.0/8", 530)])
def test_a_network_that_is_trusted(serve, network, code):
    rule = Rule(networks=(network, "2001:db8:ffff::/48"), policy={"login_protection": OPTIONAL})
    client = serve(CONTENT, by_rule(rule)).connect()
    client.ask(f"USER {USER}", code)


def test_the_last_rule_that_matches_counts(serve):
    rules = (
        Rule(policy={"login_protection": OPTIONAL}),
        Rule(users=(USER,), policy={"login_protection": REQUIRED}),
        Rule(users=("nobody",), policy={"login_protection": OPTIONAL}),
    )
    client = serve(CONTENT, by_rule(*rules)).connect()
    client.ask(f"USER {USER}", 530)
    client.ask("USER bob", 331)


def guarded(**policy) -> MemoryFilesystem:
    filesystem = MemoryFilesystem(CONTENT)
    filesystem.policy = policy
    alsoProvides(filesystem, IProtection)
    return filesystem


def test_an_avatar_whose_data_must_be_protected(serve):
    avatar = guarded(data_protection=REQUIRED)
    settings = by_rule(data_protection=OPTIONAL)
    client = serve(settings=settings, filesystem=avatar).connect()
    client.secure(private=False)
    client.log_in()
    client.passive_port()
    client.ask("RETR f", 521)
    client.protect_data()
    assert client.download("RETR f") == b"0123"


def test_an_avatar_who_must_resume_the_session(serve):
    avatar = guarded(session_reuse=SessionReuse.REQUIRE)
    client = serve(settings=by_rule(), filesystem=avatar).connect()
    client.secure()
    client.log_in()
    assert client.download("RETR f") == b"0123"
    wire = client.dial(client.passive_port())
    client.ask("RETR f", 150)
    wire.start_tls(client.server.authority.client_context())
    client.wait(client.server.factory.settings.limits.refusal_grace)
    client.expect(522)


def test_an_avatar_who_should_not_have_logged_in_in_clear(serve):
    avatar = guarded(login_protection=REQUIRED)
    settings = by_rule(login_protection=OPTIONAL, data_protection=OPTIONAL)
    client = serve(settings=settings, filesystem=avatar).connect()
    client.ask(f"USER {USER}", 331)
    assert "AUTH TLS" in client.ask(f"PASS {PASSWORD}", 530).text
    client.ask("PWD", 530)
    assert client.server.logged_in == 0
    client.secure()
    client.log_in()


@pytest.mark.parametrize(
    ("policy", "options", "reason"),
    [
        ({}, {"tls": False}, "there is no certificate"),
        ({"control_protection": FORBIDDEN}, {}, "control_protection cannot be forbidden"),
        (
            {"login_protection": FORBIDDEN, "data_protection": OPTIONAL},
            {"implicit": True},
            "an implicit listener is under TLS",
        ),
        ({"login_protection": FORBIDDEN}, {}, "data_protection is required, which takes TLS"),
        (
            {"login_protection": FORBIDDEN, "control_protection": REQUIRED},
            {},
            "control_protection is required, and login_protection forbidden",
        ),
        ({"ccc": True, "control_protection": REQUIRED}, {}, "ccc clears the control connection"),
        (
            {"data_protection": FORBIDDEN, "session_reuse": SessionReuse.REQUIRE},
            {},
            "session_reuse is require",
        ),
    ],
)
@pytest.mark.parametrize("in_rule", [False, True])
def test_what_cannot_work_is_refused_at_the_start(serve, policy, options, reason, in_rule):
    settings = by_rule(Rule(users=("bob",), policy=policy)) if in_rule else by_rule(**policy)
    with pytest.raises(ValueError, match=reason) as caught:
        serve(CONTENT, settings, **options)
    if in_rule and options.get("tls", True):
        assert "for bob" in str(caught.value)


def test_a_rule_that_names_no_setting():
    with pytest.raises(TypeError, match="zzz"):
        Rule(policy={"zzz": 1})


def test_a_rule_that_names_no_network():
    with pytest.raises(ValueError, match="10/8/9"):
        Rule(networks=("10/8/9",))
