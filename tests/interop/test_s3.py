"""Real clients, a real server, and an S3 API server behind it, which can fail in between."""

from __future__ import annotations

import random
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.clients import Bare, curl, lftp, reset, url
from tests.interop.server import USER, Server, eventually
from tests.objects import s3_server
from tests.objects.faults import Fault, Faults, between
from tests.objects.s3_server import KEY, SECRET, S3Server

MIB = 2**20
LARGE = random.Random(6).randbytes(20 * MIB)
BUCKET = "bucket-1"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """With one bucket."""
    with s3_server.running(tmp_path_factory.mktemp("s3")) as server:
        assert server.bucket() == BUCKET
        yield server


@pytest.fixture(scope="module")
def shared_faults(s3: S3Server) -> Iterator[Faults]:
    with between(s3.port) as made:
        yield made


@pytest.fixture
def faults(shared_faults: Faults) -> Iterator[Faults]:
    """What is between; it works again behind each test."""
    yield shared_faults
    shared_faults.plan = lambda _: Fault.NONE


@pytest.fixture(scope="module")
def server(start_server, s3: S3Server, shared_faults: Faults) -> Iterator[Server]:
    """A server with a bucket for its root; the log never has the credentials in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        flags = ["--root", f"s3://{BUCKET}/in/{{user}}", "--s3-endpoint-url", shared_faults.url]
        made = start_server(flags=flags, limits=["stall_timeout = 1"])
    yield made
    made.stop()
    assert KEY not in made.log
    assert SECRET not in made.log


def test_curl(server: Server, s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(LARGE)
    at = url(server, "new/deep/")
    curl(server, tmp_path, "--ftp-create-dirs", "--upload-file", "up", at)
    assert s3.get(BUCKET, f"in/{USER}/new/deep/up") == LARGE
    curl(server, tmp_path, "--output", "down", f"{at}up")
    assert (tmp_path / "down").read_bytes() == LARGE
    curl(server, tmp_path, "--range", "7000000-7000099", "--output", "part", f"{at}up")
    assert (tmp_path / "part").read_bytes() == LARGE[7_000_000:7_000_100]
    (tmp_path / "down").write_bytes(LARGE[: 9 * MIB])
    curl(server, tmp_path, "--continue-at", "-", "--output", "down", f"{at}up")
    assert (tmp_path / "down").read_bytes() == LARGE
    assert str(len(LARGE)) in curl(server, tmp_path, at)
    curl(server, tmp_path, "--append", "--upload-file", "part", f"{at}up")
    assert s3.get(BUCKET, f"in/{USER}/new/deep/up") == LARGE + LARGE[7_000_000:7_000_100]
    curl(server, tmp_path, "--quote", "DELE new/deep/up", "--quote", "RMD new/deep", url(server))
    assert s3.keys(BUCKET) == {f"in/{USER}/new/"}
    curl(server, tmp_path, "--quote", "RMD new", url(server))
    assert s3.keys(BUCKET) == set()


def test_lftp_mirrors_there_and_back(server: Server, s3: S3Server, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "deep" / "er").mkdir(parents=True)
    (here / "empty").mkdir()
    for name in ("a", "deep/b", "deep/er/ünï 漢", "deep/er/*?[x]"):
        (here / name).write_bytes(name.encode() * 1000)
    lftp(server, tmp_path, "mirror -R here there; mv there else; mirror else back; rm -r else")
    files = {str(each.relative_to(here)) for each in here.rglob("*")}
    back = tmp_path / "back"
    assert {str(each.relative_to(back)) for each in back.rglob("*")} == files
    assert (back / "deep/er/*?[x]").read_bytes() == b"deep/er/*?[x]" * 1000
    assert s3.keys(BUCKET) == set()


@contextmanager
def begun(client: Bare, octets: int, s3: S3Server) -> Iterator[ssl.SSLSocket]:
    """An upload of which so much is sent that parts of it are in the store."""
    data = client.passive()
    client.command("STOR broken", 150)
    with client.protect(data) as protected:
        protected.sendall(LARGE[:octets])
        eventually(lambda: s3.uploads(BUCKET))
        yield protected


@pytest.mark.parametrize("way", ["ABOR", "data reset", "control reset", "stall"])
def test_an_upload_that_breaks_leaves_nothing(server: Server, s3: S3Server, way: str) -> None:
    with Bare(server) as client, begun(client, len(LARGE), s3) as data:
        if way == "ABOR":
            client.send("ABOR")
            client.expect(426, 226)
        elif way == "data reset":
            reset(data)
            client.expect(426)
        elif way == "stall":
            client.expect(426)
        else:
            client.reset()
        eventually(lambda: not s3.uploads(BUCKET))
    assert s3.keys(BUCKET) == set()


def test_a_store_that_hangs_holds_up_nobody_else(
    server: Server, s3: S3Server, faults: Faults
) -> None:
    with Bare(server) as client, Bare(server) as other, begun(client, 9 * MIB, s3) as data:
        faults.plan = lambda request: Fault.HANGS if request.what == "PUT uploadId" else Fault.NONE
        data.sendall(LARGE[9 * MIB :])
        faults.held.acquire()
        other.command("NOOP", 200)
        client.send("ABOR")
        client.expect(426, 226)  # and not when the store answers
        eventually(lambda: not s3.uploads(BUCKET))
        client.command("NOOP", 200)
    assert s3.keys(BUCKET) == set()


def test_a_store_that_is_down_for_a_while(server: Server, s3: S3Server, faults: Faults) -> None:
    s3.put(BUCKET, f"in/{USER}/a", b"old")
    with Bare(server) as client:
        client.command("SIZE a", 213)
        faults.down()
        for command in ("SIZE a", "DELE a", "MKD b", "RNFR a"):
            client.command(command, 451)
        with client.passive():
            client.command("STOR c", 451)
        faults.up()
        client.command("SIZE a", 213)
        client.command("DELE a", 250)
    assert s3.keys(BUCKET) == set()
    log = server.whole_log()
    assert len(re.findall(rf"bucket '{BUCKET}' is of no use", log)) == 1
    assert len(re.findall(rf"bucket '{BUCKET}' works", log)) == 1


def test_nobody_leaves_his_prefix(server: Server, s3: S3Server) -> None:
    s3.put(BUCKET, f"in/{USER}x/secret", b"another's")
    with Bare(server) as client:
        for path in (f"../{USER}x/secret", f"/../{USER}x/secret", f"/in/{USER}x/secret"):
            client.command(f"SIZE {path}", 550)
    s3.client.delete_object(Bucket=BUCKET, Key=f"in/{USER}x/secret")


def test_it_ends_while_the_store_hangs(start_server, s3: S3Server, faults: Faults) -> None:
    """And takes back what was coming."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        flags = ["--root", f"s3://{BUCKET}", "--s3-endpoint-url", faults.url]
        server = start_server(flags=flags)
    with Bare(server) as client, Bare(server) as other, begun(client, len(LARGE), s3):
        faults.plan = lambda request: Fault.HANGS if request.method == "HEAD" else Fault.NONE
        other.send("SIZE a")
        faults.held.acquire()
        server.stop()
        assert s3.uploads(BUCKET) == []
