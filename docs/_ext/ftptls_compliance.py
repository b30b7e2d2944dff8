"""The compliance page: every command and extension of FTP that there is, and the answer here.

What a row says comes from the server's own table. What is written down here is only what that
table cannot know: what others have registered, and one dialogue for each command.
``tests/server/test_compliance.py`` walks the rows over live sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftptls_reference import Generated, literal
from sphinx.application import Sphinx

from ftptls.commands import Command, standard_commands

REGISTERED: Mapping[str, str] = {
    "base": """
        ABOR ACCT ALLO APPE CDUP CWD DELE HELP LIST MKD MODE NLST NOOP PASS PASV PORT PWD QUIT
        REIN REST RETR RMD RNFR RNTO SITE SMNT STAT STOR STOU STRU SYST TYPE USER
    """,
    "secu": "ADAT AUTH CCC CONF ENC MIC PBSZ PROT",
    "hist": "LPRT LPSV XCUP XCWD XMKD XPWD XRMD",
    "nat6": "EPRT EPSV",
    "feat": "FEAT OPTS LANG MDTM MLSD MLST SIZE HOST ALGS",
}
"""The commands of IANA's registry (RFC 5797), by the class that it gives them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A command that is carried out.

    The client is logged in under TLS with PROT P and TYPE I; there are the files ``/a.txt`` and
    ``/dir/b`` and the empty directory ``/empty``.

    Attributes:
        line: What the client says; ``{group}`` stands for a group of the server's user.
        code: The final reply.
        before: What it says before, each answered with 2yz or 3yz.
    """

    line: str
    code: int
    before: tuple[str, ...] = ()


EXAMPLES: Mapping[str, Example] = {
    "ABOR": Example("ABOR", 226),
    "ACCT": Example("ACCT sales", 202),
    "ALLO": Example("ALLO 1000", 202),
    "APPE": Example("APPE a.txt", 226),
    "AUTH": Example("AUTH TLS", 234, ("REIN",)),
    "AVBL": Example("AVBL", 213),
    "CCC": Example("CCC", 200),
    "CDUP": Example("CDUP", 250),
    "CLNT": Example("CLNT NcFTP", 200),
    "CPSV": Example("CPSV", 227),
    "CSID": Example("CSID Name=FTP Voyager; Version=15;", 200),
    "CWD": Example("CWD dir", 250),
    "DELE": Example("DELE a.txt", 250),
    "EPRT": Example("EPRT |1|192.0.2.1|51200|", 200),
    "EPSV": Example("EPSV", 229),
    "FEAT": Example("FEAT", 211),
    "HELP": Example("HELP", 214),
    "COMB": Example('COMB "all.txt" "a.txt" "dir/b"', 250),
    "HASH": Example("HASH a.txt", 213),
    "HOST": Example("HOST a.example", 220, ("REIN",)),
    "LANG": Example("LANG en", 200),
    "LIST": Example("LIST", 226),
    "MD5": Example("MD5 a.txt", 251),
    "MDTM": Example("MDTM a.txt", 213),
    "MFCT": Example("MFCT 20200101000000 a.txt", 213),
    "MFF": Example("MFF Modify=20200101000000; a.txt", 213),
    "MFMT": Example("MFMT 20200101000000 a.txt", 213),
    "MKD": Example("MKD new", 257),
    "MLSD": Example("MLSD", 226),
    "MLST": Example("MLST a.txt", 250),
    "MODE": Example("MODE Z", 200),
    "NLST": Example("NLST", 226),
    "NOOP": Example("NOOP", 200),
    "OPTS": Example("OPTS MLST type;size;", 200),
    "OPTS HASH": Example("OPTS HASH SHA-512", 200),
    "OPTS MLST": Example("OPTS MLST type;size;", 200),
    "OPTS UTF8": Example("OPTS UTF8 ON", 200),
    "OPTS UTF-8": Example("OPTS UTF-8 ON", 200),
    "OPTS MODE": Example("OPTS MODE Z LEVEL 9", 200),
    "PASS": Example("PASS open sesame", 230, ("USER alice",)),
    "PASV": Example("PASV", 227),
    "PBSZ": Example("PBSZ 0", 200),
    "PORT": Example("PORT 192,0,2,1,200,0", 200),
    "PROT": Example("PROT P", 200),
    "PWD": Example("PWD", 257),
    "QUIT": Example("QUIT", 221),
    "RANG": Example("RANG 0 1", 350),
    "REIN": Example("REIN", 220),
    "REST": Example("REST 2", 350),
    "RETR": Example("RETR a.txt", 226),
    "RMD": Example("RMD empty", 250),
    "RNFR": Example("RNFR a.txt", 350),
    "RNTO": Example("RNTO c.txt", 250, ("RNFR a.txt",)),
    "SITE": Example("SITE HELP", 214),
    "SITE CHGRP": Example("SITE CHGRP {group} a.txt", 200),
    "SITE CHMOD": Example("SITE CHMOD 600 a.txt", 200),
    "SITE COPY": Example("SITE COPY a.txt c.txt", 250),
    "SITE CPFR": Example("SITE CPFR a.txt", 350),
    "SITE CPTO": Example("SITE CPTO c.txt", 250, ("SITE CPFR a.txt",)),
    "SITE HELP": Example("SITE HELP", 214),
    "SITE IDLE": Example("SITE IDLE 600", 200),
    "SITE MKDIR": Example("SITE MKDIR new/deep", 257),
    "SITE SYMLINK": Example("SITE SYMLINK a.txt link", 200),
    "SITE UMASK": Example("SITE UMASK 077", 200),
    "SITE UTIME": Example("SITE UTIME 20200101000000 a.txt", 200),
    "SITE WHOAMI": Example("SITE WHOAMI", 200),
    "SIZE": Example("SIZE a.txt", 213),
    "SSCN": Example("SSCN ON", 200),
    "STAT": Example("STAT", 211),
    "STOR": Example("STOR new", 226),
    "STOU": Example("STOU", 226),
    "STRU": Example("STRU F", 200),
    "SYST": Example("SYST", 215),
    "TYPE": Example("TYPE I", 200),
    "USER": Example("USER alice", 331),
    "XCRC": Example("XCRC a.txt", 250),
    "XCUP": Example("XCUP", 250),
    "XCWD": Example("XCWD dir", 250),
    "XMD5": Example("XMD5 a.txt", 250),
    "XMKD": Example("XMKD new", 257),
    "XPWD": Example("XPWD", 257),
    "XRMD": Example("XRMD empty", 250),
    "XSHA": Example("XSHA a.txt", 250),
    "XSHA1": Example("XSHA1 a.txt", 250),
    "XSHA256": Example("XSHA256 a.txt", 250),
    "XSHA512": Example("XSHA512 a.txt", 250),
}
"""One dialogue for each command that is offered, by its verb in the table."""


@dataclass(frozen=True, slots=True)
class Feature:
    """An extension, as servers tell of it in FEAT.

    Attributes:
        name: What its line begins with.
        source: Who defines it, or tells of it.
        verb: The command of ours whose record tells of it; empty if none does.
        why: If none does: why.
    """

    name: str
    source: str
    verb: str = ""
    why: str = ""


_STREAMLINED = "draft-peterson-streamlined-ftp-command-extensions"
_PRACTICE = "CuteFTP, ProFTPD"

FEATURES = (
    Feature("AUTH TLS", "RFC 4217", "AUTH"),
    Feature("AUTH SSL", "older drafts", why="AUTH SSL is accepted, and not advertised."),
    Feature("AUTH GSSAPI", "RFC 2228", why="Security is by TLS alone."),
    Feature("AVBL", _STREAMLINED, "AVBL"),
    Feature("CCC", "RFC 4217", "CCC"),
    Feature("CLNT", "NcFTP", "CLNT"),
    Feature("COMB", "GlobalSCAPE", "COMB"),
    Feature("CPSV", "glFTPd", "CPSV"),
    Feature("CSID", "Serv-U", "CSID"),
    Feature("DSIZ", _STREAMLINED, why="A size of a whole tree takes a walk; MLSD does it."),
    Feature("EPRT", "RFC 2428", "EPRT"),
    Feature("EPSV", "RFC 2428", "EPSV"),
    Feature("ESTA", "Pure-FTPd", why="EPRT does the same."),
    Feature("ESTP", "Pure-FTPd", why="EPSV does the same."),
    Feature("HASH", "draft-bryan-ftpext-hash", "HASH"),
    Feature("HOST", "RFC 7151", "HOST"),
    Feature("IDLE", "Pure-FTPd", why="The command is SITE IDLE."),
    Feature("LANG", "RFC 2640", "LANG"),
    Feature("MD5", "draft-twine-ftpmd5", "MD5"),
    Feature("MDTM", "RFC 3659", "MDTM"),
    Feature("MFCT", "draft-somers-ftp-mfxx", "MFCT"),
    Feature("MFF", "draft-somers-ftp-mfxx", "MFF"),
    Feature("MFMT", "draft-somers-ftp-mfxx", "MFMT"),
    Feature("MLST", "RFC 3659", "MLST"),
    Feature("MMD5", "draft-twine-ftpmd5", why="HASH, or MD5, for each file."),
    Feature("MODE Z", "draft-preston-ftpext-deflate", "MODE"),
    Feature("PASV", "vsftpd", why="PASV is there; RFC 2389 §3.2 wants no base commands in FEAT."),
    Feature("PBSZ", "RFC 4217", "PBSZ"),
    Feature("PRET", "DrFTPD", why="Nothing has to be known before the data connection."),
    Feature("PROT", "RFC 4217", "PROT"),
    Feature("RANG STREAM", "draft-bryan-ftp-range", "RANG"),
    Feature("REST STREAM", "RFC 3659", "REST"),
    Feature("RMDA", _STREAMLINED, why="Whole trees are not removed by one command."),
    Feature("SITE CHGRP", "ProFTPD", "SITE CHGRP"),
    Feature("SITE CHMOD", "ProFTPD", "SITE CHMOD"),
    Feature("SITE COPY", "ProFTPD", "SITE COPY"),
    Feature("SITE MKDIR", "ProFTPD", "SITE MKDIR"),
    Feature("SITE RMDIR", "ProFTPD", why="RMD removes an empty directory."),
    Feature("SITE SYMLINK", "ProFTPD", "SITE SYMLINK"),
    Feature("SITE UMASK", "many servers", "SITE UMASK"),
    Feature("SITE UTIME", "ProFTPD", "SITE UTIME"),
    Feature("SIZE", "RFC 3659", "SIZE"),
    Feature("SPSV", "draft-rosenau-ftp-single-port", why="EPSV does it."),
    Feature("SSCN", "ProFTPD, RaidenFTPD", "SSCN"),
    Feature("THMB", _STREAMLINED, why="No thumbnails are made here."),
    Feature("TVFS", "RFC 3659", "MLST"),
    Feature("UTF8", "RFC 2640", "OPTS UTF8"),
    Feature("XCRC", _PRACTICE, "XCRC"),
    Feature("XDUPE", "glFTPd", why="MLSD tells what is there already."),
    Feature("XMD5", _PRACTICE, "XMD5"),
    Feature("XSHA", _PRACTICE, "XSHA"),
    Feature("XSHA1", _PRACTICE, "XSHA1"),
    Feature("XSHA256", _PRACTICE, "XSHA256"),
    Feature("XSHA512", _PRACTICE, "XSHA512"),
)
"""Every extension that we know of, from RFCs, drafts and other servers."""


def code(command: Command) -> int:
    """What it answers: when it is carried out, or always if it is refused."""
    if command.refusal is not None:
        return command.refusal.code
    return EXAMPLES[command.verb].code


class Compliance(Generated):
    """One of the tables, by its name."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        made = {"registered": self.registered, "others": self.others, "features": self.features}
        yield from made[self.arguments[0]]()

    def registered(self) -> Iterator[str]:
        table = standard_commands()
        rows = sorted((verb, kind) for kind, verbs in REGISTERED.items() for verb in verbs.split())
        yield from _head("Command", "Class", "Defined in", "Here", "Since")
        for verb, kind in rows:
            yield from _row(literal(verb), literal(kind), *_cells(table[verb]))

    def others(self) -> Iterator[str]:
        known = {verb for verbs in REGISTERED.values() for verb in verbs.split()}
        rest = (each for each in standard_commands().values() if each.verb not in known)
        yield from _head("Command", "Defined in", "Here", "Since")
        for command in sorted(rest, key=lambda each: each.verb):
            yield from _row(literal(command.verb), *_cells(command))

    def features(self) -> Iterator[str]:
        table = standard_commands()
        yield from _head("In FEAT", "Told by", "Here", "Since")
        for each in FEATURES:
            here = f"by {literal(each.verb)}" if each.verb else f"not told. {each.why}"
            since = table[each.verb].since if each.verb else ""
            yield from _row(literal(each.name), each.source, here, since)


def _cells(command: Command) -> tuple[str, str, str]:
    answer = code(command)
    if command.refusal is not None:
        return command.rfc, f"refused, {answer}: {command.refusal.text}", ""
    return command.rfc, f"implemented, {answer}", command.since


def _head(*titles: str) -> Iterator[str]:
    yield from ("", ".. list-table::", "   :header-rows: 1", "")
    yield from _row(*titles)


def _row(*cells: str) -> Iterator[str]:
    for number, cell in enumerate(cells):
        yield f"     - {cell}" if number else f"   * - {cell}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-compliance", Compliance)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
