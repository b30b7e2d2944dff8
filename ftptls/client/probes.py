"""A check of any server: what it shows, accepts and refuses, each asked by its own connection.

Nothing here changes anything on the server: it connects, shakes hands, asks FEAT and NOOP,
and, with a login, lists the folder that it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from OpenSSL import SSL

from ftptls.client import trust
from ftptls.client.findings import Findings
from ftptls.client.pi import UserPI
from ftptls.client.wires import ClientError, HandshakeError, Wire

VERSIONS = {
    "TLS 1.0": SSL.TLS1_VERSION,
    "TLS 1.1": SSL.TLS1_1_VERSION,
    "TLS 1.2": SSL.TLS1_2_VERSION,
    "TLS 1.3": SSL.TLS1_3_VERSION,
}

# Everything that this OpenSSL has, broken or not: a server is asked what it takes.
_EVERYTHING = "ALL:COMPLEMENTOFALL"
_LOWEST = "@SECLEVEL=0"
_SUITES = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
_MOST_CIPHERS = 40  # connections for each version
_MOMENT = 1  # seconds that an answer to a command behind AUTH is waited for
_TOLD = ("AUTH", "PBSZ", "PROT", "CCC")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to check, and how.

    Attributes:
        host: Name or address.
        port: The port.
        implicit: Whether TLS starts with the connection.
        authorities: PEM file of whom to trust; empty for the system's.
        certificate: PEM file of a client certificate to show, with its chain; empty for none.
        key: PEM file of its key; empty if it is in the same file.
        user: Whom to log in as; empty for nobody.
        password: His password.
        patience: Seconds that each wait may take.
    """

    host: str
    port: int
    implicit: bool = False
    authorities: str = ""
    certificate: str = ""
    key: str = ""
    user: str = ""
    password: str = ""
    patience: float = 10

    @property
    def name(self) -> str:
        """What SNI says; empty for an address."""
        return "" if trust.is_address(self.host) else self.host

    def context(
        self,
        lowest: int = SSL.TLS1_VERSION,
        highest: int = SSL.TLS1_3_VERSION,
        **offer: str,
    ) -> SSL.Context:
        """A context for one connection; see :func:`new_context`.

        Raises:
            ClientError: The client certificate cannot be used.
        """
        context = new_context(lowest, highest, **offer)
        if self.certificate:
            try:
                context.use_certificate_chain_file(self.certificate)
                context.use_privatekey_file(self.key or self.certificate)
            except SSL.Error:
                files = f"{self.certificate} and {self.key}" if self.key else self.certificate
                raise ClientError(f"there is no certificate with its key in {files}") from None
        return context

    def connect(self, context: SSL.Context, session: SSL.Session | None = None) -> UserPI:
        """A control connection under TLS.

        Raises:
            HandshakeError: There is no TLS to be had in this way.
            ClientError: There is not even a connection, or no AUTH.
        """
        if self.implicit:
            return UserPI.connect(
                self.host,
                self.port,
                patience=self.patience,
                implicit=context,
                session=session,
                name=self.name,
            )
        pi = UserPI.connect(self.host, self.port, patience=self.patience, name=self.name)
        try:
            pi.secure(context, session)
        except BaseException:
            pi.close()
            raise
        return pi

    def accepts(self, context: SSL.Context) -> str:
        """The cipher suite of a connection with this context; empty if there is none."""
        try:
            with self.connect(context) as pi:
                tls = pi.wire.tls
                return (tls.get_cipher_name() or "") if tls is not None else ""
        except ClientError:
            return ""


def new_context(
    lowest: int = SSL.TLS1_VERSION,
    highest: int = SSL.TLS1_3_VERSION,
    ciphers: str = _EVERYTHING,
    suites: str = ":".join(_SUITES),
) -> SSL.Context:
    """A client's context that takes what it is told to, and verifies nothing."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(f"{ciphers}:{_LOWEST}".encode())
    context.set_tls13_ciphersuites(suites.encode())
    context.set_min_proto_version(lowest)
    context.set_max_proto_version(highest)
    return context


def check(target: Target, progress: Callable[[str], None]) -> Findings:
    """Find everything out.

    Args:
        target: The server.
        progress: Told what is being looked at.

    Raises:
        ClientError: There is no connection to the server.
    """
    mode = "implicit" if target.implicit else "explicit"
    found = Findings(f"{target.host}:{target.port}", mode)
    progress("certificate")
    if not _look(target, found):
        return found
    for step, probe in _PROBES.items():
        progress(step)
        probe(target, found)
    return found


def _look(target: Target, found: Findings) -> bool:
    """The certificate, and what can be asked on the same connection."""
    context = target.context()
    trust.trusting(context, target.authorities)
    if not target.implicit:
        with UserPI.connect(target.host, target.port, patience=target.patience) as pi:
            found.greeting = pi.greeting.text
            found.features = _features(pi)
    else:
        Wire.connect(target.host, target.port, target.patience).close()
    try:
        pi = target.connect(context)
    except ClientError as error:
        found.refusal = str(error)
        return False
    with pi:
        found.greeting = found.greeting or pi.greeting.text
        tls = pi.wire.tls
        if tls is not None:
            chain = tls.get_peer_cert_chain(as_cryptography=True) or []
            found.chain = tuple(trust.described(each) for each in chain)
            found.objection = trust.objection(tls, target.host)
        try:
            found.features = tuple(dict.fromkeys([*found.features, *_features(pi)]))
            _resume(target, found, context, pi)
        except ClientError as error:
            found.silence = str(error)
    return True


def _features(pi: UserPI) -> tuple[str, ...]:
    reply = pi.ask("FEAT")
    lines = [line.strip() for line in reply.lines[1:]] if reply.code == 211 else []
    return tuple(line for line in lines if line.upper().startswith(_TOLD))


def _resume(target: Target, found: Findings, context: SSL.Context, pi: UserPI) -> None:
    session = pi.wire.tls.get_session() if pi.wire.tls is not None else None
    with target.connect(context, session) as second:
        found.control_resumed = second.wire.resumed


def _probe_versions(target: Target, found: Findings) -> None:
    for name, number in VERSIONS.items():
        found.versions[name] = bool(target.accepts(target.context(number, number)))


def _probe_ciphers(target: Target, found: Findings) -> None:
    for name, accepted in found.versions.items():
        if accepted:
            names = tuple(_accepted_ciphers(target, VERSIONS[name]))
            found.ciphers[name] = names
            if len(names) == _MOST_CIPHERS:
                found.cut += (name,)


def _accepted_ciphers(target: Target, version: int) -> Iterator[str]:
    """Offer all, then all but what was chosen, and so on, until nothing is."""
    newest = version == SSL.TLS1_3_VERSION
    left = list(_SUITES) if newest else _older_ciphers(version)
    for _ in range(_MOST_CIPHERS):
        if not left:
            return
        offer = {"suites" if newest else "ciphers": ":".join(left)}
        chosen = target.accepts(target.context(version, version, **offer))
        if chosen not in left:
            return
        left.remove(chosen)
        yield chosen


def _older_ciphers(version: int) -> list[str]:
    names = SSL.Connection(new_context(version, version), None).get_cipher_list()
    return [name for name in names if name not in _SUITES]


def _probe_protocols(target: Target, found: Findings) -> None:
    found.alpn_ftp = _alpn(target, b"ftp")
    found.alpn_foreign = _alpn(target, b"http/1.1")


def _alpn(target: Target, protocol: bytes) -> str:
    context = target.context()
    context.set_alpn_protos([protocol])
    try:
        with target.connect(context) as pi:
            pi.ask("NOOP")  # some refuse only once the handshake is complete
            tls = pi.wire.tls
            chosen = tls.get_alpn_proto_negotiated() if tls is not None else b""
            return "chosen" if chosen else "ignored"
    except ClientError:
        return "refused"


def _probe_renegotiation(target: Target, found: Findings) -> None:
    """TLS 1.3 has none; under TLS 1.2 a server must refuse (CVE-2009-3555, CVE-2011-1473)."""
    if not found.versions.get("TLS 1.2"):
        found.renegotiation = False
        return
    try:
        with target.connect(target.context(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)) as pi:
            found.renegotiation = pi.wire.renegotiate()
    except ClientError:
        found.renegotiation = False


def _probe_injection(target: Target, found: Findings) -> None:
    """One NOOP in the same segment as AUTH (CVE-2011-0411): is it carried out inside TLS?"""
    if target.implicit:
        return
    try:
        with UserPI.connect(target.host, target.port, patience=target.patience) as pi:
            pi.wire.write(b"AUTH TLS\r\nNOOP\r\n")
            found.injection = _after_injection(pi, target.context())
    except ClientError:
        found.injection = "refused"


def _after_injection(pi: UserPI, context: SSL.Context) -> str:
    pi.expect(234)
    with suppress(HandshakeError):
        said = pi.overhear(_MOMENT)
        pi.begin_tls(context)  # who only complained in clear text has closed by now
        if said:
            return "answered in clear"
        return "dropped" if pi.ask("QUIT").code == 221 else "carried out inside TLS"
    return "refused"


def _probe_data(target: Target, found: Findings) -> None:
    if not target.user:
        found.data_trouble = "it takes a login; see --user"
        return
    try:
        found.data_resumed = _lists(target, resume=True)
    except ClientError as error:
        found.data_trouble = str(error)
        return
    try:
        _lists(target, resume=False)
        found.data_unresumed = True
    except ClientError:
        found.data_unresumed = False


def _lists(target: Target, *, resume: bool) -> bool:
    """List a folder over a protected data connection; whether that resumed a session."""
    with target.connect(target.context()) as pi:
        pi.log_in(target.user, target.password)
        pi.protect_data()
        pi.resume = resume
        with pi.begin("LIST") as data:
            while data.read():
                data.hurry()
            data.finish()
            pi.expect(226, 250)
            return data.resumed


_PROBES: dict[str, Callable[[Target, Findings], None]] = {
    "versions": _probe_versions,
    "ciphers": _probe_ciphers,
    "ALPN": _probe_protocols,
    "renegotiation": _probe_renegotiation,
    "commands behind AUTH": _probe_injection,
    "data connections": _probe_data,
}
