"""Virtual hosts: a certificate and demands on clients for each, chosen by SNI or HOST.

The name comes with the ClientHello (:rfc:`6066#3`), after OpenSSL settled the version. So a
host has its own certificate, chain, authorities and verify mode, but not its own versions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ftptls.tls.clients import Verification
from ftptls.tls.handshake import UNRECOGNIZED_NAME, Handshake, choose_protocol
from ftptls.tls.loading import CertificateError, Identity
from ftptls.tls.profiles import Protocols

SESSION_ID = b"ftptls"
"""The context of session ids: the same on every context, or verification ends resumption."""


class Host:
    """What is lent to a Connection: all that depends on the name of the host.

    Args:
        identities: The certificates, of one kind of key each.
        protocols: The listener's ciphers.
        verification: What it wants of clients.
        names: What it is called, in lower case; none is the host of all other names.

    Attributes:
        shared: The OpenSSL context; it is never edited once it is in use.

    Raises:
        CertificateError: OpenSSL does not take a certificate.
        ValueError: OpenSSL has none of the ciphers.
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        protocols: Protocols,
        verification: Verification,
        names: Sequence[str] = (),
    ) -> None:
        self.identities = tuple(identities)
        self.verification = verification
        self.names = tuple(name.lower() for name in names)
        self.shared = SSL.Context(SSL.TLS_SERVER_METHOD)
        protocols.use_in(self.shared)  # the security level decides on what follows
        for identity in identities:
            _show(self.shared, identity, alone=len(identities) == 1)
        verification.use_in(self.shared)
        self.shared.set_session_id(SESSION_ID)
        self.shared.set_alpn_select_callback(choose_protocol)
        self.shared.set_tlsext_servername_callback(_named)

    def lend(self, connection: SSL.Connection) -> None:
        """Have a Connection show this host's certificate and make its demands."""
        connection.set_context(self.shared)
        self.verification.demand(connection)


class Hosts:
    """A listener's hosts.

    Args:
        default: Where no name was given, or one that nobody has.
        others: The named ones.
        strict: Whether a name that nobody has is refused.

    Raises:
        ValueError: Two have the same name.
    """

    def __init__(self, default: Host, others: Sequence[Host] = (), *, strict: bool = False) -> None:
        self.default = default
        self.strict = strict
        self._by_name: dict[str, Host] = {}
        for host in others:
            for name in host.names:
                if name in self._by_name:
                    raise ValueError(f"Two of [[hosts]] have the name {name}.")
                self._by_name[name] = host

    def __iter__(self) -> Iterator[Host]:
        """Each host once, the default one first."""
        return iter(dict.fromkeys((self.default, *self._by_name.values())))

    def find(self, name: str) -> Host | None:
        """Whose name it is."""
        return self._by_name.get(name.lower())


def _named(connection: SSL.Connection) -> None:
    """OpenSSL asks whose name the client gave, if it gave any; once in each handshake."""
    handshake = connection.get_app_data()
    if isinstance(handshake, Handshake):
        name = connection.get_servername()
        if name:
            handshake.server_name = sent = name.decode("ascii", "replace")
            _select(connection, handshake, sent.lower())


def _select(connection: SSL.Connection, handshake: Handshake, name: str) -> None:
    session = handshake.session
    found = session.hosts.find(name)
    if found is None and session.hosts.strict:
        handshake.refuse(
            f"the client names the host {name!r} (SNI), which is none of [[hosts]]",
            UNRECOGNIZED_NAME,
        )
    elif not handshake.is_control and found not in (None, session.host):
        # A session of another host may have passed less than this one demands.
        handshake.refuse(
            f"the data connection names the host {name} (SNI), the control connection another; "
            "a TLS session is not resumed under another name",
            UNRECOGNIZED_NAME,
        )
    elif handshake.is_control and session.demanded not in ("", name):
        handshake.refuse(
            f"the client names the host {name!r} (SNI), and HOST named {session.demanded}",
            UNRECOGNIZED_NAME,
        )
    elif handshake.is_control:
        session.server_name = name
        if found is not None:
            session.host = handshake.host = found
            found.lend(connection)


def _show(context: SSL.Context, identity: Identity, *, alone: bool) -> None:
    """Give a certificate, its key and chain to a context."""
    try:
        context.use_certificate(identity.chain[0])
        context.use_privatekey(identity.key)
        context.check_privatekey()
        if alone:
            for authority in identity.chain[1:]:
                context.add_extra_chain_cert(authority)
        else:
            _show_chain(context, identity)
    except (SSL.Error, TypeError) as error:
        reason = error.args[0][0][-1] if error.args and isinstance(error.args[0], list) else error
        raise CertificateError(
            f"OpenSSL does not take the certificate in {identity.source or 'memory'}: {reason}."
        ) from None


def _show_chain(context: SSL.Context, identity: Identity) -> None:
    """Give a chain for this certificate alone, which pyOpenSSL takes from a file only."""
    descriptor = os.memfd_create("chain")
    try:
        os.write(descriptor, b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain))
        context.use_certificate_chain_file(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
