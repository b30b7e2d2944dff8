"""What happens, as events in the log: connections, commands, logins, transfers, refusals.

Text from clients is escaped, and what a command's record marks as secret is not shown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import islice

from twisted.logger import LogEvent, Logger, LogLevel
from twisted.python.failure import Failure

from ftptls.interfaces import IX509Credentials
from ftptls.progress import Progress
from ftptls.session import Session
from ftptls.textlog import ORDINARY, READY
from ftptls.tls.report import Report
from ftptls.wire.replies import Reply

_log = Logger(namespace="ftptls")

# A name of these characters cannot be taken for anything else in a line of the log.
_PLAIN = re.compile(r"[\w.+-]+")
_LONGEST = 256
# As RFC 1635 wants it in place of a password; the host may be left out.
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{0,253}", re.ASCII)
_MOST_NAMES = 8  # in one line
# What the events have in common that come in every session.
_READY: LogEvent = {
    "log_logger": _log,
    "log_level": LogLevel.info,
    "log_namespace": _log.namespace,
    "log_source": None,
    "log_format": READY,
    "log_system": ORDINARY,  # as would be made of these
}


def _who(session: Session) -> str:
    user, peers = session.login.user, session.peers
    return f"{_shown(user) if user else '-'}@{peers.client}:{peers.port}"


@lru_cache(maxsize=256)
def _shown(user: str) -> str:
    return user if _PLAIN.fullmatch(user) else ascii(user)


def _tell(who: str, what: str, facts: LogEvent | None = None) -> None:
    """What happens in every session, as an event of :class:`Logger` whose text is ready.

    There are many of these. To make a text of its format, and to go through ``Logger.info``,
    takes several times as long.
    """
    event = _READY.copy()
    if facts:
        event.update(facts)
    event["log_time"] = time.time()
    event["text"] = f"{who} {what}"
    event["who"] = who
    _log.observer(event)


def connected(session: Session) -> None:
    """A control connection was made."""
    _tell(_who(session), "connected")


def disconnected(session: Session, why: str) -> None:
    """A control connection ended."""
    _tell(_who(session), f"disconnected: {why}", {"why": why})


def commanded(session: Session, verb: str, argument: str, *, secret: bool) -> None:
    """A command arrived; of a secret one, only the verb is told."""
    shown = "****" if secret and argument else ascii(argument)
    _log.debug("{who} > {verb} {shown}", who=_who(session), verb=ascii(verb), shown=shown)


def replied(session: Session, reply: Reply) -> None:
    """A reply was sent."""
    _log.debug("{who} < {code} {text}", who=_who(session), code=reply.code, text=ascii(reply.text))


def secured(session: Session, where: str, report: Report) -> None:
    """A handshake is complete, on the control or a data connection."""
    how = "resumed" if report.resumed else "full handshake"
    told = f"{report.version} {report.cipher}, {how}, {_names(report)}"
    _tell(
        _who(session),
        f"TLS on the {where} connection: {told}",
        {"where": where, "report": report, "how": how},
    )


def _names(report: Report) -> str:
    """Who showed what; the texts are the other side's."""
    names = f"no {report.shown_by} certificate"
    if report.fingerprint:
        subject = _shortened(report.subject)
        names = f"{report.shown_by} certificate {subject} SHA-256 {report.fingerprint}"
    if report.server_name:
        names += f", SNI {_shortened(report.server_name)}"
    if report.protocol:
        names += f", ALPN {_shortened(report.protocol)}"
    return names


def _shortened(text: str) -> str:
    """A text of the other side, in quotes and without anything that could forge a line."""
    return ascii(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def handshake_failed(session: Session, where: str, reason: str) -> None:
    """A TLS handshake failed, on the control or a data connection."""
    _log.warn(
        "{who} TLS failed on the {where} connection: {reason}",
        who=_who(session),
        where=where,
        reason=reason,
    )


def vetted(session: Session, standing: str, refusal: str) -> None:
    """A client certificate was asked about (OCSP)."""
    tell = _log.warn if refusal or standing.startswith("not known") else _log.info
    tell(
        "{who} OCSP on the client certificate: {standing}{refused}",
        who=_who(session),
        standing=standing,
        refused=f"; refused, for {refusal}" if refusal else "",
    )


def vetting_failed(session: Session, failure: Failure) -> None:
    """Our own mistake while a client certificate was checked, with its traceback."""
    _log.failure("{who} unforeseen error in the check of a certificate", failure, who=_who(session))


def ousted(session: Session, reason: str) -> None:
    """A running session was ended: its certificate is not accepted any more."""
    _log.warn(
        "{who} session ended, its client certificate is not accepted any more: {reason}",
        who=_who(session),
        reason=reason,
    )


def login_revoked(session: Session, reason: str) -> None:
    """A running session was ended: its user may not be logged in any more."""
    _log.warn(
        "{who} session ended, its user may not be logged in any more: {reason}",
        who=_who(session),
        reason=reason,
    )


def logged_in(session: Session) -> None:
    """A user is in."""
    _tell(_who(session), "logged in")


def introduced(session: Session, password: str) -> None:
    """Who is anonymous sent a password: if that is an e-mail address, it is no secret."""
    if _ADDRESS.fullmatch(password):
        _log.info("{who} says to be {address}", who=_who(session), address=password)


def login_failed(session: Session, name: str) -> None:
    """A login was refused."""
    _log.warn("{who} login refused for {name}", who=_who(session), name=ascii(name))


def slowed(session: Session, name: str, seconds: float) -> None:
    """A login has to wait, for there were many in vain."""
    _log.info(
        "{who} login for {name} waits {seconds:g} s, after too many in vain",
        who=_who(session),
        name=ascii(name),
        seconds=seconds,
    )


def banned(kind: str, what: str, seconds: float, failures: int) -> None:
    """An address or a name is refused from now on."""
    _log.warn(
        "banned the {kind} {what} for {seconds:g} s, after {failures} failed logins",
        kind=kind,
        what=ascii(what),
        seconds=seconds,
        failures=failures,
    )


def lifted(kind: str, what: str) -> None:
    """A ban was ended before its time."""
    _log.info("the ban of the {kind} {what} was lifted", kind=kind, what=ascii(what))


def bans_unusable(error: OSError) -> None:
    """The file of bans cannot be read or written; told once, until it can be again."""
    _log.error("the bans are not kept, and tried again: {error}", error=ascii(str(error)))


def refused_at_door(address: str, reason: str) -> None:
    """A connection was closed before anything was said; of a flood there are many."""
    _log.debug("{address} refused: {reason}", address=ascii(address), reason=reason)


def certificate_refused(
    shown: IX509Credentials, names: Collection[bytes], reasons: Sequence[str]
) -> None:
    """A certificate is not for the name in USER; both names are told here, and nowhere else.

    Args:
        shown: The name that was asked for, and the certificate.
        names: Those that the certificate may use, as far as they were looked for.
        reasons: Why it may not use others.
    """
    own = ", ".join(_shortened(_text(name)) for name in islice(names, _MOST_NAMES))
    _log.warn(
        "{address} login by certificate refused for {wanted}: certificate {subject} "
        "SHA-256 {fingerprint} is for {own}{why}",
        address=shown.address,
        wanted=_shortened(_text(shown.username)),
        subject=_shortened(shown.tls.subject),
        fingerprint=shown.tls.fingerprint,
        own=own or "nobody",
        why="".join(f"; {reason}" for reason in reasons),
    )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def checker_failed(session: Session, error: Exception) -> None:
    """A credentials checker or the realm broke down; without traceback, for a client can do it."""
    _log.error(
        "{who} the login could not be checked: {kind}: {error}",
        who=_who(session),
        kind=type(error).__name__,
        error=ascii(str(error)),
    )


def candidate_refused(session: Session, peer: str, reason: str) -> None:
    """A data connection was dropped without being used."""
    _log.warn(
        "{who} data connection from {peer} refused: {reason}",
        who=_who(session),
        peer=peer,
        reason=reason,
    )


def end_unproven(session: Session, path: str) -> None:
    """A protected upload was accepted without close_notify: it may have been cut short."""
    _log.warn(
        "{who} upload of {path} accepted without TLS close_notify (upload_end = accept_fin)",
        who=_who(session),
        path=ascii(path),
    )


def transferred(
    session: Session, progress: Progress, seconds: float, reply: Reply, protection: str
) -> None:
    """A transfer ended, well or not.

    Args:
        session: Whose it was.
        progress: What it was, and how far it came.
        seconds: How long it took.
        reply: What the client was told.
        protection: Version of TLS and whether it resumed a session; empty in clear.
    """
    who, verb, path = _who(session), progress.verb, ascii(progress.path)
    over = f" over {protection}" if protection else ""
    _tell(
        who,
        f"{verb} {path}: {progress.octets} octets in {seconds:.3f} s{over}, {reply.code}",
        {
            "verb": verb,
            "path": path,
            "octets": progress.octets,
            "seconds": seconds,
            "code": reply.code,
            "protection": protection,
        },
    )


def hook_broke(hook: str, kind: str) -> None:
    """A hook raised what it should not, with its traceback: called where it is caught."""
    _log.failure("the hook {hook} broke down at {kind}", hook=hook, kind=kind)


def hook_failed(hook: str, why: str) -> None:
    """A hook does not work; told once, until it does again."""
    _log.warn("the hook {hook} fails: {why}", hook=hook, why=_shortened(why))


def hook_works(hook: str, failures: int) -> None:
    """A hook works again."""
    _log.info("the hook {hook} works again, after {n} failures", hook=hook, n=failures)


def events_dropped(hook: str, count: int) -> None:
    """So many events wait for a hook that the oldest are dropped; told once, until fewer do."""
    _log.warn(
        "the hook {hook} has {count} events waiting; the oldest are dropped from here on",
        hook=hook,
        count=count,
    )


def event_unwanted(hook: str, event_id: str, code: int) -> None:
    """A URL will never take an event; it is given up."""
    _log.warn(
        "the hook {hook} does not want the event {event_id} (HTTP {code}), which is given up",
        hook=hook,
        event_id=event_id,
        code=code,
    )


def upload_refused(hook: str, user: str, path: str, reason: str) -> None:
    """A hook refused an upload."""
    _log.warn(
        "the hook {hook} refused {path} of {user}: {reason}",
        hook=hook,
        path=ascii(path),
        user=ascii(user),
        reason=ascii(reason),
    )


def failed(session: Session, doing: str) -> None:
    """Our own mistake, with its traceback: called where an unforeseen exception is caught."""
    _log.failure("{who} unforeseen error in {doing}", who=_who(session), doing=doing)
