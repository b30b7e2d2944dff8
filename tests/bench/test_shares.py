"""Shares of a processor: each process of a server in a group of its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.bench import shares as module
from tests.bench import workers
from tests.bench.accounting import Tree
from tests.bench.shares import NoSharesError, Shares, shares

WAITS = [sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()"]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups in folders of a file system that knows nothing of them go with their files."""
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)


@pytest.mark.parametrize(
    ("unified", "bounds"),
    [
        (True, {"cpu.max": ("max 10000", "2500 10000"), "cpu.weight": ("100", "5000")}),
        (False, {"cpu.cfs_quota_us": ("-1", "2500"), "cpu.shares": ("1024", "51200")}),
    ],
)
def test_what_is_written_for_each_version(tmp_path, plain, unified, bounds):
    made = Shares(tmp_path, [11, 12], unified=unified)
    groups = sorted(each for each in tmp_path.iterdir() if each.is_dir())
    assert [(each / "cgroup.procs").read_text() for each in groups] == ["11", "12"]
    for group in groups:
        for file, (free, held) in bounds.items():
            assert (group / file).read_text() == free
            with made.held():
                assert (group / file).read_text() == held
            assert (group / file).read_text() == free
    made.close()
    assert not any(each.is_dir() for each in tmp_path.iterdir())
    assert (tmp_path / "cgroup.procs").read_text() == "12"
    assert (tmp_path / "cgroup.subtree_control").exists() == unified


def test_a_process_has_a_group_of_its_own_if_the_machine_lets_us(spawn):
    process, own = spawn(*WAITS), Tree()
    process.wait_for("^ready$")
    own.begin(process.pid)
    groups = Path(f"/proc/{process.pid}/cgroup")
    before = groups.read_text()
    try:
        with shares(own) as given, given.held():
            assert "ftptls-share-" in groups.read_text()
    except NoSharesError as error:
        assert str(error)  # noqa: PT017 - it is what the report tells
    assert groups.read_text() == before


def test_a_machine_that_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_version_1", lambda: None)
    with pytest.raises(NoSharesError, match="no control groups are to be had"), shares(Tree()):
        pass
    monkeypatch.setattr(module, "_version_1", lambda: tmp_path / "nothing")
    why = r"nothing/ftptls-share-.*: No such file"
    with pytest.raises(NoSharesError, match=why), shares(Alone()):
        pass


def test_rates_are_told_without_shares(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_version_1", lambda: tmp_path / "nothing")
    (tmp_path / "small").write_bytes(bytes(1024))
    rows, told = workers.measure(["small-file rate"], tmp_path, 1, 0.2)
    assert told.startswith("none were to be had: ")
    assert rows[0]["held"] is None
    assert rows[0]["ratio"] > 0


class Alone(Tree):
    """One process, of which nothing is asked."""

    def pids(self) -> list[int]:
        return [1]
