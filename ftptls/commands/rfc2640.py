"""Internationalization (RFC 2640): names are in UTF-8; replies are in English."""

from __future__ import annotations

from ftptls.commands.registry import refused

COMMANDS = (
    refused("LANG", "RFC 2640 §4", "LANG [<SP> <language>]", "Replies are in English only."),
)
