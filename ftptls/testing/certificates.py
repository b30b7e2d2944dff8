"""A throwaway certificate authority: server certificates, and clients that trust them.

::

    authority = Authority()
    factory = FTPFactory(reactor, portal, authority.server_context())
    connection = SSL.Connection(authority.client_context(), None)
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto

from ftptls.authority import certificates
from ftptls.authority.certificates import KeyKind, PrivateKey, builder, general_name, new_key
from ftptls.tls.contexts import ServerContext
from ftptls.tls.loading import Identity

_DAY = datetime.timedelta(days=1)


def _new_key(kind: KeyKind) -> PrivateKey:
    return new_key(kind, rsa_bits=2048)  # which is made sooner than a longer one


def _named(name: str) -> x509.Name:
    """Any name at all, hostile ones included."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    name: str, key: PrivateKey, begins: datetime.timedelta = -_DAY, ends: datetime.timedelta = _DAY
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return builder(_named(name), key.public_key(), now + begins, now + ends)


@dataclass(frozen=True)
class Pair(certificates.Pair):
    """A certificate and its private key, to be shown by a context of pyOpenSSL."""

    def use_in(self, context: SSL.Context) -> None:
        """Show this certificate from now on."""
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)


@dataclass(frozen=True)
class WrittenFiles:
    """Where :meth:`Authority.write` put what.

    Attributes:
        certificate: The server's certificate and the root's.
        key: The server's private key.
        root: What clients have to trust.
    """

    certificate: Path
    key: Path
    root: Path


class Authority:
    """A certificate authority that nobody else trusts; its certificates last a day.

    Args:
        hosts: The names and addresses that server certificates are for.
    """

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts or ("localhost", "127.0.0.1", "::1")
        self._servers: dict[KeyKind, Pair] = {}

    @cached_property
    def root(self) -> Pair:
        """What clients trust."""
        key = _new_key(KeyKind.EC)
        certificate = (
            _builder("Throwaway root", key)
            .issuer_name(_named("Throwaway root"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        return Pair(key, certificate)

    def server(self, kind: KeyKind = KeyKind.EC) -> Pair:
        """The server's certificate; the same one each time."""
        if kind not in self._servers:
            names = x509.SubjectAlternativeName([general_name(host) for host in self.hosts])
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            self._servers[kind] = self._issue(self.hosts[0], kind, names, usage)
        return self._servers[kind]

    def client(self, name: str) -> Pair:
        """A new client certificate."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(name, KeyKind.EC, usage)

    def server_context(self, kind: KeyKind = KeyKind.EC) -> ServerContext:
        """What :class:`~ftptls.factory.FTPFactory` takes."""
        pair = self.server(kind)
        return ServerContext(pair.key, [pair.certificate, self.root.certificate])

    def client_context(self, version: int = SSL.TLS1_3_VERSION) -> SSL.Context:
        """A context that trusts this authority and speaks one version only.

        It has no cache of sessions: with one, OpenSSL uses each TLS 1.3 ticket only once.
        """
        return _trusting(self.root, version)

    def write(
        self, folder: str | Path, kind: KeyKind = KeyKind.EC, *, password: bytes = b""
    ) -> WrittenFiles:
        """Write ``server.pem``, ``server.key`` and ``root.pem``.

        Args:
            folder: Where to.
            kind: The kind of key.
            password: What to encrypt the key with.
        """
        pair = self.server(kind)
        where = Path(folder)
        written = WrittenFiles(where / "server.pem", where / "server.key", where / "root.pem")
        written.certificate.write_bytes(pair.certificate_pem + self.root.certificate_pem)
        written.key.touch(0o600)
        written.key.write_bytes(pair.key_pem(password))
        written.root.write_bytes(self.root.certificate_pem)
        return written

    def _issue(self, name: str, kind: KeyKind, *extensions: x509.ExtensionType) -> Pair:
        key = _new_key(kind)
        builder = _builder(name, key).issuer_name(self.root.certificate.subject)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return Pair(key, builder.sign(self.root.key, hashes.SHA256()))


class PKI:
    """A public key infrastructure as companies have one: a root, and below it an intermediate.

    Every certificate is made when it is asked for.

    Args:
        *hosts: The names and addresses that server certificates are for.
        name: What its authorities are called.
    """

    def __init__(self, *hosts: str, name: str = "Example") -> None:
        self.hosts = hosts or ("localhost", "127.0.0.1", "::1")
        self.name = name

    @cached_property
    def root(self) -> Pair:
        """What everybody trusts."""
        return self._authority(f"{self.name} root", None)

    @cached_property
    def intermediate(self) -> Pair:
        """What signs certificates."""
        return self._authority(f"{self.name} intermediate", self.root)

    def server(self, kind: KeyKind = KeyKind.EC, *hosts: str, late: bool = False) -> Identity:
        """A new server certificate with its chain.

        Args:
            kind: The kind of key.
            *hosts: The names that it is for, in place of everybody's.
            late: Whether it has expired.
        """
        names = hosts or self.hosts
        pair = self.issue(
            names[0],
            x509.SubjectAlternativeName([general_name(host) for host in names]),
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            kind=kind,
            ends=-_DAY / 2 if late else _DAY,
        )
        return Identity(pair.key, (pair.certificate, self.intermediate.certificate))

    def client(self, name: str = "bob", *, late: bool = False, early: bool = False) -> Pair:
        """A new client certificate.

        Args:
            name: Whose.
            late: Whether it has expired.
            early: Whether it is not valid yet.
        """
        return self.issue(
            name,
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            begins=_DAY / 2 if early else -_DAY,
            ends=-_DAY / 2 if late else _DAY,
        )

    def wrong_usage(self, name: str = "bob") -> Pair:
        """A certificate that is not for TLS clients, but for servers."""
        return self.issue(name, usage=ExtendedKeyUsageOID.SERVER_AUTH)

    def issue(
        self,
        name: str,
        *extensions: x509.ExtensionType,
        usage: x509.ObjectIdentifier,
        kind: KeyKind = KeyKind.EC,
        begins: datetime.timedelta = -_DAY,
        ends: datetime.timedelta = _DAY,
    ) -> Pair:
        """A new certificate of the intermediate."""
        key = _new_key(kind)
        issuer = self.intermediate
        builder = (
            _builder(name, key, begins, ends)
            .issuer_name(issuer.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
                critical=False,
            )
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return Pair(key, builder.sign(issuer.key, hashes.SHA256()))

    def client_context(
        self, version: int = SSL.TLS1_3_VERSION, shown: Pair | None = None
    ) -> SSL.Context:
        """A context that trusts the root, and perhaps shows a certificate with its chain."""
        context = _trusting(self.root, version)
        if shown is not None:
            shown.use_in(context)
            context.add_extra_chain_cert(self.intermediate.certificate)
        return context

    @staticmethod
    def _authority(name: str, issuer: Pair | None) -> Pair:
        key = _new_key(KeyKind.EC)
        signer = issuer.key if issuer else key
        certificate = (
            _builder(name, key)
            .issuer_name(issuer.certificate.subject if issuer else _named(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer, hashes.SHA256())
        )
        return Pair(key, certificate)


def pem(identity: Identity, password: bytes = b"") -> tuple[bytes, bytes]:
    """A certificate with its chain, and its key, in PEM.

    Args:
        identity: What to write.
        password: What to encrypt the key with.
    """
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain)
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return chain, identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _trusting(root: Pair, version: int) -> SSL.Context:
    """A client's context that trusts one root and speaks one version only."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.set_verify(SSL.VERIFY_PEER)
    store = context.get_cert_store()
    if store is None:
        raise AssertionError("a new context has a store")
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    return context
