"""curl: every way to connect, many files in one run, resume, and its -Q commands."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop import trees
from tests.interop.clients import curl, run, url
from tests.interop.server import PASSWORD, USER, Server

SOME = random.Random(4).randbytes(300_000)
REUSED = "SSL re-using session ID"
CASES = pytest.mark.parametrize(
    ("kind", "family", "version"),
    [(k, f, v) for k in ("explicit", "implicit") for f in (4, 6) for v in ("1.2", "1.3")],
)


@CASES
def test_every_way_to_connect(
    server: Server, folder: Path, tmp_path: Path, kind: str, family: int, version: str
) -> None:
    (tmp_path / "up").write_bytes(SOME)
    at = url(server, f"{folder.name}/", kind=kind, family=family)
    tls = ["--verbose", f"--tlsv{version}", "--tls-max", version]
    said = curl(server, tmp_path, *tls, "--upload-file", "up", at)
    assert f"SSL connection using TLSv{version}" in said
    assert (folder / "up").read_bytes() == SOME
    said = curl(server, tmp_path, *tls, "--output", "down", f"{at}up", "--next", *again(server), at)
    assert (tmp_path / "down").read_bytes() == SOME
    assert "300000" in said
    assert said.count(REUSED) >= 1


def again(server: Server) -> list[str]:
    """Behind --next, options start anew."""
    options = ["--silent", "--show-error", "--verbose", "--ssl-reqd"]
    return [*options, "--cacert", str(server.authority), "--user", f"{USER}:{PASSWORD}"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_data_connection_resumes_where_it_must(
    strict_server: Server, tmp_path: Path, version: str
) -> None:
    """One upload a run under TLS 1.3, where curl uses a ticket once and keeps one only.

    A ticket that comes with an upload's end is too late: curl has closed by then.
    """
    names = ["one", "two", "three"]
    for name in names:
        (tmp_path / name).write_bytes(SOME)
    at = url(strict_server)
    tls = [f"--tlsv{version}", "--tls-max", version]
    for group in [names] if version == "1.2" else [[name] for name in names]:
        curl(strict_server, tmp_path, *tls, "--upload-file", "{" + ",".join(group) + "}", at)
    curl(strict_server, tmp_path, *tls, f"{at}{{one,two,three}}", "--output", "down-#1")
    for name in names:
        assert (tmp_path / f"down-{name}").read_bytes() == SOME
        (strict_server.root / name).unlink()


def test_many_files_in_one_run(server: Server, folder: Path, tmp_path: Path) -> None:
    """A few: curl 7.88 at times waits a second for a reply that is there, and does not look."""
    names = [f"{number:03}" for number in range(8)]
    for name in names:
        (tmp_path / name).write_bytes(SOME[: int(name) * 7777])
    at = url(server, f"{folder.name}/")
    said = curl(server, tmp_path, "--verbose", "--upload-file", "{" + ",".join(names) + "}", at)
    assert said.count("Connected to localhost") == 1 + len(names)  # one control connection
    (tmp_path / "down").mkdir()
    curl(server, tmp_path, f"{at}[000-007]", "--output", "down/#1")
    for name in names:
        assert (folder / name).read_bytes() == SOME[: int(name) * 7777]
        assert (tmp_path / "down" / name).read_bytes() == SOME[: int(name) * 7777]


def test_parallel_transfers(server: Server, folder: Path, tmp_path: Path) -> None:
    for number in range(12):
        (folder / str(number)).write_bytes(SOME + bytes([number]))
    at = url(server, f"{folder.name}/[0-11]")
    curl(server, tmp_path, "--parallel", "--parallel-max", "8", at, "--output", "#1")
    for number in range(12):
        assert (tmp_path / str(number)).read_bytes() == SOME + bytes([number])


def test_resume(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "down").write_bytes(SOME)
    (tmp_path / "down").write_bytes(SOME[:100_000])
    at = url(server, f"{folder.name}/")
    curl(server, tmp_path, "--continue-at", "-", "--output", "down", f"{at}down")
    assert (tmp_path / "down").read_bytes() == SOME
    (folder / "up").write_bytes(SOME[:123_456])
    (tmp_path / "up").write_bytes(SOME)
    curl(server, tmp_path, "--continue-at", "-", "--upload-file", "up", at)
    assert (folder / "up").read_bytes() == SOME
    curl(server, tmp_path, "--range", "1000-1999", "--output", "part", f"{at}up")
    assert (tmp_path / "part").read_bytes() == SOME[1000:2000]
    curl(server, tmp_path, "--append", "--upload-file", "down", f"{at}up")
    assert (folder / "up").read_bytes() == SOME + SOME


def test_an_empty_file(server: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    at = url(server, f"{folder.name}/empty")
    curl(server, tmp_path, "--upload-file", "empty", at)
    assert (folder / "empty").read_bytes() == b""
    curl(server, tmp_path, at, "--output", "down")
    assert not (tmp_path / "down").exists() or (tmp_path / "down").read_bytes() == b""


def test_a_hundred_megabytes(server: Server, folder: Path, tmp_path: Path) -> None:
    piece = random.Random(5).randbytes(1_000_000)
    with (tmp_path / "up").open("wb") as file:
        for number in range(100):
            file.write(number.to_bytes(4, "big") + piece[4:])
    at = url(server, f"{folder.name}/big")
    curl(server, tmp_path, "--upload-file", "up", at)
    curl(server, tmp_path, "--output", "down", at)
    digests = []
    for path in (tmp_path / "up", folder / "big", tmp_path / "down"):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").digest())
        path.unlink()
    assert len(set(digests)) == 1


def test_commands_on_files(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "old").write_bytes(SOME)
    (folder / "rest").write_bytes(SOME)
    (folder / "gone").mkdir()
    here = f"/{folder.name}"
    commands = [f"RNFR {here}/old", f"RNTO {here}/new", f"DELE {here}/rest", f"RMD {here}/gone"]
    commands += [f"MKD {here}/made", "NOOP"]
    quotes = [each for command in commands for each in ("--quote", command)]
    curl(server, tmp_path, *quotes, "--list-only", url(server, f"{folder.name}/"))
    assert sorted(each.name for each in folder.iterdir()) == ["made", "new"]


def test_commands_before_and_after(server: Server, folder: Path, tmp_path: Path) -> None:
    """One that may fail has a star, one for after the transfer a minus sign."""
    (tmp_path / "up").write_bytes(SOME)
    here = f"/{folder.name}"
    quotes = ["--quote", f"MKD {here}/in", "--quote", f"*DELE {here}/missing"]
    quotes += ["--quote", "-MFMT 20010203040506 up", "--quote", "-SITE CHMOD 640 up"]
    quotes += ["--quote", f"-RNFR {here}/in/up", "--quote", f"-RNTO {here}/there"]
    curl(server, tmp_path, *quotes, "--upload-file", "up", url(server, f"{folder.name}/in/"))
    found = (folder / "there").stat()
    assert (folder / "there").read_bytes() == SOME
    assert found.st_mtime == datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp()
    assert stat.S_IMODE(found.st_mode) == 0o640
    at = url(server, f"{folder.name}/there")
    curl(server, tmp_path, "--quote", f"DELE {here}/missing", at, status=21)


def test_checksums_by_quoted_commands(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    there = f"/{folder.name}/some"
    digests = {"HASH": hashlib.sha256(SOME), "XMD5": hashlib.md5(SOME), "XSHA": hashlib.sha1(SOME)}
    for verb, digest in digests.items():
        said = curl(server, tmp_path, "--verbose", "--quote", f"{verb} {there}", url(server))
        assert re.search(rf"^< 2.*{digest.hexdigest()}", said, re.MULTILINE | re.IGNORECASE)


def test_time_conditions(server: Server, folder: Path, tmp_path: Path) -> None:
    """It asks MDTM, and fetches nothing that is too old, or too new."""
    (folder / "some").write_bytes(SOME)
    os.utime(folder / "some", (1_000_000_000, 1_000_000_000))  # 2001-09-09 01:46:40
    at = url(server, f"{folder.name}/some")
    for condition, fetched in {
        "09 Sep 2001 01:46:39 GMT": True,
        "09 Sep 2001 01:46:41 GMT": False,
        "-09 Sep 2001 01:46:41 GMT": True,
        "-09 Sep 2001 01:46:39 GMT": False,
    }.items():
        curl(server, tmp_path, "--time-cond", condition, "--remote-time", "--output", "down", at)
        # What is not fetched is an empty file, or none: that is for curl to say.
        down = tmp_path / "down"
        assert (down.exists() and down.read_bytes() == SOME) == fetched
        if fetched:
            assert down.stat().st_mtime == 1_000_000_000
        down.unlink(missing_ok=True)


def test_ranges(server: Server, folder: Path, tmp_path: Path) -> None:
    """It begins with REST, and ends with ABOR or by closing."""
    (folder / "some").write_bytes(SOME)
    at = url(server, f"{folder.name}/some")
    parts = {"100-199": SOME[100:200], "0-0": SOME[:1], "299000-": SOME[299_000:]}
    for part, octets in {**parts, "-5": SOME[-5:]}.items():
        curl(server, tmp_path, "--range", part, "--output", "part", at)
        assert (tmp_path / "part").read_bytes() == octets


def test_names_only(server: Server, folder: Path, tmp_path: Path) -> None:
    names = ["s p  a c e", " first", "-dash", "[a]*?", "\N{SNOWMAN}"]
    for name in names:
        (folder / name).touch()
    said = curl(server, tmp_path, "--list-only", url(server, f"{folder.name}/"))
    assert sorted(said.splitlines()) == sorted(names)


def test_a_tree(server: Server, folder: Path, tmp_path: Path) -> None:
    """File by file, in one run: folders are made on the way, and those without files are left."""
    tree, back = tmp_path / "tree", tmp_path / "back"
    trees.plant(tree)
    paths = [each.relative_to(tree) for each in trees.files(tree)]
    up, down = tmp_path / "up.conf", tmp_path / "down.conf"
    at = {each: url(server, f"{folder.name}/{quote(str(each))}") for each in paths}
    up.write_text(
        "".join(f"upload-file={word(tree / each)}\nurl={word(at[each])}\n" for each in paths)
    )
    down.write_text(
        "".join(f"output={word(back / each)}\nurl={word(at[each])}\n" for each in paths)
    )
    several = ["--parallel", "--parallel-max", "4", "--globoff"]
    curl(server, tmp_path, *several, "--ftp-create-dirs", "--config", up)
    curl(server, tmp_path, *several, "--create-dirs", "--remote-time", "--config", down)
    shutil.rmtree(tree / "empty")
    assert trees.contents(folder) == trees.contents(tree)
    assert trees.contents(back) == trees.contents(tree)
    assert trees.times(back) == trees.times(folder)


def word(text: object) -> str:
    """A word of curl's configuration files."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_directories_are_made_on_the_way(server: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(SOME)
    at = url(server, f"{folder.name}/a/b/c/")
    curl(server, tmp_path, "--ftp-create-dirs", "--upload-file", "up", at)
    assert (folder / "a/b/c/up").read_bytes() == SOME


def test_time_and_size(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    at = url(server, f"{folder.name}/some")
    said = curl(server, tmp_path, "--head", at)
    assert "Content-Length: 300000" in said
    assert "Last-Modified: " in said
    assert "Accept-ranges: bytes" in said


def test_text(server: Server, folder: Path, tmp_path: Path) -> None:
    """curl makes its own line ends of those on the wire."""
    (folder / "unix").write_bytes(b"one\ntwo\n")
    (tmp_path / "up").write_bytes(b"one\ntwo\n")
    at = url(server, f"{folder.name}/")
    curl(server, tmp_path, "--use-ascii", f"{at}unix", "--output", "down")
    assert (tmp_path / "down").read_bytes() == b"one\ntwo\n"
    curl(server, tmp_path, "--use-ascii", "--crlf", "--upload-file", "up", at)
    assert (folder / "up").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("method", ["multicwd", "singlecwd", "nocwd"])
def test_names(server: Server, folder: Path, tmp_path: Path, method: str) -> None:
    names = ["gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{SNOWMAN}", ' "quoted" ', "100%; #1?"]
    (tmp_path / "up").write_bytes(SOME)
    (folder / "s p a c e").mkdir()
    for name in names:
        at = url(server, f"{folder.name}/s%20p%20a%20c%20e/{quote(name)}")
        curl(server, tmp_path, "--ftp-method", method, "--upload-file", "up", at)
        assert (folder / "s p a c e" / name).read_bytes() == SOME
        curl(server, tmp_path, "--ftp-method", method, "--output", "down", at)
        assert (tmp_path / "down").read_bytes() == SOME


@pytest.mark.parametrize("option", [["--disable-epsv"], ["--ftp-skip-pasv-ip"]])
def test_other_ways_to_be_passive(
    server: Server, folder: Path, tmp_path: Path, option: list[str]
) -> None:
    (folder / "some").write_bytes(SOME)
    curl(server, tmp_path, *option, url(server, f"{folder.name}/some"), "--output", "down")
    assert (tmp_path / "down").read_bytes() == SOME


@pytest.mark.parametrize("option", [[], ["--disable-eprt"]])
def test_active(open_server: Server, tmp_path: Path, option: list[str]) -> None:
    """With clear data: curl 7.88 waits for ever with TLS over a connection it accepted."""
    (open_server.root / "some").write_bytes(SOME)
    (tmp_path / "up").write_bytes(SOME)
    active = ["--silent", "--show-error", "--disable", "--ftp-port", "127.0.0.1", *option]
    active += ["--ftp-ssl-control", "--cacert", str(open_server.authority)]
    active += ["--user", f"{USER}:{PASSWORD}", "--max-time", "60"]
    run(["curl", *active, url(open_server, "some"), "--output", "down"], tmp_path)
    assert (tmp_path / "down").read_bytes() == SOME
    run(["curl", *active, "--upload-file", "up", url(open_server)], tmp_path)
    assert (open_server.root / "up").read_bytes() == SOME


def test_the_certificate_is_verified(server: Server, tmp_path: Path) -> None:
    at = url(server)
    command = ["curl", "--silent", "--show-error", "--disable", "--ssl-reqd", at]
    assert "certificate" in run(command, tmp_path, status=60)


def test_a_wrong_password(server: Server, tmp_path: Path) -> None:
    assert "denied" in curl(server, tmp_path, "--user", "alice:wrong", url(server), status=67)


def test_clear_text_is_refused(server: Server, tmp_path: Path) -> None:
    """Without --ssl-reqd curl goes on in clear text, and USER is refused."""
    command = ["curl", "--silent", "--show-error", "--disable", "--user", f"{USER}:{PASSWORD}"]
    said = run([*command, "--verbose", url(server)], tmp_path, status=67)
    assert "530 Login is possible under TLS only" in said
    assert "PASS" not in said


def test_a_clear_data_connection_is_refused(server: Server, tmp_path: Path) -> None:
    command = ["curl", "--disable", "--verbose", "--ftp-ssl-control", "--cacert"]
    command += [str(server.authority), "--user", f"{USER}:{PASSWORD}", url(server)]
    assert "521 Data connection cannot be opened" in run(command, tmp_path, status=19)


def test_a_missing_file(server: Server, tmp_path: Path) -> None:
    curl(server, tmp_path, url(server, "missing"), status=78)
    curl(server, tmp_path, url(server, "missing/"), status=9)


@pytest.fixture(scope="module")
def strict_server(start_server) -> Server:
    return start_server(flags=["--session-reuse", "require"], limits=["refusal_grace = 0.1"])


@pytest.fixture(scope="module")
def open_server(start_server) -> Server:
    return start_server(flags=["--data-protection", "optional"])
