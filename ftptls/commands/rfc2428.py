"""Data connections over IPv6 and NAT: EPRT and EPSV (RFC 2428)."""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.commands.rfc959_parameters import set_target
from ftptls.errors import PermanentError
from ftptls.wire.addresses import epsv_text, family_of
from ftptls.wire.arguments import ExtendedPassive, extended_host_port, extended_passive
from ftptls.wire.replies import Reply

_FAMILIES = {ExtendedPassive.IPV4: 4, ExtendedPassive.IPV6: 6}
_NUMBERS = {4: 1, 6: 2}


def _epsv(context: Context, wanted: ExtendedPassive) -> Reply:
    if wanted is ExtendedPassive.ALL:
        context.session.data_port.extended_only = True
        return Reply(200, "From now on, only EPSV makes data connections.")
    family = family_of(context.session.peers.server)
    if _FAMILIES.get(wanted, family) != family:
        raise PermanentError(522, f"Network protocol not supported, use ({_NUMBERS[family]})")
    port = context.dtp.listen(as_client=context.session.data_port.tls_client)
    return Reply(229, f"Entering Extended Passive Mode ({epsv_text(port)})")


COMMANDS = (
    Command(
        "EPRT",
        "RFC 2428 §2",
        "EPRT <SP> |<protocol>|<address>|<port>|",
        "Have the next transfer connect to this address of yours, IPv4 or IPv6.",
        extended_host_port,
        set_target,
        features=features("EPRT"),
    ),
    Command(
        "EPSV",
        "RFC 2428 §3",
        "EPSV [<SP> 1 | 2 | ALL]",
        "Open a port for the next transfer and tell its number.",
        extended_passive,
        _epsv,
        features=features("EPSV"),
    ),
)
