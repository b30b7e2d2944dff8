"""Programs that the operator names, which print something secret."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

_PATIENCE = 10  # seconds; the start of the server waits


class ProgramError(Exception):
    """A program gave nothing; the text says what it did, to go behind its name."""


def printed(program: Sequence[str]) -> bytes:
    """What a program prints to standard output. It is run without a shell, and blocks.

    Args:
        program: It, and its arguments.

    Raises:
        ProgramError: It cannot be run, fails, takes too long or prints nothing.
    """
    try:
        done = subprocess.run(  # noqa: S603 - what the operator names, without a shell
            list(program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(f"took longer than {_PATIENCE} s") from None
    except OSError as error:
        raise ProgramError(f"cannot be run ({error.strerror})") from None
    if done.returncode:
        raise ProgramError(f"ended with status {done.returncode}")
    if not done.stdout.strip():
        raise ProgramError("printed nothing")
    return done.stdout
