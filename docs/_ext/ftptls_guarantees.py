"""The tables of what filesystems guarantee, written from what the contract suite checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ftptls_reference import Generated, literal
from sphinx.application import Sphinx
from zope.interface import Interface

from ftptls.interfaces import (
    IGroups,
    IHardLinks,
    ILinks,
    IModes,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
)
from ftptls.vfs.guarantees import PROVIDERS, WRAPPERS, Guarantees


def _with(interface: type[Interface]) -> Callable[[Guarantees], str]:
    return lambda row: "yes" if interface in row.provides else "no"


def _always(words: str) -> Callable[[Guarantees], str]:
    """The suite demands it of every one."""
    return lambda _: words


def _replaced(row: Guarantees) -> str:
    if not row.atomic:
        return "may be mixed"
    return "the old one goes on" if row.keeps_what_is_opened else "450"


def _broken(row: Guarantees) -> str:
    if IResumable in row.provides:
        return "kept apart, to go on with"
    return "leaves the old file" if row.atomic else "leaves what arrived"


def _crash(row: Guarantees) -> str:
    if not row.lasts:
        return "all is gone"
    return "leaves the old file" if row.atomic else "leaves what arrived"


def _times(row: Guarantees) -> str:
    if ISetTimes not in row.provides:
        return "told"
    return "set, and of creation" if ISetCreated in row.provides else "set"


def _links(row: Guarantees) -> str:
    kinds = ("symbolic",) * (ILinks in row.provides) + ("hard",) * (IHardLinks in row.provides)
    return " and ".join(kinds) or "no"


ASPECTS: Mapping[str, Callable[[Guarantees], str]] = {
    "A new file shows": lambda row: "when it is whole" if row.atomic else "as it grows",
    "A whole upload that breaks": _broken,
    "A crash in an upload": _crash,
    "``APPE``, and ``STOR`` behind ``REST``": lambda row: "in place" if row.resumes else "refused",
    "``RNTO`` replaces a file": _always("yes"),
    "``RNTO`` moves": lambda row: "the file itself" if row.renames_at_once else "perhaps a copy",
    "Deleted while it is read": lambda row: "goes on" if row.keeps_what_is_opened else "450",
    "Replaced while it is read": _replaced,
    "``HASH``": _always("by reading"),
    "Modes": _with(IModes),
    "Groups": _with(IGroups),
    "Times": _times,
    "Links": _links,
    "Space that is left": _with(ISpace),
    "Case counts": lambda row: "no" if row.folds_case else "yes",
    "A listing is held": lambda row: "in part" if row.scans_lazily else "as a whole",
}
"""What is told of each filesystem, and how its row says so."""


class Tables(Generated):
    """One of the tables: ``providers`` or ``wrappers``."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        rows = {"providers": providers, "wrappers": wrappers}[self.arguments[0]]()
        yield from (".. list-table::", "   :header-rows: 1", "   :stub-columns: 1", "")
        for row in rows:
            for number, cell in enumerate(row):
                yield f"     - {cell}" if number else f"   * - {cell}"


def providers() -> Iterator[tuple[str, ...]]:
    """A column for each."""
    yield ("", *(row.name for row in PROVIDERS))
    for aspect, told in ASPECTS.items():
        yield (aspect, *map(told, PROVIDERS))


def wrappers() -> Iterator[tuple[str, ...]]:
    """A row for each."""
    yield ("Around another one", "What it is for", "What is new", "What is lost")
    for row in WRAPPERS:
        yield row.name, row.about, _names(row.adds), _names(row.loses)


def _names(interfaces: frozenset[type[Interface]]) -> str:
    return ", ".join(sorted(literal(each.__name__) for each in interfaces)) or "\\"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-guarantees", Tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
