"""SITE commands that change files' attributes (practice of ProFTPD, wu-ftpd and others).

Also AVBL, which tells how much room is left for them.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.interfaces import IFilesystem, IGroups, ILinks, IModes, ISetTimes, ISpace, IUmask
from ftptls.settings.rights import Right
from ftptls.wire.arguments import optional_path, path
from ftptls.wire.attributes import (
    GroupedPath,
    ModedPath,
    Touch,
    grouped_path,
    moded_path,
    optional_mode,
    touch,
)
from ftptls.wire.names import two_names
from ftptls.wire.paths import quoted
from ftptls.wire.replies import Reply


async def _chmod(context: Context, request: ModedPath) -> Reply:
    await IModes(context.filesystem).set_mode(context.path(request.path), request.mode)
    return Reply(200, f"Mode set to {request.mode:03o}.")


async def _chgrp(context: Context, request: GroupedPath) -> Reply:
    await IGroups(context.filesystem).set_group(context.path(request.path), request.group)
    return Reply(200, "Group set.")


async def _utime(context: Context, request: Touch) -> Reply:
    target = context.path(request.path)
    filesystem = ISetTimes(context.filesystem)
    await filesystem.set_times(target, request.modified, request.accessed)
    return Reply(200, "Times set.")


async def _symlink(context: Context, names: tuple[str, str]) -> Reply:
    """The first name must be there: a link to nothing is most often a mistake."""
    target, link = (context.path(name) for name in names)
    await context.filesystem.stat(target)
    await ILinks(context.filesystem).make_link(link, target)
    return Reply(200, "Link made.")


async def _mkdir(context: Context, name: str) -> Reply:
    """With the directories around it; it may be there already."""
    target = context.path(name)
    for each in [*reversed(target.parents), target]:
        try:
            entry = await context.filesystem.stat(each)
        except FileNotFoundError:
            await context.filesystem.make_directory(each)
        else:
            if not entry.is_directory:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return Reply(257, f"{quoted(target)} is there.")


def _umask(context: Context, umask: int | None) -> Reply:
    """For the session: a new login gets the filesystem anew."""
    filesystem: Any = IUmask(context.filesystem)
    if umask is None:
        return Reply(200, f"The umask is {filesystem.umask:03o}.")
    changed: IFilesystem = filesystem.with_umask(umask)
    context.session.login.filesystem = changed
    return Reply(200, f"The umask is {umask:03o}.")


async def _avbl(context: Context, name: str) -> Reply:
    octets = await ISpace(context.filesystem).available(context.path(name))
    return Reply(213, str(octets))


COMMANDS = (
    Command(
        "SITE CHMOD",
        "practice (of most servers)",
        "SITE <SP> CHMOD <SP> <mode> <SP> <pathname>",
        "Set the permissions of a file, in octal.",
        moded_path,
        _chmod,
        features=features("SITE CHMOD"),
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=IModes,
    ),
    Command(
        "SITE CHGRP",
        "practice (ProFTPD)",
        "SITE <SP> CHGRP <SP> <group> <SP> <pathname>",
        "Give a file to a group.",
        grouped_path,
        _chgrp,
        features=features("SITE CHGRP"),
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=IGroups,
    ),
    Command(
        "SITE UTIME",
        "practice (ProFTPD)",
        "SITE <SP> UTIME <SP> <YYYYMMDDhhmm[ss]> <SP> <pathname>",
        "Set when a file was modified, in UTC; or: path atime mtime ctime UTC.",
        touch,
        _utime,
        features=features("SITE UTIME"),
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=ISetTimes,
    ),
    Command(
        "SITE SYMLINK",
        "practice (ProFTPD)",
        'SITE <SP> SYMLINK <SP> <"pathname"> <SP> <"link">',
        "Make a symbolic link to a pathname; quote what holds blanks.",
        two_names,
        _symlink,
        features=features("SITE SYMLINK"),
        takes=(Right.READ, Right.WRITE_NEW),
        needs=ILinks,
    ),
    Command(
        "SITE MKDIR",
        "practice (ProFTPD)",
        "SITE <SP> MKDIR <SP> <pathname>",
        "Make a directory, and those around it.",
        path,
        _mkdir,
        features=features("SITE MKDIR"),
        takes=(Right.MAKE_DIRECTORY,),
    ),
    Command(
        "SITE UMASK",
        "practice (wu-ftpd)",
        "SITE <SP> UMASK [<SP> <mode>]",
        "Tell or choose the permissions that new files do not get.",
        optional_mode,
        _umask,
        features=features("SITE UMASK"),
        needs=IUmask,
    ),
    Command(
        "AVBL",
        "draft-peterson-streamlined-ftp-command-extensions §4",
        "AVBL [<SP> <pathname>]",
        "Tell how many octets may still be stored in a directory.",
        optional_path,
        _avbl,
        features=features("AVBL"),
        needs=ISpace,
    ),
)
