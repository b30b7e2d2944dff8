"""How far a command is that takes long, and whether it is to go on."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.errors import TransientError


class AbortedError(TransientError):
    """The command was aborted from outside, by ABOR or the end of the session."""

    def __init__(self) -> None:
        super().__init__(426, "Aborted.")


@dataclass(slots=True)
class Progress:
    """One command's way from its beginning to its reply.

    The reactor makes it and reads it; a worker may count in it meanwhile.

    Attributes:
        verb: The command.
        path: The file or directory.
        octets: Octets of the file done so far.
        total: How many there are; ``None`` where nobody knows.
        aborted: Set by the reactor; whoever works looks at it between two pieces.
        began: When its transfer did, by the reactor's clock; ``None`` without one.
        checked: Whether all is there, and somebody decides whether it may be.
    """

    verb: str = ""
    path: str = ""
    octets: int = 0
    total: int | None = None
    aborted: bool = False
    began: float | None = None
    checked: bool = False

    def check(self) -> None:
        """Go on, or not.

        Raises:
            AbortedError: Not.
        """
        if self.aborted:
            raise AbortedError

    def describe(self) -> str:
        """It in a line, for STAT."""
        if self.total is None:
            stage = ", being checked" if self.checked else ""
            return f"{self.verb} {self.path}: {self.octets} octets{stage}"
        percent = min(100, 100 * self.octets // self.total) if self.total else 100
        return f"{self.verb} {self.path}: {self.octets} of {self.total} octets ({percent}%)"
