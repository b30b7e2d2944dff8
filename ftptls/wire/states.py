"""Commands that belong together, as a table (RFC 959 §4.1.3, §5.4; RFC 3659 §5.3).

Verbs of two words, such as ``SITE CPFR``, are verbs like any other here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sequence:
    """What may follow a command that needs another to take effect.

    Attributes:
        completed_by: Verbs that the opener was for; they use it up.
        through: Verbs that may come in between and leave it standing.
        hint: What to do next, for the 350 that answers the opener.
    """

    completed_by: frozenset[str]
    through: frozenset[str]
    hint: str


# RFC 959 wants the second command "immediately" after the first. RNFR takes that
# strictly: a rename of a forgotten source is worse than a 503. Between REST and the
# transfer every client prepares the data connection: ftplib, curl and lftp send PASV or
# EPSV, others TYPE, PROT, SIZE. ABOR is not let through: who aborts gives the offset up.
_PREPARATIONS = frozenset(
    {"PASV", "EPSV", "PORT", "EPRT", "CPSV", "PRET"}
    | {"TYPE", "MODE", "STRU", "PBSZ", "PROT", "SSCN"}
    | {"ALLO", "SIZE", "MDTM", "NOOP", "STAT"}
)
SEQUENCES: dict[str, Sequence] = {
    "RNFR": Sequence(
        completed_by=frozenset({"RNTO"}),
        through=frozenset({"NOOP", "STAT"}),
        hint="Send RNTO with the new name.",
    ),
    "REST": Sequence(
        completed_by=frozenset({"RETR", "STOR", "APPE"}),
        through=_PREPARATIONS,
        hint="Send RETR, STOR or APPE to start there.",
    ),
    "RANG": Sequence(
        # STOR and APPE refuse a range; they must not store as if there were none.
        completed_by=frozenset({"RETR", "HASH", "STOR", "APPE"}),
        through=_PREPARATIONS | {"OPTS HASH"},
        hint="Send RETR or HASH for that part.",
    ),
    "SITE CPFR": Sequence(
        completed_by=frozenset({"SITE CPTO"}),
        through=frozenset({"NOOP", "STAT"}),
        hint="Send SITE CPTO with the name of the copy.",
    ),
}

_OPENERS = frozenset(SEQUENCES)
_FORGOTTEN: dict[str, frozenset[str]] = {
    verb: frozenset(
        opener
        for opener, sequence in SEQUENCES.items()
        if verb not in sequence.completed_by | sequence.through
    )
    for verb in frozenset().union(*(s.completed_by | s.through for s in SEQUENCES.values()))
}
_USED_UP: dict[str, frozenset[str]] = {
    verb: frozenset(
        opener for opener, sequence in SEQUENCES.items() if verb in sequence.completed_by
    )
    for verb in frozenset().union(*(s.completed_by for s in SEQUENCES.values()))
}
_NONE: frozenset[str] = frozenset()


def forgotten_by(verb: str) -> frozenset[str]:
    """The openers that a verb makes void if they are pending.

    An opener makes an earlier one of its own kind void, too: its new argument counts.
    A verb that completes an opener is not among them; carrying it out uses the opener up.

    Args:
        verb: Any verb, known or not, in upper case.
    """
    return _FORGOTTEN.get(verb, _OPENERS)


def used_up_by(verb: str) -> frozenset[str]:
    """The openers that a verb uses up, also when it is refused.

    A client whose transfer was refused would not think of the offset of the next one.

    Args:
        verb: Any verb, known or not, in upper case.
    """
    return _USED_UP.get(verb, _NONE)
