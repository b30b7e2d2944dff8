"""Checksums of files: HASH (draft-bryan-ftpext-hash-02), and what came before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.pieces import pieces
from ftptls.commands.ranges import take_range
from ftptls.commands.registry import Command, features, refused
from ftptls.errors import PermanentError
from ftptls.settings.rights import Right
from ftptls.wire.checksums import Algorithm, Request, algorithm, hash_feature, request
from ftptls.wire.names import one_name
from ftptls.wire.paths import shown
from ftptls.wire.ranges import Range
from ftptls.wire.replies import Reply

Choose = Callable[[int], Range]


def _whole(size: int) -> Range:
    return Range(0, size)


async def _checksum(
    context: Context, target: PurePosixPath, wanted: Algorithm, choose: Choose = _whole
) -> tuple[Range, str]:
    """Read a file, or part of it, and let workers make its checksum.

    Args:
        context: Everything.
        target: The file.
        wanted: Which checksum.
        choose: The part, of the size of the file.

    Returns:
        The part, and its checksum in lower case.

    Raises:
        PermanentError: 556, it is more than one checksum may be of.
        FTPError: What ``choose`` raises, or :func:`~ftptls.commands.pieces.pieces`.
    """
    reader = await context.filesystem.open_read(target)
    try:
        part = choose(reader.size)
        _refuse_too_much(context, part)
        progress = context.dtp.progress
        progress.path, progress.total = str(target), part.octets
        digest = wanted.new()
        async for data in pieces(context, reader, part):
            await context.workers.run(digest.update, data)
        return part, digest.hexdigest()
    finally:
        await reader.close()


def _refuse_too_much(context: Context, part: Range) -> None:
    most = context.settings.limits.checksum_octets
    if part.octets > most:
        raise PermanentError(
            556,
            f"A checksum is of {most} octets at most (the setting checksum_octets decides); "
            "ask for a part at a time.",
        )


async def _hash(context: Context, name: str) -> Reply:
    wanted = take_range(context)
    chosen = context.session.parameters.algorithm
    choose = _whole if wanted is None else partial(_present, wanted)
    try:
        part, checksum = await _checksum(context, context.path(name), chosen, choose)
    except IsADirectoryError:
        raise PermanentError(553, "A directory has no checksum; name a file.") from None
    return Reply(213, f"{chosen.value} {part.shown} {checksum} {shown(name)}")


def _present(wanted: Range, size: int) -> Range:
    """What there is of a range, as RETR takes it; but of nothing at all there is no answer."""
    if wanted.start >= size:
        raise PermanentError(551, "The file ends before that range begins; see SIZE.")
    return Range(wanted.start, min(wanted.end, size))


def _opts_hash(context: Context, wanted: Algorithm | None) -> Reply:
    parameters = context.session.parameters
    parameters.algorithm = wanted or parameters.algorithm
    return Reply(200, parameters.algorithm.value)


def _hash_features(context: Context) -> Iterable[str]:
    return (hash_feature(context.session.parameters.algorithm),)


async def _md5(context: Context, name: str) -> Reply:
    _, checksum = await _checksum(context, context.path(name), Algorithm.MD5)
    return Reply(251, f"{shown(name)} {checksum.upper()}")


async def _alone(wanted: Algorithm, context: Context, asked: Request) -> Reply:
    """The X family answers with the checksum alone."""
    choose = partial(_inside, asked)
    _, checksum = await _checksum(context, context.path(asked.name), wanted, choose)
    return Reply(250, checksum.upper())


def _inside(asked: Request, size: int) -> Range:
    part = asked.within(size)
    if part is None:
        text = f"The file has {size} octets; start and end must be within, in this order."
        raise PermanentError(550, text)
    return part


def _of_the_family(verb: str, wanted: Algorithm) -> Command:
    return Command(
        verb,
        "practice (GlobalSCAPE, Serv-U, ProFTPD)",
        f'{verb} <SP> "<pathname>" [[<SP> <start>] <SP> <end>]',
        f"Tell the {wanted.value} checksum of a file, or of its octets from start to before end.",
        request,
        partial(_alone, wanted),
        takes_long=True,
        features=features(f"{verb} filename;start;end"),
        takes=(Right.READ,),
    )


COMMANDS = (
    Command(
        "HASH",
        "draft-bryan-ftpext-hash §3",
        "HASH <SP> <pathname>",
        "Tell the checksum of a file, or of the part that RANG chose.",
        one_name,
        _hash,
        takes_long=True,
        features=_hash_features,
        takes=(Right.READ,),
    ),
    Command(
        "OPTS HASH",
        "draft-bryan-ftpext-hash §3.2",
        "OPTS <SP> HASH [<SP> <algorithm>]",
        "Tell or choose what HASH computes.",
        algorithm,
        _opts_hash,
        login=False,
    ),
    _of_the_family("XCRC", Algorithm.CRC32),
    _of_the_family("XMD5", Algorithm.MD5),
    _of_the_family("XSHA", Algorithm.SHA_1),
    _of_the_family("XSHA1", Algorithm.SHA_1),
    _of_the_family("XSHA256", Algorithm.SHA_256),
    _of_the_family("XSHA512", Algorithm.SHA_512),
    Command(
        "MD5",
        "draft-twine-ftpmd5",
        "MD5 <SP> <pathname>",
        "Tell the MD5 checksum of a file.",
        one_name,
        _md5,
        takes_long=True,
        features=features("MD5"),
        takes=(Right.READ,),
    ),
    refused("MMD5", "draft-twine-ftpmd5", "MMD5 <SP> <pathname>, ...", "Use MD5 for each file."),
)
