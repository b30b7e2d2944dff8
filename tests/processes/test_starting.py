"""How several processes begin: in which order, as whom, and what is said where they cannot."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from twisted.internet import reactor

from ftptls.cli import state
from ftptls.config import ConfigError
from ftptls.processes import make_service
from ftptls.settings import Files, Listen, Processes, Settings
from tests.conftest import Spawn
from tests.unix import ALICE, as_root

LOCAL = "tcp:0:interface=127.0.0.1"
TWO = Processes(workers=2)


def status(pid: int, name: str) -> list[str]:
    """A line of what the kernel knows of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return text.partition(f"\n{name}:")[2].partition("\n")[0].split()


def served(kept: state.State, root: Path) -> list[str]:
    flags = [f"--root={root}", f"--certificate={kept.certificate}", f"--key={kept.key}"]
    return ["ftptls", *flags, "--auth=memory:alice:secret", f"--explicit={LOCAL}", "--workers=2"]


@as_root
def test_ports_are_opened_before_the_user_changes_and_workers_start_after_it(
    spawn: Spawn, twistd: list[str], tmp_path: Path
) -> None:
    kept = state.prepare(tmp_path / "state")
    changed = ["--uid=0", f"--gid={ALICE.pw_gid}"]
    server = spawn(*twistd, *changed, *served(kept, tmp_path))
    found = server.wait_for(r"2 workers serve \(processes (\d+), (\d+)\)$")
    for pid in map(int, found.groups()):
        assert status(pid, "Gid") == [str(ALICE.pw_gid)] * 4
    opened, became, serves = (
        server.output.index(text) for text in ("explicit TLS on", "set uid/gid", "2 workers serve")
    )
    assert opened < became < serves
    server.end()
    assert "Traceback" not in server.output


def test_a_process_that_cannot_be_started_is_one_sentence(spawn: Spawn, tmp_path: Path) -> None:
    """Such as when the user that twistd becomes may not run the interpreter."""
    kept = state.prepare(tmp_path / "state")
    code = "import sys; sys.argv[0] = 'twistd'; sys.executable = '/nowhere/python'; "
    code += "from twisted.scripts.twistd import run; run()"
    twistd = [sys.executable, "-c", code, "--nodaemon", "--pidfile="]
    server = spawn(*twistd, *served(kept, tmp_path))
    assert server.wait() == 1
    assert "Traceback" not in server.output
    assert "no worker can be started: No such file or directory: /nowhere/python" in server.output


def test_a_worker_that_cannot_serve_ends_the_service(
    spawn: Spawn, twistd: list[str], tmp_path: Path
) -> None:
    """Such as when a key is given out once: all that can be found out before was."""
    (tmp_path / "root").mkdir()
    (tmp_path / "key.sh").write_text("[ ! -e asked ] && touch asked && printf %064d 1")
    (tmp_path / "server.toml").write_text(
        'auth = ["memory:alice:secret"]\n'
        f'[listen]\nexplicit = ["{LOCAL}"]\n'
        '[files]\nroot = "root"\n'
        '[encryption]\nkey_program = ["sh", "key.sh"]\n'
        '[policy]\nlogin_protection = "optional"\ndata_protection = "optional"\n'
    )
    server = spawn(*twistd, "ftptls", "--config=server.toml", "--workers=2")
    assert server.wait() == 1
    assert "Traceback" not in server.output
    assert re.search(r"ftptls: no worker can serve: .*sh", server.output)


def test_endpoints_that_cannot_be_handed_on(tmp_path: Path) -> None:
    settings = Settings(
        auth=("memory:alice:secret",),
        files=Files(root=str(tmp_path)),
        listen=Listen(explicit=(f"unix:{tmp_path}/socket",)),
        processes=TWO,
    )
    with pytest.raises(ConfigError, match=r"cannot share the endpoint unix:.*or have one worker"):
        make_service(settings, reactor)
    assert os.listdir(tmp_path) == []
