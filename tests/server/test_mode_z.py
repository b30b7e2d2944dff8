"""MODE Z: every transfer there is, in deflate format, protected or not."""

from __future__ import annotations

import zlib
from functools import cache

import pytest

from ftptls.testing.wires import Ending
from tests.server.conftest import MODES

pytestmark = pytest.mark.both_paths

TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(40_000))
CLEAR = MODES[0]
CONTENT = {"/text": TEXT, "/empty": b"", "/old": b"old", "/dir/one": b"1", "/dir/two": b"22"}
MIB = 1024 * 1024


@pytest.fixture
def enter_z(enter):
    """A client in MODE Z."""

    def make(content=None, settings=None, **options):
        client = enter(CONTENT if content is None else content, settings, **options)
        client.ask("MODE Z", 200)
        return client

    return make


def unpacked(data):
    """What is in one whole stream, with nothing behind."""
    stream = zlib.decompressobj()
    content = stream.decompress(data)
    assert stream.eof
    assert not stream.unused_data
    return content


# --- what goes over the wire ---------------------------------------------------------------


@pytest.mark.parametrize("how", ["PASV", "EPSV", "PORT", "EPRT"])
def test_download_and_upload(enter_z, mode, how):
    client = enter_z(mode=mode)
    wire = client.download("RETR text", how)
    assert len(wire) < len(TEXT) / 4
    assert unpacked(wire) == TEXT
    told = client.upload("STOR copy", wire, how).text
    assert f"{len(TEXT)} octets stored" in told
    assert client.server.filesystem.contents()["/copy"] == TEXT


def test_in_small_pieces(enter_z, mode):
    client = enter_z(mode=mode)
    client.server.reactor.deliver_in([1, 2, 3, 500])
    wire = client.download("RETR text")
    assert unpacked(wire) == TEXT
    client.upload("STOR copy", wire)
    assert client.server.filesystem.contents()["/copy"] == TEXT


def test_empty_files(enter_z, mode):
    client = enter_z(mode=mode)
    assert unpacked(client.download("RETR empty")) == b""
    client.upload("STOR new", zlib.compress(b""))
    assert client.server.filesystem.contents()["/new"] == b""


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_listings_are_those_of_mode_s(enter, mode, verb):
    client = enter(CONTENT, mode=mode)
    plain = client.download(f"{verb} /dir")
    client.ask("MODE Z", 200)
    assert unpacked(client.download(f"{verb} /dir")) == plain
    client.ask("TYPE A", 200)
    assert unpacked(client.download(f"{verb} /dir")) == plain


def test_long_listings(enter_z):
    client = enter_z({f"/{'x' * 100}{number}": b"" for number in range(5000)})
    wire = client.download("NLST")
    assert len(wire) < 100_000
    assert unpacked(wire).count(b"\r\n") == 5000


def test_type_a_is_converted_before_it_is_packed(enter_z, mode):
    client = enter_z(mode=mode)
    client.ask("TYPE A", 200)
    wire = client.download("RETR text")
    assert unpacked(wire) == TEXT.replace(b"\n", b"\r\n")
    client.upload("STOR copy", wire)
    client.upload("STOR cr", zlib.compress(b"a\r\nb\r"))
    assert client.server.filesystem.contents()["/copy"] == TEXT
    assert client.server.filesystem.contents()["/cr"] == b"a\nb\r"


def test_offsets_are_of_the_file(enter_z, mode):
    client = enter_z(mode=mode)
    client.ask("REST 1000000", 350)
    assert unpacked(client.download("RETR text")) == TEXT[1000000:]
    client.ask("REST 2", 350)
    client.upload("STOR old", zlib.compress(b"der"))
    client.upload("APPE old", zlib.compress(b" and older"))
    assert client.server.filesystem.contents()["/old"] == b"older and older"


def test_the_150_and_stat_tell_octets_of_the_file(enter_z, mode):
    client = enter_z({"/big": bytes(range(256)) * 4096 * 32}, mode=mode)
    client.ask("OPTS MODE Z LEVEL 0", 200)
    wire = client.open().wire
    wire.limit = 100_000
    assert "(33554432 bytes)" in client.ask("RETR big", 150).text
    if client.private:
        client.protect(wire)
    assert " of 33554432 octets" in client.ask("STAT", 211).text


def test_levels(enter_z):
    client = enter_z()
    sizes = []
    for level in (0, 1, 9):
        client.ask(f"OPTS MODE Z LEVEL {level}", 200)
        wire = client.download("RETR text")
        assert unpacked(wire) == TEXT
        sizes.append(len(wire))
    assert sizes[0] > len(TEXT) > sizes[1] > sizes[2]


# --- the state of the session --------------------------------------------------------------


def test_there_and_back(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert "MODE: S" in client.ask("STAT", 211).text
    for _ in range(2):
        client.ask("MODE Z", 200)
        assert "MODE: Z" in client.ask("STAT", 211).text
        assert unpacked(client.download("RETR old")) == b"old"
        assert unpacked(client.download("RETR old")) == b"old"
        client.ask("MODE S", 200)
        assert client.download("RETR old") == b"old"


@pytest.mark.parametrize("line", ["MODE B", "MODE C", "MODE X", "MODE"])
def test_a_refused_mode_changes_nothing(enter_z, line):
    client = enter_z()
    client.ask(line, 501, 504)
    assert unpacked(client.download("RETR old")) == b"old"


def test_feat_tells_of_it(enter):
    assert " MODE Z" in enter(CONTENT).ask("FEAT", 211).lines


def test_auth_resets_it(enter, settings):
    client = enter(CONTENT, settings(relax=True, auth_after_login=True), mode=CLEAR)
    client.ask("MODE Z", 200)
    client.ask("OPTS MODE Z LEVEL 0", 200)
    client.secure()
    client.log_in()
    assert client.download("RETR text") == TEXT
    client.ask("MODE Z", 200)
    assert len(client.download("RETR text")) < len(TEXT) / 4


def test_rein_resets_it(enter_z):
    client = enter_z(mode=CLEAR)
    client.ask("OPTS MODE Z LEVEL 0", 200)
    client.ask("REIN", 220)
    client.log_in()
    assert client.download("RETR text") == TEXT
    client.ask("MODE Z", 200)
    assert len(client.download("RETR text")) < len(TEXT) / 4


# --- what is no deflate stream -------------------------------------------------------------

PACKED = zlib.compress(b"new content " * 100)


@pytest.mark.parametrize("pieces", [1, 1000])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ended inside the deflate stream"),
        (PACKED[:1], "ended inside the deflate stream"),
        (PACKED[:-1], "ended inside the deflate stream"),
        (PACKED[:-5], "ended inside the deflate stream"),
        (PACKED + b"x", "follows the end of the deflate stream"),
        (PACKED + PACKED, "follows the end of the deflate stream"),
        (b"plain text", "not in deflate format"),
        (PACKED[:-1] + b"\0", "not in deflate format"),
    ],
)
def test_damage_is_noticed(enter_z, mode, data, why, pieces):
    client = enter_z(mode=mode)
    client.server.reactor.deliver_in([pieces])
    answer = client.upload("STOR old", data, code=426)
    assert why in answer.text
    assert "Nothing was stored" in answer.text
    assert client.server.filesystem.contents() == CONTENT
    client.upload("STOR old", PACKED)
    assert client.server.filesystem.contents()["/old"] == b"new content " * 100


def test_what_arrived_is_kept_by_an_append(enter_z, mode):
    client = enter_z(mode=mode)
    stream = zlib.compressobj()
    first = stream.compress(b" and new") + stream.flush(zlib.Z_SYNC_FLUSH)
    assert "11 octets are stored" in client.upload("APPE old", first, code=426).text
    assert client.server.filesystem.contents()["/old"] == b"old and new"


@pytest.mark.parametrize("ending", [Ending.FIN, Ending.RESET], ids=lambda each: each.name)
def test_a_whole_stream_without_close_notify_is_still_no_whole_upload(enter_z, ending):
    client = enter_z()
    client.upload("STOR old", PACKED, ending=ending, code=426)
    assert client.server.filesystem.contents() == CONTENT


# --- bombs ---------------------------------------------------------------------------------


@cache
def bomb(mebibytes):
    stream = zlib.compressobj(9)
    return b"".join(stream.compress(bytes(MIB)) for _ in range(mebibytes)) + stream.flush()


@pytest.mark.parametrize("letter", ["I", "A"])
def test_a_bomb_is_refused(enter_z, mode, letter):
    client = enter_z(mode=mode)
    client.ask(f"TYPE {letter}", 200)
    answer = client.upload("STOR old", bomb(32), code=552)
    assert "MODE S" in answer.text
    assert "Nothing was stored" in answer.text
    assert client.server.filesystem.contents() == CONTENT
    client.ask("TYPE I", 200)
    client.ask("MODE S", 200)  # as the reply says
    client.upload("STOR old", bytes(32 * MIB))
    assert client.server.filesystem.contents()["/old"] == bytes(32 * MIB)


def test_the_setting_lets_it_through(enter_z, settings):
    client = enter_z(settings=settings(inflation=2000))
    client.upload("STOR old", bomb(32))
    assert client.server.filesystem.contents()["/old"] == bytes(32 * MIB)


# --- in the middle -------------------------------------------------------------------------


def test_abor_of_a_download(enter_z, mode):
    client = enter_z({"/big": bytes(range(256)) * 32768, "/old": b"old"}, mode=mode)
    client.ask("OPTS MODE Z LEVEL 0", 200)
    wire = client.begin("RETR big", limit=100_000)
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    wire.resume()
    part = zlib.decompressobj()
    part.decompress(wire.take())
    assert not part.eof
    assert unpacked(client.download("RETR old")) == b"old"


def test_abor_of_an_upload(enter_z, mode):
    client = enter_z(mode=mode)
    wire = client.begin("STOR old")
    wire.send(PACKED[:-3])
    wire.take()
    client.send("ABOR")
    assert client.expect(426).text == "Transfer aborted. Nothing was stored."
    client.expect(226)
    assert client.server.filesystem.contents() == CONTENT
    client.upload("STOR old", PACKED)


def test_abor_between_the_end_of_the_stream_and_the_end_of_the_data(enter_z, mode):
    client = enter_z(mode=mode)
    wire = client.begin("STOR old")
    wire.send(PACKED)
    wire.take()
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert client.server.filesystem.contents() == CONTENT


def test_a_mode_that_comes_during_a_transfer_waits_for_the_next(enter, mode):
    client = enter({"/big": bytes(range(256)) * 32768, "/old": b"old"}, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.send("MODE Z")
    assert client.quiet
    wire.resume()
    assert wire.take() == bytes(range(256)) * 32768
    client.expect(226)
    client.expect(200)
    assert unpacked(client.download("RETR old")) == b"old"
