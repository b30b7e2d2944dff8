"""What is known of one session, and of commands in general."""

from __future__ import annotations

from dataclasses import dataclass

Codes = frozenset[int]

FAILS: Codes = frozenset(range(400, 600))
BEFORE_LOGIN = frozenset(
    {"USER", "PASS", "ACCT", "QUIT", "REIN", "AUTH", "PBSZ", "PROT", "CCC"}
    | {"FEAT", "SYST", "HELP", "NOOP", "LANG", "OPTS", "XYZZY"}
)
# What does not disturb a command that waits for another one.
_PREPARES = frozenset(
    {"PASV", "EPSV", "PORT", "EPRT", "TYPE", "MODE", "STRU", "PBSZ", "PROT"}
    | {"ALLO", "SIZE", "MDTM", "NOOP", "STAT"}
)
BETWEEN = {
    "rename_from": frozenset({"RNTO", "NOOP", "STAT"}),
    "marker": _PREPARES | {"RETR", "STOR", "APPE"},
    "part": _PREPARES | {"RETR", "STOR", "APPE", "HASH", "OPTS HASH"},
}
USED_UP_BY = {
    "RNTO": "rename_from",
    "RETR": "marker part",
    "STOR": "marker part",
    "APPE": "marker part",
    "HASH": "part",
}
# What changes nothing that is known here, and what it is answered.
SIMPLE: dict[str, int | Codes] = {
    **dict.fromkeys(("NOOP", "STRU", "LANG", "OPTS"), 200),
    **dict.fromkeys(("FEAT", "STAT"), 211),
    "SYST": 215,
    "HELP": 214,
    "PWD": 257,
    "ALLO": 202,
    "XYZZY": 500,
    # Of SITE only this is known: it is answered. What it leaves must be gone after REIN.
    "SITE": frozenset(range(200, 600)),
}


@dataclass
class Known:
    """All of one session; as it is here, of one that has just begun in clear text.

    Attributes:
        private: Whether data connections are protected.
        port: ``PASV`` or ``PORT``, while a data connection can come about by it.
    """

    secured: bool = False
    private: bool = False
    cleared: bool = False
    buffer_agreed: bool = False
    user: str = ""
    pending: str | None = None
    failures: int = 0
    directory: str = "/"
    ascii: bool = True
    deflated: bool = False
    marker: int = 0
    part: tuple[int, int] | None = None
    rename_from: str | None = None
    extended_only: bool = False
    port: str = ""
