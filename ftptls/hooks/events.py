"""What a hook is told of an event: the one list of its facts, and how they are written."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, fields
from typing import Any

from ftptls.settings import EventKind

_PREFIX = "FTPTLS_"


def _fact(help_text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": help_text})


def _required(help_text: str) -> Any:
    return field(metadata={"help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. What does not apply to it, or is not known, is ``None``.

    Names of files that are not in UTF-8 hold surrogates, as Python has them.
    """

    id: str = field(
        default_factory=lambda: secrets.token_hex(16),
        metadata={"help": "A name of the event that no other one has; the same in every attempt."},
    )
    event: EventKind = _required("What happened.")
    time: str = _required("When, in UTC, as in ISO 8601: `2026-03-01T12:30:00.250Z`.")
    session: str = _required("A name of the control connection that no other one has.")
    client: str = _required("The client's address.")
    port: int = _required("The client's port.")
    user: str | None = _fact("The name that is logged in, or that was tried.")
    host: str | None = _fact("The virtual host that the client named.")
    command: str | None = _fact("The command that transferred, such as `STOR`.")
    path: str | None = _fact("The path, as the user has it; of a rename, the old one.")
    target: str | None = _fact("Of a rename: the new path.")
    real_path: str | None = _fact(
        "Where it is on the disk of the server, or was before it was deleted; of a rename, the "
        "new one."
    )
    size: int | None = _fact("Octets in the file.")
    octets: int | None = _fact("Octets that were transferred.")
    seconds: float | None = _fact("How long the transfer took.")
    sha256: str | None = _fact("SHA-256 of the file in hexadecimal, if a hook asked for it.")
    tls_version: str | None = _fact("TLS of the control connection, such as `TLSv1.3`.")
    tls_cipher: str | None = _fact("The cipher suite there.")
    certificate_subject: str | None = _fact("Subject of the client's certificate.")
    certificate_sha256: str | None = _fact("Fingerprint of the client's certificate.")

    @property
    def facts(self) -> dict[str, Any]:
        """What is known, by name; of plain values."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        known["event"] = self.event.value
        return {name: value for name, value in known.items() if value is not None}

    def as_json(self) -> str:
        """The facts as a JSON object, in ASCII on one line."""
        return json.dumps(self.facts)

    def environment(self) -> dict[bytes, bytes]:
        """The facts as variables of a program's environment, and all of them as JSON.

        Names of files are the octets that they are, whatever the locale of the server.
        """
        variables = {variable(name): str(value) for name, value in self.facts.items()}
        variables[variable("json")] = self.as_json()
        return {name.encode(): _octets(value) for name, value in variables.items()}


def _octets(text: str) -> bytes:
    # The system allows everything but NUL, which the subject of a certificate may hold.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no octet
        return text.encode("utf-8", "replace")


def variable(name: str) -> str:
    """The variable of a fact: ``FTPTLS_REAL_PATH``."""
    return _PREFIX + name.upper()


def described() -> dict[str, str]:
    """What each fact is, by name."""
    return {each.name: each.metadata["help"] for each in fields(Event)}
