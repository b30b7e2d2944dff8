"""Facts: the lines of MLST and MLSD (RFC 3659 §7).

What many entries share (modes, owners, rights) is rendered once and remembered, within bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from math import floor
from types import MappingProxyType

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.dates import time_parts, time_value, whole_seconds
from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits
from ftptls.wire.paths import encoded, shown

FACTS: tuple[str, ...] = (
    "type",
    "size",
    "modify",
    "perm",
    "unique",
    "create",
    "media-type",
    "charset",
    "UNIX.mode",
    "UNIX.owner",
    "UNIX.group",
    "UNIX.uid",
    "UNIX.gid",
)
"""Every fact on offer, in the order of its rendering (RFC 3659 §7.5)."""

_RARE = frozenset({"create", "media-type", "charset"})

DEFAULT_FACTS: frozenset[str] = frozenset(FACTS) - _RARE
"""The facts that are sent until OPTS MLST says otherwise."""

_BY_LOWER_NAME = {fact.lower(): fact for fact in FACTS}
_FACT_TYPES = {
    Kind.FILE: "file",
    Kind.DIRECTORY: "dir",
    Kind.LINK: "OS.unix=slink",
    Kind.OTHER: "OS.unix=other",
}

# RFC 3659 §2.1: RCHAR is what a token is made of.
_NO_RCHAR = re.compile(r"[^A-Za-z0-9,.:!@#$%^&()\-_+?/\\'\"]")


def _token(text: str) -> str:
    """The text with whatever could not stand in a fact's value replaced (RFC 3659 §2.1)."""
    return _NO_RCHAR.sub("_", text)


@lru_cache(maxsize=1024)
def _form(
    facts: frozenset[str],
    type_value: str,
    is_file: bool,
    unique: str,
    perm: str,
    mode: int,
    owner: str,
    group: str,
    uid: int,
    gid: int,
) -> str:
    """A line with what many entries share, and places for the rest.

    The places are, in this order, for: the size, the time in three parts (see
    :func:`time_parts`), the unique fact, whatever facts are rare, and the name. One that is
    not asked for takes its value and shows nothing. ``unique`` is the place for that fact;
    empty without any.
    """

    def place(fact: str, values: str) -> str:
        return (
            f"{fact}={values};" if values and fact in facts else "%.0s" * max(1, values.count("%"))
        )

    begin = _shared_facts(facts, {"type": type_value})
    begin += place("size", "%s" if is_file else "") + place("modify", "%s%s%s")
    middle = _shared_facts(facts, {"perm": perm}) + place("unique", unique)
    system = _shared_facts(facts, _unix_values(mode, owner, group, uid, gid))
    return f"{begin}{middle}%s{system} %s"


def _shared_facts(facts: frozenset[str], values: Mapping[str, str]) -> str:
    given = "".join(f"{fact}={value};" for fact, value in values.items() if fact in facts)
    return given.replace("%", "%%")


def _unix_values(mode: int, owner: str, group: str, uid: int, gid: int) -> Mapping[str, str]:
    """The system dependent facts (RFC 3659 §7.6.1)."""
    return {
        "UNIX.mode": f"{mode & 0o7777:04o}",
        "UNIX.owner": _token(owner),
        "UNIX.group": _token(group),
        "UNIX.uid": str(uid),
        "UNIX.gid": str(gid),
    }


def _type_value(kind: Kind, target: str) -> str:
    """The value of the type fact (RFC 3659 §7.5.1); a link's target only if it is a token."""
    value = _FACT_TYPES[kind]
    return f"{value}:{target}" if target and not _NO_RCHAR.search(target) else value


_NO_MEDIA_TYPES: Mapping[str, str] = MappingProxyType({})


def _media_type(name: str, media_types: Mapping[str, str]) -> str:
    """What was said of names that end so; nothing is guessed (RFC 3659 §7.5.8)."""
    _, dot, ending = name.rpartition(".")
    return media_types.get(ending.lower(), "") if dot else ""


def _is_text(name: str) -> bool:
    """Whether it is UTF-8 when it is sent, and no other octets."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def facts_line(
    entry: Entry,
    facts: frozenset[str],
    type_name: str | None = None,
    media_types: Mapping[str, str] = _NO_MEDIA_TYPES,
) -> str:
    """One entry of MLST or MLSD: facts, one space, name (RFC 3659 §7.2).

    Args:
        entry: What to show.
        facts: Which of :data:`FACTS` to give. A fact that does not apply is left out.
        type_name: The type instead of the entry's own: ``cdir`` or ``pdir``.
        media_types: The media types of files, by the ends of their names in lower case.

    Returns:
        The entry without a space before it and without CR LF.
    """
    # At once: that is faster than to ask for each.
    name, kind, size, modified, mode, _, owner, group, uid, gid, unique, perm, target, _ = entry
    is_link = kind is Kind.LINK
    type_value = type_name or (_type_value(kind, target) if is_link else _FACT_TYPES[kind])
    is_file = kind is Kind.FILE
    place = "%s" if unique else ""
    form = _form(facts, type_value, is_file, place, perm, mode, owner, group, uid, gid)
    return form % (
        size if size > 0 else 0,
        *time_parts(whole_seconds(modified)),
        unique if unique.isalnum() and unique.isascii() else _token(unique),
        "" if facts.isdisjoint(_RARE) else _rare_facts(entry, facts, media_types),
        shown(name),
    )


class FactLines:
    """The lines of one MLSD: those of :func:`facts_line`, of many entries at once.

    Args:
        facts: Which of :data:`FACTS` to give.
        media_types: The media types of files, by the ends of their names in lower case.
    """

    def __init__(
        self, facts: frozenset[str], media_types: Mapping[str, str] = _NO_MEDIA_TYPES
    ) -> None:
        self._facts = facts
        self._media_types = media_types
        self._usual = facts.isdisjoint(_RARE)
        self._forms: dict[Traits, str] = {}

    def render(self, entries: Sequence[Entry]) -> bytes:
        """The lines of some entries, with their CR LF.

        Args:
            entries: They; of :class:`~ftptls.wire.entries.Rows` it is twice as fast.
        """
        if isinstance(entries, Rows) and entries.printable and self._usual:
            with suppress(ValueError, OverflowError):  # a time is odd
                return self._of_rows(entries.rows)
        lines = [facts_line(each, self._facts, None, self._media_types) for each in entries]
        return b"".join([encoded(f"{line}\r\n") for line in lines])

    def _of_rows(self, rows: Iterable[Row]) -> bytes:
        """The same of usual rows, with nothing called for each that can be spared."""
        forms = self._forms
        lines = []
        for name, traits, size, modified, _, serial, target in rows:
            form = self._form_of(traits, target) if target else forms.get(traits)
            if form is None:
                form = forms[traits] = self._form_of(traits)
            lines.append(form % (size, *time_parts(floor(modified)), serial, "", name))
        return "".join(lines).encode()

    def _form_of(self, traits: Traits, target: str = "") -> str:
        """The form of a line, whose unique fact takes the serial number."""
        kind, mode, owner, group = traits.kind, traits.mode, traits.owner, traits.group
        unique, shared = f"{traits.device}%x", (mode, owner, group, traits.uid, traits.gid)
        is_file, type_value = kind is Kind.FILE, _type_value(kind, target)
        return _form(self._facts, type_value, is_file, unique, traits.perm, *shared) + "\r\n"


def _rare_facts(entry: Entry, facts: frozenset[str], media_types: Mapping[str, str]) -> str:
    line = ""
    if "create" in facts and entry.created is not None:
        line = f"create={time_value(entry.created)};"
    if "media-type" in facts and entry.kind is Kind.FILE:
        media_type = _media_type(entry.name, media_types)
        line += f"media-type={media_type};" if media_type else ""
    if "charset" in facts and _is_text(entry.name):
        line += "charset=UTF-8;"
    return line


def select_facts(text: str) -> frozenset[str]:
    """The facts that OPTS MLST chooses (RFC 3659 §7.9).

    Args:
        text: ``type;size;``, in any case; what is not on offer is ignored.

    Raises:
        ArgumentError: 501 if there is a space in it, as the RFC's examples have it.
    """
    if " " in text:
        raise ArgumentError("Invalid MLST options: end each fact with a semicolon, no spaces.")
    names = (_BY_LOWER_NAME.get(name.lower()) for name in text.split(";"))
    return frozenset(name for name in names if name)


def mlst_feature(facts: frozenset[str]) -> str:
    """The facts on offer for FEAT, the chosen ones with an asterisk (RFC 3659 §7.8)."""
    return "".join(f"{fact}*;" if fact in facts else f"{fact};" for fact in FACTS)
