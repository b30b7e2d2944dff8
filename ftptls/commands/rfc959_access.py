"""Access control commands (RFC 959 §4.1.1): who it is, and where."""

from __future__ import annotations

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.cred.error import LoginFailed

from ftptls import observe, policy
from ftptls.commands.context import Context
from ftptls.commands.registry import Command, refused
from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem
from ftptls.session import ROOT, Login
from ftptls.wire.arguments import anything, nothing, path, required
from ftptls.wire.replies import Reply

_ANONYMOUS = frozenset({"anonymous", "ftp"})


async def _user(context: Context, name: str) -> Reply:
    session = context.session
    session.log_out()
    session.parameters.directory = ROOT
    context.apply_policy(name)
    reply = policy.refuse_user(session.policy, session.security.secured)
    if reply is not None:
        return reply
    objection = await context.control.certificate_objection()
    if objection:
        return Reply(530, f"The client certificate is not accepted: {objection}.")
    session.login.pending = name
    if _is_anonymous(context, name):
        return Reply(331, "Anonymous login; send an e-mail address as password.")
    return Reply(331, "Send the password with PASS.")


def _is_anonymous(context: Context, name: str) -> bool:
    accepted = context.portal.listCredentialsInterfaces()
    return name.lower() in _ANONYMOUS and IAnonymous in accepted


def _credentials(context: Context, name: str, password: str) -> ICredentials:
    if _is_anonymous(context, name):
        return Anonymous()
    return UsernamePassword(
        name.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape")
    )


async def _pass(context: Context, password: str) -> Reply:
    session = context.session
    name, session.login.pending = session.login.pending, None
    if name is None:
        raise PermanentError(503, "Send USER first.")
    credentials = _credentials(context, name, password)
    try:
        _, avatar, logout = await context.portal.login(credentials, session, IFilesystem)
    except LoginFailed:
        return await _login_failed(context, name)
    except Exception as error:  # noqa: BLE001 - a checker's own trouble, told to the operator
        observe.checker_failed(session, error)
        raise PermanentError(530, "Login is not possible now; try again later.") from None
    session.login = Login(user=name, filesystem=IFilesystem(avatar), logout=logout)
    context.apply_policy(name, avatar)
    reply = policy.refuse_user(session.policy, session.security.secured)
    if reply is not None:
        session.log_out()
        return reply
    if not context.control.client_present:
        session.log_out()  # the client left while Cred was thinking
    else:
        observe.logged_in(session)
    return Reply(230, "Logged in.")


async def _login_failed(context: Context, name: str) -> Reply:
    login = context.session.login
    login.failures += 1
    observe.login_failed(context.session, name)
    limits = context.settings.limits
    await context.control.pause(limits.login_delay * 2 ** (login.failures - 1))
    if login.failures >= limits.login_attempts:
        context.control.close_after_reply()
        return Reply(421, "Too many failed logins; goodbye.")
    return Reply(530, "Login incorrect.")


def _acct(context: Context, _account: str) -> Reply:
    if context.session.login.filesystem is None:
        raise PermanentError(503, "Log in with USER and PASS first; no account is needed.")
    return Reply(202, "No account is needed.")


def _rein(context: Context, _argument: None) -> Reply:
    """A transfer in progress is completed first, for REIN does not come in between.

    The reply is still protected; behind it TLS goes down (RFC 4217 §13).
    """
    context.dtp.forget_port()
    context.control.start_anew()
    context.session.reset()
    context.apply_policy()
    return Reply(220, "Ready for a new user; the connection is as it was at first.")


async def _quit(context: Context, _argument: None) -> Reply:
    await context.control.transfer_answered()
    context.control.close_after_reply()
    return Reply(221, "Goodbye.")


async def _cwd(context: Context, name: str) -> Reply:
    target = context.path(name)
    if not (await context.filesystem.stat(target)).is_directory:
        raise PermanentError(550, "Not a directory.")
    context.session.parameters.directory = target
    return Reply(250, "Directory changed.")


async def _cdup(context: Context, _argument: None) -> Reply:
    return await _cwd(context, "..")


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
        "QUIT",
        "RFC 959 §4.1.1",
        "QUIT",
        "End the session, after a transfer in progress.",
        nothing,
        _quit,
        login=False,
        during_transfer=True,
    ),
    Command(
        "CWD",
        "RFC 959 §4.1.1",
        "CWD <SP> <pathname>",
        "Change the working directory.",
        path,
        _cwd,
    ),
    Command("XCWD", "RFC 775", "XCWD <SP> <pathname>", "The same as CWD.", path, _cwd),
    Command("CDUP", "RFC 959 §4.1.1", "CDUP", "Change to the parent directory.", nothing, _cdup),
    Command("XCUP", "RFC 775", "XCUP", "The same as CDUP.", nothing, _cdup),
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
    refused("SMNT", "RFC 959 §4.1.1", "SMNT <SP> <pathname>", "Nothing can be mounted; use CWD."),
    Command(
        "REIN",
        "RFC 959 §4.1.1, RFC 4217 §13",
        "REIN",
        "Log out and start anew, in clear text unless TLS came first.",
        nothing,
        _rein,
        login=False,
    ),
)
