"""The values among which settings choose."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Requirement(enum.Enum):
    """Whether protection by TLS is due."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


class LoginMode(enum.Enum):
    """What proves who a user is."""

    PASSWORD = "password"  # noqa: S105 - it is not one
    CERTIFICATE = "certificate"
    EITHER = "either"
    BOTH = "both"


class SessionReuse(enum.Enum):
    """Whether a data connection must resume the control connection's TLS session."""

    REQUIRE = "require"
    PREFER = "prefer"
    OFF = "off"


class UploadEnd(enum.Enum):
    """What proves that a protected upload is whole."""

    STRICT = "strict"
    ACCEPT_FIN = "accept_fin"


class UploadMode(enum.Enum):
    """How STOR writes a file."""

    ATOMIC = "atomic"
    DIRECT = "direct"
    ATOMIC_RESUME = "atomic-resume"


class Links(enum.Enum):
    """What a symbolic link on the disk is to clients."""

    FOLLOW = "follow"
    HIDE = "hide"
    REFUSE = "refuse"


class OwnerNames(enum.Enum):
    """Whom listings name as owner and group of a file."""

    REAL = "real"
    NUMERIC = "numeric"
    FTP = "ftp"


class HiddenNames(enum.Enum):
    """Whether listings show names that begin with a dot."""

    SHOW = "show"
    ON_REQUEST = "on_request"
    NEVER = "never"


class Profile(enum.Enum):
    """Which versions and ciphers of TLS are spoken."""

    MODERN = "modern"
    INTERMEDIATE = "intermediate"
    LEGACY = "legacy"


class Version(enum.Enum):
    """A version of TLS."""

    PROFILE = "profile"
    TLS_1_0 = "1.0"
    TLS_1_1 = "1.1"
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class ClientCertificate(enum.Enum):
    """Whether a client must show a certificate."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class OCSP(enum.Enum):
    """Whether client certificates are asked about, and what happens without an answer."""

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"


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
