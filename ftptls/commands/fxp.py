"""Secure copies between two servers: SSCN and CPSV.

Neither is in an RFC: RFC 4217 §7 leaves the case out. Both are as ProFTPD, glFTPd and lftp
have them: the server becomes the TLS client of its data connections (SSCN), or of those to
one passive port (CPSV).
"""

from __future__ import annotations

from collections.abc import Iterable

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.commands.registry import Command, Features
from ftptls.commands.rfc959_parameters import enter_passive_mode
from ftptls.errors import PermanentError
from ftptls.wire.arguments import anything, nothing
from ftptls.wire.replies import Reply


def _sscn(context: Context, wanted: str) -> Reply:
    reply = policy.refuse_fxp(context.settings.fxp, context.session.security)
    if reply is not None:
        return reply
    data_port = context.session.data_port
    choice = wanted.strip().upper()
    if choice not in ("", "ON", "OFF"):
        raise PermanentError(501, "SSCN takes ON or OFF.")
    if choice:
        data_port.tls_client = choice == "ON"
    return Reply(200, f"SSCN:{'CLIENT' if data_port.tls_client else 'SERVER'} METHOD")


def _cpsv(context: Context, _argument: None) -> Reply:
    reply = policy.refuse_fxp(context.settings.fxp, context.session.security)
    return reply or enter_passive_mode(context, as_client=True)


def _offered(verb: str) -> Features:
    def lines(context: Context) -> Iterable[str]:
        fxp = context.settings.fxp
        able = context.control.offers_tls and fxp.peers and (fxp.authorities or fxp.pins)
        return (verb,) if able else ()

    return lines


COMMANDS = (
    Command(
        "SSCN",
        "practice (ProFTPD, lftp)",
        "SSCN [<SP> ON | OFF]",
        "Be the TLS client of data connections, for copies between servers.",
        anything,
        _sscn,
        features=_offered("SSCN"),
    ),
    Command(
        "CPSV",
        "practice (glFTPd, lftp)",
        "CPSV",
        "PASV, with this server as the TLS client of what connects.",
        nothing,
        _cpsv,
        features=_offered("CPSV"),
    ),
)
