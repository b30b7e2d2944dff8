"""The two contexts of a connection: one that shows certificates, and a bare one for tickets.

A *bare* :class:`OpenSSL.SSL.Context` owns the keys of session tickets. Each control
connection has an id in it, which is in its tickets, too (the session id context of
OpenSSL), so a data connection that resumes a session resumes one of *this* control
connection. The shared context of a host is lent to each Connection by ``set_context``,
which carries certificates, authorities, ciphers and ALPN, but neither the versions nor the
options nor the verify mode: versions and options are set on the bare one, the verify mode
on the Connection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from cryptography import x509
from OpenSSL import SSL

from ftptls.settings import ClientCertificate, Settings
from ftptls.tls.clients import Verification
from ftptls.tls.handshake import Handshake
from ftptls.tls.hosts import SESSION_ID, Host, Hosts
from ftptls.tls.keylog import KeyLog
from ftptls.tls.loading import (
    CertificateError,
    Identity,
    Passphrases,
    PrivateKey,
    load_identities,
    load_identity,
    warn_of_dates,
)
from ftptls.tls.profiles import Protocols
from ftptls.tls.revocation import RevocationLists, warn_of_old_lists

__all__ = ["CertificateError", "PrivateKey", "ServerContext", "SessionContext", "session_reused"]

# TLS 1.3 allows a ticket seven days at the most (RFC 8446 §4.6.1): longer than any session.
_SESSION_LIFETIME = 7 * 24 * 3600

# Sessions share the memory and the time that a context takes (15 KB, 60 us), but not for ever:
# OpenSSL keeps there what clients without tickets have (some KB each, and 20,480 at the most),
# until the last session of the context is over.
_CONNECTIONS = 1024

_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE


class Bare:
    """A context that owns the keys of tickets; control connections have ids in it.

    Args:
        protocols: The versions that are spoken.
    """

    def __init__(self, protocols: Protocols) -> None:
        self._context = _bare(protocols)
        self._ids = count()
        self._made = 0

    @property
    def is_worn(self) -> bool:
        """Whether new control connections should have another one."""
        return self._made >= _CONNECTIONS

    def new_id(self) -> bytes:
        """An id that no other control connection has here, nor had.

        It may be guessed: who resumes a session does not say it, it is in the ticket.
        """
        return next(self._ids).to_bytes(16)

    def connection(self, session: bytes) -> SSL.Connection:
        """A new Connection that resumes sessions of those with the same id, and of no others.

        A Connection takes its id from the context; pyOpenSSL would set it only once there,
        before the first. Then the context must have another one, or the one that is lent
        replaces it (SSL_set_SSL_CTX).
        """
        self._made += 1
        lib, context = SSL._lib, self._context._context  # type: ignore[attr-defined]
        lib.SSL_CTX_set_session_id_context(context, session, len(session))
        connection = SSL.Connection(self._context, None)
        lib.SSL_CTX_set_session_id_context(context, SESSION_ID, len(SESSION_ID))
        return connection


class SessionContext:
    """What all TLS connections of one control connection share (see the module's text).

    Args:
        hosts: Whose certificates may be shown.
        protocols: The versions that are spoken.
        bare: Whose tickets it has.

    Attributes:
        hosts: Whose certificates may be shown.
        protocols: The versions that are spoken.
        host: The one that is: as HOST or the control connection's SNI chose.
        demanded: The name in HOST, if it came before TLS, in lower case.
        server_name: The name in the control connection's SNI, in lower case.
    """

    __slots__ = (
        "__weakref__",
        "_bare",
        "_id",
        "demanded",
        "host",
        "hosts",
        "protocols",
        "server_name",
    )

    def __init__(self, hosts: Hosts, protocols: Protocols, bare: Bare) -> None:
        self.hosts = hosts
        self.protocols = protocols
        self.host = hosts.default
        self.demanded = ""
        self.server_name = ""
        self._bare = bare
        self._id = b""  # until there is a connection that needs it

    def control_connection(self) -> SSL.Connection:
        """A new TLS server over memory, for the control connection.

        Tickets of an earlier one are void from here on. It may have been with another host,
        and OpenSSL (4.0) resumes under another name, without asking for the certificate that
        this name would demand.
        """
        self.server_name = ""
        self.host = self.hosts.find(self.demanded) or self.hosts.default
        self._id = self._bare.new_id()
        return self._new(is_control=True)

    def connection(self) -> SSL.Connection:
        """A new TLS server over memory, for one data connection."""
        self._id = self._id or self._bare.new_id()
        return self._new(is_control=False)

    @property
    def host_name(self) -> str:
        """The virtual host that the session is with; empty for the default one."""
        return self.server_name if self.hosts.find(self.server_name) else self.demanded

    def choose(self, name: str, *, secured: bool) -> str:
        """HOST names a virtual host (:rfc:`7151#3.2`).

        Args:
            name: Its name; empty for the server's address, which is the default host.
            secured: Whether TLS is up, so that the certificate was shown already.

        Returns:
            Why it cannot be; empty if it can.
        """
        host = self.hosts.find(name) or self.hosts.default
        if secured and self.server_name not in ("", name.lower()):
            return f"The TLS handshake named {self.server_name}; name the same host."
        wanted = host.verification
        asks = wanted.mode is not ClientCertificate.NONE
        if secured and asks and wanted != self.host.verification:
            return "This host has its own rules for client certificates; send HOST before AUTH."
        self.demanded = name.lower()
        return ""

    def _new(self, *, is_control: bool) -> SSL.Connection:
        lib = SSL._lib  # type: ignore[attr-defined]
        connection = self._bare.connection(self._id)
        connection.set_app_data(Handshake(self, is_control=is_control))
        if is_control:  # it mostly waits, and 33 KB of buffers would wait with it
            lib.SSL_set_mode(connection._ssl, lib.SSL_MODE_RELEASE_BUFFERS)
        self.host.lend(connection)
        connection.set_accept_state()
        return connection


class ServerContext:
    """What a listener shows: certificates with their keys and chains, for each host.

    A new one takes the place of an old one by being set as a factory's ``tls``; sessions
    go on with the one that they began with.

    Args:
        key: The private key.
        chain: The server's certificate, then the ones that lead to its root.
        more: Further certificates, for other kinds of keys.
        source: The file that they came from, for what is said of them.
        protocols: Versions and ciphers.
        verification: What is wanted of clients.
        hosts: Virtual hosts.
        strict_sni: Whether names of other hosts are refused.

    Raises:
        CertificateError: The key does not belong to the first certificate.
        ValueError: The rest cannot be.
    """

    def __init__(
        self,
        key: PrivateKey,
        chain: Sequence[x509.Certificate],
        more: Sequence[Identity] = (),
        *,
        source: str = "",
        protocols: Protocols | None = None,
        verification: Verification | None = None,
        hosts: Sequence[Host] = (),
        strict_sni: bool = False,
    ) -> None:
        self.protocols = protocols or Protocols()
        identities = [Identity(key, tuple(chain), source), *more]
        default = Host(identities, self.protocols, verification or Verification())
        self.hosts = Hosts(default, hosts, strict=strict_sni)
        self._bare: Bare | None = None

    @classmethod
    def from_files(cls, certificate: str | os.PathLike[str], key: str = "") -> ServerContext:
        """Load PEM files, or a PKCS#12 file.

        Args:
            certificate: The certificate, followed by its chain, and by the key if
                ``key`` is not given.
            key: The private key.

        Raises:
            CertificateError: With one sentence that names the file and the cause.
        """
        identity = load_identity(os.fspath(certificate), key)
        warn_of_dates(identity)
        return cls(identity.key, identity.chain, source=identity.source)

    @classmethod
    def from_settings(cls, settings: Settings) -> ServerContext:
        """Load everything that the settings name, for the first time or anew.

        Raises:
            ValueError: With one sentence for the operator; a CertificateError is one.
        """
        tls = settings.tls
        protocols = Protocols.of(tls)
        passphrases = Passphrases(tls.passphrase_program)
        identities = _identities(tls.certificate, tls.key, passphrases)
        revocations = RevocationLists.of(settings.revocation)
        warn_of_old_lists(revocations)
        hosts = []
        for host in settings.hosts:
            wanted = replace(settings.client_certificates, **host.client_certificates)
            shown = _identities(host.certificate, host.key, passphrases) or identities
            verification = Verification.of(wanted, revocations)
            hosts.append(Host(shown, protocols, verification, host.names))
        if tls.strict_sni and not hosts:
            raise ValueError(
                "tls.strict_sni refuses names that are none of [[hosts]], and there are none: "
                "list every name by which clients know this server."
            )
        first, *more = identities
        made = cls(
            first.key,
            first.chain,
            more,
            source=first.source,
            protocols=protocols,
            verification=Verification.of(settings.client_certificates, revocations),
            hosts=hosts,
            strict_sni=tls.strict_sni,
        )
        if tls.keylog:
            KeyLog(tls.keylog).use_in(host.shared for host in made.hosts)
        return made

    @property
    def identities(self) -> list[Identity]:
        """Every certificate that may be shown, each once."""
        found = {each.chain[0]: each for host in self.hosts for each in host.identities}
        return list(found.values())

    def staple(self, answer_for: Callable[[SSL.Connection], bytes]) -> None:
        """Staple OCSP answers to handshakes (:rfc:`6066#8`); before the first session only.

        Args:
            answer_for: Given the Connection, says the answer in DER; empty is none.
        """
        for host in self.hosts:
            # Of the two contexts of a Connection, OpenSSL asks the one that was lent.
            host.shared.set_ocsp_server_callback(lambda connection, _: answer_for(connection))

    def objection_to(self, chain: Sequence[x509.Certificate], host_name: str) -> str:
        """Why a client that an earlier context let in would not be now; empty if it would.

        Args:
            chain: The client's certificate and the ones that led to its root.
            host_name: The virtual host that it is with.
        """
        host = self.hosts.find(host_name) or self.hosts.default
        return host.verification.objection_to(chain)

    def new_session(self) -> SessionContext:
        """The context of a new control connection."""
        if self._bare is None or self._bare.is_worn:
            self._bare = Bare(self.protocols)
        return SessionContext(self.hosts, self.protocols, self._bare)


def session_reused(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed an earlier session (the one private call: no public name)."""
    return bool(SSL._lib.SSL_session_reused(connection._ssl))  # type: ignore[attr-defined]


def _identities(
    certificates: Sequence[str], keys: Sequence[str], passphrases: Passphrases
) -> list[Identity]:
    identities = load_identities(certificates, keys, passphrases)
    for identity in identities:
        warn_of_dates(identity)
    return identities


def _bare(protocols: Protocols) -> SSL.Context:
    """A context that holds ticket keys, and what ``set_context`` does not carry."""
    bare = SSL.Context(SSL.TLS_SERVER_METHOD)
    protocols.bound(bare)
    bare.set_options(_OPTIONS)
    bare.set_timeout(_SESSION_LIFETIME)
    # With partial writes, every call would encrypt one record of 16 KiB only.
    bare.clear_mode(SSL._lib.SSL_MODE_ENABLE_PARTIAL_WRITE)  # type: ignore[attr-defined]
    return bare
