"""Errors that carry the reply the client gets (RFC 959 §4.2.1)."""

from __future__ import annotations

import errno
from typing import ClassVar

from ftptls.wire.replies import Reply


class FTPError(Exception):
    """A command that ends in an error reply.

    Args:
        code: The reply code; must be of the class the subclass stands for.
        text: What the person at the client reads; says what to do next.
    """

    codes: ClassVar[range] = range(400, 600)

    def __init__(self, code: int, text: str) -> None:
        if code not in self.codes:
            raise ValueError(f"{code} is no code of {type(self).__name__}")
        super().__init__(f"{code} {text}")
        self.reply = Reply(code, text)


class TransientError(FTPError):
    """4yz: it failed now; the same command may succeed later."""

    codes = range(400, 500)


class PermanentError(FTPError):
    """5yz: it failed; repeating the same command will not help."""

    codes = range(500, 600)


class BusyError(TransientError):
    """Too many logins wait to be checked; it says nothing about this one."""

    def __init__(self) -> None:
        super().__init__(421, "Too many logins at once; try again later.")


class MissingExtraError(ImportError):
    """Something optional is asked for whose libraries are not installed.

    Args:
        extra: The extra of this package that brings them.
        purpose: What they are needed to do.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"To {purpose}, install the extra: pip install 'ftptls[{extra}]'")


# What a filesystem says in errno, the client reads as a code and a sentence.
_OS_ERRORS: dict[int, tuple[int, str]] = {
    errno.ENOENT: (550, "No such file or directory."),
    errno.ENOTDIR: (550, "Not a directory."),
    errno.EISDIR: (550, "Is a directory."),
    errno.EEXIST: (550, "Exists already."),
    errno.ENOTEMPTY: (550, "Directory is not empty."),
    errno.EACCES: (550, "Permission denied."),
    errno.EPERM: (550, "Permission denied."),
    errno.EROFS: (550, "This place is read-only."),
    errno.ELOOP: (550, "Too many symbolic links."),
    errno.EXDEV: (550, "Not across filesystems; copy the file instead."),
    errno.EINVAL: (553, "Not allowed with this name."),
    errno.ENAMETOOLONG: (553, "The name is too long."),
    errno.EOPNOTSUPP: (550, "Not supported by this filesystem."),
    errno.ENXIO: (550, "Not a regular file."),
    errno.EBUSY: (450, "Busy; try again later."),
    errno.EAGAIN: (450, "Busy; try again later."),
    errno.ETXTBSY: (450, "Busy; try again later."),
    errno.EMFILE: (451, "Too many open files on the server; try again later."),
    errno.ENFILE: (451, "Too many open files on the server; try again later."),
    errno.ENOSPC: (452, "No space left on the server."),
    errno.EDQUOT: (552, "Quota exceeded."),
    errno.EFBIG: (552, "The file is too large for this filesystem."),
}


def from_os_error(error: OSError) -> FTPError:
    """The FTP error for what a filesystem raised.

    Args:
        error: What was raised; its ``errno`` decides. One without ``errno``,
            or with an unknown one, is a local error in processing (451).

    Returns:
        A :class:`TransientError` or :class:`PermanentError`.
    """
    code, text = _OS_ERRORS.get(error.errno or 0, (451, "Local error; try again later."))
    return TransientError(code, text) if code < 500 else PermanentError(code, text)
