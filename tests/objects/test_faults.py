"""A store that stumbles, answers and is not heard, refuses, hangs, or is down."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from ftptls.errors import TransientError
from ftptls.interfaces import Store
from ftptls.vfs.objects.stores import MIB
from tests.objects.bench import SMALL, Bench, filesystem, path, reply
from tests.objects.faults import Fault
from tests.objects.s3_server import KEY, SECRET

bench = Bench()
DATA = os.urandom(11 * MIB)
STUMBLES = pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN, Fault.RESET, Fault.LOST])


@pytest.fixture
def events():
    """What was logged."""
    found = []
    globalLogPublisher.addObserver(found.append)
    yield found
    globalLogPublisher.removeObserver(found.append)


@STUMBLES
@pytest.mark.parametrize("times", [1, 3])
def test_everything_is_tried_again(s3, faults, bucket, fault, times):
    whats = ("HEAD", "GET", "GET list-type", "PUT", "DELETE")
    files = filesystem(faults.url, bucket)
    steps = {
        "store": lambda: bench.store(files, "/a", b"new"),
        "read": lambda: bench.read(files, "/a"),
        "list": lambda: bench.entries(files),
        "make": lambda: bench.run(files.make_directory(path("/in"))),
        "rename": lambda: bench.run(files.rename(path("/a"), path("/in/b"))),
        "remove": lambda: bench.run(files.remove_file(path("/in/b"))),
        "remove directory": lambda: bench.run(files.remove_directory(path("/in"))),
    }
    for step in steps.values():
        faults.once(fault, *whats, times=times)
        step()
    assert s3.keys(bucket) == set()


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN, Fault.RESET, Fault.LOST, Fault.HALF])
@pytest.mark.parametrize("what", ["PUT uploadId", "POST uploadId"])
@pytest.mark.parametrize("how", [Store.REPLACE, Store.NEW])
def test_an_upload_in_parts_gets_through(s3, faults, bucket, fault, what, how):
    files = filesystem(faults.url, bucket)
    faults.once(fault, what, times=2)
    bench.store(files, "/a", DATA, how)
    assert s3.get(bucket, "a") == DATA
    assert s3.uploads(bucket) == []


def test_an_append_whose_answer_is_lost_is_not_refused(s3, faults, bucket):
    s3.put(bucket, "a", b"old")
    faults.once(Fault.LOST, "PUT")
    bench.store(filesystem(faults.url, bucket), "/a", b" new", Store.APPEND)
    assert s3.get(bucket, "a") == b"old new"


def test_a_new_file_whose_answer_is_lost_exists_and_is_ours(s3, faults, bucket):
    faults.once(Fault.LOST, "PUT")
    bench.store(filesystem(faults.url, bucket), "/a", b"new", Store.NEW)
    assert s3.get(bucket, "a") == b"new"


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.RESET, Fault.HALF])
def test_a_download_goes_on_after_a_fault(s3, faults, bucket, fault):
    s3.put(bucket, "a", DATA)
    files = filesystem(faults.url, bucket)
    faults.once(fault, "GET", times=3)
    reader = bench.run(files.open_read(path("/a")))
    got = b""
    while piece := bench.run(reader.read_at(len(got), 256 * 1024)):
        got += piece
    assert got == DATA


def test_a_download_never_mixes_two_files(s3, faults, bucket):
    s3.put(bucket, "a", DATA)
    files = filesystem(faults.url, bucket)
    reader = bench.run(files.open_read(path("/a")))
    assert bench.run(reader.read_at(0, 10)) == DATA[:10]
    s3.put(bucket, "a", bytes(len(DATA)))
    assert reply(bench, reader.read_at(10 * MIB, 10)) == 450


@STUMBLES
def test_a_store_that_keeps_stumbling_is_told_of(s3, faults, bucket, fault, events):
    s3.put(bucket, "a", b"old")
    files = filesystem(faults.url, bucket)
    faults.plan = lambda _: fault
    code = 451 if fault in (Fault.RESET, Fault.LOST) else 450
    for _ in range(3):
        assert reply(bench, files.stat(path("/a"))) == code
    # The first was tried four times, and then it was known. (The library itself asks twice
    # where a connection that was used before breaks.)
    asked = {(each.method, each.path) for each in faults.requests}
    assert len(asked) == 1
    assert len(faults.requests) == (SMALL.tries + 2) * (2 if code == 451 else 1)
    alarms = [formatEvent(each) for each in events if each["log_level"].name == "error"]
    assert len(alarms) == 1
    assert bucket in alarms[0]
    faults.plan = lambda _: Fault.NONE
    assert bench.read(files, "/a") == b"old"


def test_a_store_that_is_down_and_comes_back(s3, faults, bucket, events):
    s3.put(bucket, "a", b"old")
    files = filesystem(faults.url, bucket)
    bench.run(files.stat(path("/a")))
    faults.down()
    for refused in (
        files.stat(path("/a")),
        files.open_read(path("/a")),
        files.open_write(path("/b"), Store.REPLACE, 0),
        files.make_directory(path("/in")),
        files.remove_file(path("/a")),
        files.rename(path("/a"), path("/b")),
    ):
        assert reply(bench, refused) == 451
    faults.up()
    assert bench.read(files, "/a") == b"old"
    bench.store(files, "/b", DATA)
    assert s3.keys(bucket) == {"a", "b"}
    said = [formatEvent(each) for each in events if "bucket" in each]
    assert len(said) == 2
    assert said[1].endswith("works.")


def test_an_upload_that_the_store_does_not_survive(s3, faults, bucket):
    files = filesystem(faults.url, bucket)
    upload = bench.begin(files, "/a")
    bench.run(upload.write_at(0, DATA))
    faults.down()
    assert reply(bench, upload.commit()) == 451
    assert bench.refusal(upload.commit()) != 0
    faults.up()
    assert s3.uploads(bucket) == ["a"]  # nobody could abort it
    bench.store(files, "/b", DATA)  # somebody can now
    assert s3.uploads(bucket) == []
    assert s3.keys(bucket) == {"b"}


def test_a_copy_that_fails_half_way_leaves_the_directory(s3, faults, bucket):
    names = {f"in/{number:02}" for number in range(15)}
    for name in names:
        s3.put(bucket, name, name.encode())
    files = filesystem(faults.url, bucket)
    faults.plan = lambda request: (
        Fault.BROKEN if (request.method, request.path[-7:]) == ("PUT", "/out/09") else Fault.NONE
    )
    assert reply(bench, files.rename(path("/in"), path("/out"))) == 450
    assert s3.keys(bucket) == names


def test_a_request_that_hangs_ends(s3, faults, bucket):
    files = filesystem(faults.url, bucket, bounds=replace(SMALL, tries=2, patience=0.3))
    faults.plan = lambda _: Fault.HANGS
    assert reply(bench, files.stat(path("/a"))) == 451
    assert len(faults.requests) == 2


def test_abandoning_an_upload_ends_its_requests(s3, faults, bucket):
    files = filesystem(faults.url, bucket, bounds=replace(SMALL, patience=3600))
    upload = bench.begin(files, "/a")
    faults.plan = lambda request: Fault.HANGS if request.what == "PUT uploadId" else Fault.NONE
    failures = []

    def write() -> None:
        failures.append(bench.refusal(upload.write_at(0, DATA)))

    writing = threading.Thread(target=write)
    writing.start()
    faults.held.acquire()
    bench.run(upload.abandon())
    writing.join()
    assert failures != []
    assert s3.uploads(bucket) == []


def test_closing_a_reader_ends_its_requests(s3, faults, bucket):
    s3.put(bucket, "a", DATA)
    files = filesystem(faults.url, bucket, bounds=replace(SMALL, patience=3600))
    reader = bench.run(files.open_read(path("/a")))
    faults.plan = lambda _: Fault.HANGS
    failures = []
    reading = threading.Thread(target=lambda: failures.append(bench.refusal(reader.read_at(0, 1))))
    reading.start()
    faults.held.acquire()
    bench.run(reader.close())
    reading.join()
    assert failures != []


def test_a_bucket_that_is_not_there(s3):
    files = filesystem(s3.url, "no-such-bucket")
    assert reply(bench, files.stat(path("/a"))) == 451
    assert reply(bench, files.open_write(path("/a"), Store.REPLACE, 0)) == 451

    async def scan() -> None:
        async for _ in files.scan(path("/")):
            pass

    assert reply(bench, scan()) == 451


def test_credentials_are_told_to_nobody(s3, faults, bucket, events, caplog):
    caplog.set_level(logging.INFO)
    files = filesystem(faults.url, bucket)
    faults.plan = lambda _: Fault.STRANGER
    for refused in (files.stat(path("/a")), files.open_write(path("/a"), Store.REPLACE, 0)):
        with pytest.raises(TransientError) as caught:
            bench.run(refused)
        assert caught.value.reply.code == 451
        told = f"{caught.value!r}{caught.value.__cause__!r}"
        for text in (told, caplog.text, *map(formatEvent, events), *map(repr, events)):
            assert KEY not in text
            assert SECRET not in text
    assert any("InvalidAccessKeyId" in formatEvent(each) for each in events)
