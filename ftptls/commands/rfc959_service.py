"""FTP service commands on files and directories (RFC 959 §4.1.3)."""

from __future__ import annotations

import secrets
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.ranges import take_range
from ftptls.commands.registry import Command, features
from ftptls.errors import PermanentError
from ftptls.interfaces import IRestricted, Store
from ftptls.settings.rights import Right
from ftptls.wire.arguments import allocation, marker, nothing, optional_path, path
from ftptls.wire.paths import quoted
from ftptls.wire.replies import Reply
from ftptls.wire.representation import Representation
from ftptls.wire.states import SEQUENCES


def _take_marker(context: Context) -> int:
    """The restart marker, used up by this transfer.

    Raises:
        PermanentError: 554, it has no meaning in this representation type.
    """
    parameters = context.session.parameters
    offset, parameters.marker = parameters.marker, 0
    if offset and parameters.representation is Representation.ASCII:
        raise PermanentError(554, "REST counts octets of the file; send TYPE I first.")
    return offset


async def _retr(context: Context, name: str) -> Reply:
    wanted = take_range(context)
    if wanted is not None and context.session.parameters.representation is Representation.ASCII:
        raise PermanentError(554, "RANG counts octets of the file; send TYPE I first.")
    offset = wanted.start if wanted else _take_marker(context)
    target = context.path(name)
    reader = await context.filesystem.open_read(target)
    if wanted is None and offset > reader.size:
        await reader.close()
        raise PermanentError(554, "The restart marker is behind the end of the file.")
    end = wanted.end if wanted else None  # what is behind the end of the file does not come
    reply = await context.dtp.send_file(str(target), reader, offset, end)
    await context.reporter.tell_of_download(target, reader.size)
    return reply


async def _stor(context: Context, name: str) -> Reply:
    return await _store(context, name, Store.REPLACE)


async def _appe(context: Context, name: str) -> Reply:
    return await _store(context, name, Store.APPEND)


async def _store(context: Context, name: str, how: Store) -> Reply:
    """With a restart marker, APPE acts as STOR does (RFC 3659 §5.3)."""
    if take_range(context) is not None:
        raise PermanentError(554, "RANG is for RETR and HASH; use REST to store a part.")
    offset = _take_marker(context)
    target = context.path(name)
    upload = await context.filesystem.open_write(target, Store.RESUME if offset else how, offset)
    return await context.dtp.receive_file(str(target), upload)


async def _stou(context: Context, name: str) -> Reply:
    """Store under a name that nobody else has; both replies tell it (RFC 1123 §4.1.2.9).

    A token in it makes that sure, also when several clients ask at once.
    """
    target = await _free_name(context, context.path(name or "ftp"))
    upload = await context.filesystem.open_write(target, Store.REPLACE, 0)
    told = f"FILE: {target}"
    reply = await context.dtp.receive_file(str(target), upload, told)
    return Reply(reply.code, f"{told} ({reply.text})")


async def _free_name(context: Context, wanted: PurePosixPath) -> PurePosixPath:
    while True:
        path = wanted.parent / f"{wanted.name or 'ftp'}.{secrets.token_hex(4)}"
        try:
            await context.filesystem.stat(path)
        except FileNotFoundError:
            return path


def _allo(_context: Context, _octets: int) -> Reply:
    return Reply(202, "No space need be reserved.")


def _rest(context: Context, offset: int) -> Reply:
    context.session.parameters.marker = offset
    return Reply(350, f"Restarting at {offset}. {SEQUENCES['REST'].hint}")


async def _rnfr(context: Context, name: str) -> Reply:
    source = context.path(name)
    filesystem = context.filesystem
    await filesystem.stat(source)
    if IRestricted.providedBy(filesystem):
        await IRestricted(filesystem).demand(source, Right.RENAME)
    context.session.parameters.rename_from = source
    return Reply(350, SEQUENCES["RNFR"].hint)


async def _rnto(context: Context, name: str) -> Reply:
    parameters = context.session.parameters
    source, parameters.rename_from = parameters.rename_from, None
    if source is None:
        raise PermanentError(503, "Send RNFR first.")
    await context.filesystem.rename(source, context.path(name))
    return Reply(250, "Renamed.")


async def _dele(context: Context, name: str) -> Reply:
    await context.filesystem.remove_file(context.path(name))
    return Reply(250, "File deleted.")


async def _mkd(context: Context, name: str) -> Reply:
    target = context.path(name)
    await context.filesystem.make_directory(target)
    return Reply(257, f"{quoted(target)} created.")


async def _rmd(context: Context, name: str) -> Reply:
    await context.filesystem.remove_directory(context.path(name))
    return Reply(250, "Directory removed.")


def _pwd(context: Context, _argument: None) -> Reply:
    return Reply(257, f"{quoted(context.session.parameters.directory)} is the current directory.")


COMMANDS = (
    Command(
        "RETR",
        "RFC 959 §4.1.3",
        "RETR <SP> <pathname>",
        "Send a file to the client.",
        path,
        _retr,
        opens_data=True,
    ),
    Command(
        "STOR",
        "RFC 959 §4.1.3",
        "STOR <SP> <pathname>",
        "Receive a file, in place of one of that name.",
        path,
        _stor,
        opens_data=True,
    ),
    Command(
        "APPE",
        "RFC 959 §4.1.3",
        "APPE <SP> <pathname>",
        "Receive data and append it to a file.",
        path,
        _appe,
        opens_data=True,
    ),
    Command(
        "ALLO",
        "RFC 959 §4.1.3",
        "ALLO <SP> <octets> [<SP> R <SP> <octets>]",
        "Reserve space: not needed here.",
        allocation,
        _allo,
    ),
    Command(
        "REST",
        "RFC 3659 §5",
        "REST <SP> <octets>",
        "Start the next transfer there.",
        marker,
        _rest,
        features=features("REST STREAM"),
        takes=(Right.READ | Right.OVERWRITE | Right.APPEND,),
    ),
    Command(
        "RNFR",
        "RFC 959 §4.1.3",
        "RNFR <SP> <pathname>",
        "Name what is to be renamed.",
        path,
        _rnfr,
    ),
    Command(
        "RNTO",
        "RFC 959 §4.1.3",
        "RNTO <SP> <pathname>",
        "Give the new name, right after RNFR.",
        path,
        _rnto,
    ),
    Command("DELE", "RFC 959 §4.1.3", "DELE <SP> <pathname>", "Delete a file.", path, _dele),
    Command("MKD", "RFC 959 §4.1.3", "MKD <SP> <pathname>", "Make a directory.", path, _mkd),
    Command("XMKD", "RFC 775", "XMKD <SP> <pathname>", "The same as MKD.", path, _mkd),
    Command(
        "RMD", "RFC 959 §4.1.3", "RMD <SP> <pathname>", "Remove an empty directory.", path, _rmd
    ),
    Command("XRMD", "RFC 775", "XRMD <SP> <pathname>", "The same as RMD.", path, _rmd),
    Command("PWD", "RFC 959 §4.1.3", "PWD", "Tell the working directory.", nothing, _pwd),
    Command("XPWD", "RFC 775", "XPWD", "The same as PWD.", nothing, _pwd),
    Command(
        "STOU",
        "RFC 959 §4.1.3",
        "STOU [<SP> <pathname>]",
        "Receive a file under a name that is free, and tell the name.",
        optional_path,
        _stou,
        opens_data=True,
    ),
)
