"""Virtual hosts: HOST (RFC 7151)."""

from __future__ import annotations

from collections.abc import Iterable

from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.settings import is_host_name
from ftptls.wire.addresses import canonical
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.replies import Reply


def host_name(text: str) -> str:
    """A name in lower case, or an address in its one spelling (RFC 7151 §3.1).

    Raises:
        ArgumentError: 501, it is neither, or a port is behind it.
    """
    bracketed = text.startswith("[") and text.endswith("]")
    address = text[1:-1] if bracketed else text
    try:
        if bracketed is (":" in address) and "%" not in address:
            return canonical(address)
    except ValueError:
        pass  # then it is a name, if anything
    if not is_host_name(text) or text.rpartition(".")[2].isdigit():
        raise ArgumentError("Give the name of a host, or its address, without a port.")
    return text.lower()


def _host(context: Context, name: str) -> Reply:
    """Choose a host; the last one before login counts (RFC 7151 §3)."""
    session = context.session
    if not context.settings.hosts:
        return Reply(502, "There is one host here; go on.")
    if session.login.filesystem is not None:
        return Reply(503, "HOST comes before USER; reconnect to change the host.")
    found = next((host for host in context.settings.hosts if host.is_called(name)), None)
    if name == session.peers.server:
        name = ""  # the address stands for the host that has no name
    elif found is None:
        return Reply(504, "There is no such host here.")
    refusal = context.control.choose_host(name)
    if refusal:
        return Reply(504, refusal)
    session.log_out()  # a USER before it was for another host
    session.parameters.language = ""  # RFC 2640 §4.1
    session.host = name
    context.apply_policy()
    return Reply(220, (found.banner if found else "") or context.settings.banner)


def _features(context: Context) -> Iterable[str]:
    return ("HOST",) if context.settings.hosts else ()


COMMANDS = (
    Command(
        "HOST",
        "RFC 7151 §3",
        "HOST <SP> <hostname>",
        "Choose one of several virtual hosts, before USER.",
        host_name,
        _host,
        login=False,
        features=_features,
    ),
)
