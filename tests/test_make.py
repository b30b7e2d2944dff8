"""The two commands of the README, and what CI runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Process, Spawn

PYTHON = os.environ.get("PYTHON", "python3")
INTEROP = "tests/interop"
MODULES = f"{INTEROP}/node_modules"
# Whoever calls for anything over the network is told that there is none.
OFFLINE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_RETRIES": "0",
    "PYTHONPATH": "",
}


@pytest.fixture(autouse=True)
def outermost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no ``make`` that runs these tests pass anything on."""
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ROOT", "PORT", "STATE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def environment() -> None:
    """The environment is there; under ``make test`` it is, and nothing is done."""
    command = ["make", "--no-print-directory", "environment", f"PYTHON={PYTHON}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(command, cwd=CHECKOUT, env=clean, check=True, timeout=600)


@pytest.fixture
def serve(tmp_path: Path) -> list[str]:
    return [
        "make",
        "--no-print-directory",
        "serve",
        f"PYTHON={PYTHON}",
        f"ROOT={tmp_path}/served here",
        f"STATE={tmp_path}/kept here",
        "PORT=0",
        "IMPLICIT_PORT=0",
    ]


@pytest.mark.usefixtures("environment")
def test_serve_twice_offline(spawn: Spawn, serve: list[str], tmp_path: Path) -> None:
    (tmp_path / "served here").mkdir()
    (tmp_path / "served here" / "hello.txt").touch()
    kept = []
    for _ in range(2):
        server = spawn(*serve, folder=CHECKOUT, **OFFLINE)
        told = [server.wait_for(f"^{name} .*$")[0] for name in ("password", "SHA-256")]
        kept.append(told)
        curl = server.wait_for("^curl .*$")[0]
        done = subprocess.run(["sh", "-c", f"{curl} -sS"], capture_output=True, timeout=60)
        assert b"hello.txt" in done.stdout, done.stderr
        port = int(server.wait_for(r"^explicit +ftp://127\.0\.0\.1:(\d+)/")[1])
        server.end()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 30)
        assert "Traceback" not in server.output
    assert kept[0] == kept[1]


@pytest.mark.usefixtures("environment")
def test_serve_refuses_a_busy_port(spawn: Spawn, serve: list[str], tmp_path: Path) -> None:
    (tmp_path / "served here").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = spawn(*serve, f"PORT={taken.getsockname()[1]}", folder=CHECKOUT)
        assert process.wait() != 0
    ours = [line for line in process.output.splitlines() if not line.startswith("make: ")]
    assert len(ours) == 1
    assert "Address already in use; stop the program" in ours[0]


@pytest.mark.usefixtures("environment")
def test_serve_refuses_a_folder_that_is_not_there(spawn: Spawn, serve: list[str]) -> None:
    process = spawn(*serve, folder=CHECKOUT)
    assert process.wait() != 0
    assert "served here: it does not exist; name a folder." in process.output
    assert "Traceback" not in process.output


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("fails", "sentence"),
    [
        (
            "ensurepip",
            "Python cannot make virtual environments here: install the package python3-venv.",
        ),
        (
            "version_info",
            "Python 3.11 or newer is needed, and {} is older: name another one with PYTHON=...",
        ),
    ],
)
def test_serve_says_what_python_lacks(
    spawn: Spawn, serve: list[str], tmp_path: Path, fails: str, sentence: str
) -> None:
    python = script(
        tmp_path / "python", f'case "$*" in *{fails}*) exit 1;; esac; exec python3 "$@"'
    )
    check_refusal(spawn, serve, tmp_path, str(python), sentence.format(python))


def test_serve_says_that_there_is_no_python(spawn: Spawn, serve: list[str], tmp_path: Path) -> None:
    sentence = "Python 3.11 or newer is needed: install the packages python3 and python3-venv."
    check_refusal(spawn, serve, tmp_path, "no-such-python", sentence)


def check_refusal(
    spawn: Spawn, serve: list[str], tmp_path: Path, python: str, sentence: str
) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, clone)
    process = spawn(*serve, f"PYTHON={python}", folder=clone)
    assert process.wait() != 0
    assert process.output.splitlines()[0] == sentence
    assert len(process.output.splitlines()) == 2  # and make's own
    assert not (clone / ".venv").exists()


def test_the_tests_are_everything(spawn: Spawn) -> None:
    process = spawn("make", "--dry-run", "test", f"PYTHON={PYTHON}", folder=CHECKOUT)
    assert process.wait() == 0
    steps = ["ruff check .", "ruff format --check .", "mypy", "lint-imports", "sphinx", "pytest"]
    places = [process.output.rindex(step) for step in steps]
    assert places == sorted(places)


def test_what_is_imported_is_compiled_once(spawn: Spawn) -> None:
    shown = "shown:\n\tenv"
    process = spawn("make", "--eval", shown, "shown", folder=CHECKOUT, PYTHONDONTWRITEBYTECODE="1")
    assert process.wait() == 0
    assert "PATH=" in process.output
    assert "PYTHONDONTWRITEBYTECODE" not in process.output


@pytest.mark.parametrize(("given", "flag"), [([], ""), (["QUICK=1"], "--quick")])
def test_bench_measures_and_writes(spawn: Spawn, given: list[str], flag: str) -> None:
    process = spawn("make", "--dry-run", "bench", f"PYTHON={PYTHON}", *given, folder=CHECKOUT)
    assert process.wait() == 0
    words = process.output.partition("-m tests.bench.field ")[2].replace("\\\n", " ").split()
    assert words == [
        *flag.split(),
        *("--json", "build/bench/field.json", "--markdown", "build/bench/field.md"),
    ]


@pytest.mark.parametrize(
    ("given", "flags"), [([], ("", "")), (["QUICK=1"], ("--quick", "--rounds 1"))]
)
def test_curves_are_measured_and_written(
    spawn: Spawn, given: list[str], flags: tuple[str, str]
) -> None:
    command = ["make", "--dry-run", "curves", f"PYTHON={PYTHON}", "BENCH=there", *given]
    process = spawn(*command, folder=CHECKOUT)
    assert process.wait() == 0
    curves, script = (line.split() for line in process.output.splitlines() if "tests.bench" in line)
    assert curves[2:] == ["tests.bench.curves", *flags[0].split(), "--folder", "there/curves"]
    assert script[2:] == ["tests.bench.ftpbench", *flags[1].split(), "--folder", "there"]


CLIENTS = ("curl", "fish", "lftp", "ncftp", "nodejs", "openssl", "rclone", "tnftp", "vsftpd", "zsh")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with what the Makefile calls; ``apt-get`` and ``npm`` write down their arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "cut", "sha256sum", "id", "env", "make", "mkdir", "touch"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    for name in ("python3", "perl", "initdb", *CLIENTS):
        script(folder / name, "exit 0")
    script(folder / "sudo", 'exec "$@"')
    script(folder / "apt-get", f'echo "$@" >> "{tmp_path}/asked"')
    script(folder / "npm", f'echo "$@" >> "{tmp_path}/asked of npm"; mkdir -p {MODULES}')
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout without anything of npm's."""
    folder = tmp_path / "clone"
    (folder / INTEROP).mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", f"{INTEROP}/package-lock.json"):
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


Packages = Callable[[], Process]


@pytest.fixture
def packages(spawn: Spawn, tools: Path, clone: Path) -> Packages:
    """Run ``make packages`` to its end."""

    def make() -> Process:
        process = spawn("make", "packages", folder=clone, PATH=str(tools))
        process.wait()
        return process

    return make


def test_only_missing_clients_are_installed(
    packages: Packages, tools: Path, tmp_path: Path
) -> None:
    for name in ("curl", "rclone"):
        (tools / name).unlink()
    process = packages()
    assert process.wait() == 0
    assert process.output == "Installing curl rclone ...\n"
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert update.startswith("update")
    assert install == "install -y -qq curl rclone"


def test_nothing_is_asked_for_when_all_is_there(packages: Packages, tmp_path: Path) -> None:
    process = packages()
    assert process.wait() == 0
    assert process.output == ""
    assert not (tmp_path / "asked").exists()


def test_perl_without_its_tls_is_not_enough(
    packages: Packages, tools: Path, tmp_path: Path
) -> None:
    script(tools / "perl", "exit 2")
    assert packages().wait() == 0
    assert (tmp_path / "asked").read_text().endswith(" perl libio-socket-ssl-perl\n")


def test_missing_clients_without_apt_are_named(packages: Packages, tools: Path) -> None:
    for name in ("apt-get", "curl", "lftp"):
        (tools / name).unlink()
    process = packages()
    assert process.wait() != 0
    assert process.output.splitlines()[0] == (
        "The tests need these programs; install them first: curl lftp"
    )


def test_npm_is_asked_once_until_its_lock_file_changes(
    packages: Packages, clone: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "asked of npm"
    for _ in range(2):
        assert packages().wait() == 0
        assert len(asked.read_text().splitlines()) == 1
    assert asked.read_text().startswith("ci --prefix tests/interop --ignore-scripts ")
    # Make looks at times, and a clock may be coarse.
    later = time.time() + 10
    os.utime(clone / INTEROP / "package-lock.json", (later, later))
    assert packages().wait() == 0
    assert len(asked.read_text().splitlines()) == 2


def test_npm_that_fails_is_asked_again(packages: Packages, tools: Path, tmp_path: Path) -> None:
    script(tools / "npm", "echo no network >&2; exit 1")
    process = packages()
    assert process.wait() != 0
    assert process.output.startswith("no network\n")
    script(tools / "npm", f'mkdir -p {MODULES}; echo "$@" > "{tmp_path}/asked of npm"')
    assert packages().wait() == 0
    assert (tmp_path / "asked of npm").exists()


def test_the_lock_file_says_what_is_fetched_and_not_where() -> None:
    lock = json.loads((CHECKOUT / INTEROP / "package-lock.json").read_text())
    wanted = json.loads((CHECKOUT / INTEROP / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    for place, about in lock["packages"].items():
        if place:
            assert about["integrity"].startswith("sha512-")
            assert "resolved" not in about


@pytest.mark.parametrize(("status", "summary"), [(0, "3 passed"), (2, "1 failed, 2 passed")])
def test_ci_passes_on_status_and_summary(
    spawn: Spawn, tmp_path: Path, status: int, summary: str
) -> None:
    line = f"=========== {summary} in 1.00s ==========="
    script(
        tmp_path / "make",
        f"echo {line}; test {status} = 0 || echo 'make: *** [Makefile:1: test] Error 1' >&2\n"
        f"exit {status}",
    )
    process = spawn("bash", str(CHECKOUT / ".ci/run"), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert process.wait() == status
    assert process.output.splitlines()[-1] == line
