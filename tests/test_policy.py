"""The pure answers, as tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftptls import policy
from ftptls.session import Security
from ftptls.settings import FXP, Policy, Requirement, SessionReuse
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.replies import Reply

REQUIRED, OPTIONAL = Requirement.REQUIRED, Requirement.OPTIONAL
CLEAR, PRIVATE = ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE
STRICT = Policy(login_protection=REQUIRED, data_protection=REQUIRED)
LAX = Policy(login_protection=OPTIONAL, data_protection=OPTIONAL)


def code(reply: Reply | None) -> int:
    """The reply's code; 0 where nothing speaks against it."""
    if reply is None:
        return 0
    assert reply.text.endswith((".", ")"))
    return reply.code


@pytest.mark.parametrize(
    ("given", "secured", "expected"),
    [(STRICT, False, 530), (STRICT, True, 0), (LAX, False, 0), (LAX, True, 0)],
)
def test_user(given, secured, expected):
    assert code(policy.refuse_user(given, secured)) == expected


@pytest.mark.parametrize(
    ("given", "level", "expected"),
    [(STRICT, CLEAR, 521), (STRICT, PRIVATE, 0), (LAX, CLEAR, 0), (LAX, PRIVATE, 0)],
)
def test_transfers(given, level, expected):
    assert code(policy.refuse_transfer(given, level)) == expected


@pytest.mark.parametrize(
    ("secured", "cleared", "logged_in", "allowed", "expected"),
    [
        (False, False, False, False, 0),
        (True, False, False, True, 503),
        (True, False, True, True, 503),
        (False, False, True, False, 503),
        (False, False, True, True, 0),
        (False, True, True, False, 0),
    ],
)
def test_auth(secured, cleared, logged_in, allowed, expected):
    security = Security(secured=secured, cleared=cleared)
    given = replace(LAX, auth_after_login=allowed)
    assert code(policy.refuse_auth(given, security, logged_in)) == expected


@pytest.mark.parametrize(
    ("secured", "allowed", "logged_in", "expected"),
    [
        (False, True, True, 533),
        (True, False, True, 534),
        (True, True, False, 530),
        (True, True, True, 0),
    ],
)
def test_ccc(secured, allowed, logged_in, expected):
    given = replace(LAX, ccc=allowed)
    assert code(policy.refuse_ccc(given, Security(secured=secured), logged_in)) == expected


@pytest.mark.parametrize(
    ("host", "port", "client", "expected"),
    [
        ("192.0.2.1", 1024, "192.0.2.1", 0),
        ("192.0.2.1", 65535, "192.0.2.1", 0),
        ("192.0.2.1", 1023, "192.0.2.1", 504),
        ("192.0.2.1", 1, "192.0.2.1", 504),
        ("192.0.2.2", 2000, "192.0.2.1", 501),
        ("127.0.0.1", 2000, "192.0.2.1", 501),
        ("127.0.0.1", 2000, "127.0.0.1", 0),
        ("0.0.0.0", 2000, "192.0.2.1", 501),
        ("0.0.0.0", 2000, "0.0.0.0", 501),
        ("224.0.0.1", 2000, "224.0.0.1", 501),
        ("255.255.255.255", 2000, "255.255.255.255", 501),
        ("::ffff:192.0.2.1", 2000, "192.0.2.1", 0),
        ("192.0.2.1", 2000, "::ffff:192.0.2.1", 0),
        ("2001:db8::1", 2000, "2001:db8::1", 0),
        ("2001:db8::2", 2000, "2001:db8::1", 501),
        ("::", 2000, "::", 501),
        ("ff02::1", 2000, "ff02::1", 501),
        ("2001:db8::1", 2000, "192.0.2.1", 501),
        ("192.0.2.1", 2000, "", 501),
    ],
)
def test_targets(host, port, client, expected):
    family = 6 if ":" in host else 4
    assert code(policy.refuse_target(DataAddress(family, host, port), client, FXP())) == expected


@pytest.mark.parametrize("reuse", SessionReuse)
@pytest.mark.parametrize("resumed", [True, False])
def test_sessions(reuse, resumed):
    refused = reuse is SessionReuse.REQUIRE and not resumed
    assert code(policy.refuse_session(reuse, resumed)) == (522 if refused else 0)


@pytest.mark.parametrize(
    ("control", "data", "expected"),
    [(b"", b"", 0), (b"a", b"a", 0), (b"a", b"b", 522), (b"a", b"", 522), (b"", b"b", 522)],
)
def test_certificates(control, data, expected):
    assert code(policy.refuse_certificate(control, data)) == expected


def test_strictness_is_the_default():
    assert Policy().login_protection is REQUIRED
    assert Policy().data_protection is REQUIRED
    assert Policy().session_reuse is SessionReuse.PREFER
    assert not Policy().auth_after_login
