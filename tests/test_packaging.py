"""What is shipped, how it is found, and what it imports."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ftptls
from ftptls.testing.certificates import Authority
from tests.conftest import CHECKOUT

HELP = "import sys; sys.argv = ['twistd', '--help']; from twisted.scripts.twistd import run; run()"
LISTED = "ftptls           Serve files over FTP with TLS"


def run(*command: str | Path, folder: Path) -> str:
    """The output of a command that must succeed, and that sees none of our paths."""
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with the plugin cache that a ``twistd --help`` leaves."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "Makefile", ".gitignore"):
        shutil.copy(CHECKOUT / name, copy)
    for name in ("ftptls", "twisted", "tac"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "twisted/plugins/dropin.cache").write_bytes(b"")
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist", folder=checkout)
    (built,) = (checkout / "dist").glob("*.whl")
    return built


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """The Python of a new environment that has our dependencies, and not us."""
    run(sys.executable, "-m", "venv", "--without-pip", "env", folder=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", folder=tmp_path)
    # A path in a .pth file is searched, but the .pth files in it, such as ours, are not.
    (Path(site.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    assert LISTED not in run(python, "-P", "-c", HELP, folder=tmp_path)
    return python


def install(python: Path, *what: str | Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"),
        *what,
        folder=python.parent,
    )


def test_the_wheel_holds_the_package_and_the_plugins(wheel: Path, checkout: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"ftptls = ftptls.cli:main" in archive.read(entry_points)
    sources = {str(path.relative_to(checkout)) for path in (checkout / "ftptls").rglob("*.py")}
    plugins = {f"twisted/plugins/ftptls_{name}.py" for name in ("auth", "plugin")}
    assert names == sources | plugins | {"ftptls/py.typed"}


def test_twistd_lists_it_from_a_wheel(wheel: Path, venv: Path, tmp_path: Path) -> None:
    install(venv, wheel)
    assert LISTED in run(venv, "-P", "-c", HELP, folder=tmp_path)
    assert run(venv.with_name("ftptls"), "--version", folder=tmp_path) == (
        f"ftptls {ftptls.__version__}\n"
    )


def test_twistd_lists_it_from_an_editable_install(
    checkout: Path, venv: Path, tmp_path: Path
) -> None:
    install(venv, "--editable", checkout)
    assert LISTED in run(venv, "-P", "-c", HELP, folder=tmp_path)


def test_twistd_lists_it_in_a_checkout(checkout: Path, venv: Path) -> None:
    assert LISTED in run(venv, "-c", HELP, folder=checkout)


def test_the_plugin_folder_is_no_package() -> None:
    assert not list((CHECKOUT / "twisted").rglob("__init__.py"))


def test_the_license_and_python_are_declared() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert project["requires-python"] == ">=3.11"


# what is imported


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, and every name that it imports from one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_what_is_started_imports_the_reactor() -> None:
    package = CHECKOUT / "ftptls"
    found = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "twisted.internet.reactor" in imports(path)
    }
    assert found == {"tap.py", "cli", "processes"}


def test_commands_do_not_touch_twisted_internet() -> None:
    for path in (CHECKOUT / "ftptls" / "commands").rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("twisted.internet")], path


def test_the_package_imports_nothing_before_it_is_asked(tmp_path: Path) -> None:
    code = (
        "import sys, ftptls; dir(ftptls); "
        "print([name for name in ('twisted', 'OpenSSL', 'zope.interface') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_plain_server_imports_nothing_of_what_it_does_not_use(tmp_path: Path) -> None:
    """Extras, what is for other commands, and parts of Twisted that take long to import."""
    written = Authority().write(tmp_path)
    made = f"""
import json, sys
from twisted.internet import reactor
from ftptls.service import make_service
from ftptls.settings import TLS, Files, Settings
tls = TLS(certificate=({str(written.certificate)!r},), key=({str(written.key)!r},))
make_service(Settings(auth=("memory:alice:secret",), files=Files(root="/"), tls=tls), reactor)
print(json.dumps(list(sys.modules)))
"""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", made], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert "ftptls.pi.server" in imported
    extras = {"sqlalchemy", "alembic", "psycopg", "fsspec", "s3fs", "boto3", "botocore", "aiohttp"}
    extras |= {"argon2", "passlib", "pamela", "re2", "sphinx", "hypothesis", "pytest"}
    others = ("ftptls.store", "ftptls.cli", "ftptls.testing", "ftptls.client")
    slow = ("twisted.web", "twisted.conch", "twisted.protocols.ftp", "multiprocessing")
    rooms = {".".join(name.split(".")[:number]) for name in imported for number in (1, 2, 3)}
    assert not rooms & {*extras, *others, *slow}


@pytest.mark.parametrize("name", ftptls.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(ftptls, name)
    assert name in dir(ftptls)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'zork'"):
        _ = ftptls.zork


def test_every_module_can_be_imported() -> None:
    for path in sorted((CHECKOUT / "ftptls").rglob("*.py")):
        if path.name != "__main__.py":
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            importlib.import_module(".".join(parts).removesuffix(".__init__"))


def test_the_architecture_page_describes_every_room_that_there_is() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    (contract,) = (
        each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers"
    )
    rooms = set(re.findall(r"\w+", " ".join(contract["layers"]))) - {"__main__"}
    page = (CHECKOUT / "docs/development/architecture.rst").read_text()
    described = re.findall(r"^(``\w+``(?:, ``\w+``)*)$", page, re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(described))) == rooms
    package = CHECKOUT / "ftptls"
    there = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert there - {"__init__", "__main__"} == rooms
