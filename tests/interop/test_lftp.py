"""lftp: every way to connect, mirrors up and down, resume, and odd names."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.interop.clients import PASSWORD, USER, lftp, run
from tests.interop.server import Server

SOME = random.Random(6).randbytes(300_000)
ONLY = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}
CASES = [
    (kind, family, version, passive)
    for kind in ("explicit", "implicit")
    for family in (4, 6)
    for version in ("1.2", "1.3")
    for passive in ("on", "off")
    if (family, passive) != (6, "off")  # there, lftp says EPRT |2|::|, which is nowhere
]


@pytest.mark.parametrize(("kind", "family", "version", "passive"), CASES)
def test_every_way_to_connect(
    strict_server: Server, tmp_path: Path, kind: str, family: int, version: str, passive: str
) -> None:
    """And every data connection resumes the session of its control connection."""
    (tmp_path / "up").write_bytes(SOME)
    said = lftp(
        strict_server,
        tmp_path,
        "mkdir here",
        "cd here",
        "put up -o one",
        "put up -o two",
        "put up -o three",
        "ls",
        "get one -o down",
        "cd /",
        "rm -r here",
        kind=kind,
        family=family,
        settings=f"set ssl:priority {ONLY[version]}; set ftp:passive-mode {passive}",
    )
    assert said.count("300000") >= 3
    assert (tmp_path / "down").read_bytes() == SOME
    assert not (strict_server.root / "here").exists()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(os.path.join(place, name), folder): Path(place, name).read_bytes()
        for place, _, names in os.walk(folder)
        for name in names
    }


def plant(folder: Path, files: int = 200) -> None:
    for number in range(files):
        place = folder / f"level {number % 5}" / f"\N{SNOWMAN}{number % 7}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number} of {files}.txt").write_bytes(SOME[: number * 50])


@pytest.mark.parametrize("parallel", [1, 3])
def test_mirror_up_and_down(server: Server, folder: Path, tmp_path: Path, parallel: int) -> None:
    plant(tmp_path / "tree")
    option = f"--parallel={parallel}"
    lftp(server, tmp_path, f"cd {folder.name}", f"mirror --reverse {option} tree tree")
    assert tree(folder / "tree") == tree(tmp_path / "tree")
    lftp(server, tmp_path, f"cd {folder.name}", f"mirror {option} tree back")
    assert tree(tmp_path / "back") == tree(tmp_path / "tree")
    assert len(tree(tmp_path / "back")) == 200
    # Times are kept, so that nothing is sent again.
    said = lftp(server, tmp_path, f"cd {folder.name}", "mirror --verbose=3 tree back")
    assert "Transferring" not in said
    lftp(server, tmp_path, f"rm -r {folder.name}")
    assert not folder.exists()


def test_resume(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "down").write_bytes(SOME)
    (tmp_path / "down").write_bytes(SOME[:123_000])
    (tmp_path / "up").write_bytes(SOME)
    (folder / "up").write_bytes(SOME[:200_001])
    lftp(server, tmp_path, f"cd {folder.name}", "get -c down", "put -c up")
    assert (tmp_path / "down").read_bytes() == SOME
    assert (folder / "up").read_bytes() == SOME


def test_a_file_in_pieces_over_several_connections(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    content = SOME * 20
    (folder / "big").write_bytes(content)
    lftp(server, tmp_path, f"pget -n 4 {folder.name}/big")
    assert (tmp_path / "big").read_bytes() == content


def test_commands_on_files(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "old").write_bytes(SOME)
    (folder / "gone").write_bytes(SOME)
    (tmp_path / "empty").write_bytes(b"")
    said = lftp(
        server,
        tmp_path,
        f"cd {folder.name}",
        "mv old new",
        "rm gone",
        "mkdir -p a/b/c",
        "rmdir a/b/c",
        "put empty",
        "get empty -o empty-back",
        "cls -1 --sort=name",
        "du -b new",
        "pwd",
    )
    assert sorted(each.name for each in folder.iterdir()) == ["a", "empty", "new"]
    assert (tmp_path / "empty-back").read_bytes() == b""
    assert "a/\nempty\nnew\n" in said
    assert "300000" in said
    assert f"/{folder.name}" in said


def test_text(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "unix").write_bytes(b"one\ntwo\n" * 50_000)
    lftp(server, tmp_path, f"cd {folder.name}", "get -a unix", "put -a unix -o back")
    assert (tmp_path / "unix").read_bytes() == b"one\ntwo\n" * 50_000
    assert (folder / "back").read_bytes() == b"one\ntwo\n" * 50_000


def test_odd_names(server: Server, folder: Path, tmp_path: Path) -> None:
    names = ["gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n", 'with "quotes"', "it's", "s p a c e"]
    names += [" first", "last ", "back\\slash", "semi;colon", "#hash", "-dash", "100%", "[a]*?"]
    source = tmp_path / "tree"
    source.mkdir()
    for name in names:
        (source / name).write_bytes(name.encode())
    lftp(server, tmp_path, f"mirror --reverse tree {folder.name}/tree")
    assert tree(folder / "tree") == tree(source)
    lftp(server, tmp_path, f"mirror {folder.name}/tree back")
    assert tree(tmp_path / "back") == tree(source)


def test_the_certificate_is_verified(server: Server, tmp_path: Path) -> None:
    command = ["lftp", "--norc", "-u", f"{USER},{PASSWORD}", "-p", str(server.port()), "localhost"]
    command += ["-e", "set cmd:fail-exit yes; set ftp:ssl-force yes; set net:max-retries 1; ls"]
    said = run(command, tmp_path, status=1)
    assert "The certificate is NOT trusted" in said


def test_a_wrong_password(server: Server, tmp_path: Path) -> None:
    said = lftp(server, tmp_path, "user alice wrong", "ls", status=1)
    assert "530" in said


def test_clear_text_is_refused(server: Server, tmp_path: Path) -> None:
    settings = "set ftp:ssl-force no; set ftp:ssl-allow no"
    assert "530" in lftp(server, tmp_path, "ls", settings=settings, status=1)


def test_a_clear_data_connection_is_refused(server: Server, tmp_path: Path) -> None:
    settings = "set ftp:ssl-protect-data no; set ftp:ssl-protect-list no"
    assert "521" in lftp(server, tmp_path, "ls", settings=settings, status=1)


@pytest.fixture(scope="module")
def strict_server(start_server) -> Server:
    return start_server(flags=["--session-reuse", "require"], limits=["refusal_grace = 0.1"])
