"""The harness: it starts servers, logs in to them, and makes a table. No figure is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.bench import logins
from tests.bench.accounting import cpu_seconds, tree


def test_a_table_of_two_servers(tmp_path, capsys):
    written = tmp_path / "figures.json"
    arguments = ["--rounds", "1", "--logins", "2", "--only", "password in clear"]
    logins.main([*arguments, "--json", str(written)])
    figures = json.loads(written.read_text())
    assert [each["name"] for each in figures] == [
        "pyftpdlib, password in clear",
        "ftptls, password in clear",
    ]
    assert all(each["rate"] > 0 for each in figures)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 4
    for each in figures:
        assert f"| {each['name']} |" in shown


def test_the_whole_tree_is_accounted_for():
    burn = "import os; x = sum(i * i for i in range(3_000_000))"
    script = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {burn!r} + "; input()"], stdin=subprocess.PIPE)
subprocess.run([sys.executable, "-c", {burn!r}])
print("ready", flush=True)
input()
child.communicate(b"\\n")
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        assert len(tree(process.pid)) == 2
        own = sum(os.times()[:2])
        assert cpu_seconds(process.pid) > 0
        assert cpu_seconds(os.getpid()) >= own
        process.communicate("\n")
