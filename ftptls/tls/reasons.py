"""Why a handshake failed, in one sentence: the cause in words, and the remedy.

OpenSSL says ``no shared cipher`` or ``tlsv1 alert unknown ca``; what an operator can do
about it depends on what the client offered and on what the listener wants. Pure: what is
known goes in, a sentence comes out. OpenSSL's own words stand at its end, to be searched for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ftptls.wire.hello import VERSIONS, ClientHello, parse_client_hello

EOF = "unexpected eof while reading"
"""The reason where the other side went away in the middle of a handshake."""

TIMEOUT = "timeout"
"""The reason where it stayed, and did not go on."""

_TLS_1_2 = 0x0303
_TLS_1_3 = 0x0304


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a connection besides OpenSSL's reason.

    Attributes:
        received: The first octets that the client sent.
        minimum: The oldest protocol version that the listener takes; 0 if that is not known.
        verdict: What OpenSSL thinks of the client's certificate; empty without an objection.
        implicit: Whether the client was to begin TLS with the connection.
    """

    received: bytes = b""
    minimum: int = 0
    verdict: str = ""
    implicit: bool = False

    @property
    def hello(self) -> ClientHello | None:
        """The client's offer, if it made one."""
        return parse_client_hello(self.received)


def explain(reason: str, known: Known) -> str:
    """One sentence, without a full stop.

    Args:
        reason: What OpenSSL says; several reasons are separated by semicolons.
        known: What else is known.
    """
    for pattern, answer in _TABLE:
        if re.search(pattern, reason, re.IGNORECASE):
            sentence = answer if isinstance(answer, str) else answer(known)
            return sentence if reason in (EOF, TIMEOUT) else f"{sentence} (OpenSSL: {reason})"
    return (
        f"OpenSSL gives the reason as {reason!r}: try `openssl s_client -starttls ftp` against "
        "this listener, and compare"
    )


def not_tls(received: bytes) -> str:
    """Why the first octets of a client cannot be TLS, and the remedy.

    Args:
        received: What it sent in place of a ClientHello.
    """
    for pattern, sentence in _NOT_TLS:
        if re.match(pattern, received, re.DOTALL | re.IGNORECASE):
            return sentence
    return (
        "what was sent is no TLS: the client speaks another protocol, or something on the way "
        "changes the octets; look at the client's settings and at proxies and firewalls"
    )


_NOT_TLS = (
    (
        rb"(GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) ",
        "what was sent is no TLS but HTTP: a browser, a health check or a proxy was pointed at "
        "this FTP port; point it elsewhere",
    ),
    (
        rb"SSH-",
        "what was sent is no TLS but SSH: the client is set to SFTP, which is another protocol; "
        "set it to FTP over TLS (FTPS)",
    ),
    (
        rb"(AUTH|FEAT|USER|PASS|PBSZ|PROT|SYST|HOST|CLNT|OPTS|QUIT|NOOP)\b",
        "what was sent is no TLS but an FTP command in clear text: the client did not begin its "
        "handshake; on an implicit listener set it to implicit TLS, else to explicit TLS "
        "(AUTH TLS)",
    ),
    (
        rb"[\x80-\xff].\x01",
        "what was sent is no TLS but the hello of SSL 2, which nobody may accept any more "
        "(RFC 6176); update the client",
    ),
    (
        rb"PROXY |\r\n\r\n\0\r\nQUIT\n",
        "what was sent is no TLS but a PROXY header: a load balancer announces the client; "
        "put haproxy: in front of the endpoint, or turn the header off there",
    ),
)


def _version(known: Known) -> str:
    hello = known.hello
    offer = hello.offer if hello else "no version that this listener takes"
    minimum = VERSIONS.get(known.minimum, "newer")
    if hello and hello.versions[-1] > known.minimum > 0:
        return (
            f"the client offers {offer}, and this listener speaks nothing as new: "
            "let it speak TLS 1.3, or let the client speak an older one, too"
        )
    profile = "intermediate" if hello and hello.versions[0] >= _TLS_1_2 else "legacy"
    return (
        f"the client offers {offer}, and this listener's minimum is {minimum}: set tls.profile "
        f"to {profile} for this listener, or update the client"
    )


def _cipher(known: Known) -> str:
    hello = known.hello
    if hello is not None and _TLS_1_3 not in hello.versions:
        return (
            f"the client offers {hello.offer}, and no cipher suite that this listener takes "
            "with its certificate: widen tls.profile or tls.ciphers, show an RSA certificate "
            "beside an ECDSA one (or the reverse), or update the client"
        )
    return (
        "the client offers no cipher suite, or no key exchange group, that this listener takes: "
        "widen tls.profile, tls.ciphers or tls.suites, or update the client"
    )


def _went_away(known: Known) -> str:
    if not known.received:
        if known.implicit:
            return (
                "the client closed the connection without a word of TLS: if it waited for a "
                "greeting, set it to implicit TLS, or to the port for explicit TLS"
            )
        return (
            "the client closed the connection instead of beginning the handshake: it asked for "
            "TLS and cannot do it; look for the cause in its own log"
        )
    return (
        "the client went away in the middle of the handshake, without saying why: it may not "
        "trust the server's certificate (give it the authority), or choke on being asked for "
        "one (set client_certificates.mode to none), or its network broke"
    )


def _waited(known: Known) -> str:
    if not known.received and known.implicit:
        return (
            "the client sent nothing, and waits for a greeting in clear text: set it to implicit "
            "TLS, or to the port for explicit TLS"
        )
    return (
        "the TLS handshake took too long: the client stopped in the middle; look for a firewall "
        "that drops packets, or raise limits.handshake_timeout for slow clients"
    )


def _client_certificate(known: Known) -> str:
    for pattern, what in _VERDICTS:
        if re.search(pattern, known.verdict, re.IGNORECASE):
            return f"the client's certificate is not accepted: {what}"
    verdict = known.verdict or "it does not verify"
    return (
        f"the client's certificate is not accepted: {verdict}; "
        "compare it with the authorities of this listener"
    )


_VERDICTS = (
    (
        r"CRL has expired|unable to get certificate CRL|CRL is not yet valid|CRL signature failure",
        "there is no current revocation list (CRL) of its issuer; renew the files in "
        "revocation.crls",
    ),
    (r"certificate has expired", "it has expired; the client needs a new one"),
    (
        r"not yet valid",
        "it is not valid yet; compare the clocks of this machine and of its authority",
    ),
    (r"^certificate revoked", "its authority has revoked it; the client needs a new one"),
    (
        r"purpose",
        "it is not meant for clients; its extended key usage must hold clientAuth",
    ),
    (
        r"issuer certificate|self.signed",
        "its authority is not among those of this listener; add it, with any intermediate, to "
        "client_certificates.authorities, or give the client a certificate of a listed one",
    ),
    (
        r"chain too long|path length",
        "its chain is longer than is allowed; raise client_certificates.depth",
    ),
    (r"too weak|too small|md too", "its key or signature is too weak; the client needs a new one"),
)

Answer = str | Callable[[Known], str]

# The first pattern that fits counts. What a client says by an alert stands first: its other
# end of the same trouble has other words.
_TABLE: tuple[tuple[str, Answer], ...] = (
    (
        r"alert unknown ca",
        "the client does not know the authority of the server's certificate: give the client "
        "that authority's certificate, and put every intermediate behind the server's own in "
        "tls.certificate",
    ),
    (
        r"alert certificate expired",
        "the client says that the server's certificate has expired: renew the file in "
        "tls.certificate, or set the client's clock",
    ),
    (
        r"alert certificate revoked",
        "the client says that the server's certificate was revoked: get a new one, and name it "
        "in tls.certificate",
    ),
    (
        r"alert (bad|unsupported) certificate|alert certificate unknown",
        "the client refuses the server's certificate: it must be for the name that the client "
        "connects to, of a kind that it supports, and of an authority that it trusts; or the "
        "user said no",
    ),
    (
        r"alert handshake failure",
        "the client found nothing in common with this listener: widen tls.profile or "
        "tls.ciphers, or update the client",
    ),
    (
        r"alert (protocol version|inappropriate fallback)|inappropriate fallback",
        "the client does not want the protocol version that this listener chose: update the "
        "client, or set tls.profile to legacy for this listener",
    ),
    (
        r"alert no application protocol|no application protocol",
        "the client offers by ALPN only protocols other than ftp: it is no FTP client, or is "
        "being misled to this port; offer `ftp`, or no ALPN",
    ),
    (
        r"unrecognized name",
        "the client named a host by SNI that is not served here: connect by another name",
    ),
    (
        r"alert (access denied|user cancell?ed)",
        "the client gave up by itself: look for the cause in its own log",
    ),
    (
        r"alert (decrypt error|decode error|bad record mac|internal error|illegal parameter)",
        "the client could not go on with what it received: update its TLS library; if others "
        "have the trouble too, look for a device on the way that changes the octets",
    ),
    (r"unsupported protocol|unknown protocol|version too low|wrong ssl version", _version),
    (
        r"no shared cipher|no shared group|no suitable (key share|signature)|no common signature",
        _cipher,
    ),
    (
        r"did not return a certificate|certificate required",
        "the client shows no certificate, and this listener requires one: give the client one, "
        "or set client_certificates.mode to optional",
    ),
    (
        r"session id context uninitialized",
        "the client resumes a session, and the listener has no session id: this is a mistake of "
        "the server; report it",
    ),
    (
        r"certificate verify failed|no certificate returned|unable to .*certificate",
        _client_certificate,
    ),
    (
        r"key values mismatch|no certificate assigned|no private key",
        "the listener has no certificate that goes with its key: name the pair that was made "
        "together in tls.certificate and tls.key",
    ),
    (r"https? (proxy )?request", _NOT_TLS[0][1]),
    (r"wrong version number|packet length|not tls", lambda known: not_tls(known.received)),
    (
        r"renegotiation",
        "the client wants to renegotiate, which is never allowed (CVE-2009-3555): turn "
        "renegotiation off in the client, or update it",
    ),
    (r"unexpected eof|eof that violates|^$|Unexpected EOF", _went_away),
    (r"^timeout$", _waited),
    (
        r"decryption failed|bad record mac|data length too long|record layer|too much|bad length",
        "what arrived was changed on the way, or is no TLS record: look for a device that "
        "rewrites FTP on this port, such as a firewall's FTP helper, and turn that off",
    ),
    (
        r"unexpected message|unexpected record|bad (handshake|hello)|decode error|length mismatch",
        "the client does not keep to the order of a handshake: it is no TLS client, or a broken "
        "one; update it",
    ),
)
