"""Transfer parameter commands (RFC 959 §4.1.2)."""

from __future__ import annotations

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.errors import PermanentError, TransientError
from ftptls.wire.addresses import DataAddress, family_of, pasv_text
from ftptls.wire.arguments import (
    compression_level,
    host_port,
    nothing,
    representation,
    structure,
    transfer_mode,
)
from ftptls.wire.replies import Reply
from ftptls.wire.representation import Representation, TransferMode


def forbid_after_epsv_all(context: Context) -> None:
    """EPSV ALL leaves no other way to make a data connection (RFC 2428 §4).

    Raises:
        PermanentError: 503, it was given.
    """
    if context.session.data_port.extended_only:
        raise PermanentError(503, "After EPSV ALL, only EPSV is possible.")


def set_target(context: Context, address: DataAddress) -> Reply:
    """PORT and EPRT: remember where to connect; nothing is sent there yet."""
    forbid_after_epsv_all(context)
    reply = policy.refuse_target(address, context.session.peers.client, context.settings.fxp)
    if reply is not None:
        return reply
    context.dtp.target(address)
    return Reply(200, "The next transfer connects there.")


def _pasv(context: Context, _argument: None) -> Reply:
    return enter_passive_mode(context, as_client=context.session.data_port.tls_client)


def enter_passive_mode(context: Context, *, as_client: bool) -> Reply:
    """PASV and CPSV: open a port and tell its IPv4 address.

    Args:
        context: Everything.
        as_client: Whether this server is the TLS client of what connects there.
    """
    forbid_after_epsv_all(context)
    server = context.session.peers.server
    if family_of(server) != 4:
        raise TransientError(425, "PASV cannot tell an IPv6 address; use EPSV.")
    host = context.settings.passive.masquerade or server
    port = context.dtp.listen(as_client=as_client)
    return Reply(227, f"Entering Passive Mode ({pasv_text(host, port)}).")


def _type(context: Context, wanted: Representation) -> Reply:
    context.session.parameters.representation = wanted
    return Reply(200, f"Type is {wanted.value}.")


def _stru(_context: Context, _wanted: str) -> Reply:
    return Reply(200, "Structure is F.")


def _mode(context: Context, wanted: TransferMode) -> Reply:
    context.session.parameters.mode = wanted
    return Reply(200, f"Mode is {wanted.value}.")


def _opts_mode(context: Context, level: int) -> Reply:
    context.session.parameters.compression_level = level
    return Reply(200, f"MODE Z LEVEL is {level}.")


COMMANDS = (
    Command(
        "PORT",
        "RFC 959 §4.1.2",
        "PORT <SP> h1,h2,h3,h4,p1,p2",
        "Have the next transfer connect to this address of yours.",
        host_port,
        set_target,
    ),
    Command(
        "PASV",
        "RFC 959 §4.1.2",
        "PASV",
        "Open a port for the next transfer and tell its address.",
        nothing,
        _pasv,
    ),
    Command(
        "TYPE",
        "RFC 959 §4.1.2",
        "TYPE <SP> A [N | T] | I | L 8",
        "Set the representation type: text or image.",
        representation,
        _type,
    ),
    Command(
        "STRU",
        "RFC 959 §4.1.2",
        "STRU <SP> F",
        "Set the file structure: F is the only one.",
        structure,
        _stru,
    ),
    Command(
        "MODE",
        "RFC 959 §4.1.2",
        "MODE <SP> S | Z",
        "Set the transfer mode: stream, or deflate (compressed).",
        transfer_mode,
        _mode,
        features=features("MODE Z"),
    ),
    Command(
        "OPTS MODE",
        "draft-preston-ftpext-deflate-04",
        "OPTS <SP> MODE Z [LEVEL <SP> 0-9]",
        "Choose between speed (1) and size (9) of what MODE Z sends.",
        compression_level,
        _opts_mode,
        login=False,
    ),
)
