"""Every setting, declared once: value, default, flag and help.

These frozen dataclasses are what the rest of the code reads. :mod:`ftptls.config`
fills them from a TOML file and from ``twistd ftptls`` flags; the reference page is
generated from them. A setting is a field made by :func:`setting`; a TOML section is
a field of :class:`Settings` that holds another dataclass.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


def setting(default: Any, help_text: str, *, flag: str = "") -> Any:
    """A dataclass field that is a setting.

    Args:
        default: The value without configuration.
        help_text: One or two sentences for ``--help`` and the reference page.
        flag: Name of its command-line flag; without one it is for the file only.
    """
    return field(default=default, metadata={"help": help_text, "flag": flag})


class Requirement(enum.Enum):
    """Whether protection by TLS is due."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class SessionReuse(enum.Enum):
    """Whether a data connection must resume the control connection's TLS session."""

    REQUIRE = "require"
    PREFER = "prefer"
    OFF = "off"


class UploadMode(enum.Enum):
    """How STOR writes a file."""

    ATOMIC = "atomic"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class PortRange:
    """TCP ports from ``first`` to ``last``, both included; 0 to 0 lets the system choose."""

    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if (self.first, self.last) != (0, 0) and not 1 <= self.first <= self.last <= 65535:
            raise ValueError(f"{self.first}-{self.last} is no range of ports")

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens: Twisted endpoint strings."""

    explicit: tuple[str, ...] = setting(
        (),
        "Endpoint on which clients start in clear text and send AUTH TLS, such as "
        "`tcp:21` or `tcp6:2121:interface=\\:\\:1`. May be repeated.",
        flag="explicit",
    )
    implicit: tuple[str, ...] = setting(
        (),
        "Endpoint on which TLS starts at once, such as `tcp:990`. May be repeated.",
        flag="implicit",
    )


@dataclass(frozen=True, slots=True)
class TLS:
    """The server's certificate."""

    certificate: str = setting(
        "",
        "PEM file with the server's certificate, followed by its chain. "
        "Without one, the server speaks clear text only.",
        flag="certificate",
    )
    key: str = setting(
        "",
        "PEM file with the private key; by default it is looked for in the certificate's file.",
        flag="key",
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """What must be protected."""

    login_protection: Requirement = setting(
        Requirement.REQUIRED,
        "Whether USER is refused (530) before TLS is up, so that no password is sent in clear.",
        flag="login-protection",
    )
    data_protection: Requirement = setting(
        Requirement.REQUIRED,
        "Whether a transfer is refused (521) unless PROT P is set.",
        flag="data-protection",
    )
    session_reuse: SessionReuse = setting(
        SessionReuse.PREFER,
        "Whether a protected data connection must resume the TLS session of its control "
        "connection: `require` refuses others with 522, `prefer` takes one that does before "
        "one that does not, `off` does not look.",
        flag="session-reuse",
    )
    auth_after_login: bool = setting(
        False, "Whether AUTH is accepted after login; the user must then log in again."
    )


@dataclass(frozen=True, slots=True)
class Passive:
    """Passive data connections."""

    ports: PortRange = setting(
        PortRange(),
        "Ports for passive data connections, such as `50000-50100`; `0-0` lets the system choose.",
        flag="passive-ports",
    )
    masquerade: str = setting(
        "",
        "IPv4 address that PASV announces instead of the server's own, for a server behind NAT.",
        flag="masquerade-address",
    )


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are served."""

    root: str = setting("", "Folder to serve.", flag="root")
    upload_mode: UploadMode = setting(
        UploadMode.ATOMIC,
        "`atomic` writes a STOR to a hidden temporary file and renames it when it is whole; "
        "`direct` writes in place and keeps what arrived for a resume.",
        flag="upload-mode",
    )
    read_only: bool = setting(False, "Whether every change is refused.", flag="read-only")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on time, size and patience. Times are seconds."""

    line_length: int = setting(8192, "Longest command line accepted, in octets.")
    idle_timeout: float = setting(300.0, "Time without a command or transfer before 421.")
    login_timeout: float = setting(60.0, "Time from connection to login before 421.")
    handshake_timeout: float = setting(20.0, "Time for a TLS handshake.")
    connect_timeout: float = setting(
        20.0, "Time for a data connection to be made and protected, once a transfer asks for it."
    )
    passive_timeout: float = setting(
        120.0, "Time a passive port stays open without a transfer command."
    )
    stall_timeout: float = setting(120.0, "Time a transfer may go without progress.")
    close_timeout: float = setting(1.0, "Time the other side is given to close behind us.")
    resume_grace: float = setting(
        0.25, "Under `prefer`: time a resumed data connection is waited for when several compete."
    )
    refusal_grace: float = setting(
        2.0, "Time the right data connection is waited for after a wrong one was refused."
    )
    login_attempts: int = setting(3, "Failed logins before the connection is closed.")
    login_delay: float = setting(0.5, "Wait before a failed login is answered; doubles each time.")
    bad_commands: int = setting(20, "Unknown or malformed commands before the connection closes.")
    candidates: int = setting(4, "Data connections that may compete for one transfer.")
    threads: int = setting(8, "Threads for disk, encryption and transfers.")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, by section."""

    auth: tuple[str, ...] = setting(
        (),
        "How users are checked, as a Cred string such as `memory:alice:secret`, "
        "`file:/etc/ftptls.passwd` or `anonymous`; see --help-auth. May be repeated.",
        flag="auth",
    )
    banner: str = setting("Service ready.", "Text of the 220 greeting.")
    listen: Listen = field(default_factory=Listen)
    tls: TLS = field(default_factory=TLS)
    policy: Policy = field(default_factory=Policy)
    passive: Passive = field(default_factory=Passive)
    files: Files = field(default_factory=Files)
    limits: Limits = field(default_factory=Limits)
