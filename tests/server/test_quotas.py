"""Uploads that are more than there is room for, by whichever path they come."""

from __future__ import annotations

import pytest

from ftptls.settings import UploadMode
from ftptls.vfs.book import Account, Usage
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.quota import Quota
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

MOST = 300_000  # more than a piece
MUCH = bytes(3_000_000)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(":memory:")


@pytest.fixture
def enter_bounded(enter, make_files, ledger):
    """A client who may store so much; the files are those of ``make_files.made``."""

    def make(content, **more):
        bounded = Quota(
            make_files(content), ledger, "/m", [Account("alice", MOST)], InlineWorkers()
        )
        return enter(filesystem=bounded, **more)

    return make


def send_much(client, line):
    """Send on and on, until the server has enough; returns its reply."""
    wire = client.begin(line)
    sent = 0
    while client.quiet:
        assert sent < len(MUCH)
        wire.send(MUCH[:100_000])
        sent += 100_000
    return client.expect(552)


def test_a_whole_file_is_refused_as_soon_as_it_is_too_much(enter_bounded, make_files, ledger, mode):
    client = enter_bounded({"/old": b"old"}, mode=mode)
    assert "Nothing was stored" in send_much(client, "STOR old").text
    assert make_files.made.contents() == {"/old": b"old"}
    assert ledger.usage() == {}
    client.upload("STOR new", MUCH[:MOST])
    assert ledger.usage() == {"alice": Usage(MOST, 1)}


def test_what_is_appended_ends_where_there_is_no_more_room(enter_bounded, make_files, ledger, mode):
    client = enter_bounded({}, mode=mode)
    client.upload("STOR log", MUCH[:1000])
    send_much(client, "APPE log")
    stored = len(make_files.made.contents()["/log"])
    assert 1000 < stored <= MOST
    assert ledger.usage() == {"alice": Usage(stored, 1)}


@pytest.mark.parametrize("upload_mode", [UploadMode.DIRECT, UploadMode.ATOMIC])
def test_all_of_it_may_be_used(enter_bounded, make_files, upload_mode):
    make_files.options["upload_mode"] = upload_mode
    client = enter_bounded({})
    client.upload("STOR all", MUCH[:MOST])
    client.open()
    client.ask("STOR more", 552, 150)
    assert [len(each) for each in make_files.made.contents().values()] == [MOST]
