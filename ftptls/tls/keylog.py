"""The keys of every TLS connection, in a file, for Wireshark and its kind (SSLKEYLOGFILE).

Who has the file can read all that was recorded of the connections. So it is off unless it is
asked for, said loudly, and readable for nobody but its owner.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from OpenSSL import SSL
from twisted.logger import Logger

_MODE = 0o600
# No link is followed, and no FIFO waited for: it may lie where others can write.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_log = Logger(namespace="ftptls")


class KeyLog:
    """Takes the keys of connections.

    OpenSSL asks the context that a Connection has at the time, which is the shared one of its
    host; the bare one, which it began with, is never asked.

    Args:
        path: The file; it is made if it is missing, and added to.

    Raises:
        ValueError: It cannot be had; the text is one sentence for the operator.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = os.open(path, _FLAGS, _MODE)
        except OSError as error:
            raise ValueError(f"Cannot write tls.keylog, {path}: {error.strerror}.") from None
        try:
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise ValueError(f"Cannot write tls.keylog, {path}: it is no plain file.")
            os.fchmod(self._file, _MODE)
        except BaseException as error:
            os.close(self._file)
            if isinstance(error, OSError):
                raise ValueError(f"tls.keylog, {path}, belongs to another user.") from None
            raise
        self._broken = False

    def __del__(self) -> None:
        if hasattr(self, "_broken"):
            os.close(self._file)

    def use_in(self, contexts: Iterable[SSL.Context]) -> None:
        """Take the keys of connections that these shared contexts are lent to, and say so."""
        for context in contexts:
            context.set_keylog_callback(self._take)
        _log.warn(
            "ftptls: INSECURE: the keys of every TLS connection are written to {path} "
            "(tls.keylog); whoever reads that file can read what was said. Take the setting out, "
            "and remove the file, as soon as the trouble is found.",
            path=self._path,
        )

    def _take(self, connection: SSL.Connection, line: bytes) -> None:
        try:
            os.write(self._file, line + b"\n")
        except OSError as error:
            if not self._broken:
                self._broken = True
                _log.error("ftptls: tls.keylog: {reason}", reason=error.strerror)
