"""Modify Fact: MFMT, MFCT and MFF (draft-somers-ftp-mfxx-03)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from zope.interface import Interface

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.interfaces import IGroups, IModes, ISetCreated, ISetFacts, ISetTimes
from ftptls.settings.rights import Right
from ftptls.wire.attributes import (
    FactsRequest,
    TimedPath,
    facts_request,
    precise_time_value,
    timed_path,
    unsettable,
)
from ftptls.wire.entries import Entry
from ftptls.wire.replies import Reply


@dataclass(frozen=True, slots=True)
class _Fact:
    """How one fact is set, and told.

    Attributes:
        needs: What the filesystem must provide.
        set: Takes the filesystem, the path and the value.
        tell: The value of an entry, for the reply.
    """

    needs: type[Interface]
    set: Callable[[Any, PurePosixPath, Any], Awaitable[None]]
    tell: Callable[[Entry], str]


# In the order in which they are set: first what is refused most often.
_FACTS = {
    "UNIX.group": _Fact(
        IGroups,
        lambda filesystem, path, group: filesystem.set_group(path, group),
        lambda entry: "_".join(entry.group.split()),
    ),
    "UNIX.mode": _Fact(
        IModes,
        lambda filesystem, path, mode: filesystem.set_mode(path, mode),
        lambda entry: f"{entry.mode:04o}",
    ),
    "Create": _Fact(
        ISetCreated,
        lambda filesystem, path, created: filesystem.set_created(path, created),
        lambda entry: precise_time_value(entry.created or 0.0),
    ),
    "Modify": _Fact(
        ISetTimes,
        lambda filesystem, path, modified: filesystem.set_times(path, modified),
        lambda entry: precise_time_value(entry.modified),
    ),
}


async def _mfmt(context: Context, request: TimedPath) -> Reply:
    return await _mff(context, FactsRequest({"Modify": request.time}, request.path))


async def _mfct(context: Context, request: TimedPath) -> Reply:
    return await _mff(context, FactsRequest({"Create": request.time}, request.path))


async def _mff(context: Context, request: FactsRequest) -> Reply:
    """Nothing is set before it is known that all can be, and that the file is there.

    The reply tells the values that the store made of them (§3.1, §5.1).
    """
    target = context.path(request.path)
    offered = _offered(context)
    if not request.facts.keys() <= set(offered):
        raise unsettable(offered)
    await context.filesystem.stat(target)
    for name, fact in _FACTS.items():
        if name in request.facts:
            await fact.set(context.filesystem, target, request.facts[name])
    entry = await context.filesystem.stat(target)
    facts = "".join(f"{name}={_FACTS[name].tell(entry)};" for name in request.facts)
    return Reply(213, f"{facts} {request.path}")


def _offered(context: Context) -> list[str]:
    """The facts that the user's filesystem can set; before login, all."""
    filesystem = context.session.login.filesystem
    return [
        name
        for name, fact in _FACTS.items()
        if filesystem is None or fact.needs.providedBy(filesystem)
    ]


def _mff_features(context: Context) -> Iterable[str]:
    yield "MFF " + "".join(f"{name};" for name in _offered(context))


COMMANDS = (
    Command(
        "MFMT",
        "draft-somers-ftp-mfxx §3",
        "MFMT <SP> <time> <SP> <pathname>",
        "Set when a file was modified, in UTC.",
        timed_path,
        _mfmt,
        features=features("MFMT"),
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=ISetTimes,
    ),
    Command(
        "MFCT",
        "draft-somers-ftp-mfxx §4",
        "MFCT <SP> <time> <SP> <pathname>",
        "Set when a file was created, in UTC.",
        timed_path,
        _mfct,
        features=features("MFCT"),
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=ISetCreated,
    ),
    Command(
        "MFF",
        "draft-somers-ftp-mfxx §5",
        "MFF <SP> <fact>=<value>;... <SP> <pathname>",
        "Set facts about a file.",
        facts_request,
        _mff,
        features=_mff_features,
        takes=(Right.CHANGE_ATTRIBUTES,),
        needs=ISetFacts,
    ),
)
