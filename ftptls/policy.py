"""Pure answers: may this run now, is protection due, which peer, which port?

Each function returns ``None`` where there is nothing against it, and otherwise the
reply that says what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

from ftptls.session import Security
from ftptls.settings import FXP, Files, LoginMode, Policy, Requirement, Rule, SessionReuse
from ftptls.settings.rights import READ_ONLY, Rights
from ftptls.wire.addresses import DataAddress, canonical, is_usable_peer, same_host
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.replies import Reply

# Asked for with each transfer; to look them up in their class each time is slow.
_PRIVATE = ProtectionLevel.PRIVATE
_REQUIRED, _FORBIDDEN = Requirement.REQUIRED, Requirement.FORBIDDEN

FIRST_UNPRIVILEGED_PORT = 1024


def effective(
    policy: Policy,
    rules: Iterable[Rule],
    *,
    client: str,
    host: str = "",
    user: str = "",
    avatar: Mapping[str, Any] | None = None,
) -> Policy:
    """The policy for one client: everybody's, what rules change of it, and then his avatar.

    Args:
        policy: Everybody's.
        rules: Who differs; of several that match, the last one counts.
        client: The client's address.
        host: The virtual host, if one was named.
        user: The name in USER, if it was given.
        avatar: What :class:`ftptls.interfaces.IProtection` of the avatar says.
    """
    for rule in rules:
        if _matches(rule, client, host, user):
            policy = replace(policy, **rule.policy)
    return replace(policy, **avatar) if avatar else policy


def rights(
    files: Files, rules: Iterable[Rule], *, client: str, host: str = "", user: str = ""
) -> list[Rights]:
    """What one client may do with files: all of these must allow it; none is everything.

    Args:
        files: What holds for everybody.
        rules: Who differs; of several that match and say it, the last one counts.
        client: The client's address.
        host: The virtual host, if one was named.
        user: The name in USER.
    """
    lines = files.rights
    for rule in rules:
        if rule.rights and _matches(rule, client, host, user):
            lines = rule.rights
    return [Rights(each) for each in (lines, files.read_only and READ_ONLY.lines) if each]


def _matches(rule: Rule, client: str, host: str, user: str) -> bool:
    return (
        (not rule.users or any(fnmatchcase(user, pattern) for pattern in rule.users if user))
        and (not rule.hosts or any(fnmatchcase(host, each.lower()) for each in rule.hosts))
        and (not rule.networks or _within(client, rule.networks))
    )


def _within(client: str, networks: Iterable[str]) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def contradiction(policy: Policy, *, has_certificate: bool, implicit: bool) -> str:
    """Why a policy can serve nobody on a listener; empty where it can.

    Args:
        policy: The policy.
        has_certificate: Whether the listener has one.
        implicit: Whether TLS starts with the connection.
    """
    control = policy.control_protection is Requirement.REQUIRED
    login, data = policy.login_protection, policy.data_protection
    required, forbidden = Requirement.REQUIRED, Requirement.FORBIDDEN
    # The first that holds is told.
    reasons = {
        "control_protection cannot be forbidden; leave the certificate out for that": (
            policy.control_protection is forbidden
        ),
        "protection by TLS is required, and there is no certificate": (
            not has_certificate and (control or required in (login, data))
        ),
        "login_protection is forbidden, and an implicit listener is under TLS from the start": (
            login is forbidden and implicit
        ),
        "control_protection is required, and login_protection forbidden": (
            control and login is forbidden
        ),
        "data_protection is required, which takes TLS, and login_protection forbids it": (
            login is forbidden and data is required
        ),
        "ccc clears the control connection, and control_protection is required": (
            control and policy.ccc
        ),
        "session_reuse is require, and data_protection forbids data connections under TLS": (
            data is forbidden and policy.session_reuse is SessionReuse.REQUIRE
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def refuse_user(policy: Policy, secured: bool) -> Reply | None:
    """USER, before a password can leak (RFC 4217 §10.1)."""
    if not secured:
        if _REQUIRED in (policy.login_protection, policy.control_protection):
            return Reply(530, "Login is possible under TLS only; send AUTH TLS first.")
    elif policy.login_protection is _FORBIDDEN:
        return Reply(530, "This user logs in without TLS only; connect again without AUTH.")
    return None


def suffices(mode: LoginMode, *, certificate: bool, password: bool) -> bool:
    """Whether what a user has shown is what proves it (RFC 4217 §8)."""
    match mode:
        case LoginMode.PASSWORD:
            return password
        case LoginMode.CERTIFICATE:
            return certificate
        case LoginMode.EITHER:
            return certificate or password
        case LoginMode.BOTH:
            return certificate and password


def refuse_transfer(policy: Policy, level: ProtectionLevel) -> Reply | None:
    """A command that opens a data connection (RFC 4217 §10.2)."""
    if policy.data_protection is (_FORBIDDEN if level is _PRIVATE else _REQUIRED):
        remedy = "PROT C" if level is _PRIVATE else "PBSZ 0 and PROT P"
    else:
        return None
    return Reply(521, f"Data connection cannot be opened with this PROT setting; send {remedy}.")


def refuse_level(policy: Policy, level: ProtectionLevel) -> Reply | None:
    """PROT, where no data connection is ever protected (RFC 4217 §10.2, first view)."""
    if policy.data_protection is Requirement.FORBIDDEN and level is ProtectionLevel.PRIVATE:
        return Reply(534, "Data connections are clear here; use PROT C.")
    return None


def refuse_auth(policy: Policy, security: Security, logged_in: bool) -> Reply | None:
    """AUTH where there is TLS or a user already (RFC 2228 §3, RFC 4217 §4 and §5)."""
    if security.secured:
        return Reply(503, "TLS is up already.")
    if logged_in and not (security.cleared or policy.auth_after_login):
        return Reply(503, "AUTH comes before USER; reconnect to protect the login.")
    return None


def refuse_ccc(policy: Policy, security: Security, logged_in: bool) -> Reply | None:
    """CCC: after login, where it is allowed and there is something to clear (RFC 4217 §5)."""
    if not security.secured:
        return Reply(533, "The control connection is not protected.")
    kept = policy.control_protection is Requirement.REQUIRED or security.by_endpoint
    if kept or not policy.ccc:
        return Reply(534, "The control connection stays protected here.")
    return None if logged_in else Reply(530, "Log in with USER and PASS first.")


def refuse_level_change(security: Security) -> Reply | None:
    """PBSZ and PROT: under TLS only, and no more behind CCC (RFC 4217 §5, §9)."""
    if security.secured:
        return None
    if security.cleared:
        return Reply(503, "After CCC the protection level stays as it is; send AUTH TLS first.")
    return Reply(503, "Send AUTH TLS first.")


def is_data_peer(host: str, client: str, fxp: FXP) -> bool:
    """Whether data connections may be made with a host: the client, or a server of his copies."""
    return same_host(host, client) or _within(canonical(host), fxp.peers)


def refuse_fxp(fxp: FXP, security: Security) -> Reply | None:
    """SSCN and CPSV: with listed servers only, and where their certificates can be verified."""
    if not fxp.peers:
        return Reply(534, "Copies between servers are not allowed here.")
    if not (fxp.authorities or fxp.pins):
        return Reply(534, "Other servers' certificates cannot be verified here.")
    return None if security.secured or security.cleared else Reply(503, "Send AUTH TLS first.")


def refuse_target(target: DataAddress, client: str, fxp: FXP) -> Reply | None:
    """PORT and EPRT: only to the client itself, never to a privileged port (RFC 2577 §3)."""
    if not is_usable_peer(target.host) or not is_data_peer(target.host, client, fxp):
        return Reply(501, "Data connections are made to your own address only.")
    if target.port < FIRST_UNPRIVILEGED_PORT:
        return Reply(504, f"Ports below {FIRST_UNPRIVILEGED_PORT} are not allowed.")
    return None


def refuse_session(reuse: SessionReuse, resumed: bool) -> Reply | None:
    """A data connection by its TLS session (RFC 4217 §10.2)."""
    if resumed or reuse is not SessionReuse.REQUIRE:
        return None
    return Reply(
        522,
        "The data connection must resume the TLS session of this control connection; "
        "turn session reuse on in the client.",
    )


def refuse_certificate(control: bytes, data: bytes) -> Reply | None:
    """A data connection by its client certificate (RFC 4217 §10.2, §15)."""
    if control == data:
        return None
    return Reply(522, "The data connection shows another client certificate than the control one.")
