"""What a check of a server found, and what is to be said about it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_WEAK = re.compile(r"NULL|EXP|RC4|RC2|DES|MD5|ADH|AECDH|anon|SEED|IDEA")
_FORWARD = re.compile(r"TLS_|ECDHE-|DHE-")
_OLD = ("TLS 1.0", "TLS 1.1")
_SOON = datetime.timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in words.

    Attributes:
        subject: Whose it is.
        issuer: Who vouches for it.
        not_before: From when it is valid, in ISO 8601.
        not_after: Until when.
        key: Kind and size of the key.
        names: Names and addresses that it is for.
        fingerprint: SHA-256, in hexadecimal.
    """

    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    names: tuple[str, ...]
    fingerprint: str


@dataclass(slots=True)
class Findings:
    """All that a check found out; ``None`` is what it could not.

    Attributes:
        server: Host and port.
        mode: ``explicit`` or ``implicit``.
        greeting: The text of the 220.
        refusal: Why there is no TLS at all; empty if there is.
        silence: Why the server does not talk behind the handshake; empty if it does.
        chain: The server's certificate, and what it sends behind it.
        objection: Why the chain does not verify; empty if it does.
        versions: Whether each TLS version is accepted.
        ciphers: The cipher suites of each accepted version, in the server's order.
        cut: Versions that have more ciphers than were asked for.
        control_resumed: Whether a second control connection resumed the session.
        data_resumed: Whether a data connection resumed that of its control connection.
        data_unresumed: Whether one that resumes nothing is accepted.
        data_trouble: Why nothing was found out about data connections.
        alpn_ftp: What becomes of ALPN ``ftp``: ``chosen``, ``ignored`` or ``refused``.
        alpn_foreign: What becomes of another protocol alone.
        renegotiation: Whether a client may renegotiate.
        features: The lines of FEAT on AUTH, PBSZ, PROT and CCC.
        injection: What becomes of a command behind AUTH: ``dropped``, ``refused``,
            ``answered in clear`` or ``carried out inside TLS``.
    """

    server: str
    mode: str
    greeting: str = ""
    refusal: str = ""
    silence: str = ""
    chain: tuple[Certificate, ...] = ()
    objection: str = ""
    versions: dict[str, bool] = field(default_factory=dict)
    ciphers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    control_resumed: bool | None = None
    data_resumed: bool | None = None
    data_unresumed: bool | None = None
    data_trouble: str = ""
    alpn_ftp: str = ""
    alpn_foreign: str = ""
    renegotiation: bool | None = None
    features: tuple[str, ...] = ()
    injection: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to be said.

    Attributes:
        is_problem: Whether it makes the server unsafe or useless; else it is advice.
        text: What it is, and what to do about it.
    """

    is_problem: bool
    text: str


def remarks(found: Findings, now: datetime.datetime) -> list[Remark]:
    """The verdict: problems first, then advice; empty if there is nothing to say.

    Args:
        found: What was found.
        now: With a time zone.
    """
    if found.refusal:
        return [Remark(True, f"There is no TLS: {found.refusal}. Turn it on in the server.")]
    problems = [Remark(True, text) for text in _problems(found)]
    return problems + [Remark(False, text) for text in _advice(found, now)]


def _problems(found: Findings) -> Iterator[str]:
    if found.silence:
        yield (
            f"The server does not talk behind the handshake: {found.silence}. If it wants a "
            "client certificate, name one with --certificate; the rest is not to be relied on."
        )
    if found.objection:
        yield (
            f"The certificate does not verify: {found.objection}. Clients have to be given its "
            "authority (here: --cafile), or the server a certificate for its name."
        )
    if not any(accepted for name, accepted in found.versions.items() if name not in _OLD):
        yield "Neither TLS 1.2 nor TLS 1.3 is accepted; update the server's TLS library."
    if old := [name for name in _OLD if found.versions.get(name)]:
        yield f"{' and '.join(old)} are broken, and accepted; make TLS 1.2 the minimum."
    if weak := sorted(name for name in _all_ciphers(found) if _WEAK.search(name)):
        yield f"Weak ciphers are accepted: {', '.join(weak)}; take them out of the server's list."
    if found.injection == "carried out inside TLS":
        yield (
            "A command sent in clear text behind AUTH is carried out inside TLS (CVE-2011-0411): "
            "anybody on the way can put commands into a session; update the server."
        )
    if found.renegotiation:
        yield "Clients may renegotiate (CVE-2009-3555, CVE-2011-1473); turn that off."
    if found.alpn_foreign == "chosen":
        yield "The server agrees by ALPN to be no FTP server (ALPACA); have it refuse that."
    if found.data_resumed is False:
        yield (
            "Data connections do not resume the session of the control connection: FileZilla "
            "warns, and nothing binds the two; turn session caching or tickets on."
        )


def _advice(found: Findings, now: datetime.datetime) -> Iterator[str]:
    if found.chain and not found.objection:
        ends = datetime.datetime.fromisoformat(found.chain[0].not_after)
        if ends - now < _SOON:
            yield f"The certificate ends on {ends:%Y-%m-%d}; renew it."
    if found.versions.get("TLS 1.2") and not found.versions.get("TLS 1.3"):
        yield "TLS 1.3 is not accepted; turn it on."
    if static := sorted(name for name in _all_ciphers(found) if not _FORWARD.match(name)):
        names = ", ".join(static)
        yield f"Without forward secrecy: {names}; take them out unless a device needs them."
    if found.data_unresumed:
        yield (
            "A data connection that resumes nothing is accepted: whoever is first at the port "
            "gets the data if the server looks at nothing else; require session reuse where "
            "all clients can (ours: policy.session_reuse)."
        )
    if found.alpn_foreign == "ignored":
        yield "ALPN without ftp is ignored, not refused; to refuse it stops ALPACA."
    if found.injection == "answered in clear":
        yield "A command behind AUTH is answered in clear text; to end the connection is safer."
    if found.mode == "explicit" and not any("AUTH" in line for line in found.features):
        yield "FEAT does not tell of AUTH TLS (RFC 4217 §6); some clients then do not try it."


def _all_ciphers(found: Findings) -> set[str]:
    return {name for names in found.ciphers.values() for name in names}
