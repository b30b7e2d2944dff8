"""Every setting, declared once: value, default, flag and help.

These frozen dataclasses are what the rest of the code reads. :mod:`ftptls.config`
fills them from a TOML file and from ``twistd ftptls`` flags; the reference page is
generated from them. A setting is a field made by :func:`setting`; a TOML section is
a field of :class:`Settings` that holds another dataclass.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a setting besides its type and default.

    Attributes:
        help: One or two sentences for ``--help`` and the reference page.
        flag: Name of its command-line flag; without one it is for the file only.
        minimum: For a number: the least that is accepted.
        accepts: What is accepted, in words, where the type does not say it all.
        check: Whether a value of the right type is accepted.
        path: Whether it names a file or folder; a relative one in the
            configuration file starts at the folder of that file.
        secret: Whether an error must not show the value.
    """

    help: str
    flag: str = ""
    minimum: float = 0
    accepts: str = ""
    check: Callable[[Any], bool] = lambda _: True
    path: bool = False
    secret: bool = False


_LABEL = re.compile(r"[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?")


def setting(default: Any, help_text: str, **about: Any) -> Any:
    """A dataclass field that is a setting.

    Args:
        default: The value without configuration.
        help_text: One or two sentences for ``--help`` and the reference page.
        **about: The other attributes of :class:`About`.
    """
    return field(default=default, metadata={"about": About(help_text, **about)})


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_host_name(text: str) -> bool:
    """Whether it is a name that HOST and SNI may carry (RFC 7151 §3.1)."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_fingerprint(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{64}", text.replace(":", "")) is not None


class Requirement(enum.Enum):
    """Whether protection by TLS is due."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


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
    """The server's certificates, and which TLS it speaks.

    A single certificate or key may be given as text instead of a tuple.
    """

    certificate: tuple[str, ...] = setting(
        (),
        "PEM file with the server's certificate, followed by its chain and perhaps its key; or "
        "a PKCS#12 file. May be repeated: one for each kind of key, such as RSA and EC. "
        "Without one, the server speaks clear text only.",
        flag="certificate",
        path=True,
    )
    key: tuple[str, ...] = setting(
        (),
        "PEM file with the private key, for each certificate in the same order; by default it "
        "is looked for in the certificate's file.",
        flag="key",
        path=True,
    )
    passphrase_program: tuple[str, ...] = setting(
        (),
        "Program with its arguments, run at the start for each encrypted key, with the path of "
        "its file as the last argument; the first line that it prints is the passphrase.",
        accepts="a program and its arguments, each in quotes",
    )
    profile: Profile = setting(
        Profile.INTERMEDIATE,
        "Which TLS is spoken: `modern` is 1.3 only, `intermediate` 1.2 and 1.3; `legacy` lets "
        "old devices in with 1.0 and weak ciphers, and is broken.",
        flag="tls-profile",
    )
    minimum_version: Version = setting(
        Version.PROFILE, "The oldest version that is spoken; by default what the profile says."
    )
    maximum_version: Version = setting(
        Version.PROFILE, "The newest version that is spoken; by default what the profile says."
    )
    ciphers: str = setting(
        "",
        "Ciphers for TLS 1.2 and older, the best first, as a list of OpenSSL's; by default "
        "what the profile says.",
        accepts='a list as "openssl ciphers" takes it',
        check=str.isascii,
    )
    suites: str = setting(
        "",
        "Cipher suites for TLS 1.3, the best first; by default what the profile says.",
        accepts='names such as "TLS_AES_256_GCM_SHA384", with colons between them',
        check=str.isascii,
    )
    fips: bool = setting(
        False, "Whether to start only if OpenSSL is in FIPS mode, with approved algorithms alone."
    )
    strict_sni: bool = setting(
        False,
        "Whether clients that name a host that is none of `[[hosts]]` in the TLS handshake are "
        "refused with `unrecognized_name`, instead of seeing the certificate above.",
    )
    reload_interval: float = setting(
        60.0,
        "Seconds between two looks at the files of certificates, keys and CRLs; what changed "
        "is loaded anew. 0 is never: then SIGHUP alone does it.",
    )
    keylog: str = setting(
        "",
        "File to which the keys of every TLS connection are written, for Wireshark "
        "(SSLKEYLOGFILE). Whoever reads it can read what was said: for finding faults only.",
        path=True,
    )

    def __post_init__(self) -> None:
        for name in ("certificate", "key", "passphrase_program"):
            given: object = getattr(self, name)
            if isinstance(given, str):
                object.__setattr__(self, name, (given,) if given else ())


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Whether clients show certificates, and who vouches for them."""

    mode: ClientCertificate = setting(
        ClientCertificate.NONE,
        "Whether a client is asked for a certificate, and refused in the handshake without one. "
        "One that is shown must be valid in any case, for TLS clients, and of an authority below.",
        flag="client-certificates",
    )
    authorities: tuple[str, ...] = setting(
        (),
        "PEM file with certificates of authorities, or folder of such files. May be repeated.",
        flag="client-authorities",
        path=True,
    )
    send_names: bool = setting(
        True,
        "Whether the names of the authorities are sent, by which clients choose among their "
        "certificates; some clients choke on many.",
    )
    depth: int = setting(
        9, "How many authorities there may be between a client's certificate and a root."
    )

    def __post_init__(self) -> None:
        given: object = self.authorities
        if isinstance(given, str):
            object.__setattr__(self, "authorities", (given,) if given else ())


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is known of certificates that were withdrawn: the clients', and the server's own."""

    crls: tuple[str, ...] = setting(
        (),
        "File with certificate revocation lists (PEM, or one in DER), or folder of such files, "
        "by which client certificates are refused. May be repeated.",
        flag="crl",
        path=True,
    )
    crl_whole_chain: bool = setting(
        False,
        "Whether every authority in a client's chain needs a CRL of its issuer, too, and not "
        "the client's certificate alone.",
    )
    ocsp: OCSP = setting(
        OCSP.OFF,
        "Whether the responder of a client certificate is asked about it before USER is "
        "answered: without an answer, `soft` lets the client in and `hard` does not.",
        flag="ocsp",
    )
    ocsp_responder: str = setting(
        "",
        "URL of the responder for all client certificates; by default, the one that each names.",
        accepts="a URL that begins with http://",
        check=lambda text: not text or re.fullmatch(r"http://[!-~]+", text) is not None,
    )
    ocsp_timeout: float = setting(5.0, "Seconds a responder has for its answer.", minimum=0.1)
    staple: bool = setting(
        False,
        "Whether the responder that the server's certificate names is asked about it, and the "
        "answer stapled to handshakes.",
        flag="staple",
    )
    staple_file: str = setting(
        "",
        "File with an OCSP answer in DER about the server's certificate, to be stapled to "
        "handshakes; something else has to renew it.",
        path=True,
    )

    def __post_init__(self) -> None:
        given: object = self.crls
        if isinstance(given, str):
            object.__setattr__(self, "crls", (given,) if given else ())


@dataclass(frozen=True, slots=True)
class Policy:
    """What must be protected."""

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
    """A policy that differs for some; of several that match, the last one counts.

    Without users, networks or hosts, a rule matches everybody.

    Raises:
        TypeError: ``policy`` names no field of :class:`Policy`.
        ValueError: A network is none.
    """

    users: tuple[str, ...] = setting((), "Names as USER gives them, with `*` and `?`.")
    networks: tuple[str, ...] = setting(
        (),
        "Where the client comes from.",
        accepts='a network such as "10.0.0.0/8" or "2001:db8::/32"',
        check=_is_network,
    )
    hosts: tuple[str, ...] = setting((), "Virtual hosts, with `*` and `?`.")
    policy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        replace(Policy(), **self.policy)
        for network in self.networks:
            ipaddress.ip_network(network)


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
        accepts="an IPv4 address",
        check=lambda text: not text or _is_ipv4(text),
    )


@dataclass(frozen=True, slots=True)
class FXP:
    """Copies between this server and another one, which a client arranges."""

    peers: tuple[str, ...] = setting(
        (),
        "Networks of the other servers; data connections may then also be made with them. "
        "Without any, data goes to and comes from the client's own address only.",
        accepts='a network such as "192.0.2.7/32" or "2001:db8::/32"',
        check=_is_network,
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
        check=_is_fingerprint,
    )


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are served."""

    root: str = setting(
        "",
        "Folder to serve; `{user}` in it stands for the name of the user.",
        flag="root",
        path=True,
    )
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

    line_length: int = setting(8192, "Longest command line accepted, in octets.", minimum=512)
    idle_timeout: float = setting(
        300.0, "Time without a command or transfer before 421.", minimum=1
    )
    login_timeout: float = setting(60.0, "Time from connection to login before 421.", minimum=1)
    handshake_timeout: float = setting(20.0, "Time for a TLS handshake.", minimum=1)
    connect_timeout: float = setting(
        20.0,
        "Time for a data connection to be made and protected, once a transfer asks for it.",
        minimum=1,
    )
    passive_timeout: float = setting(
        120.0, "Time a passive port stays open without a transfer command.", minimum=1
    )
    stall_timeout: float = setting(120.0, "Time a transfer may go without progress.", minimum=1)
    close_timeout: float = setting(1.0, "Time the other side is given to close behind us.")
    resume_grace: float = setting(
        0.25, "Under `prefer`: time a resumed data connection is waited for when several compete."
    )
    refusal_grace: float = setting(
        2.0, "Time the right data connection is waited for after a wrong one was refused."
    )
    login_attempts: int = setting(3, "Failed logins before the connection is closed.", minimum=1)
    login_delay: float = setting(0.5, "Wait before a failed login is answered; doubles each time.")
    bad_commands: int = setting(
        20, "Unknown or malformed commands before the connection closes.", minimum=1
    )
    candidates: int = setting(4, "Data connections that may compete for one transfer.", minimum=1)
    threads: int = setting(8, "Threads for disk, encryption and transfers.", minimum=1)


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
    passive: Passive = field(default_factory=Passive)
    fxp: FXP = field(default_factory=FXP)
    files: Files = field(default_factory=Files)
    limits: Limits = field(default_factory=Limits)
