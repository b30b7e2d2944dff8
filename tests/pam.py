"""Services of PAM for tests, of the modules that come with libpam."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pamela
import pytest

_CHECK = """\
password=$(tr -d '\\000')
grep -q -x -F "$PAM_USER:$password" "{users}"
"""


def by_password(folder: Path, users: Mapping[str, str], account: str = "success") -> list[str]:
    """The lines of a service for users with these passwords.

    Args:
        folder: For a program that looks at them.
        users: Passwords by name.
        account: What ``pam_debug`` says then of everybody's account.
    """
    table, check = folder / "users", folder / "check"
    table.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
    check.write_text(_CHECK.format(users=table))
    return [
        f"auth sufficient pam_exec.so quiet quiet_log expose_authtok /bin/sh {check}",
        "auth required pam_deny.so",
        f"account required pam_debug.so acct={account}",
    ]


class Services:
    """A folder as ``/etc/pam.d``; while it is in use, libpam looks nowhere else.

    Args:
        folder: An empty one.
        users: Passwords by name, for :meth:`by_password`.
    """

    def __init__(self, folder: Path, users: Mapping[str, str]) -> None:
        self._folder = folder
        self._services = folder / "pam.d"
        self._services.mkdir()
        self._users = users

    def write(self, service: str, *lines: str) -> str:
        """A service of these lines; its name."""
        (self._services / service).write_text("".join(f"{line}\n" for line in lines))
        return service

    def by_password(self, service: str, account: str = "success") -> str:
        """A service for the users; then ``pam_debug`` says this of their accounts."""
        return self.write(service, *by_password(self._folder, self._users, account))

    def from_only(self, service: str, address: str) -> str:
        """A service for everybody who is there; for others it is out of order."""
        look = self._folder / "look"
        look.write_text(f'test "$PAM_RHOST" = "{address}"\n')
        line = f"required pam_exec.so quiet quiet_log /bin/sh {look}"
        return self.write(service, f"auth {line}", f"account {line}")

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have libpam look here."""
        start: Callable[..., int] = pamela.LIBPAM.pam_start_confdir
        folder = os.fsencode(self._services)

        def start_here(service: bytes, name: bytes, talk: Any, handle: Any) -> int:
            return start(service, name, talk, folder, handle)

        monkeypatch.setattr(pamela, "PAM_START", start_here)
