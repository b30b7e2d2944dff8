r"""Names from a map file with regular expressions, in the manner of PostgreSQL's ``pg_ident``.

::

    # field  expression                      name
    email    /(.*)@partner\.example/         \1
    uri      /spiffe:\/\/example\/(\w+)/     svc-\1
    dn       /CN=(Ann|Bob) \w+,O=Example/    readers

A line says: if the expression matches all of a text of this field, the certificate may use
this name. Every line counts, not only the first that matches.

The expressions are RE2's, which has no look-around and no references within an expression,
and takes time in proportion to the text, whatever the expression; a text has at most
:data:`~ftptls.cred.names.LONGEST` characters, an expression 1,000 and a file 10,000 lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from cryptography import x509

from ftptls.cred import names
from ftptls.cred.fields import UnusableError, field
from ftptls.cred.rereading import Rereading, whole_lines
from ftptls.errors import MissingExtraError

_LONGEST_EXPRESSION = 1000
_MOST_LINES = 10_000
_MEMORY = 1 << 20  # octets for one expression; larger ones are refused

_LINE = re.compile(r"(?P<field>\S+)\s+/(?P<expression>.+)/\s+(?P<name>\S+)")
_GROUP = re.compile(r"\\([0-9])")


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line of a map file.

    Attributes:
        field: The field that it is about, as in :data:`~ftptls.cred.fields.FIELDS`.
        expression: What must match all of a text; compiled by RE2.
        name: The name, where ``\1`` to ``\9`` stand for groups, and ``\0`` for all.
    """

    field: str
    expression: Any
    name: str

    def names(self, texts: Iterable[str]) -> Iterator[str]:
        """The names that this line makes of the texts of its field.

        Raises:
            UnusableError: One of them can be nobody's name.
        """
        for text in texts:
            match = self.expression.fullmatch(text)
            if match is None:
                continue
            name = _GROUP.sub(partial(_group, match), self.name)
            why = names.objection(name)
            if why:
                raise UnusableError(f"a name from the map file: {why}")
            yield name


class MapFile:
    """The lines of a map file, read again when it changes.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is wrong; says in which line.
        MissingExtraError: RE2 is not installed.
    """

    def __init__(self, path: str) -> None:
        self._file = Rereading(path, parse)

    def names(self, certificate: x509.Certificate) -> Collection[str]:
        """What the lines make of it; what one of them objects to is no matter to the others.

        Raises:
            UnusableError: There are objections, and no names.
        """
        found: list[str] = []
        refusal: UnusableError | None = None
        texts = lru_cache(maxsize=None)(lambda name: field(name)(certificate))
        for line in self._file.content():
            try:
                found += line.names(texts(line.field))
            except UnusableError as error:
                refusal = error
        if refusal is not None and not found:
            raise refusal
        return found


def parse(text: str) -> Sequence[Line]:
    """The lines of a map file.

    Raises:
        ValueError: One is wrong, or there are too many; says which one and why.
        MissingExtraError: RE2 is not installed.
    """
    lines = whole_lines(text)
    _re2()  # or say now that it is not there, and not when the first line comes
    if len(lines) > _MOST_LINES:
        raise ValueError(f"it has more than {_MOST_LINES} lines")
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(_line(line.strip()))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return found


def _line(text: str) -> Line:
    parts = _LINE.fullmatch(text)
    if parts is None:
        raise ValueError(r"it is not of the form: field /expression/ name")
    expression = _compiled(parts["expression"])
    if any(int(number) > expression.groups for number in _GROUP.findall(parts["name"])):
        raise ValueError("the name refers to a group that the expression does not have")
    field(parts["field"])  # or say now that there is no such one
    return Line(parts["field"], expression, parts["name"])


def _re2() -> Any:
    try:
        import re2  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("maps", "read map files with regular expressions") from None
    return re2


def _compiled(expression: str) -> Any:
    re2 = _re2()
    if len(expression) > _LONGEST_EXPRESSION:
        raise ValueError(f"the expression has more than {_LONGEST_EXPRESSION} characters")
    if r"\C" in expression:
        raise ValueError(r"\C is half a character at times; write a dot")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        (why,) = error.args
        raise ValueError(
            f"the expression is not accepted: {why.decode('utf-8', 'replace')}"
        ) from None


def _group(match: Any, reference: re.Match[str]) -> str:
    return match.group(int(reference[1])) or ""
