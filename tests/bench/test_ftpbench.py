"""What the script prints becomes a table. Nothing is fetched, and no figure is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import ftpbench
from tests.bench.accounting import Tree
from tests.bench.contenders import Server
from tests.bench.ftpbench import Run
from tests.bench.peers import Place

_OUTPUT = """\
STOR (client -> server)                              557.97 MB/sec  6.7M
300 concurrent clients (connect, login)                1.20 secs    8.8M
"""
_STOR, _MANY = (
    ("STOR (client -> server)", "MB/sec"),
    ("300 concurrent clients (connect, login)", "secs"),
)
# In place of the script: it logs in as that does, and gives up in the same way over TLS.
_SCRIPT = """
import argparse, ftplib
parser = argparse.ArgumentParser()
for name in ("benchmark", "host", "user", "pass"):
    parser.add_argument(f"--{name}")
for name in ("port", "timeout", "clients"):
    parser.add_argument(f"--{name}", type=int)
parser.add_argument("--ssl", action="store_true")
given = vars(parser.parse_args())
client = (ftplib.FTP_TLS if given["ssl"] else ftplib.FTP)(timeout=given["timeout"])
client.connect(given["host"], given["port"])
client.login(given["user"], given["pass"])
client.voidcmd("TYPE I")
if given["ssl"]:
    client.prot_p()
data = client.transfercmd("STOR file")
data.close()
client.voidresp()
client.delete("file")
client.quit()
print("STOR (client -> server)      10.00 MB/sec")
if given["ssl"]:
    raise ValueError("no more")
print("2 concurrent clients (QUIT)   0.00 secs")
"""


def test_its_lines_are_read() -> None:
    assert ftpbench.parsed(_OUTPUT) == {_STOR: 557.97, _MANY: 1.2}


def test_a_ratio_is_of_the_same_round() -> None:
    runs = {
        ("TLS", "ftptls"): [Run({_STOR: figure, _MANY: 1}, "") for figure in (10, 40, 30)],
        ("TLS", "pyftpdlib"): [Run({_STOR: figure}, "gave up") for figure in (10, 20, 10)],
    }
    stor, many = ftpbench.rows("TLS", runs)
    assert stor.figures == {"ftptls": 30, "pyftpdlib": 10}
    assert stor.ratio == 2
    assert many.figures == {"ftptls": 1}
    assert many.ratio is None
    shown = ftpbench.markdown([stor, many]).splitlines()
    assert shown[2].startswith(
        "| TLS | STOR (client -> server) | 30.00 MB/sec | 10.00 MB/sec | 2.00"
    )
    assert "| 1.00 secs | - | - |" in shown[3]


def test_both_servers_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "pyftpdlib-0.1" / "scripts" / "ftpbench"
    script.parent.mkdir(parents=True)
    script.write_text(_SCRIPT)
    monkeypatch.setattr(ftpbench, "script", lambda: script)
    ftpbench.main(["--rounds", "1", "--clients", "2", "--folder", str(tmp_path)])
    told = json.loads((tmp_path / "ftpbench.json").read_text())
    assert [(each["kind"], each["unit"]) for each in told["rows"]] == [
        ("clear", "MB/sec"),
        ("clear", "secs"),
        ("TLS", "MB/sec"),
    ]
    assert all(set(each["figures"]) == {"ftptls", "pyftpdlib"} for each in told["rows"])
    assert told["complaints"] == [
        f"TLS, {name}: ValueError: no more" for name in ("ftptls", "pyftpdlib")
    ]
    assert (tmp_path / "ftpbench.md").read_text() in capsys.readouterr().out


def test_a_script_that_measures_nothing_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "ftpbench"
    script.write_text("raise OSError('no way in')")
    monkeypatch.setattr(ftpbench, "script", lambda: script)
    place = Place(tmp_path, tmp_path, script, script, script, port=1)
    server = Server(ftpbench.CONTENDERS[0], place, Tree())
    with pytest.raises(SystemExit, match=r"measured nothing of ftptls: .*no way in"):
        ftpbench.run(server, (), 2)
