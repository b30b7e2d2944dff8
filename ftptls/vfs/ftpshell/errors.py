"""What goes wrong in a shell, as a filesystem tells it, and the other way round."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import maybeDeferred
from twisted.protocols import ftp
from twisted.python.filepath import InsecurePath

from ftptls.errors import FTPError, PermanentError, TransientError, from_os_error
from ftptls.vfs.tree import os_error

T = TypeVar("T")
_NUMBERS: dict[type[Exception], int] = {
    ftp.FileNotFoundError: errno.ENOENT,
    ftp.PermissionDeniedError: errno.EACCES,
    ftp.IsNotADirectoryError: errno.ENOTDIR,
    ftp.IsADirectoryError: errno.EISDIR,
    ftp.FileExistsError: errno.EEXIST,
    ftp.CmdNotImplementedError: errno.EOPNOTSUPP,
    ftp.CmdNotImplementedForArgError: errno.EOPNOTSUPP,
    NotImplementedError: errno.EOPNOTSUPP,
    InsecurePath: errno.EINVAL,
}
_KINDS: dict[int, Callable[[str], Exception]] = {
    errno.ENOENT: ftp.FileNotFoundError,
    errno.EACCES: ftp.PermissionDeniedError,
    errno.EPERM: ftp.PermissionDeniedError,
    errno.ENOTDIR: ftp.IsNotADirectoryError,
    errno.EISDIR: ftp.IsADirectoryError,
    errno.EEXIST: ftp.FileExistsError,
}
_FILE_CODES = 5  # RFC 959 §4.2.1: the second digit of replies about files


class RefusedError(ftp.FTPCmdError):
    """What a filesystem says, for which ``twisted.protocols.ftp`` has no error of its own.

    Args:
        why: The error of the filesystem.
        path: What it was about.
    """

    errorCode = ftp.REQ_ACTN_NOT_TAKEN  # by which Twisted's server finds its words

    def __init__(self, why: Exception, path: str) -> None:
        ftp.FTPCmdError.__init__(self, path)
        self.why = why

    def response(self) -> str:
        """The reply that this server would give; Twisted's sends it as Latin-1."""
        reply = (self.why if isinstance(self.why, FTPError) else _of_os(self.why)).reply
        return f"{reply.code} {reply.text}".encode().decode("latin-1")


def _of_os(error: Exception) -> FTPError:
    return from_os_error(error if isinstance(error, OSError) else OSError())


async def ask(call: Callable[..., Any], *args: Any) -> Any:
    """Call a method of a shell, or of one of its files.

    Returns:
        What it returns, or what the Deferred fires with that it returns.

    Raises:
        OSError: It failed with an error that has an ``errno``.
        FTPError: It failed with another error that a client is to be told.
        Exception: It failed with another one: a mistake, for the operator.
    """
    try:
        return await maybeDeferred(call, *args)
    except Exception as error:
        told = from_shell(error)
        if told is error:
            raise
        raise told from error


def from_shell(error: Exception) -> Exception:
    """The error of a filesystem for the error of a shell; others stay as they are."""
    if isinstance(error, RefusedError):
        return error.why
    for kind, number in _NUMBERS.items():
        if isinstance(error, kind):
            return os_error(number)
    return _with_its_code(error) if isinstance(error, ftp.FTPCmdError) else error


def _with_its_code(error: ftp.FTPCmdError) -> FTPError:
    """Its code if that is one about files; its words if there is no room for a path in them."""
    key = str(getattr(error, "errorCode", ftp.REQ_ACTN_NOT_TAKEN))
    words = ftp.RESPONSE.get(key)
    # A reply echoes nothing that a client sent.
    plain = words[4:] if isinstance(words, str) and "%" not in words else "The request is refused."
    code = int(key[:3]) if key[:3].isdecimal() else 550
    about_files = code // 10 % 10 == _FILE_CODES
    if code // 100 == 4:
        return TransientError(code if about_files else 451, plain)
    return PermanentError(code if code // 100 == 5 and about_files else 550, plain)


async def answer(work: Coroutine[Any, Any, T], path: str) -> T:
    """What a filesystem has to say, for who expects the errors of a shell.

    Args:
        work: The call of the filesystem.
        path: What it is about.

    Raises:
        FTPCmdError: For what a client is to be told.
    """
    try:
        return await work
    except Exception as error:
        told = to_shell(error, path)
        if told is error:
            raise
        raise told from error


def to_shell(error: Exception, path: str) -> Exception:
    """The error of a shell for the error of a filesystem; others stay as they are."""
    if isinstance(error, OSError) and error.errno in _KINDS:
        return _KINDS[error.errno](path)
    return RefusedError(error, path) if isinstance(error, OSError | FTPError) else error
