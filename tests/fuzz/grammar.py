"""Command lines: right, nearly right and wrong ones, for every verb of the table.

What is right is read from the table's own syntax, as HELP shows it. So a new command is
fuzzed as soon as it has a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from ftptls.commands import standard_commands
from ftptls.testing.dialogue import CLIENT, PASSWORD, SERVER, STRANGER, USER
from ftptls.wire.states import SEQUENCES

T = TypeVar("T")

COMMANDS = standard_commands()
CONTENT = {"/f": b"0123\r\n45\n", "/dir/g": b"", "/dir/deep/h.txt": b"\xff" * 300, "/a b": b"x"}
# Where the clients of these tests listen, for PORT and EPRT.
CLIENT_PORT = 51200
# No reply may repeat this, but for those that tell a pathname.
CANARY = "c4narY"

_SPACE = "\ue000"  # stands for the blanks of a syntax, of which only one is said
_TOKENS = re.compile(r"<[^>]+>|\[|\]| \| |\.\.\.| +|(?:(?!\.\.\.)[^\s<\[\]])+")


def weighted(*choices: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """One of several; ``one_of`` would count the branches of each."""
    each = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.integers(0, len(each) - 1).flatmap(each.__getitem__)


def _some(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


_numbers = weighted(
    (6, st.integers(0, 9).map(str)),
    (1, _some("00", "-1", "+1", "1e3", "٣", "9" * 5000, " 1", "99", "600")),
    (1, st.sampled_from([2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64]).map(str)),
)
_there = _some("f", "/f", "dir/g", "/dir/deep/h.txt", "a b", "dir/../f")
_folders = _some("dir", "dir/deep", "/", ".", "..", "../..", "dir/")
_new = _some("new", "new/x", "dir/new", CANARY, f"dir/{CANARY}", f"{CANARY}/x", "", "-", "-la", "~")
_paths = weighted(
    (8, _there),
    (4, _folders),
    (4, _new),
    (2, _some("*", "*.txt", "dir/*", "**", "[a-z]", "[", "?", "*" * 40 + "b", "{a,b}", "\\")),
    (1, _some("a" * 255, "a" * 256, "a/" * 300, "é", "\udce9", "\udcff", '"', '""', '"f"')),
    (1, _some(" f", "f ", "a\tb", "a\x1b[2Jb", "a\x7f", "\u202ef", "\ud7ff", "f\0", "f\rx")),
    (1, st.text(max_size=8)),
)
_hosts = st.sampled_from([*[CLIENT] * 8, SERVER, STRANGER, "::1", "0.0.0.0", "127.0.0.1"])
_ports = st.sampled_from([*[CLIENT_PORT] * 8, 0, 1, 21, 1023, 65535, 65536])
_host_ports = st.builds(
    lambda host, port: ",".join([*host.split("."), str(port >> 8), str(port & 255)]),
    _hosts,
    _ports,
)
_times = _some(
    *("20240229123456", "20240229123456.789", "20230229000000", "99999999999999", "0", "2024"),
    *("19700101000000", "00000000000000", "202402291234", "20240229123460", "20240229123456 UTC"),
)
_facts = st.sampled_from(["type;", "size;modify;", "Size;", "modify;;", "perm;bogus;", ";", "type"])
_verbs = st.sampled_from([*COMMANDS, "CHMOD", "XYZZY"])
_logins = st.sampled_from([USER, USER, "anonymous", "ftp", CANARY, "alice\udcff", "a" * 5000])
_anything = weighted(
    *((1, each) for each in (_paths, _numbers, _host_ports, _times, _facts, _verbs, _logins))
)

_BLANK = st.just(_SPACE)
# By a word in what the syntax calls a placeholder; the first that fits.
_PLACEHOLDERS = {
    "flags": st.sampled_from(["-la", "-R", "-aRlt", "-", "--", "-1", "-lS", "-z"]),
    "user": _logins,
    "password": st.sampled_from([PASSWORD, PASSWORD, "wrong", "", CANARY]),
    "protocol": st.sampled_from(["1", "1", "2", "3", "x"]),
    "address": _hosts,
    "port": _ports.map(str),
    "hostname": st.sampled_from(["a.example", "[::1]", SERVER, "-", f"{CANARY}.example", "a:21"]),
    "language": st.sampled_from(["en", "en-GB", "de", "x-klingon", "*", "e" * 99]),
    "algorithm": st.sampled_from(["SHA-256", "SHA-512", "SHA-1", "MD5", "CRC32", "md5", "ROT13"]),
    "facts": _facts,
    "fact": _some("Modify", "modify", "Create", "UNIX.mode", "UNIX.group", "Size", "bogus"),
    "value": weighted((1, _times), (1, _some("644", "0600", "888", "root", "no-group", ""))),
    "group": _some("root", "0", "no-group", "-1", CANARY),
    "option": weighted((1, _facts), (1, _some("ON", "Z LEVEL 5", "SHA-1", ""))),
    "mode": st.sampled_from(["644", "0755", "777", "888", "7777", "-1", "u+x"]),
    "time": _times,
    "yyyy": _times,
    "command": _verbs,
    **dict.fromkeys(("octets", "first", "last", "start", "end", "seconds", "size"), _numbers),
    **dict.fromkeys(("path", "source", "target", "part", "link", "file", "directory"), _paths),
}
_LITERALS = {
    "h1,h2,h3,h4,p1,p2": _host_ports,
    "af,hal,h1,": st.sampled_from(["4,4,192,0,2,1,2,200,0", "6,16,0", "1"]),
    "0-9": st.integers(0, 10).map(str),
}


def _placeholder(name: str) -> st.SearchStrategy[str]:
    if name == "SP":
        return _BLANK
    if name.startswith('"'):
        return _placeholder(name.strip('"')).map('"{}"'.format)
    return next((each for word, each in _PLACEHOLDERS.items() if word in name.lower()), _anything)


def _literal(text: str) -> st.SearchStrategy[str]:
    """A word that stands for itself, unless it shows a form."""
    return _LITERALS.get(text, st.just(text))


def _joined(parts: Sequence[st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


def _after_blank(parts: Sequence[st.SearchStrategy[str]]) -> int:
    """Where the last word begins."""
    return max((at + 1 for at, part in enumerate(parts) if part is _BLANK), default=0)


def _alternatives(tokens: list[str]) -> st.SearchStrategy[str]:
    """Everything up to the end, or to the bracket that closes: one of what is between bars."""
    choices: list[st.SearchStrategy[str]] = []
    parts: list[st.SearchStrategy[str]] = []
    while tokens and (token := tokens.pop(0)) != "]":
        if token == " | ":
            choices.append(_joined(parts))
            parts = []
        elif token == "[":
            parts.append(st.one_of(st.just(""), _alternatives(tokens)))
        elif token == "...":
            start = 0 if parts[-1] is _BLANK else _after_blank(parts)
            again = st.lists(_joined(parts[start:]), min_size=1, max_size=4).map("".join)
            parts = [*parts[:start], again]
        elif token.isspace():
            parts.append(_BLANK)
        elif token.startswith("<"):
            parts.append(_placeholder(token[1:-1]))
        else:
            parts.append(_literal(token))
    return st.one_of(*choices, _joined(parts))


def right_arguments(verb: str) -> st.SearchStrategy[str]:
    """Arguments of the shape that the verb's syntax shows, if not of values that it accepts."""
    syntax = COMMANDS[verb].syntax
    for word in verb.split():
        syntax = syntax.strip().removeprefix("<SP>").strip().removeprefix(word)
    written = _alternatives(_TOKENS.findall(syntax))
    return written.map(lambda text: re.sub(f"{_SPACE}+", " ", text.strip(_SPACE)))


@st.composite
def _mutated(draw: st.DrawFn, lines: st.SearchStrategy[bytes]) -> bytes:
    """A line with one thing wrong."""
    line = draw(lines)
    at = draw(st.integers(0, len(line)))
    octet = draw(st.integers(0, 255).filter(lambda octet: octet != 10)).to_bytes(1, "big")
    how = draw(st.sampled_from(["insert", "delete", "replace", "cut", "double", "swap"]))
    return {
        "insert": line[:at] + octet + line[at:],
        "delete": line[:at] + line[at + 1 :],
        "replace": line[:at] + octet + line[at + 1 :],
        "cut": line[:at],
        "double": line[:at] + line,
        "swap": line.swapcase(),
    }[how]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _of(verb: str) -> st.SearchStrategy[bytes]:
    right = right_arguments(verb).map(lambda text: _encoded(f"{verb} {text}" if text else verb))
    wrong = _anything.map(lambda text: _encoded(f"{verb} {text}"))
    return weighted((7, right), (2, _mutated(right)), (1, wrong))


_strange = weighted(
    (1, _some("", " ", "XYZZY", "GET / HTTP/1.1", "\udce9", "NOOP" * 3000).map(_encoded)),
    (1, st.binary(max_size=40)),
)
_by_verb = {verb: _of(verb) for verb in COMMANDS}


def _among(verbs: Iterable[str]) -> st.SearchStrategy[bytes]:
    """Lines of these verbs, of each equally often."""
    return st.sampled_from(sorted(verbs)).flatmap(_by_verb.__getitem__)


_offered = {verb for verb, each in COMMANDS.items() if each.implemented}
_transferring = {verb for verb, each in COMMANDS.items() if each.opens_data}
_line = weighted((16, _among(_offered)), (1, _among(COMMANDS.keys() - _offered)), (1, _strange))
_port = _among({"PASV", "EPSV", "PORT", "EPRT"})


@st.composite
def _phrase(draw: st.DrawFn) -> list[bytes]:
    """One line, or several that belong together."""
    transfer = _among(_transferring)
    openers = sorted(SEQUENCES.keys() & COMMANDS.keys())
    how = draw(st.sampled_from(["line", "line", "line", "transfer", "sequence", "both"]))
    if how == "line":
        return [draw(_line)]
    if how == "transfer":
        return [draw(_port), draw(transfer)]
    opener = draw(st.sampled_from(openers))
    begun = [draw(_by_verb[opener])]
    if how == "both":
        begun.append(draw(_port))
    return [*begun, draw(_among(SEQUENCES[opener].completed_by))]


# Between line and end: what RFC 854 lets a client weave in, and the two ends there are.
telnet = st.sampled_from([*[b""] * 9, b"\xff\xf1", b"\xff\xf4\xff\xf2", b"\xff\xfd\x06"])
ends = st.sampled_from([*[b"\r\n"] * 9, b"\n", b"\r\r\n"])
# How what is sent arrives: as it was sent, mostly; very small pieces take long.
segments = weighted(
    (3, st.none()),
    (1, st.lists(st.integers(1, 64), min_size=1, max_size=8)),
)


@st.composite
def dialogues(draw: st.DrawFn) -> list[bytes]:
    """Lines as they go over the wire: IAC doubled, Telnet in front, each with exactly one LF."""
    phrases = draw(st.lists(_phrase(), min_size=1, max_size=10))
    return [
        draw(telnet) + line.replace(b"\n", b"").replace(b"\xff", b"\xff\xff") + draw(ends)
        for phrase in phrases
        for line in phrase
    ]
