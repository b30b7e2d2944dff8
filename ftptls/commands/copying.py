"""Copies inside the user's files: SITE COPY, SITE CPFR and SITE CPTO, and COMB.

All write a new file that takes its name once it is whole, as STOR does; so what is
aborted, or fails, leaves everything as it was. (Only where the server was told to write
uploads in place, a part stays.) A copy is a new file, with a time of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.pieces import pieces
from ftptls.commands.registry import Command, features
from ftptls.errors import FTPError, PermanentError
from ftptls.interfaces import IFilesystem, IUpload, Store
from ftptls.settings.rights import Right
from ftptls.wire.arguments import path
from ftptls.wire.entries import Entry
from ftptls.wire.names import several_names, two_names
from ftptls.wire.ranges import Range
from ftptls.wire.replies import Reply
from ftptls.wire.states import SEQUENCES


async def _site_copy(context: Context, asked: tuple[str, str]) -> Reply:
    source, target = (context.path(name) for name in asked)
    return await _copy(context, source, target)


async def _site_cpfr(context: Context, name: str) -> Reply:
    source = context.path(name)
    await _file(context, source)
    context.session.parameters.copy_from = source
    return Reply(350, SEQUENCES["SITE CPFR"].hint)


async def _site_cpto(context: Context, name: str) -> Reply:
    parameters = context.session.parameters
    source, parameters.copy_from = parameters.copy_from, None
    if source is None:
        raise PermanentError(503, "Send SITE CPFR first.")
    return await _copy(context, source, context.path(name))


async def _copy(context: Context, source: PurePosixPath, target: PurePosixPath) -> Reply:
    entry = await _file(context, source)
    if source == target or _is_same(entry, await _if_there(context, target)):
        raise PermanentError(550, "Source and target are the same file; choose another name.")
    progress = context.dtp.progress
    progress.path, progress.total = str(target), entry.size
    upload = await context.filesystem.open_write(target, Store.REPLACE, 0)
    await _fill(context, upload, [source])
    return Reply(250, f"Copied; {progress.octets} octets stored.")


async def _comb(context: Context, asked: Sequence[str]) -> Reply:
    """Append the parts to the target, and delete them once it is whole."""
    target, *parts = (context.path(name) for name in asked)
    old = await _if_there(context, target)
    entries = [await _part(context, part) for part in parts]
    if len({target, *parts}) < len(asked) or any(_is_same(each, old) for each in entries):
        raise PermanentError(550, "A file is named twice; name the target and each part once.")
    filesystem = context.filesystem
    upload = await filesystem.open_write(target, Store.REPLACE, 0)
    sources = parts
    if old is not None and upload.in_place:
        upload = await filesystem.open_write(target, Store.APPEND, 0)
    elif old is not None:
        entries, sources = [old, *entries], [target, *parts]
    progress = context.dtp.progress
    progress.path, progress.total = str(target), sum(each.size for each in entries)
    await _fill(context, upload, sources)
    left = await _remove(filesystem, parts)
    # The target is whole: who were told that it failed would combine once more.
    text = f"Combined, but {left} of the parts could not be deleted." if left else "Combined."
    return Reply(250, text)


async def _fill(context: Context, upload: IUpload, sources: Sequence[PurePosixPath]) -> None:
    """Write whole files into an upload, one behind the other; commit or abandon it."""
    try:
        await upload.begin()
        for source in sources:
            await _append(context, upload, source)
        context.dtp.progress.check()
        await upload.commit()
    except BaseException:
        await upload.abandon()
        raise


async def _append(context: Context, upload: IUpload, source: PurePosixPath) -> None:
    progress = context.dtp.progress
    reader = await context.filesystem.open_read(source)
    try:
        async for data in pieces(context, reader, Range(0, reader.size)):
            await upload.write_at(upload.offset + progress.octets, data)
    finally:
        await reader.close()


async def _remove(filesystem: IFilesystem, parts: Sequence[PurePosixPath]) -> int:
    """Delete them, whoever listens still; how many are left because they cannot be."""
    left = 0
    for part in parts:
        try:
            await filesystem.remove_file(part)
        except (OSError, FTPError):
            left += 1
    return left


async def _file(context: Context, name: PurePosixPath) -> Entry:
    """What is said of a file.

    Raises:
        PermanentError: 550, it is none.
        OSError: There is nothing.
    """
    entry = await context.filesystem.stat(name)
    if entry.is_directory:
        raise PermanentError(550, "That is a directory; only files are copied, one by one.")
    if not entry.is_file:
        raise PermanentError(550, "Not a regular file.")
    return entry


async def _part(context: Context, name: PurePosixPath) -> Entry:
    """What is said of a part, which must be one that can be deleted."""
    entry = await _file(context, name)
    if entry.perm and "d" not in entry.perm:
        raise PermanentError(550, "A part could not be deleted; nothing was combined.")
    return entry


async def _if_there(context: Context, name: PurePosixPath) -> Entry | None:
    try:
        return await context.filesystem.stat(name)
    except FileNotFoundError:
        return None


def _is_same(one: Entry, other: Entry | None) -> bool:
    """Whether two names are of one file, by a link perhaps."""
    return other is not None and one.unique != "" and one.unique == other.unique


COMMANDS = (
    Command(
        "SITE COPY",
        "practice (ProFTPD mod_copy)",
        'SITE <SP> COPY <SP> "<source>" <SP> "<target>"',
        "Copy a file on the server; names without blanks need no quotes.",
        two_names,
        _site_copy,
        takes_long=True,
        features=features("SITE COPY"),
        takes=(Right.READ, Right.WRITE_NEW | Right.OVERWRITE),
    ),
    Command(
        "SITE CPFR",
        "practice (ProFTPD mod_copy)",
        "SITE <SP> CPFR <SP> <pathname>",
        "Name the file that is to be copied.",
        path,
        _site_cpfr,
    ),
    Command(
        "SITE CPTO",
        "practice (ProFTPD mod_copy)",
        "SITE <SP> CPTO <SP> <pathname>",
        "Name the copy, right after SITE CPFR.",
        path,
        _site_cpto,
        takes_long=True,
    ),
    Command(
        "COMB",
        "practice (GlobalSCAPE)",
        'COMB <SP> "<target>" <SP> "<part>" [<SP> "<part>" ...]',
        "Append parts to a file, and delete them.",
        several_names,
        _comb,
        takes_long=True,
        features=features("COMB target;source_list"),
        takes=(Right.READ, Right.DELETE, Right.WRITE_NEW | Right.OVERWRITE),
    ),
)
