"""The harness of the field: it measures, compares bytes, and writes. No figure is asserted."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders, field, gathering, peers, report, rows, workers
from tests.bench.accounting import account, tree
from tests.bench.clients import BenchError, Finished, Target, WrongContentError
from tests.bench.contenders import FIELD, OURS
from tests.bench.figures import Sample, best, figures, ratio
from tests.bench.rows import ROWS, Row
from tests.bench.subjects import Content, Load, Subject
from tests.conftest import CHECKOUT

TINY = Load(300_000, logins=2, files=2, commands=3, entries=20, sessions=2, seconds=0.2)
PYFTPDLIB = [each for each in FIELD if each.name == "pyftpdlib"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field, "QUICK", TINY)


def test_every_row_of_two_servers(tmp_path, capsys):
    written, tables = tmp_path / "made" / "field.json", tmp_path / "field.md"
    arguments = ["--quick", "--rounds", "1", "--only", "pyftpdlib,ftptls"]
    field.main([*arguments, "--json", str(written), "--markdown", str(tables)])
    run = json.loads(written.read_text())
    assert [row["name"] for row in run["rows"]] == [row.name for row in ROWS]
    for row in run["rows"]:
        assert set(row["figures"]) == {"pyftpdlib", "ftptls"}
        assert all(each["server"] is not None for each in row["figures"].values())
        assert row["best"]["server"] == "pyftpdlib"
    resumed = {row["name"] for row in run["rows"] if row["figures"]["ftptls"]["resumed"]}
    assert resumed == {"1 KiB, resumed"}
    assert [row["name"] for row in run["workers"]] == list(workers.ROWS)
    has_shares = not run["machine"]["shares"].startswith("none")
    assert all(bool(row["held"]) == has_shares for row in run["workers"])
    assert run["negotiated"] == dict.fromkeys(run["servers"], "TLSv1.3 TLS_AES_128_GCM_SHA256")
    assert tables.read_text() == capsys.readouterr().out
    for table in report.tables(run):
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert f"| {' | '.join(table.rows[0])} |" in tables.read_text()


def test_wrong_bytes_end_the_run(tmp_path):
    rows = [row for row in ROWS if row.name in ("download, clear", "1 KiB, clear")]
    with gathering.here(PYFTPDLIB, {KeyKind.RSA}, TINY) as (subjects, _):
        (subject,) = subjects[KeyKind.RSA]
        for name in ("large", "small"):
            (tmp_path / name).write_bytes(bytes(TINY.octets))
        subject.content = replace(subject.content, folder=tmp_path)
        for row in rows:
            with pytest.raises(SystemExit, match=f"{row.name}, pyftpdlib: .*octets"):
                field.measure([row], subjects, TINY, 1, None, {})


def test_what_was_measured_before_an_error_is_written(tmp_path, monkeypatch, capsys):
    calls = iter([1.0, 2.0, 3.0])

    def fail_at_last(subject, load):
        if (value := next(calls, None)) is None:
            raise BenchError("it went away")
        return Sample(value)

    monkeypatch.setattr(field, "ROWS", [Row("one", "ms", fail_at_last, private=False)])
    written = tmp_path / "field.json"
    arguments = ["--quick", "--rounds", "5", "--only", "twistd ftp", "--json", str(written)]
    with pytest.raises(SystemExit, match="one, twistd ftp: it went away"):
        field.main(arguments)
    (row,) = json.loads(written.read_text())["rows"]
    assert row["figures"]["twistd ftp"]["server"] == 2.5
    assert "| one | ms | 2.5 |" in capsys.readouterr().out


def test_each_round_has_an_order_of_its_own():
    turns: list[str] = []
    row = Row("one", "ms", lambda subject, load: turns.append(subject.name) or Sample(1.0))
    subjects = [
        Subject(name, Target("127.0.0.1", 1), content=None) for name in ("a", "b", "c", "d", "e")
    ]
    for _ in range(2):
        field.measure([row], {KeyKind.RSA: subjects}, TINY, 5, None, {})
    rounds = [tuple(turns[begin : begin + 5]) for begin in range(0, len(turns), 5)]
    assert {frozenset(each) for each in rounds} == {frozenset("abcde")}
    assert len(set(rounds[:6])) > 4
    assert rounds[:6] == rounds[6:]


@pytest.mark.parametrize(
    ("octets", "said", "complaint"),
    [
        (6, "* SSL connection using TLSv1.3 / TLS_AES_128_GCM_SHA256\n", "6 octets .* not 7"),
        (7, "* SSL connection using TLSv1.2 / ECDHE-X\n", "it chose TLSv1.2 ECDHE-X, not TLSv1.3"),
    ],
)
def test_who_moves_less_or_encrypts_otherwise_is_told(octets, said, complaint):
    subject = field.Subject("one", field.Target("127.0.0.1", 1), content=None)
    with pytest.raises(BenchError, match=complaint):
        subject.moved(lambda verbose: Finished(1.0, 1.0, octets, said), 7)


def test_one_server_elsewhere(capsys):
    with contenders.running(PYFTPDLIB, Authority(), KeyKind.EC) as (server,):
        place = server.place
        arguments = ["--host", "127.0.0.1", "--port", str(place.port), "--quick", "--rounds", "1"]
        arguments += ["--cacert", str(place.authority), "--rows", "download;login;LIST;1 KiB, r"]
        field.main([*arguments, "--password", peers.PASSWORD])
        assert list(place.root.iterdir()) == []
        with pytest.raises(SystemExit, match="Access denied: 530"):
            field.main([*arguments, "--password", "wrong"])
    shown = capsys.readouterr().out
    for name in ("download, TLS", "download, clear", "login", "1 KiB, resumed"):
        assert f"\n| {name} |" in shown
    assert "LIST" not in shown
    assert "CPU of the client" in shown
    with pytest.raises(SystemExit, match=r"127\.0\.0\.1 port \d+: .*[Cc]onnect"):
        field.main(arguments)


def test_servers_end_with_it(spawn, tmp_path):
    command = [sys.executable, "-m", "tests.bench.field", "--quick", "--only", "pyftpdlib"]
    process = spawn(*command, "--rows", "NOOP", folder=CHECKOUT, TMPDIR=str(tmp_path))
    process.wait_for("^round 0 of 3: NOOP, TLS, pyftpdlib$")
    servers = [pid for pid in tree(process.pid) if pid != process.pid]
    assert servers
    assert process.end() != 0
    assert process.output.endswith("terminated\n")
    assert not any(Path(f"/proc/{pid}").exists() for pid in servers)
    assert list(tmp_path.glob("ftptls-bench-*")) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rows", "nothing"], "no row begins so; there are: download, TLS; upload, TLS; "),
        (["--only", "nothing"], "no server is called so; there are: vsftpd, ProFTPD, "),
        (["--checkout", f"ftptls={CHECKOUT}"], "two are called the same"),
    ],
)
def test_names_that_nothing_has(arguments, sentence):
    with pytest.raises(SystemExit, match=sentence):
        field.main(arguments)


def test_another_checkout_is_started_from_its_own_files(tmp_path):
    place = peers.place(tmp_path / "server", Authority(), KeyKind.EC)
    before = contenders.another("before", tmp_path)
    assert before.command(place)[:2] == ["env", f"PYTHONPATH={tmp_path}"]
    assert before.command(place)[2:] == contenders.FIELD[-1].command(place)


def test_ratios_are_of_one_round():
    ours = [Sample(1.0, 1.0), Sample(2.0, 2.0), Sample(30.0, 1.0)]
    others = [Sample(2.0, 1.0), Sample(4.0, 1.0), Sample(60.0, 1.0)]
    assert ratio(ours, others, "server") == 0.5
    assert ratio(ours, others, "both") == 2 / 3
    assert ratio(ours, others, "seconds") is None
    assert best({"ours": ours, "others": others}, "server") == "ours"
    assert best({"ours": ours}, "seconds") is None
    assert figures(ours).server == 2.0
    assert figures(ours).spread == 14.5


def test_children_that_have_ended_are_accounted_for(spawn):
    script = """
import os, signal
if os.fork():
    os.wait()
    print("ready", flush=True)
    signal.pause()
else:
    sum(i * i for i in range(1_000_000))
"""
    own = account()
    process = spawn(*own.entering([sys.executable, "-c", script]))
    own.begin(process.pid)
    process.wait_for("^ready$")
    assert own.pids() == [process.pid]
    assert own.cpu_seconds() > 0
    process.end()
    own.close()


def test_a_peer_that_loses_an_upload_may_try_again_and_we_may_not(tmp_path, monkeypatch):
    given, sample = [], Sample(1.0, 1.0, 1.0)

    def take(subject: Subject, *_: object, **__: object) -> Sample:
        given.append(subject.name)
        if len(given) % 2:
            raise WrongContentError("what was moved is not the large file: 0 octets")
        return sample

    monkeypatch.setattr(rows, "_upload", take)
    subjects = [
        Subject(name, Target("127.0.0.1", 1, "alice"), Content(tmp_path, frozenset()))
        for name in ("pyftpdlib", OURS)
    ]
    assert rows.upload(subjects[0], TINY, private=True) is sample
    assert subjects[0].lost == 1
    with pytest.raises(WrongContentError):
        rows.upload(subjects[1], TINY, private=True)
    assert given == ["pyftpdlib", "pyftpdlib", OURS]
