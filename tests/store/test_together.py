"""Several programs that write into one store at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ftptls.store import Users
from tests.conftest import CHECKOUT

PROGRAM = """
import sys
from ftptls.store import NameTakenError, User, Users

url, own, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
lost = 0
with Users.open(url, create=True) as users:
    print("ready", flush=True)
    sys.stdin.readline()
    for each in range(number):
        users.add(User(name=f"{own}{each}"))
        users.edit(f"{own}{each}", notes="mine")
        try:
            users.add(User(name=f"shared{each}", notes=own))
        except NameTakenError:
            lost += 1
    for _ in range(number):
        users.edit("shared0", upload_rate=(users.get("shared0").upload_rate or 0))
        users.remove(f"{own}0")
        users.add(User(name=f"{own}0"))
print(lost)
"""
EACH = 25


@pytest.fixture
def programs(url):
    """Two that begin when they are told to; the store is made by whichever is first."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, own, str(EACH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        for own in ("left", "right")
    ]
    yield started
    for each in started:
        each.kill()
        each.communicate()


def test_two_programs_lose_nothing(programs, url):
    for each in programs:
        assert each.stdout.readline() == "ready\n"
    for each in programs:
        each.stdin.write("\n")
        each.stdin.flush()
    lost = []
    for each in programs:
        output, _ = each.communicate(timeout=120)
        assert each.returncode == 0
        lost.append(int(output))
    assert sum(lost) == EACH
    with Users.open(url) as users:
        assert users.count() == 3 * EACH
        owners = [each.notes for each in users.list() if each.name.startswith("shared")]
        assert owners.count("left") == lost[1]
        assert owners.count("right") == lost[0]


def test_who_reads_waits_for_nobody(users, url):
    """An import of many holds the store for a while; logins go on with what was there."""
    with Users.open(url) as importing, importing._changing():
        assert users.find("alice") is None
        assert users.changes() == 0
