"""What must be protected, for whom it differs, and copies between servers."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ftptls.settings.about import is_fingerprint, is_network, setting
from ftptls.settings.choices import LoginMode, Requirement, SessionReuse, UploadEnd
from ftptls.settings.rights import RIGHTS_LINE, Rights, is_rights_line


@dataclass(frozen=True, slots=True)
class Policy:
    """What must be protected, what proves who a user is, and how fast his data may go."""

    control_protection: Requirement = setting(
        Requirement.OPTIONAL,
        "Whether the control connection must be under TLS from before USER to its end; "
        "`required` rules CCC out.",
    )
    login_protection: Requirement = setting(
        Requirement.REQUIRED,
        "Whether USER is refused (530) before TLS is up, so that no password is sent in clear; "
        "`forbidden` refuses it under TLS, for users who are not worth it.",
        flag="login-protection",
    )
    login: LoginMode = setting(
        LoginMode.EITHER,
        "What proves who a user is: a `password`, the TLS client's `certificate` (232 answers "
        "USER then), `either`, where the certificate is tried first, or `both`. Certificates "
        "take an `x509:` among the `auth` strings, or a user store.",
        flag="login",
    )
    data_protection: Requirement = setting(
        Requirement.REQUIRED,
        "Whether a transfer is refused (521) unless PROT P is set; `forbidden` refuses it "
        "unless PROT C is.",
        flag="data-protection",
    )
    session_reuse: SessionReuse = setting(
        SessionReuse.PREFER,
        "Whether a protected data connection must resume the TLS session of its control "
        "connection: `require` refuses others with 522, `prefer` takes one that does before "
        "one that does not, `off` does not look.",
        flag="session-reuse",
    )
    download_rate: int = setting(
        0, "Most octets a second that a session's downloads and listings take; 0 is no limit."
    )
    upload_rate: int = setting(
        0, "Most octets a second that a session's uploads take; 0 is no limit."
    )
    auth_after_login: bool = setting(
        False, "Whether AUTH is accepted after login; the user must then log in again."
    )
    ccc: bool = setting(
        False,
        "Whether CCC may take TLS off the control connection after login, for clients behind "
        "a NAT that must read it. Names and replies then cross in clear text.",
    )
    upload_end: UploadEnd = setting(
        UploadEnd.STRICT,
        "What ends a protected upload: `strict` wants TLS close_notify, without which an "
        "attacker could cut it short; `accept_fin` takes the bare end of the connection, too.",
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy that differs for some, or rights; of several that match, the last one counts.

    Without users, networks or hosts, a rule matches everybody.

    Raises:
        TypeError: ``policy`` names no field of :class:`Policy`.
        ValueError: A network is none, or a line of rights.
    """

    users: tuple[str, ...] = setting((), "Names as USER gives them, with `*` and `?`.")
    networks: tuple[str, ...] = setting(
        (),
        "Where the client comes from.",
        accepts='a network such as "10.0.0.0/8" or "2001:db8::/32"',
        check=is_network,
    )
    hosts: tuple[str, ...] = setting((), "Virtual hosts, with `*` and `?`.")
    rights: tuple[str, ...] = setting(
        (),
        "What they may do, as in `files.rights`, and in place of it.",
        accepts=RIGHTS_LINE,
        check=is_rights_line,
    )
    policy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        replace(Policy(), **self.policy)
        Rights(self.rights)
        for network in self.networks:
            ipaddress.ip_network(network)


@dataclass(frozen=True, slots=True)
class FXP:
    """Copies between this server and another one, which a client arranges."""

    peers: tuple[str, ...] = setting(
        (),
        "Networks of the other servers; data connections may then also be made with them. "
        "Without any, data goes to and comes from the client's own address only.",
        accepts='a network such as "192.0.2.7/32" or "2001:db8::/32"',
        check=is_network,
    )
    authorities: str = setting(
        "",
        "PEM file with the authorities of the other servers' certificates, for SSCN and CPSV.",
        path=True,
    )
    names: tuple[str, ...] = setting(
        (), "Names that those certificates may be for; the other server's address is one, too."
    )
    pins: tuple[str, ...] = setting(
        (),
        "SHA-256 fingerprints of certificates that are trusted without an authority.",
        accepts="64 hexadecimal digits, with or without colons",
        check=is_fingerprint,
    )
