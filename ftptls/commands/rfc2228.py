"""Security: AUTH, PBSZ and PROT for TLS (RFC 2228 §3, RFC 4217)."""

from __future__ import annotations

from collections.abc import Iterable

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.commands.registry import Command, Features, refused
from ftptls.errors import PermanentError, TransientError
from ftptls.wire.arguments import (
    Mechanism,
    ProtectionLevel,
    buffer_size,
    mechanism,
    nothing,
    protection,
)
from ftptls.wire.replies import Reply

_BEGIN_TLS = Reply(234, "Begin the TLS handshake.")


def _auth(context: Context, wanted: Mechanism) -> Reply:
    """AUTH must be the last thing received: what is behind it may be an attacker's."""
    session = context.session
    if not context.control.offers_tls:
        raise TransientError(431, "The server has no certificate, so there is no TLS.")
    logged_in = session.login.filesystem is not None
    reply = policy.refuse_auth(session.policy, session.security, logged_in)
    if reply is not None:
        return reply
    if context.control.input_pending:
        context.control.close_after_reply()
        return Reply(421, "Nothing may be sent behind AUTH before TLS is up; goodbye.")
    session.reset()
    context.apply_policy()
    context.dtp.forget_port()
    context.control.raise_tls(wanted)
    return _BEGIN_TLS


def _pbsz(context: Context, size: int) -> Reply:
    reply = _refuse_level_change(context)
    if reply is not None:
        return reply
    context.session.security.buffer_agreed = True
    return Reply(200, "PBSZ=0" if size else "Buffer size is 0.")


def _prot(context: Context, level: ProtectionLevel) -> Reply:
    reply = _refuse_level_change(context)
    if reply is not None:
        return reply
    security = context.session.security
    if not security.buffer_agreed:
        raise PermanentError(503, "Send PBSZ 0 first.")
    reply = policy.refuse_level(context.session.policy, level)
    if reply is not None:
        return reply
    if level is not security.level:
        security.level = level
        context.dtp.protection_changed()
    name = "private" if level is ProtectionLevel.PRIVATE else "clear"
    return Reply(200, f"Data connections are {name}.")


def _refuse_level_change(context: Context) -> Reply | None:
    reply = policy.refuse_level_change(context.session.security)
    if reply is None and not context.control.offers_tls:
        return Reply(431, "The server has no certificate for data connections.")
    return reply


def _ccc(context: Context, _argument: None) -> Reply:
    session = context.session
    logged_in = session.login.filesystem is not None
    reply = policy.refuse_ccc(session.policy, session.security, logged_in)
    if reply is not None:
        return reply
    session.security.cleared = True
    context.control.lower_tls()
    return Reply(200, "The control connection is clear from here; data stays as PROT says.")


def _with_tls(line: str) -> Features:
    def lines(context: Context) -> Iterable[str]:
        return (line,) if context.control.offers_tls else ()

    return lines


def _ccc_features(context: Context) -> Iterable[str]:
    return ("CCC",) if context.control.offers_tls and context.session.policy.ccc else ()


COMMANDS = (
    Command(
        "AUTH",
        "RFC 4217 §4",
        "AUTH <SP> TLS | TLS-C | SSL | TLS-P",
        "Protect the control connection; SSL and TLS-P protect data, too.",
        mechanism,
        _auth,
        login=False,
        features=_with_tls("AUTH TLS"),
    ),
    Command(
        "PBSZ",
        "RFC 4217 §9",
        "PBSZ <SP> 0",
        "Agree on the protection buffer size: TLS needs none.",
        buffer_size,
        _pbsz,
        login=False,
        features=_with_tls("PBSZ"),
    ),
    Command(
        "PROT",
        "RFC 4217 §9",
        "PROT <SP> C | P",
        "Set the protection of data connections: clear or private.",
        protection,
        _prot,
        login=False,
        features=_with_tls("PROT"),
    ),
    Command(
        "CCC",
        "RFC 4217 §5",
        "CCC",
        "Go back to a clear control connection, if the policy allows it.",
        nothing,
        _ccc,
        login=False,
        features=_ccc_features,
    ),
    refused("ADAT", "RFC 2228 §3", "ADAT <SP> <data>", "TLS negotiates by itself; use AUTH TLS."),
    refused("MIC", "RFC 2228 §3", "MIC <SP> <data>", "Commands are protected by TLS as a whole."),
    refused("CONF", "RFC 2228 §3", "CONF <SP> <data>", "Commands are protected by TLS as a whole."),
    refused("ENC", "RFC 2228 §3", "ENC <SP> <data>", "Commands are protected by TLS as a whole."),
)
