"""Real programs: what they are told, how they decide, and that none outlives its time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from ftptls.errors import TransientError
from ftptls.hooks import Event
from ftptls.hooks.programs import ProgramHook
from ftptls.interfaces import IUploadCheck
from ftptls.settings import EventKind
from tests.hooks.happening import NASTY, Quiet, Threads, upload

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCAN = r"""
if grep -q 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE'; then
    echo "$FTPTLS_PATH: Eicar-Test-Signature FOUND"
    exit 1
fi
"""
TELL = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("FTPTLS_")}
said = {"argv": sys.argv[1:], "environment": told, "stdin": sys.stdin.read()}
said["all"] = dict(os.environ)
with open(os.environ["HOME"] + "/told", "a") as file:
    print(json.dumps(said), file=file)
"""
KINDS = frozenset({EventKind.UPLOAD, EventKind.UPLOAD_HELD})


class Programs(Quiet):
    """A folder with programs."""

    def setUp(self) -> None:
        super().setUp()
        home = {"HOME": str(self.folder), "SECRET": "sesame"}
        for name, value in home.items():
            self.patch(os, "environ", {**os.environ, name: value})
            self.patch(os, "environb", {**os.environb, name.encode(): value.encode()})

    def shell(self, text: str) -> str:
        """A program in the language of the shell."""
        return self.program(f"#!/bin/sh\n{text}")

    def program(self, text: str) -> str:
        path = self.folder / f"program-{len(os.listdir(self.folder))}"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def hook(self, *program: str, **options: Any) -> ProgramHook:
        return ProgramHook(reactor, program, KINDS, workers=Threads(), **options)

    async def check(self, hook: ProgramHook, content: bytes, event: Event | None = None) -> str:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            return await hook.check(event or upload(), file.fileno())

    async def until(self, condition: Any) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    def told(self) -> list[dict[str, Any]]:
        path = self.folder / "told"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


class TestEvents(Programs):
    def setUp(self) -> None:
        super().setUp()
        self.teller = self.program(f"#!{sys.executable}\n{TELL}")

    async def test_all_facts_are_in_the_environment_and_in_json(self):
        hook = self.hook(self.teller, "--to", "$HOME ; id")
        event = upload(path=NASTY, user="mallory\nFTPTLS_USER=root")
        await hook.happened(event)
        await self.until(self.told)
        (told,) = self.told()
        assert told["argv"] == ["--to", "$HOME ; id"]
        assert json.loads(told["stdin"]) == event.facts
        assert json.loads(told["environment"].pop("FTPTLS_JSON")) == event.facts
        expected = {f"FTPTLS_{name.upper()}": str(value) for name, value in event.facts.items()}
        assert told["environment"] == expected
        assert "SECRET" not in told["all"]
        assert sorted(path.name for path in self.folder.iterdir()) == ["program-0", "told"]

    async def test_a_shell_script_gets_hostile_names_as_they_are(self):
        hook = self.hook(self.shell('printf %s "$FTPTLS_PATH" > "$HOME/told"'))
        await hook.happened(upload(path=NASTY))
        wanted = NASTY.encode("utf-8", "surrogateescape")
        told = self.folder / "told"
        await self.until(lambda: told.exists() and told.read_bytes() == wanted)
        assert not (self.folder / "gone").exists()
        assert not Path("/gone").exists()

    async def test_only_so_many_run_at_once_and_none_is_lost(self):
        (self.folder / "now").mkdir()
        text = 'touch "$HOME/now/$$"; ls "$HOME/now" | wc -l >> "$HOME/most"; sleep 0.05; '
        hook = self.hook(
            self.shell(f'{text} rm "$HOME/now/$$"; echo x >> "$HOME/all"'), processes=2
        )
        for _ in range(12):
            await hook.happened(upload())
        everything = self.folder / "all"
        await self.until(lambda: everything.exists() and everything.read_text().count("x") == 12)
        assert max(map(int, (self.folder / "most").read_text().split())) <= 2

    async def test_the_oldest_are_dropped_beyond_the_bound(self):
        text = 'while [ ! -e "$HOME/go" ]; do sleep 0.01; done; echo "$FTPTLS_PATH" >> "$HOME/all"'
        hook = self.hook(self.shell(text), processes=1, waiting=3)
        for number in range(10):
            await hook.happened(upload(path=f"/{number}"))
        (self.folder / "go").touch()
        everything = self.folder / "all"
        await self.until(lambda: everything.exists() and everything.read_text().count("\n") == 4)
        assert everything.read_text().split() == ["/0", "/7", "/8", "/9"]
        (warning,) = self.warnings()
        assert warning.endswith("has 3 events waiting; the oldest are dropped from here on")

    async def test_a_burst_of_failures_is_told_once(self):
        text = 'echo "x" >> "$HOME/all"; test -e "$HOME/well" || { echo Broken. >&2; exit 3; }'
        hook = self.hook(self.shell(text), processes=1)
        everything = self.folder / "all"
        for _ in range(5):
            await hook.happened(upload())
        await self.until(lambda: everything.exists() and everything.read_text().count("x") == 5)
        (self.folder / "well").touch()
        await hook.happened(upload())
        await self.until(lambda: len(self.warnings()) == 2)
        failed, works = self.warnings()
        assert failed.endswith("fails: 'ended with status 3: Broken.'")
        assert works.endswith("works again, after 5 failures")


class TestChecks(Programs):
    async def test_a_scanner_finds_what_it_looks_for(self):
        hook = self.hook(self.shell(SCAN))
        verifyObject(IUploadCheck, hook)
        assert await self.check(hook, b"1;2;3") == ""
        assert await self.check(hook, EICAR) == "/in/a.csv: Eicar-Test-Signature FOUND"
        assert await self.check(hook, bytes(2**20) + EICAR) != ""
        assert self.warnings() == []

    async def test_status_1_without_a_word_refuses_as_well(self):
        assert await self.check(self.hook(self.shell("exit 1")), b"") == "not accepted"

    async def undecided(self, hook: ProgramHook) -> str:
        error = await self.assertFailure(
            Deferred.fromCoroutine(self.check(hook, b"")), TransientError
        )
        assert error.reply.code == 451
        (warning,) = self.warnings()
        return warning.partition("fails: ")[2]

    async def test_another_status_decides_nothing(self):
        assert "status 2: no database" in await self.undecided(
            self.hook(self.shell("echo no database >&2; exit 2"))
        )

    async def test_a_signal_decides_nothing(self):
        assert "signal 9" in await self.undecided(self.hook(self.shell("kill -9 $$")))

    async def test_without_a_descriptor_nothing_is_decided(self):
        def full(_descriptor: int) -> int:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(os, "dup", full)
        assert "Too many open files" in await self.undecided(self.hook(self.shell("exit 0")))

    async def test_a_program_that_is_gone_decides_nothing(self):
        assert "cannot be run" in await self.undecided(self.hook(str(self.folder / "gone")))

    async def test_what_takes_too_long_is_ended_with_all_that_it_started(self):
        text = 'sleep 1000 & echo $! > "$HOME/child"; echo $$ > "$HOME/self"; wait'
        hook = self.hook(self.shell(text), timeout=0.5)
        assert "took longer than 0.5 s" in await self.undecided(hook)
        await self.until(lambda: not (runs(self.folder / "self") or runs(self.folder / "child")))

    async def test_failures_can_accept(self):
        hook = self.hook(self.shell("exit 2"), accept_on_failure=True)
        assert await self.check(hook, b"") == ""
        assert len(self.warnings()) == 1
        refusing = self.hook(self.shell("exit 1"), accept_on_failure=True)
        assert await self.check(refusing, b"") == "not accepted"

    async def test_one_that_leaves_something_running_holds_nothing_up(self):
        hook = self.hook(self.shell('sleep 1000 & echo $! > "$HOME/child"'))
        assert await self.check(hook, b"") == ""
        subprocess.run(["kill", (self.folder / "child").read_text().strip()], check=True)

    async def test_who_does_not_read_and_who_writes_much_hold_nothing_up(self):
        hook = self.hook(self.shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"))
        assert await self.check(hook, bytes(2**21)) == ""

    async def test_it_ends_with_the_upload(self):
        hook = self.hook(self.shell('echo $$ > "$HOME/self"; exec sleep 1000'))
        checking = Deferred.fromCoroutine(self.check(hook, b""))
        await self.until(lambda: runs(self.folder / "self"))
        checking.cancel()
        await self.assertFailure(checking, CancelledError)
        await self.until(lambda: not runs(self.folder / "self"))
        assert self.warnings() == []

    async def test_what_is_cancelled_before_its_turn_never_runs(self):
        hook = self.hook(self.shell('echo x >> "$HOME/all"'))
        checks = [Deferred.fromCoroutine(self.check(hook, b"")) for _ in range(50)]
        for each in checks:
            each.cancel()
        await gatherResults([self.assertFailure(each, CancelledError) for each in checks])
        assert await self.check(hook, b"") == ""
        (self.folder / "all").read_text()

    async def test_it_ends_with_the_server(self):
        hook = self.hook(
            self.shell('trap "exit 0" TERM; echo $$ > "$HOME/self"; sleep 1000 & wait')
        )
        await hook.happened(upload())
        await self.until(lambda: runs(self.folder / "self"))
        await hook.stop()
        assert not runs(self.folder / "self")
        await hook.happened(upload())
        error = await self.assertFailure(
            Deferred.fromCoroutine(self.check(hook, b"")), TransientError
        )
        assert error.reply.code == 451

    async def test_no_descriptor_is_left(self):
        hook = self.hook(self.shell("exit 0"))
        await self.check(hook, b"")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            await self.check(hook, b"")
        assert len(os.listdir("/proc/self/fd")) == before

    async def test_it_sees_no_descriptor_of_the_server(self):
        secret = os.open("/etc/hostname", os.O_RDONLY)
        os.set_inheritable(secret, True)
        self.addCleanup(os.close, secret)
        hook = self.hook(self.shell('ls -l /proc/self/fd > "$HOME/all"'))
        await self.check(hook, b"")
        assert "hostname" not in (self.folder / "all").read_text()


def runs(file: Path) -> bool:
    """Whether the process whose number is in a file runs."""
    number = file.read_text().strip() if file.exists() else ""
    try:
        return bool(number) and "Z" not in Path(f"/proc/{number}/stat").read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
