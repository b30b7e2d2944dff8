"""A throwaway OCSP responder (RFC 6960), for tests, in memory or over HTTP; and CRLs.

::

    responder = Responder(pki.intermediate)
    responder.standings[client.certificate.serial_number] = OCSPCertStatus.REVOKED
    with responder.serve() as url:
        ...
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPRequest,
    OCSPResponderEncoding,
    OCSPResponseBuilder,
    load_der_ocsp_request,
)
from cryptography.x509.oid import AuthorityInformationAccessOID

from ftptls.testing.certificates import Pair

_HOUR = datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)
_PATIENCE = 10  # seconds for threads to end


def found_at(url: str) -> x509.AuthorityInformationAccess:
    """What a certificate says of its responder (RFC 5280 §4.2.2.1)."""
    where = x509.UniformResourceIdentifier(url)
    method = AuthorityInformationAccessOID.OCSP
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, where)])


def revocation_list(
    issuer: Pair,
    *revoked: Pair,
    begins: datetime.timedelta = -2 * _DAY,
    ends: datetime.timedelta = _DAY,
) -> x509.CertificateRevocationList:
    """A CRL (RFC 5280 §5).

    Args:
        issuer: Whose certificates it is about.
        *revoked: Which of them were revoked, a day ago.
        begins: When it begins to count, from now.
        ends: When it ceases to.
    """
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now + begins)
        .next_update(now + ends)
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder(each.certificate.serial_number, now - _DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256())


class Responder:
    """Answers for one authority; every certificate is good that nothing else is said of.

    Args:
        issuer: The authority that it answers for.
        signer: Whose key signs, if not the authority's own; its certificate goes along.

    Attributes:
        standings: What is said of certificates, by serial number.
        begins: When answers begin to count, from now.
        ends: When they cease to; ``None`` is not told.
        nonce: What is answered in place of the request's nonce; empty leaves it out.
        status: The HTTP status.
        body: What is sent in place of an answer.
        missing: How many octets of an announced answer are not sent.
        by_name: Whether it says its name, and not its key's hash.
        silent: Whether nothing is answered at all.
        asked: How many requests came.
    """

    def __init__(self, issuer: Pair, signer: Pair | None = None) -> None:
        self.issuer = issuer
        self.signer = signer
        self.standings: dict[int, OCSPCertStatus] = {}
        self.begins = -_HOUR
        self.ends: datetime.timedelta | None = _HOUR
        self.nonce: bytes | None = None
        self.status = 200
        self.body: bytes | None = None
        self.missing = 0
        self.by_name = False
        self.silent = False
        self.asked = 0
        self._over = threading.Event()

    def respond(self, request: bytes) -> bytes:
        """The answer to a request, both in DER."""
        self.asked += 1
        if self.body is not None:
            return self.body
        return self._answer(load_der_ocsp_request(request))

    def _answer(self, request: OCSPRequest) -> bytes:
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        standing = self.standings.get(request.serial_number, OCSPCertStatus.GOOD)
        is_revoked = standing is OCSPCertStatus.REVOKED
        signer = self.signer or self.issuer
        builder = (
            OCSPResponseBuilder()
            .add_response_by_hash(
                request.issuer_name_hash,
                request.issuer_key_hash,
                request.serial_number,
                request.hash_algorithm,
                standing,
                now + self.begins,
                None if self.ends is None else now + self.ends,
                now - _HOUR if is_revoked else None,
                x509.ReasonFlags.key_compromise if is_revoked else None,
            )
            .responder_id(
                OCSPResponderEncoding.NAME if self.by_name else OCSPResponderEncoding.HASH,
                signer.certificate,
            )
        )
        if self.signer is not None:
            builder = builder.certificates([self.signer.certificate])
        nonce = _nonce_of(request) if self.nonce is None else self.nonce
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        algorithm = None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(signer.key, algorithm).public_bytes(Encoding.DER)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Answer over HTTP on a free loopback port, whose URL this is."""
        responder = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                answer = responder.respond(content)
                if responder.silent:
                    responder._over.wait(_PATIENCE)
                    return
                self.send_response(responder.status)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(answer) + responder.missing))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """It says nothing."""

        self._over.clear()
        with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}/ocsp"
            finally:
                self._over.set()
                server.shutdown()
                thread.join(_PATIENCE)


def _nonce_of(request: OCSPRequest) -> bytes:
    try:
        return request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return b""
