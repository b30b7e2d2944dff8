"""What the tests of users and groups have in common."""

from __future__ import annotations

import json
import sys

from tests.cli.conftest import Command, Result

STORE = "sqlite:users.db"
PROGRAM = [sys.executable, "-m", "ftptls"]


def done(result: Result) -> Result:
    """A command that did what it was to do, without a word of trouble."""
    assert (result.status, result.errors) == (0, "")
    return result


def shown(run: Command, name: str = "bob", *flags: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(done(run("user", "show", name, "--json", *flags)).output)
    return found


def refusal(result: Result) -> str:
    """What a command says that did nothing."""
    assert (result.status, result.output) == (1, "")
    assert result.errors.startswith("ftptls: ")
    assert result.errors.endswith(".\n")
    assert result.errors.count("\n") == 1
    return result.errors[len("ftptls: ") : -1]


ALL = {
    "login": "certificate",
    "home": "/srv/{user}",
    "rights": ["/in/** = list write_new", "read_only"],
    "quota_octets": 1000,
    "quota_files": 10,
    "download_rate": 1,
    "upload_rate": 2,
    "login_protection": "required",
    "data_protection": "optional",
    "networks": ["10.0.0.0/8", "2001:db8::/32"],
    "valid_from": "2030-01-01T00:00:00Z",
    "valid_until": "2031-01-01T00:00:00Z",
    "notes": "50 % of ä",
}


def flags(values: dict[str, object]) -> list[str]:
    """Fields as flags."""
    found = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            found += ["--" + name.replace("_", "-"), str(each)]
    return found


def listed(run: Command, *more: str) -> list[dict[str, object]]:
    return [
        json.loads(line) for line in done(run("user", "list", "--json", *more)).output.splitlines()
    ]
