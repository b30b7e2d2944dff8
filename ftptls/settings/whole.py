"""Everything that can be set, by section; and hosts and listeners that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ftptls.settings.about import is_host_name, setting
from ftptls.settings.anonymous import Anonymous
from ftptls.settings.guard import Guard
from ftptls.settings.hooks import Hook
from ftptls.settings.objects import Objects
from ftptls.settings.processes import Processes
from ftptls.settings.protection import FXP, Policy, Rule
from ftptls.settings.serving import Encryption, Files, Limits, Listen, Log, Passive, Quota
from ftptls.settings.tls import TLS, ClientCertificates, Revocation
from ftptls.settings.unix import Unix


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host: what differs from the listener's own certificate and banner.

    Raises:
        TypeError: ``client_certificates`` names no field of :class:`ClientCertificates`.
        ValueError: A name is none, or there is no name.
    """

    ELSEWHERE: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("profile", "minimum_version", "maximum_version", "ciphers", "suites", "fips"),
        "is settled before the client names a host: set it for the listener, in [tls]",
    )
    """Settings that one may look for here, and why they are not."""

    names: tuple[str, ...] = setting(
        (),
        "What clients call it, in the TLS handshake (SNI) or with HOST.",
        accepts='a name such as "ftp.example.com"',
        check=is_host_name,
    )
    certificate: tuple[str, ...] = setting(
        (), "As in `[tls]`; by default the certificate there.", path=True
    )
    key: tuple[str, ...] = setting((), "As in `[tls]`.", path=True)
    banner: str = setting(
        "",
        "Text of the 220 reply to HOST, and of the greeting under implicit TLS; by default "
        "everybody's.",
        accepts="one line of text",
        check=str.isprintable,
    )
    client_certificates: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        replace(ClientCertificates(), **self.client_certificates)
        if not self.names:
            raise ValueError("a host needs names")
        for name in self.names:
            if not is_host_name(name):
                raise ValueError(f"{name!r} is no name of a host")

    def is_called(self, name: str) -> bool:
        """Whether it has this name, whatever the case."""
        return name.lower() in (each.lower() for each in self.names)


@dataclass(frozen=True, slots=True)
class OwnListener:
    """Endpoints with settings of their own, beside those of ``[listen]``, which share all.

    Raises:
        TypeError: A section has no such setting.
        ValueError: There is no endpoint.
    """

    explicit: tuple[str, ...] = setting((), "As in `[listen]`.")
    implicit: tuple[str, ...] = setting((), "As in `[listen]`.")
    tls: Mapping[str, Any] = field(default_factory=dict)
    client_certificates: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    passive: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.explicit or self.implicit):
            raise ValueError("a listener needs an endpoint, as explicit or implicit")
        self.settings(Settings())

    def settings(self, everywhere: Settings) -> Settings:
        """The settings that hold at these endpoints.

        Args:
            everywhere: Those of all listeners.
        """
        sections = ("tls", "client_certificates", "policy", "passive", "limits")
        changed = {
            name: replace(getattr(everywhere, name), **getattr(self, name)) for name in sections
        }
        listen = Listen(explicit=self.explicit, implicit=self.implicit)
        return replace(everywhere, listen=listen, listeners=(), **changed)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, by section."""

    auth: tuple[str, ...] = setting(
        (),
        "How users are checked, as a Cred string such as `memory:alice:secret`, "
        "`file:/etc/ftptls.passwd` or `anonymous`; see --help-auth. May be repeated.",
        flag="auth",
        secret=True,
    )
    banner: str = setting(
        "Service ready.",
        "Text of the 220 greeting.",
        accepts="one line of text",
        check=str.isprintable,
    )
    listen: Listen = field(default_factory=Listen)
    listeners: tuple[OwnListener, ...] = ()
    tls: TLS = field(default_factory=TLS)
    client_certificates: ClientCertificates = field(default_factory=ClientCertificates)
    revocation: Revocation = field(default_factory=Revocation)
    policy: Policy = field(default_factory=Policy)
    hosts: tuple[Host, ...] = ()
    rules: tuple[Rule, ...] = ()
    hooks: tuple[Hook, ...] = ()
    passive: Passive = field(default_factory=Passive)
    fxp: FXP = field(default_factory=FXP)
    files: Files = field(default_factory=Files)
    encryption: Encryption = field(default_factory=Encryption)
    quota: Quota = field(default_factory=Quota)
    objects: Objects = field(default_factory=Objects)
    anonymous: Anonymous = field(default_factory=Anonymous)
    unix: Unix = field(default_factory=Unix)
    log: Log = field(default_factory=Log)
    limits: Limits = field(default_factory=Limits)
    guard: Guard = field(default_factory=Guard)
    processes: Processes = field(default_factory=Processes)

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """Those of ``[anonymous]``, and then those that are written as such."""
        if not self.anonymous.enabled:
            return self.rules
        return (*self.anonymous.rules, *self.rules)
