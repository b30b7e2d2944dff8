"""S3 as a filesystem: pages, ranges, parts, prefixes, and keys that no path can name."""

from __future__ import annotations

import itertools
import os
from contextlib import aclosing
from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred

from ftptls.interfaces import Store
from ftptls.testing.stepping import SteppedWorkers
from ftptls.vfs.objects import s3 as s3_module
from ftptls.vfs.objects import s3_sink
from ftptls.vfs.objects.stores import MIB, Bounds
from ftptls.wire.entries import Kind
from tests.objects.bench import SMALL, Bench, filesystem, path, reply

SCALE = float(os.environ.get("FTPTLS_SCALE", "1"))
bench = Bench()


def test_a_listing_comes_page_by_page(s3, faults, bucket):
    keys = {f"in/{number:06}" for number in range(round(2500 * SCALE))}
    for key in keys:
        s3.put(bucket, key)
    files = filesystem(faults.url, bucket)
    sizes, names = [], set()

    async def scan():
        async with aclosing(files.scan(path("/in"))) as batches:
            async for batch in batches:
                assert faults.count("GET list-type") == len(sizes) + 1
                sizes.append(len(batch))
                names.update(entry.name for entry in batch)

    bench.run(scan())
    assert {f"in/{name}" for name in names} == keys
    assert max(sizes) == 1000
    assert len(sizes) == -(-len(keys) // 1000)


def test_a_short_range_costs_one_short_request(s3, faults, bucket):
    data = os.urandom(12 * MIB)
    s3.put(bucket, "a", data)
    files = filesystem(faults.url, bucket)
    reader = bench.run(files.open_read(path("/a")))
    assert bench.run(reader.read_at(7 * MIB, 1000)) == data[7 * MIB : 7 * MIB + 1000]
    assert [each.range for each in faults.requests if each.range] == [
        f"bytes={7 * MIB}-{8 * MIB - 1}"
    ]
    bench.run(reader.close())


def test_a_download_asks_for_larger_and_larger_ranges(s3, faults, bucket):
    data = os.urandom(21 * MIB)
    s3.put(bucket, "a", data)
    files = filesystem(faults.url, bucket)
    reader = bench.run(files.open_read(path("/a")))
    got = b""
    while piece := bench.run(reader.read_at(len(got), 256 * 1024)):
        got += piece
    assert got == data
    ranges = [each.range for each in faults.requests if each.range]
    assert len(ranges) == 6  # 1, 2, 4, 5, 5 and 4 MiB


def test_what_is_small_is_one_request(s3, faults, bucket):
    files = filesystem(faults.url, bucket)
    bench.store(files, "/a", b"x" * 5 * MIB)
    assert s3.get(bucket, "a") == b"x" * 5 * MIB
    assert faults.count("POST uploads") == 0
    assert faults.count("PUT") == 1


def test_what_is_large_comes_in_parts(s3, faults, bucket):
    data = os.urandom(13 * MIB)
    files = filesystem(faults.url, bucket)
    upload = bench.begin(files, "/a")
    for offset in range(0, len(data), 1_000_000):
        bench.run(upload.write_at(offset, data[offset : offset + 1_000_000]))
    assert s3.uploads(bucket) == ["a"]
    assert s3.keys(bucket) == set()
    bench.run(upload.commit())
    assert s3.get(bucket, "a") == data
    assert s3.uploads(bucket) == []
    assert faults.count("PUT uploadId") == 3


def test_an_abandoned_upload_leaves_nothing(s3, bucket):
    files = filesystem(s3.url, bucket)
    upload = bench.begin(files, "/a")
    bench.run(upload.write_at(0, bytes(11 * MIB)))
    assert s3.uploads(bucket) == ["a"]
    bench.run(upload.abandon())
    assert s3.uploads(bucket) == []
    assert s3.keys(bucket) == set()


def test_octets_out_of_order_are_refused(s3, bucket):
    files = filesystem(s3.url, bucket)
    upload = bench.begin(files, "/a")
    bench.run(upload.write_at(0, b"one"))
    assert bench.refusal(upload.write_at(10, b"two")) != 0
    bench.run(upload.abandon())


@pytest.mark.parametrize("old", [0, 3, 5 * MIB - 1, 5 * MIB, 11 * MIB])
@pytest.mark.parametrize("new", [1, 6 * MIB])
def test_append(s3, faults, bucket, old, new):
    before, after = os.urandom(old), os.urandom(new)
    s3.put(bucket, "a", before)
    bench.store(filesystem(faults.url, bucket), "/a", after, Store.APPEND)
    assert s3.get(bucket, "a") == before + after
    assert s3.uploads(bucket) == []
    # What is large enough to be a part is copied within the store.
    assert any(each.range for each in faults.requests) is (0 < old < 5 * MIB)


@pytest.mark.parametrize("offset", [1, 4 * MIB, 6 * MIB])
@pytest.mark.parametrize("new", [1, 2 * MIB, 8 * MIB])
def test_a_resumed_upload_changes_nothing_around_it(s3, bucket, offset, new):
    before, inner = os.urandom(17 * MIB), os.urandom(new)
    s3.put(bucket, "a", before)
    bench.store(filesystem(s3.url, bucket), "/a", inner, Store.RESUME, offset)
    assert s3.get(bucket, "a") == before[:offset] + inner + before[offset + new :]
    assert s3.uploads(bucket) == []


def test_an_append_that_breaks_keeps_what_came(s3, bucket):
    s3.put(bucket, "a", b"old" * MIB * 2)
    files = filesystem(s3.url, bucket)
    upload = bench.begin(files, "/a", Store.APPEND)
    bench.run(upload.write_at(6 * MIB, b"new" * MIB * 2))
    bench.run(upload.abandon())
    assert s3.get(bucket, "a") == b"old" * MIB * 2 + b"new" * MIB * 2
    assert s3.uploads(bucket) == []


@pytest.mark.parametrize("steps", range(8))
def test_a_resumed_upload_that_is_cancelled_keeps_all_around_it(s3, bucket, steps):
    before, inner = os.urandom(20 * MIB), os.urandom(16 * MIB)
    s3.put(bucket, "a", before)
    workers = SteppedWorkers()
    files = filesystem(s3.url, bucket, workers=workers)
    upload = bench.begin(files, "/a", Store.RESUME, MIB)
    workers.held = True
    writing = Deferred.fromCoroutine(upload.write_at(MIB, inner)).addErrback(lambda _: None)
    for _ in range(steps):
        workers.step()
    writing.cancel()
    ended = Deferred.fromCoroutine(upload.abandon())
    while workers.step():
        pass
    assert ended.called
    found = s3.get(bucket, "a")
    kept = len(inner)
    while found[MIB : MIB + kept] != inner[:kept]:
        kept -= MIB
    assert kept >= 4 * MIB
    assert found == before[:MIB] + inner[:kept] + before[MIB + kept :]
    assert s3.uploads(bucket) == []


def test_an_append_loses_nothing_that_came_meanwhile(s3, bucket):
    s3.put(bucket, "a", b"old")
    files = filesystem(s3.url, bucket)
    first, second = (bench.begin(files, "/a", Store.APPEND) for _ in range(2))
    bench.run(first.write_at(3, b" one"))
    bench.run(second.write_at(3, b" two"))
    bench.run(first.commit())
    assert reply(bench, second.commit()) == 450
    assert s3.get(bucket, "a") == b"old one"


def test_a_file_that_is_too_large_for_its_parts(s3, bucket, monkeypatch):
    monkeypatch.setattr(s3_sink, "_MOST_PARTS", 102)
    files = filesystem(s3.url, bucket)
    upload = bench.begin(files, "/a")
    assert reply(bench, upload.write_at(0, bytes(21 * MIB))) == 552
    bench.run(upload.abandon())
    assert s3.uploads(bucket) == []


def test_keys_that_no_path_can_name(s3, bucket):
    strange = {"..", "../up", "a//b", "/lead", "./here", "x/../y", "x/./y", "x/" + "n" * 300, "//"}
    for key in strange | {"x/good", "a/good"}:
        s3.put(bucket, f"top/{key}", b"1")
    files = filesystem(s3.url, bucket, "top")
    assert set(bench.entries(files)) == {"a", "x"}
    assert set(bench.entries(files, "/a")) == {"good"}
    assert set(bench.entries(files, "/x")) == {"good"}
    for name in ("/a", "/x"):
        bench.run(files.remove_file(path(f"{name}/good")))
        # They are not seen, but they are there.
        assert bench.refusal(files.remove_directory(path(name))) != 0
    assert {f"top/{key}" for key in strange} <= s3.keys(bucket)


def test_names_that_no_key_can_have(s3, bucket):
    files = filesystem(s3.url, bucket)
    deep = "/".join(["n" * 200] * 6)
    for name in ("octets-\udcff", deep):
        for refused in (
            files.stat(path(f"/{name}")),
            files.open_write(path(f"/{name}"), Store.REPLACE, 0),
            files.make_directory(path(f"/{name}")),
        ):
            assert bench.refusal(refused) != 0, name
    assert s3.keys(bucket) == set()


def test_a_directory_marker_with_octets_in_it_is_a_directory(s3, bucket):
    s3.put(bucket, "in/", b"what is this")
    files = filesystem(s3.url, bucket)
    assert bench.entries(files)["in"].kind is Kind.DIRECTORY
    assert bench.run(files.stat(path("/in"))).kind is Kind.DIRECTORY
    assert bench.entries(files, "/in") == {}


def test_a_directory_that_is_only_a_prefix(s3, bucket):
    s3.put(bucket, "in/deep/a", b"1")
    files = filesystem(s3.url, bucket)
    assert bench.run(files.stat(path("/in"))).kind is Kind.DIRECTORY
    bench.run(files.rename(path("/in/deep/a"), path("/a")))
    assert bench.entries(files, "/in/deep") == {}
    bench.run(files.remove_directory(path("/in/deep")))
    assert s3.keys(bucket) == {"a"}


def test_a_file_hides_the_directory_of_its_name(s3, faults, bucket):
    s3.put(bucket, "in/a", b"file")
    for number in range(40):  # so that the prefix is on another page
        s3.put(bucket, f"in/a-{number:04}")
    s3.put(bucket, "in/a/below", b"1")
    s3.put(bucket, "in/b/below", b"1")
    files = filesystem(faults.url, bucket, bounds=replace(SMALL, page=10))
    listed = []

    async def scan():
        async for batch in files.scan(path("/in")):
            listed.extend(batch)

    bench.run(scan())
    assert len({each.name for each in listed}) == len(listed) == 42
    assert faults.count("GET list-type") == 5
    kinds = {each.name: each.kind for each in listed}
    assert kinds["a"] is Kind.FILE
    assert kinds["b"] is Kind.DIRECTORY
    assert bench.run(files.stat(path("/in/a"))).kind is Kind.FILE
    assert bench.read(files, "/in/a/below") == b"1"


def test_a_prefix_is_a_root_that_cannot_be_left(s3, bucket):
    s3.put(bucket, "alice/a", b"hers")
    s3.put(bucket, "alicia/b", b"another's")
    files = filesystem(s3.url, bucket, "alice")
    assert set(bench.entries(files)) == {"a"}
    assert bench.refusal(files.stat(path("/../alicia/b"))) != 0
    bench.store(files, "/c", b"new")
    assert s3.keys(bucket) == {"alice/a", "alice/c", "alicia/b"}


def test_an_empty_prefix_is_an_empty_root(s3, bucket):
    files = filesystem(s3.url, bucket, "nobody/was/here")
    assert bench.entries(files) == {}
    bench.store(files, "/a", b"1")
    assert s3.keys(bucket) == {"nobody/was/here/a"}


def test_renaming_a_directory_is_bounded(s3, bucket):
    names = [f"in/{number:02}" for number in range(SMALL.renamed)]
    for name in names:
        s3.put(bucket, name, name.encode())
    files = filesystem(s3.url, bucket)
    bench.run(files.rename(path("/in"), path("/out")))
    assert s3.keys(bucket) == {name.replace("in/", "out/") for name in names}
    s3.put(bucket, "out/more")
    assert reply(bench, files.rename(path("/out"), path("/in"))) == 550
    assert "out/more" in s3.keys(bucket)
    assert len(s3.keys(bucket)) == SMALL.renamed + 1


def test_a_large_file_is_copied_in_parts(s3, faults, bucket, monkeypatch):
    monkeypatch.setattr(s3_module, "_COPIED_WHOLE", 6 * MIB)
    monkeypatch.setattr(s3_sink, "_COPIED_PART", 5 * MIB)
    data = os.urandom(17 * MIB)
    s3.client.put_object(
        Bucket=bucket, Key="a", Body=data, ContentType="text/x", Metadata={"k": "v"}
    )
    files = filesystem(faults.url, bucket)
    bench.run(files.rename(path("/a"), path("/b")))
    assert s3.get(bucket, "b") == data
    head = s3.client.head_object(Bucket=bucket, Key="b")
    assert (head["ContentType"], head["Metadata"]) == ("text/x", {"k": "v"})
    assert s3.keys(bucket) == {"b"}
    assert s3.uploads(bucket) == []
    assert not any(each.range for each in faults.requests)


def test_ranges_to_copy():
    for size in (1, 5 * MIB, 256 * MIB, 257 * MIB, 512 * MIB, 517 * MIB, 2000 * MIB + 3):
        for start in (0, 1):
            ranges = s3_sink.copied_ranges(start, start + size)
            assert ranges[0][0] == start
            assert ranges[-1][1] == start + size
            assert all(one[1] == two[0] for one, two in itertools.pairwise(ranges))
            assert len(ranges) == 1 or min(end - at for at, end in ranges) >= 5 * MIB


def test_bounds_are_what_they_say():
    assert Bounds().piece >= s3_sink._LEAST_PART
