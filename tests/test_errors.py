"""Errors that carry the reply the client gets."""

from __future__ import annotations

import errno
import os

import pytest

from ftptls.errors import FTPError, PermanentError, TransientError, from_os_error


@pytest.mark.parametrize(
    ("kind", "code", "good"),
    [
        (TransientError, 400, True),
        (TransientError, 499, True),
        (TransientError, 500, False),
        (TransientError, 399, False),
        (PermanentError, 500, True),
        (PermanentError, 599, True),
        (PermanentError, 499, False),
        (PermanentError, 600, False),
        (FTPError, 450, True),
        (FTPError, 226, False),
    ],
)
def test_each_class_has_its_codes(kind, code, good):
    if good:
        error = kind(code, "No.")
        assert (error.reply.code, error.reply.text) == (code, "No.")
        assert str(error) == f"{code} No."
        assert error.reply.is_error
    else:
        with pytest.raises(ValueError, match=str(code)):
            kind(code, "No.")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, 550),
        (errno.ENOTDIR, 550),
        (errno.EISDIR, 550),
        (errno.EEXIST, 550),
        (errno.ENOTEMPTY, 550),
        (errno.EACCES, 550),
        (errno.EPERM, 550),
        (errno.EROFS, 550),
        (errno.ELOOP, 550),
        (errno.EXDEV, 550),
        (errno.ENXIO, 550),
        (errno.EINVAL, 553),
        (errno.ENAMETOOLONG, 553),
        (errno.EBUSY, 450),
        (errno.EAGAIN, 450),
        (errno.EMFILE, 451),
        (errno.ENOSPC, 452),
        (errno.EDQUOT, 552),
        (errno.EFBIG, 552),
        (errno.EIO, 451),
        (errno.EBADF, 451),
    ],
    ids=lambda value: errno.errorcode.get(value, str(value)),
)
def test_what_a_filesystem_says(number, code):
    error = from_os_error(OSError(number, os.strerror(number), "/srv/private/path"))
    assert error.reply.code == code
    assert isinstance(error, TransientError if code < 500 else PermanentError)
    assert "private" not in error.reply.text


def test_an_error_without_a_number():
    assert from_os_error(OSError("odd")).reply.code == 451
