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


def _auth(context: Context, wanted: Mechanism) -> Reply:
    """AUTH must be the last thing received: what is behind it may be an attacker's."""
    session = context.session
    if not context.control.offers_tls:
        raise TransientError(431, "The server has no certificate, so there is no TLS.")
    logged_in = session.login.filesystem is not None
    reply = policy.refuse_auth(context.settings.policy, session.security.secured, logged_in)
    if reply is not None:
        return reply
    if context.control.input_pending:
        context.control.close_after_reply()
        return Reply(421, "Nothing may be sent behind AUTH before TLS is up; goodbye.")
    session.reset()
    context.dtp.forget_port()
    context.control.raise_tls(wanted)
    return Reply(234, "Begin the TLS handshake.")


def _pbsz(context: Context, size: int) -> Reply:
    _need_tls(context)
    context.session.security.buffer_agreed = True
    return Reply(200, "PBSZ=0" if size else "Buffer size is 0.")


def _prot(context: Context, level: ProtectionLevel) -> Reply:
    _need_tls(context)
    security = context.session.security
    if not security.buffer_agreed:
        raise PermanentError(503, "Send PBSZ 0 first.")
    if level is not security.level:
        security.level = level
        context.dtp.protection_changed()
    name = "private" if level is ProtectionLevel.PRIVATE else "clear"
    return Reply(200, f"Data connections are {name}.")


def _need_tls(context: Context) -> None:
    if not context.session.security.secured:
        raise PermanentError(503, "Send AUTH TLS first.")
    if not context.control.offers_tls:
        raise TransientError(431, "The server has no certificate for data connections.")


def _ccc(context: Context, _argument: None) -> Reply:
    if not context.session.security.secured:
        return Reply(533, "The control connection is not protected.")
    return Reply(534, "The control connection stays protected here.")


def _with_tls(line: str) -> Features:
    def lines(context: Context) -> Iterable[str]:
        return (line,) if context.control.offers_tls else ()

    return lines


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
        "Go back to a clear control connection: refused here.",
        nothing,
        _ccc,
        login=False,
        implemented=False,
    ),
    refused("ADAT", "RFC 2228 §3", "ADAT <SP> <data>", "TLS negotiates by itself; use AUTH TLS."),
    refused("MIC", "RFC 2228 §3", "MIC <SP> <data>", "Commands are protected by TLS as a whole."),
    refused("CONF", "RFC 2228 §3", "CONF <SP> <data>", "Commands are protected by TLS as a whole."),
    refused("ENC", "RFC 2228 §3", "ENC <SP> <data>", "Commands are protected by TLS as a whole."),
)
