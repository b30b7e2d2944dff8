"""Virtual hosts: HOST (RFC 7151)."""

from __future__ import annotations

from ftptls.commands.registry import refused

COMMANDS = (
    refused("HOST", "RFC 7151 §3", "HOST <SP> <hostname>", "There is one host here; go on."),
)
