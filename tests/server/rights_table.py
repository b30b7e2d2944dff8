"""What each command does to files, and which rights that takes: one table.

A row is what a client sends, line by line, and how the last line is answered: with ``code`` if
the user has all of the rights ``takes`` and one of ``one_of``. Otherwise some line is refused
with 550; but who has all of some other rights may be answered as ``otherwise`` says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ftptls.settings.rights import FULL, KNOW, NOTHING, Right

CONTENT = {
    "/area/file": b"0123456789",
    "/area/other": b"other",
    "/area/dir/inner": b"in",
    "/area/empty/": b"",
    "/area/hollow/": b"",
}
NEW = b"what is sent"

LIST, READ, WRITE_NEW, OVERWRITE, APPEND, DELETE, RENAME, MAKE_DIRECTORY, CHANGE = Right
CHANGE_LATER = OVERWRITE | APPEND


@dataclass(frozen=True)
class Row:
    """One use of a command.

    Attributes:
        lines: What is sent, up to the line that counts.
        code: Its answer to who may do it.
        takes: Every right of these.
        one_of: One right of these.
        changes: Whether files are other ones then.
        otherwise: Answers to who may not, but has all of these rights.
    """

    lines: tuple[str, ...]
    code: int
    takes: Right = NOTHING
    one_of: Right = NOTHING
    changes: bool = False
    otherwise: dict[Right, int] = field(default_factory=dict)

    def is_for(self, rights: Right) -> bool:
        """Whether it takes nothing that these rights do not give."""
        return self.takes in rights and (not self.one_of or bool(self.one_of & rights))

    def answer(self, rights: Right) -> int:
        """The code for who has these rights."""
        if self.is_for(rights):
            return self.code
        return next((code for more, code in self.otherwise.items() if more in rights), 550)

    def __str__(self) -> str:
        return "; ".join(self.lines)


def free(line: str, code: int) -> Row:
    """What has nothing to do with files."""
    return Row((line,), code)


def row(*lines: str, code: int, **more: object) -> Row:
    return Row(lines, code, **more)  # type: ignore[arg-type]


# Who may store new files is told that a name is taken, and nothing else of it.
TAKEN = {WRITE_NEW: 553}
TIME = "20200102030405"

ROWS = [
    # What has nothing to do with files is for everybody.
    free("USER alice", 331),
    free("PASS x", 503),
    free("ACCT x", 202),
    free("QUIT", 221),
    free("REIN", 220),
    free("PORT 192,0,2,1,200,1", 200),
    free("PASV", 227),
    free("EPRT |1|192.0.2.1|51201|", 200),
    free("EPSV", 229),
    free("CPSV", 534),
    free("SSCN", 534),
    free("TYPE I", 200),
    free("STRU F", 200),
    free("MODE S", 200),
    free("OPTS MODE Z LEVEL 3", 200),
    free("ALLO 10", 202),
    free("REST 3", 350),
    free("RANG 0 3", 350),
    free("PWD", 257),
    free("XPWD", 257),
    free("SYST", 215),
    free("STAT", 211),
    free("HELP", 214),
    free("NOOP", 200),
    free("ABOR", 226),
    free("AUTH TLS", 503),
    free("PBSZ 0", 503),
    free("PROT C", 503),
    free("CCC", 533),
    free("FEAT", 211),
    free("OPTS NOOP", 501),
    free("OPTS UTF8 ON", 200),
    free("OPTS UTF-8 ON", 200),
    free("OPTS MLST type;", 200),
    free("OPTS HASH", 200),
    free("LANG", 200),
    free("HOST example.com", 502),
    free("SITE NOTHING", 504),
    free("SITE HELP", 214),
    free("SITE WHOAMI", 200),
    free("SITE IDLE", 200),
    free("CLNT me", 200),
    free("CSID Name=me; Version=1;", 200),
    # Where one is, and what is there. The root is there for everybody.
    free("CWD /", 250),
    free("CDUP", 250),
    free("XCUP", 250),
    free("MLST /", 250),
    free("MDTM /", 213),
    free("AVBL /", 213),
    row("CWD /area", code=250, one_of=FULL),
    row("XCWD /area", code=250, one_of=FULL),
    row("CWD /area/dir", code=250, one_of=FULL),
    row("CWD /area", "CDUP", code=250, one_of=FULL),
    row("MLST /area", code=250, one_of=FULL),
    row("MLST /area/file", code=250, one_of=KNOW),
    row("SIZE /area/file", code=213, one_of=KNOW),
    row("MDTM /area/file", code=213, one_of=KNOW),
    row("MDTM /area", code=213, one_of=FULL),
    row("AVBL /area", code=213, one_of=FULL),
    row("LIST /area", code=226, takes=LIST),
    row("LIST -R /area", code=226, takes=LIST),
    row("LIST /area/f*", code=226, takes=LIST),
    row("LIST /area/file", code=226, one_of=KNOW),
    row("LIST -d /area", code=226, one_of=FULL),
    row("NLST /area", code=226, takes=LIST),
    row("NLST /area/*", code=226, takes=LIST),
    row("NLST /area/file", code=226, one_of=KNOW),
    row("MLSD /area", code=226, takes=LIST),
    row("STAT /area", code=212, takes=LIST),
    row("STAT /area/*", code=212, takes=LIST),
    row("STAT /area/file", code=213, one_of=KNOW),
    # Reading.
    row("RETR /area/file", code=226, takes=READ),
    row("REST 3", "RETR /area/file", code=226, takes=READ),
    row("RANG 0 3", "RETR /area/file", code=226, takes=READ),
    row("RANG 0 3", "HASH /area/file", code=213, takes=READ),
    row("HASH /area/file", code=213, takes=READ),
    row("XCRC /area/file", code=250, takes=READ),
    row("XMD5 /area/file", code=250, takes=READ),
    row("XSHA /area/file", code=250, takes=READ),
    row("XSHA1 /area/file", code=250, takes=READ),
    row("XSHA256 /area/file 0 3", code=250, takes=READ),
    row("XSHA512 /area/file", code=250, takes=READ),
    row("MD5 /area/file", code=251, takes=READ),
    # Storing.
    row("STOR /area/new", code=226, takes=WRITE_NEW, changes=True),
    row("STOR /area/file", code=226, takes=OVERWRITE, changes=True, otherwise=TAKEN),
    row("STOR /area/empty", code=550, takes=OVERWRITE, otherwise=TAKEN),
    row("APPE /area/new", code=226, takes=WRITE_NEW, changes=True),
    row("APPE /area/file", code=226, takes=APPEND, changes=True, otherwise=TAKEN),
    row("STOU /area/new", code=226, takes=WRITE_NEW, changes=True),
    row("REST 10", "STOR /area/file", code=226, one_of=CHANGE_LATER, changes=True),
    row("REST 10", "APPE /area/file", code=226, one_of=CHANGE_LATER, changes=True),
    row(
        *("REST 3", "STOR /area/file"),
        code=226,
        takes=OVERWRITE,
        changes=True,
        otherwise={APPEND: 554},
    ),
    row("RANG 0 3", "STOR /area/new", code=554),
    # Names.
    row("RNFR /area/file", code=350, takes=RENAME),
    row("RNTO /area/new", code=503),
    row(
        *("RNFR /area/file", "RNTO /area/new"),
        code=250,
        takes=RENAME | WRITE_NEW,
        changes=True,
    ),
    row(
        *("RNFR /area/file", "RNTO /area/other"),
        code=250,
        takes=RENAME | OVERWRITE,
        changes=True,
    ),
    row(
        *("RNFR /area/empty", "RNTO /area/new"),
        code=250,
        takes=RENAME | MAKE_DIRECTORY,
        changes=True,
    ),
    row(
        *("RNFR /area/empty", "RNTO /area/hollow"),
        code=250,
        takes=RENAME | DELETE,
        changes=True,
    ),
    row("DELE /area/file", code=250, takes=DELETE, changes=True),
    row("RMD /area/empty", code=250, takes=DELETE, changes=True),
    row("XRMD /area/empty", code=250, takes=DELETE, changes=True),
    row("MKD /area/new", code=257, takes=MAKE_DIRECTORY, changes=True),
    row("XMKD /area/new", code=257, takes=MAKE_DIRECTORY, changes=True),
    row("SITE MKDIR /area/new/deep", code=257, takes=MAKE_DIRECTORY, changes=True),
    row(
        "SITE SYMLINK /area/file /area/link",
        code=200,
        takes=READ | WRITE_NEW,
        changes=True,
    ),
    # Attributes.
    row("SITE CHMOD 600 /area/file", code=200, takes=CHANGE, changes=True),
    row(f"SITE CHGRP {os.getegid()} /area/file", code=200, takes=CHANGE),
    row(f"SITE UTIME {TIME} /area/file", code=200, takes=CHANGE, changes=True),
    free("SITE UMASK", 200),
    row("SITE UMASK 077", code=200, takes=CHANGE),
    row(f"MDTM {TIME} /area/file", code=213, takes=CHANGE, changes=True),
    row(f"MFMT {TIME} /area/file", code=213, takes=CHANGE, changes=True),
    row(f"MFCT {TIME} /area/file", code=213, takes=CHANGE, changes=True),
    row(f"MFF Modify={TIME}; /area/file", code=213, takes=CHANGE, changes=True),
    row("MFF UNIX.mode=600; /area/file", code=213, takes=CHANGE, changes=True),
    # Copies.
    row("SITE CPFR /area/file", code=350, one_of=KNOW),
    row("SITE CPTO /area/new", code=503),
    row(
        *("SITE CPFR /area/file", "SITE CPTO /area/new"),
        code=250,
        takes=READ | WRITE_NEW,
        changes=True,
    ),
    row("SITE COPY /area/file /area/new", code=250, takes=READ | WRITE_NEW, changes=True),
    row(
        "SITE COPY /area/file /area/other",
        code=250,
        takes=READ | OVERWRITE,
        changes=True,
        otherwise={READ | WRITE_NEW: 553},
    ),
    row(
        "COMB /area/new /area/file /area/other",
        code=250,
        takes=READ | WRITE_NEW | DELETE,
        changes=True,
    ),
    row(
        "COMB /area/other /area/file",
        code=250,
        takes=READ | OVERWRITE | DELETE,
        changes=True,
        otherwise={READ | WRITE_NEW | DELETE: 553},
    ),
]
