"""The commands: a record for each verb, beside its handler, one module for each RFC."""

from __future__ import annotations

from ftptls.commands import (
    copying,
    fxp,
    hashing,
    login,
    ranges,
    rarities,
    rfc959_access,
    rfc959_listing,
    rfc959_parameters,
    rfc959_service,
    rfc959_status,
    rfc2228,
    rfc2389,
    rfc2428,
    rfc2640,
    rfc3659,
    rfc7151,
    site,
    site_files,
    somers,
)
from ftptls.commands.context import Context
from ftptls.commands.registry import Command, CommandTable, refused, unknown

_MODULES = (
    login,
    rfc959_access,
    rfc959_parameters,
    rfc959_service,
    rfc959_listing,
    rfc959_status,
    rfc2228,
    rfc2389,
    rfc2428,
    rfc2640,
    rfc3659,
    rfc7151,
    fxp,
    ranges,
    hashing,
    site,
    site_files,
    somers,
    copying,
    rarities,
)


def standard_commands() -> CommandTable:
    """Every command of the standards: most implemented, the others with their refusal."""
    return CommandTable(command for module in _MODULES for command in module.COMMANDS)


__all__ = ["Command", "CommandTable", "Context", "refused", "standard_commands", "unknown"]
