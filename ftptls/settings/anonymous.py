"""Users without a name (RFC 1635)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ftptls.settings.about import setting
from ftptls.settings.choices import LoginMode, Requirement
from ftptls.settings.protection import Rule
from ftptls.settings.rights import RIGHTS_LINE, is_rights_line

ANONYMOUS = "anonymous"
"""What such a user is called, whichever of the names he gave."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Whether anybody may log in, and what he may do then."""

    enabled: bool = setting(
        False,
        "Whether anybody may log in as `anonymous` or `ftp`. What they send as a password is "
        "taken for an e-mail address, and logged if it looks like one. `anonymous` among the "
        "`auth` strings does the same.",
        flag="anonymous",
    )
    root: str = setting(
        "",
        "Folder that they are given; by default what `files.root` says of a user called "
        "`anonymous`.",
        flag="anonymous-root",
        path=True,
    )
    rights: tuple[str, ...] = setting(
        ("read_only",),
        "What they may do there, as in `files.rights`, which is not for them.",
        accepts=RIGHTS_LINE,
        check=is_rights_line,
    )
    clear: bool = setting(
        False, "Whether they may do without TLS, whatever `[policy]` demands of others."
    )
    download_rate: int = setting(
        0, "As `policy.download_rate`, for each of their sessions; 0 is everybody's."
    )
    upload_rate: int = setting(
        0, "As `policy.upload_rate`, for each of their sessions; 0 is everybody's."
    )
    sessions: int = setting(0, "How many of them may be logged in at a time; 0 is no limit.")

    @property
    def rules(self) -> Iterator[Rule]:
        """How everybody's policy differs for them; others may follow."""
        if not self.enabled:
            return
        policy: dict[str, Any] = {"login": LoginMode.PASSWORD}
        rates = {"download_rate": self.download_rate, "upload_rate": self.upload_rate}
        policy |= {name: rate for name, rate in rates.items() if rate}
        if self.clear:
            kinds = ("control_protection", "login_protection", "data_protection")
            policy |= dict.fromkeys(kinds, Requirement.OPTIONAL)
        yield Rule(users=(ANONYMOUS,), policy=policy, rights=self.rights or ("nothing",))
