"""lftp: every way to connect, mirrors up and down, resume, and odd names."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from tests.interop import trees
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


@pytest.mark.parametrize(("parallel", "folders"), [(1, 12), (3, trees.FOLDERS)])
def test_a_tree(server: Server, folder: Path, tmp_path: Path, parallel: int, folders: int) -> None:
    """Times are set by MFMT and told by MLSD, so that nothing is sent twice."""
    tree = tmp_path / "tree"
    trees.plant(tree, folders)
    here, option = f"cd {folder.name}", f"--parallel={parallel}"
    lftp(server, tmp_path, here, f"mirror --reverse {option} tree tree")
    assert trees.contents(folder / "tree") == trees.contents(tree)
    assert trees.times(folder / "tree") == trees.times(tree)
    said = lftp(server, tmp_path, here, "mirror --reverse --verbose=3 tree tree")
    assert "Transferring" not in said
    lftp(server, tmp_path, here, f"mirror {option} tree back")
    assert trees.contents(tmp_path / "back") == trees.contents(tree)
    assert trees.times(tmp_path / "back") == trees.times(tree)
    assert "Transferring" not in lftp(server, tmp_path, here, "mirror --verbose=3 tree back")
    lftp(server, tmp_path, f"rm -r {folder.name}")
    assert not folder.exists()


def test_only_what_changed_is_mirrored(server: Server, folder: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    trees.plant(tree, 12)
    there = f"{folder.name}/tree"
    lftp(server, tmp_path, f"mirror --reverse tree {there}", f"mirror {there} back")
    trees.change(tree)
    said = lftp(server, tmp_path, f"mirror --reverse --delete --verbose=3 tree {there}")
    assert said.count("Transferring file") == 3
    assert trees.contents(folder / "tree") == trees.contents(tree)
    assert trees.times(folder / "tree") == trees.times(tree)
    said = lftp(server, tmp_path, f"mirror --delete --verbose=3 {there} back")
    assert said.count("Transferring file") == 3
    assert trees.contents(tmp_path / "back") == trees.contents(tree)
    assert trees.times(tmp_path / "back") == trees.times(tree)


# With each: what the server then hears.
TIMES = {
    "MFMT": ("", r"'MFMT' '\d{14} "),
    "MDTM": (
        "set ftp:use-feat no; set ftp:use-mdtm-overloaded yes; "
        "set ftp:use-site-utime no; set ftp:use-site-utime2 no",
        r"'MDTM' '\d{14} ",
    ),
    "SITE UTIME2": ("set ftp:use-feat no", r"'SITE' 'UTIME \d{14} "),
    "SITE UTIME": ("set ftp:use-feat no; set ftp:use-site-utime2 no", r"'SITE' 'UTIME .* UTC'"),
}


@pytest.mark.parametrize("way", TIMES)
def test_times(server: Server, folder: Path, tmp_path: Path, way: str) -> None:
    tree = tmp_path / "tree"
    trees.plant(tree, 2)
    settings, heard = TIMES[way]
    before = len(server.log)
    tls = "set ftp:ssl-auth TLS; "
    lftp(server, tmp_path, f"mirror -R tree {folder.name}/tree", settings=tls + settings)
    assert trees.contents(folder / "tree") == trees.contents(tree)
    assert trees.times(folder / "tree") == trees.times(tree)
    server.wait_for(heard, before)


def test_permissions(server: Server, folder: Path, tmp_path: Path) -> None:
    """A mirror keeps them by SITE CHMOD, and reads them in MLSD."""
    source = tmp_path / "tree"
    source.mkdir()
    modes = {"all": 0o755, "own": 0o600, "group": 0o640}
    for name, mode in modes.items():
        (source / name).write_bytes(SOME)
        (source / name).chmod(mode)
    lftp(server, tmp_path, f"mirror -R tree {folder.name}/tree")
    assert {each.name: permissions(each) for each in trees.files(folder)} == modes
    lftp(server, tmp_path, f"chmod 604 {folder.name}/tree/own", f"mirror {folder.name}/tree back")
    modes["own"] = 0o604
    assert {each.name: permissions(each) for each in trees.files(tmp_path / "back")} == modes


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


SETTINGS = {
    "LIST": ("set ftp:use-mlsd no", r"'LIST' ''"),
    "LIST -a": ("set ftp:use-mlsd no; set ftp:list-options -a", r"'LIST' '-a'"),
    "STAT": ("set ftp:use-mlsd no; set ftp:use-stat-for-list yes", r"'STAT' '\.'"),
    "one by one": ("set ftp:sync-mode yes", "'MLSD'"),
    "many at once": ("set ftp:sync-mode no", "'MLSD'"),
    "CLNT": ("set ftp:client some client", "'CLNT' 'some client'"),
    "LANG": ("set ftp:lang en", "'LANG' 'en'"),
    "SITE IDLE": ("set ftp:use-site-idle yes", "'SITE' 'IDLE"),
    "EPSV": ("set ftp:prefer-epsv yes", "'EPSV'"),
    "no TVFS": ("set ftp:use-tvfs no", "'CWD' 'branch 0'"),
}


@pytest.mark.parametrize("way", SETTINGS)
def test_settings(server: Server, folder: Path, tmp_path: Path, way: str) -> None:
    """Other commands for the same: LIST, STAT for listings, one by one or many at once."""
    settings, heard = SETTINGS[way]
    tree = tmp_path / "tree"
    trees.plant(tree, 3, at_ends=" ")
    there, before = f"{folder.name}/there", len(server.log)
    lftp(server, tmp_path, f"mirror -R tree {there}", f"mirror {there} back", settings=settings)
    assert trees.contents(folder / "there") == trees.contents(tree)
    assert trees.contents(tmp_path / "back") == trees.contents(tree)
    server.wait_for(heard, before)


def test_a_part(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    lftp(server, tmp_path, f"get1 --source-region=100-199 {folder.name}/some -o part")
    assert (tmp_path / "part").read_bytes() == SOME[100:199]  # the end does not count


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
    assert trees.contents(folder / "tree") == trees.contents(source)
    lftp(server, tmp_path, f"mirror {folder.name}/tree back")
    assert trees.contents(tmp_path / "back") == trees.contents(source)


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
