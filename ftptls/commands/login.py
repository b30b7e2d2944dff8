"""Who it is: USER, PASS and ACCT, by certificate, by password, or by both (RFC 4217 §5, §8).

Each USER starts from nothing: what an earlier one was given is gone before anything is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials
from twisted.cred.error import LoginFailed

from ftptls import observe, policy
from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.cred.credentials import CertificateAndPassword, NameAndPassword
from ftptls.errors import FTPError, PermanentError
from ftptls.guard import AnyAttempt
from ftptls.interfaces import (
    ICertificateAndPassword,
    IFilesystem,
    IRevocable,
    IX509Credentials,
)
from ftptls.session import ROOT
from ftptls.settings import ANONYMOUS, EventKind, LoginMode
from ftptls.vfs import avatars
from ftptls.wire.arguments import anything, required
from ftptls.wire.replies import Reply

_ANONYMOUS_NAMES = frozenset({ANONYMOUS, "ftp"})  # RFC 1635, and practice
_SEND_ADDRESS = Reply(331, "Anonymous login; send an e-mail address as password.")
_SEND_PASSWORD = Reply(331, "Send the password with PASS.")
_LOGGED_IN = Reply(230, "Logged in.")
_CERTIFICATE_DUE = (LoginMode.CERTIFICATE, LoginMode.BOTH)


def _user(context: Context, name: str) -> Reply | Awaitable[Reply]:
    session = context.session
    session.log_out()
    session.parameters.directory = ROOT
    asked = _SEND_PASSWORD
    if _is_anonymous(context, name):
        name, asked = ANONYMOUS, _SEND_ADDRESS
    context.apply_policy(name)
    reply = policy.refuse_user(session.policy, session.security.secured)
    if reply is not None:
        return reply
    if session.security.certificate or session.policy.login in _CERTIFICATE_DUE:
        return _by_certificate_or(asked, context, name)
    session.login.pending = name
    return asked


async def _by_certificate_or(asked: Reply, context: Context, name: str) -> Reply:
    reply = await _by_certificate(context, name)
    if reply is not None:
        return reply
    context.session.login.pending = name
    return asked


async def _by_certificate(context: Context, name: str) -> Reply | None:
    """232 if the certificate suffices, 530 if it does not and nothing else would."""
    objection = await context.control.certificate_objection()
    if objection:
        return Reply(530, f"The client certificate is not accepted: {objection}.")
    mode = context.session.policy.login
    shown = None if mode is LoginMode.PASSWORD else context.control.shown_certificate(name)
    if shown is None and mode in _CERTIFICATE_DUE:
        return Reply(530, "This login takes a client certificate; set one up in the client.")
    if shown is None or mode is LoginMode.BOTH:
        return None
    if await _enter(context, name, [shown]):
        context.session.login.by_certificate = True
        return Reply(232, "Logged in by the client certificate.")
    if mode is not LoginMode.CERTIFICATE:
        return None
    attempt = _attempt(context, name)  # it has no turn to wait for: nobody guesses certificates
    attempt.failed()
    return await _login_failed(context, name, attempt)


def _is_anonymous(context: Context, name: str) -> bool:
    if name.lower() not in _ANONYMOUS_NAMES:
        return False
    return IAnonymous in context.portal.listCredentialsInterfaces()


async def _pass(context: Context, password: str) -> Reply:
    login = context.session.login
    if login.by_certificate:
        return Reply(202, "Logged in by the client certificate; no password is needed.")
    name, login.pending = login.pending, None
    if name is None:
        raise PermanentError(503, "Send USER first.")
    async with _attempt(context, name) as attempt:
        if attempt.banned or not context.control.client_present:
            return _goodbye(context)
        credentials = [] if attempt.locked else _credentials(context, name, password)
        if await _enter(context, name, credentials):
            attempt.succeeded()
            if _is_anonymous(context, name):
                observe.introduced(context.session, password)
            return _LOGGED_IN
        attempt.failed()
    return await _login_failed(context, name, attempt)


def _attempt(context: Context, name: str) -> AnyAttempt:
    delay = context.settings.limits.login_delay
    return context.visit.attempt(name, context.session, context.control, delay)


def _credentials(context: Context, name: str, password: str) -> Sequence[ICredentials]:
    """What may let the user in, to be tried in this order."""
    session = context.session
    if _is_anonymous(context, name):
        return [Anonymous()]
    octets = password.encode("utf-8", "surrogateescape")
    shown = context.control.shown_certificate(name)
    both = [CertificateAndPassword(shown, octets)] if shown else []
    if session.policy.login is LoginMode.BOTH:
        return both
    client = session.peers.client
    return [*both, NameAndPassword(name.encode("utf-8", "surrogateescape"), octets, client)]


async def _enter(context: Context, name: str, credentials: Sequence[ICredentials]) -> bool:
    """Log in with the first credentials that are accepted and suffice; whether any did.

    Raises:
        FTPError: The login is refused for another reason, such as that too many wait (421).
    """
    for each in credentials:
        try:
            _, avatar, logout = await context.portal.login(
                each, context.session, *avatars.interfaces()
            )
        except LoginFailed:
            continue
        except FTPError as error:  # of a checker that knows what to say; nobody has guessed
            if error.reply.code == 421:
                context.control.close_after_reply()
            raise
        except Exception as error:  # noqa: BLE001 - a checker's own trouble, for the operator
            observe.checker_failed(context.session, error)
            raise PermanentError(530, "Login is not possible now; try again later.") from None
        # Most avatars are filesystems: to ask for that is much quicker than to adapt one.
        files = avatar if IFilesystem.providedBy(avatar) else IFilesystem(avatar)
        files = context.restricted(files, name)
        login = context.session.login
        login.user, login.filesystem, login.logout = name, files, logout
        if await _let_in(context, each, avatar):
            if context.reporter.hooks and context.session.login.user:
                await context.reporter.tell(EventKind.LOGIN)
            return True
    return False


async def _let_in(context: Context, credentials: ICredentials, avatar: object) -> bool:
    """Cred has accepted the user; the avatar's own policy may still demand more.

    Raises:
        PermanentError: 530, it refuses this connection.
    """
    session = context.session
    name = session.login.user
    context.apply_policy(name, avatar)
    reply = policy.refuse_user(session.policy, session.security.secured)
    if reply is not None:
        _turn_away(context, name)
        raise PermanentError(reply.code, reply.text)
    certificate, password = _proofs(credentials)
    if not policy.suffices(session.policy.login, certificate=certificate, password=password):
        _turn_away(context, name)
        return False
    if not context.control.client_present:
        _turn_away(context, name)  # the client left while Cred was thinking
        return True
    try:
        leave = await context.visit.log_in(name)
    except FTPError:
        _turn_away(context, name)
        raise
    if not context.control.client_present:
        leave()
        _turn_away(context, name)  # he left while the guard was asked
        return True
    login = session.login
    login.leave, login.failures = leave, 0
    observe.logged_in(session)
    if IRevocable.providedBy(avatar):
        avatar.when_revoked(context.control.revoke_login)
    return True


def _turn_away(context: Context, name: str) -> None:
    """The avatar goes, and with it what he has of a policy."""
    context.session.log_out()
    context.apply_policy(name)


def _proofs(credentials: ICredentials) -> tuple[bool, bool]:
    """Whether there is a certificate in it, and whether a password."""
    if isinstance(credentials, NameAndPassword):
        return False, True  # as mostly; zope takes longer to tell
    both = ICertificateAndPassword.providedBy(credentials)
    alone = IX509Credentials.providedBy(credentials)
    return both or alone, not alone


async def _login_failed(context: Context, name: str, attempt: AnyAttempt) -> Reply:
    login = context.session.login
    login.failures += 1
    observe.login_failed(context.session, name)
    await context.reporter.tell(EventKind.LOGIN_FAILED, user=name)
    await context.control.pause(await attempt.remaining(login.failures))
    if attempt.banned or login.failures >= context.settings.limits.login_attempts:
        return _goodbye(context)
    return Reply(530, "Login incorrect.")


def _goodbye(context: Context) -> Reply:
    context.control.close_after_reply()
    return Reply(421, "Too many failed logins; goodbye.")


def _acct(context: Context, _account: str) -> Reply:
    if context.session.login.filesystem is None:
        raise PermanentError(503, "Log in with USER and PASS first; no account is needed.")
    return Reply(202, "No account is needed.")


COMMANDS = (
    Command(
        "USER",
        "RFC 959 §4.1.1",
        "USER <SP> <username>",
        "Name the user who is to log in.",
        required,
        _user,
        login=False,
    ),
    Command(
        "PASS",
        "RFC 959 §4.1.1",
        "PASS <SP> <password>",
        "Give the password of the user.",
        anything,
        _pass,
        login=False,
        secret=True,
    ),
    Command(
        "ACCT",
        "RFC 959 §4.1.1",
        "ACCT <SP> <account>",
        "Name an account: none is needed.",
        required,
        _acct,
        login=False,
        secret=True,
    ),
)
