"""All that one control connection knows, grouped by topic."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ftptls.interfaces import IFilesystem
from ftptls.settings import Policy
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.checksums import Algorithm
from ftptls.wire.compression import DEFAULT_LEVEL
from ftptls.wire.facts import DEFAULT_FACTS
from ftptls.wire.ranges import Range
from ftptls.wire.representation import Representation, TransferMode

if TYPE_CHECKING:
    from ftptls.tls.report import Report
    from ftptls.wire.addresses import DataAddress

ROOT = PurePosixPath("/")
_POLICY = Policy()


@dataclass(slots=True)
class Peers:
    """The two ends of the control connection, as canonical addresses.

    Attributes:
        client: The client's address.
        server: The address the client reached.
        port: The client's port.
    """

    client: str
    server: str
    port: int = 0


@dataclass(slots=True)
class Security:
    """What RFC 2228 and RFC 4217 negotiate.

    Attributes:
        implicit: Whether TLS started with the connection.
        greeted: Whether an implicit listener has sent its greeting, which waits for TLS.
        by_endpoint: Whether the endpoint does it, so that it cannot go down.
        secured: Whether the control connection is protected now.
        buffer_agreed: Whether PBSZ was accepted, so that PROT may come.
        level: How data connections are protected.
        first_level: How they are until PROT says otherwise: private where TLS comes first.
        cleared: Whether CCC took TLS off the control connection.
        certificate: The client's certificate in DER; empty without one.
        standing: What OCSP says of it, in words; empty if it was not asked.
        objection: Why USER is refused because of it; empty if it is not.
        report: What the handshake on the control connection came to; ``None`` without one.
    """

    implicit: bool = False
    greeted: bool = False
    by_endpoint: bool = False
    secured: bool = False
    buffer_agreed: bool = False
    level: ProtectionLevel = ProtectionLevel.CLEAR
    first_level: ProtectionLevel = ProtectionLevel.CLEAR
    cleared: bool = False
    certificate: bytes = b""
    standing: str = ""
    objection: str = ""
    report: Report | None = None


@dataclass(slots=True)
class Login:
    """Who it is.

    Attributes:
        pending: The name of the last USER, while its PASS is awaited.
        user: The name that is logged in.
        filesystem: What the avatar gives; ``None`` until login.
        leave: What the door wants called at the end.
        logout: What Cred wants called then.
        by_certificate: Whether no password was needed.
        failures: Failed logins of this connection; survives AUTH.
    """

    pending: str | None = None
    user: str = ""
    filesystem: IFilesystem | None = None
    leave: Callable[[], object] | None = None
    logout: Callable[[], object] | None = None
    by_certificate: bool = False
    failures: int = 0


@dataclass(slots=True)
class Parameters:
    """Transfer parameters (RFC 959 §4.1.2) and the place in the filesystem.

    Attributes:
        representation: TYPE.
        mode: MODE.
        compression_level: That of MODE Z (OPTS MODE Z).
        directory: The current working directory.
        marker: Where the next transfer starts (REST).
        range: What the next transfer or checksum is of (RANG); ``None`` for the whole file.
        rename_from: The name RNFR gave.
        copy_from: The name SITE CPFR gave.
        algorithm: What HASH computes (OPTS HASH).
        facts: What MLST and MLSD tell (OPTS MLST).
        language: The tag of the language of replies (LANG); empty is the default one.
        idle_timeout: Seconds that the client may be idle (SITE IDLE); 0 is as the server was told.
    """

    representation: Representation = Representation.ASCII
    mode: TransferMode = TransferMode.STREAM
    compression_level: int = DEFAULT_LEVEL
    directory: PurePosixPath = ROOT
    marker: int = 0
    range: Range | None = None
    rename_from: PurePosixPath | None = None
    copy_from: PurePosixPath | None = None
    algorithm: Algorithm = Algorithm.SHA_256
    facts: frozenset[str] = DEFAULT_FACTS
    language: str = ""
    idle_timeout: float = 0


@dataclass(slots=True)
class DataPort:
    """How the next data connection is to be made.

    Attributes:
        target: Where PORT or EPRT says to connect to.
        extended_only: Whether EPSV ALL was given (RFC 2428 §4).
        tls_client: Whether this server is the TLS client of data connections (SSCN).
    """

    target: DataAddress | None = None
    extended_only: bool = False
    tls_client: bool = False


@dataclass(slots=True)
class Session:
    """One control connection's state.

    Attributes:
        policy: What must be protected, for this client and, once named, this user.
        host: The virtual host, by SNI or HOST; empty without.
    """

    peers: Peers
    policy: Policy = _POLICY
    host: str = ""
    security: Security = field(default_factory=Security, init=False)
    login: Login = field(default_factory=Login, init=False)
    parameters: Parameters = field(default_factory=Parameters, init=False)
    data_port: DataPort = field(default_factory=DataPort, init=False)
    _id: str = field(default="", init=False, repr=False)

    @property
    def id(self) -> str:
        """What hooks call it; made when they first do."""
        if not self._id:
            self._id = secrets.token_hex(8)
        return self._id

    def log_out(self) -> None:
        """Forget the user, and tell the door and Cred; the count of failures stays."""
        login = self.login
        if login.pending is None and login.filesystem is None and login.logout is None:
            return  # there is nobody
        self.login = Login(failures=login.failures)
        if login.leave is not None:
            login.leave()
        if login.logout is not None:
            login.logout()

    def reset(self) -> None:
        """Everything but the connection itself back to its start (RFC 4217 §4.2)."""
        self.parameters = Parameters()
        self.data_port = DataPort()
        self.security.buffer_agreed = False
        self.security.cleared = False
        self.security.level = self.security.first_level
        self.log_out()  # last: Cred may fail
