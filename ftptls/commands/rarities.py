"""Courtesies that need little, and rarities that are known and not offered.

Each refusal says what to use instead, so that neither a person nor a program has to guess.
"""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features, refused
from ftptls.wire.arguments import required
from ftptls.wire.replies import Reply

_STREAMLINED = "draft-peterson-streamlined-ftp-command-extensions"


def _clnt(_context: Context, _name: str) -> Reply:
    """The name is in the log, like every command, and changes nothing."""
    return Reply(200, "Noted.")


def _csid(_context: Context, _name: str) -> Reply:
    """No version: whom it would help is not the client."""
    return Reply(200, "Name=ftptls; CaseSensitive=1; DirSep=/;")


COMMANDS = (
    Command(
        "CLNT",
        "practice (NcFTP, FlashFXP)",
        "CLNT <SP> <name of the client>",
        "Name the client, for the log.",
        required,
        _clnt,
        login=False,
        features=features("CLNT"),
    ),
    Command(
        "CSID",
        "practice (Serv-U, FTP Voyager)",
        "CSID <SP> Name=<name>; Version=<version>;",
        "Name the client, and be told about the server.",
        required,
        _csid,
        login=False,
        features=features("CSID"),
    ),
    refused("LPRT", "RFC 1639 §2", "LPRT <SP> af,hal,h1,...", "Use EPRT, which took its place."),
    refused("LPSV", "RFC 1639 §2", "LPSV", "Use EPSV, which took its place."),
    refused("SPSV", "draft-rosenau-ftp-single-port", "SPSV", "Use EPSV or PASV."),
    refused(
        "ALGS", "RFC 6384 §11", "ALGS [<SP> <status>]", "No gateway stands in between; use EPSV."
    ),
    refused(
        "PRET",
        "practice (DrFTPD)",
        "PRET <SP> <command>",
        "Nothing has to be known before the data connection; use PASV or EPSV.",
    ),
    refused(
        "THMB",
        _STREAMLINED,
        "THMB <SP> <format> <SP> <width> <SP> <height> <SP> <pathname>",
        "No thumbnails are made here; use RETR.",
    ),
    refused("DSIZ", _STREAMLINED, "DSIZ [<SP> <pathname>]", "Use MLSD, and add up the sizes."),
    refused("RMDA", _STREAMLINED, "RMDA <SP> <pathname>", "Use DELE and RMD for each name."),
    refused("MAIL", "RFC 765", "MAIL <SP> <user>", "Mail is sent by SMTP."),
    refused("MLFL", "RFC 765", "MLFL <SP> <user>", "Mail is sent by SMTP."),
    refused("MSND", "RFC 765", "MSND <SP> <user>", "Mail is sent by SMTP."),
    refused("MSOM", "RFC 765", "MSOM <SP> <user>", "Mail is sent by SMTP."),
    refused("MSAM", "RFC 765", "MSAM <SP> <user>", "Mail is sent by SMTP."),
    refused("XSEM", "RFC 737", "XSEM <SP> <user>", "Mail is sent by SMTP."),
    refused("XSEN", "RFC 737", "XSEN <SP> <user>", "Mail is sent by SMTP."),
    refused("XRSQ", "RFC 743", "XRSQ [<SP> <scheme>]", "Mail is sent by SMTP."),
    refused("XRCP", "RFC 743", "XRCP <SP> <user>", "Mail is sent by SMTP."),
    refused("MRSQ", "RFC 765", "MRSQ [<SP> <scheme>]", "Mail is sent by SMTP."),
    refused("MRCP", "RFC 765", "MRCP <SP> <user>", "Mail is sent by SMTP."),
)
