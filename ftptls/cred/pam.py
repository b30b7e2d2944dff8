"""Users of the operating system, by PAM (Pluggable Authentication Modules)."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ftptls.cred.credentials import NameAndPassword
from ftptls.cred.passwords import objection
from ftptls.errors import MissingExtraError
from ftptls.interfaces import INeedsThreads, IWorkers
from ftptls.workers import BoundedWorkers

_log = Logger(namespace="ftptls")

# Of <security/_pam_types.h>.
_SILENT = 0x8000
_DISALLOW_NULL_AUTHTOK = 0x0001
_SUCCESS = 0
_PERM_DENIED = 6
_AUTH_ERR = 7
_USER_UNKNOWN = 10
_MAXTRIES = 11
_NEW_AUTHTOK_REQD = 12
_ACCT_EXPIRED = 13
_CONV_ERR = 19
_AUTHTOK_EXPIRED = 27
# What is the user's matter. The rest is the operator's, such as a module that is not there.
_REFUSALS = frozenset(
    {
        _PERM_DENIED,
        _AUTH_ERR,
        _USER_UNKNOWN,
        _MAXTRIES,
        _NEW_AUTHTOK_REQD,
        _ACCT_EXPIRED,
        _CONV_ERR,
        _AUTHTOK_EXPIRED,
    }
)


class PAMError(Exception):
    """PAM could not decide; says what it complained of."""


def load() -> Any:
    """The module that speaks to libpam.

    Raises:
        MissingExtraError: It is not installed, or there is no libpam.
    """
    try:
        import pamela
    except (ImportError, OSError, AttributeError):  # ctypes has these without libpam
        raise MissingExtraError("pam", "check users by PAM (libpam is needed, too)") from None
    return pamela


def authenticate(service: str, name: bytes, password: bytes, address: str = "") -> None:
    """See that it is the password of a user who may log in now. This blocks.

    No session is opened, and no credentials are set: they would be those of the process.

    Args:
        service: The name of the file in ``/etc/pam.d``.
        name: Of the user.
        password: It is the answer to the first question that is not echoed. A second such
            question, as for a code, is refused an answer.
        address: Where the user is, for modules that judge by it, or log it.

    Raises:
        UnauthorizedLogin: It is not, or he may not: his account or password has expired, or
            a module calls him by another name, which no rule would know.
        PAMError: PAM could not decide.
    """
    if objection(password):
        raise UnauthorizedLogin
    _ask(service, name, password, address)


def check_account(service: str, name: bytes, address: str = "") -> None:
    """See that a user may log in now who has proven otherwise who he is. This blocks.

    It raises what :func:`authenticate` does.
    """
    _ask(service, name, None, address)


def _ask(service: str, name: bytes, password: bytes | None, address: str) -> None:
    if not name or b"\0" in name:
        raise UnauthorizedLogin
    pam = load()
    # The answers live as long as this function; libpam calls for them from within it.
    answers = pam.new_simple_password_conv(() if password is None else (password,), "utf-8")
    try:
        handle = pam.pam_start(service, name, conv_func=answers)
    except pam.PAMError as error:
        raise PAMError(error.message) from None
    code = _SUCCESS
    try:
        if address:
            handle.set_item(pam.PAM_RHOST, address)
        if password is not None:
            code = pam.PAM_AUTHENTICATE(handle, _SILENT | _DISALLOW_NULL_AUTHTOK)
        proven = code == _SUCCESS
        if proven:
            code = pam.PAM_ACCT_MGMT(handle, _SILENT)
        if code not in _REFUSALS | {_SUCCESS}:
            raise PAMError(pam.pam_strerror(handle, code))
        if code != _SUCCESS:
            if proven or code == _CONV_ERR:
                _tell(service, name, pam.pam_strerror(handle, code))
            raise UnauthorizedLogin
        if handle.get_item(pam.PAM_USER, "latin-1") != name.decode("latin-1"):
            _tell(service, name, "a module gives the user another name; let him log in with that")
            raise UnauthorizedLogin
    finally:
        pam.PAM_END(handle, code)


def _tell(service: str, name: bytes, reason: str) -> None:
    """It is not the password that keeps him out: the operator should know."""
    _log.warn(
        "ftptls: PAM service {service} refuses the account {name}: {reason}",
        service=service,
        name=ascii(name.decode("utf-8", "replace")),
        reason=reason,
    )


@implementer(ICredentialsChecker, INeedsThreads)
class PAMChecker:
    """Checks names and passwords with PAM, and whether the accounts may be used now.

    PAM waits after a wrong password, so it has threads of its own, behind a queue that ends.

    Args:
        service: The name of the file in ``/etc/pam.d``. Without such a file, that of
            ``other`` counts.
        workers: Where PAM is asked; by default threads of its own.

    Raises:
        MissingExtraError: The library is not installed.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, service: str = "ftptls", workers: BoundedWorkers | None = None) -> None:
        load()
        self._service = service
        self._workers = workers

    def use(self, reactor: Any, workers: IWorkers) -> None:
        """See :meth:`ftptls.interfaces.INeedsThreads.use`."""
        self._workers = self._workers or BoundedWorkers(reactor, threads=8, queue=64)

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """The name, if it is its password and the account may be used now.

        Returns:
            A Deferred that fails with ``UnauthorizedLogin``, with
            :class:`~ftptls.errors.BusyError`, or with :class:`PAMError`.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: IUsernamePassword) -> bytes:
        if self._workers is None:
            raise RuntimeError("There are no threads to ask PAM on: call use() first.")
        name: bytes = credentials.username
        address = credentials.address if isinstance(credentials, NameAndPassword) else ""
        await self._workers.run(authenticate, self._service, name, credentials.password, address)
        return name
