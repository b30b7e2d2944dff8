"""Hooks: who is told of what happens, and who is asked whether an upload may be."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ftptls.settings.about import setting


class EventKind(enum.Enum):
    """What hooks can be told of.

    Attributes:
        help: When it happens.
    """

    help: str

    UPLOAD_HELD = (
        "upload_held",
        (
            "An upload is whole, and not yet the file: the exit status of the program decides "
            "whether it becomes that."
        ),
    )
    UPLOAD = "upload", "An upload became the file; copies on the server are uploads, too."
    DOWNLOAD = "download", "A file, or the part that was asked for, was sent."
    DELETE = "delete", "A file, or a link, was deleted."
    RENAME = "rename", "A file or directory was renamed."
    DIRECTORY_MADE = "directory_made", "A directory was made."
    DIRECTORY_REMOVED = "directory_removed", "A directory was removed."
    LOGIN = "login", "A user logged in."
    LOGIN_FAILED = "login_failed", "A login was refused."

    def __new__(cls, value: str, help_text: str) -> EventKind:
        """A kind by its name in settings."""
        kind = object.__new__(cls)
        kind._value_ = value
        kind.help = help_text
        return kind


EVENT_KINDS: dict[str, EventKind] = {str(kind.value): kind for kind in EventKind}
"""Each by its name in settings."""


class OnFailure(enum.Enum):
    """What becomes of an upload where nobody could decide."""

    REFUSE = "refuse"
    ACCEPT = "accept"


def is_hook_url(text: str) -> bool:
    """Whether something can be sent to it by HTTP."""
    if not re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0 and not (parts.username or parts.fragment)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hook:
    """Who is told of events: a program that is run for each, or a URL that gets them.

    Raises:
        ValueError: They do not go together.
    """

    events: tuple[str, ...] = setting(
        (),
        "What it is told of. With `upload_held`, a program is asked about each upload.",
        accepts=f"some of {', '.join(EVENT_KINDS)}",
        check=EVENT_KINDS.__contains__,
    )
    program: tuple[str, ...] = setting(
        (),
        "Program, with its arguments, that is run for each event, without a shell. What happened "
        "is in its environment, and as JSON on its standard input; with `upload_held`, there is "
        "the content of the file.",
    )
    timeout: float = setting(
        50.0,
        "Seconds that the program, or one POST to the URL, may take. While an upload is held its "
        "client waits, and curl does so for 60 seconds.",
        minimum=0.1,
    )
    processes: int = setting(4, "How many of the program may run at once.", minimum=1)
    on_failure: OnFailure = setting(
        OnFailure.REFUSE,
        "With `upload_held`, what becomes of the upload if the program can say neither yes nor "
        "no: it cannot be run, takes too long, or ends with another status than 0 and 1. "
        "`refuse` answers 451.",
    )
    url: str = setting(
        "",
        "URL to which each event is sent, as JSON by POST.",
        accepts="a URL that begins with https:// or http://, without a user or a fragment",
        check=is_hook_url,
    )
    key: str = setting(
        "",
        "File with the key that signs what is sent: `whsec_` and 24 to 64 octets in Base64. With "
        "several, a line for each, there is a signature of each.",
        path=True,
    )
    authorities: str = setting(
        "",
        "PEM file with the authorities of the certificate of an https:// URL; by default, those "
        "that the system trusts.",
        path=True,
    )
    queue: str = setting(
        "",
        "File in which events wait until the URL has taken them; it survives a restart. Each "
        "hook has its own.",
        path=True,
    )
    waiting: int = setting(
        10_000,
        "How many events may wait for the program or the URL; with one more, the oldest is "
        "dropped, and the log says so.",
        minimum=1,
    )
    sha256: bool = setting(
        False,
        "Whether events of uploads carry the SHA-256 of the file, for which it is read once more.",
    )

    def __post_init__(self) -> None:
        if bool(self.program) == bool(self.url):
            raise ValueError("a hook needs a program or a url, and not both")
        if not self.events:
            raise ValueError(f"a hook needs events, some of {', '.join(EVENT_KINDS)}")
        if self.url and not (self.key and self.queue):
            raise ValueError("a hook with a url needs a key that signs, and the file of a queue")
        if self.url and EventKind.UPLOAD_HELD in self.kinds:
            raise ValueError("a url cannot be asked about uploads (upload_held); a program can")

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The events."""
        return frozenset(EVENT_KINDS[name] for name in self.events)
