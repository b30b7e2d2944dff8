"""Tells ``twistd`` of its subcommand ``ftptls``; imports nothing of it before it is used."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

ftptls = ServiceMaker(
    "ftptls",
    "ftptls.tap",
    "Serve files over FTP with TLS (RFC 4217).",
    "ftptls",
)
