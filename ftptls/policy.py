"""Pure answers: may this run now, is protection due, which peer, which port?

Each function returns ``None`` where there is nothing against it, and otherwise the
reply that says what to do about it.
"""

from __future__ import annotations

from ftptls.session import Security
from ftptls.settings import Policy, Requirement, SessionReuse
from ftptls.wire.addresses import DataAddress, is_usable_peer, same_host
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.replies import Reply

FIRST_UNPRIVILEGED_PORT = 1024


def refuse_user(policy: Policy, secured: bool) -> Reply | None:
    """USER, before a password can leak (RFC 4217 §10.1)."""
    if secured or policy.login_protection is Requirement.OPTIONAL:
        return None
    return Reply(530, "Login is possible under TLS only; send AUTH TLS first.")


def refuse_transfer(policy: Policy, level: ProtectionLevel) -> Reply | None:
    """A command that opens a data connection (RFC 4217 §10.2)."""
    if level is ProtectionLevel.PRIVATE or policy.data_protection is Requirement.OPTIONAL:
        return None
    return Reply(
        521, "Data connection cannot be opened with this PROT setting; send PBSZ 0 and PROT P."
    )


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
    if not policy.ccc or security.by_endpoint:
        return Reply(534, "The control connection stays protected here.")
    return None if logged_in else Reply(530, "Log in with USER and PASS first.")


def refuse_level_change(security: Security) -> Reply | None:
    """PBSZ and PROT: under TLS only, and no more behind CCC (RFC 4217 §5, §9)."""
    if security.secured:
        return None
    if security.cleared:
        return Reply(503, "After CCC the protection level stays as it is; send AUTH TLS first.")
    return Reply(503, "Send AUTH TLS first.")


def refuse_target(target: DataAddress, client: str) -> Reply | None:
    """PORT and EPRT: only to the client itself, never to a privileged port (RFC 2577 §3)."""
    if not is_usable_peer(target.host) or not same_host(target.host, client):
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
