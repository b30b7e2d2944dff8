"""S27: whatever octets are sent, on control or data, in clear or in the midst of TLS."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from ftptls.testing.wires import Wire
from tests.fuzz.grammar import dialogues, segments
from tests.fuzz.scale import fuzz
from tests.fuzz.serving import OPEN, Kind, Served, kinds, served

MEMORY = Kind(implicit=False, policy=OPEN, local=False)

# What Telnet clients and attackers end lines with, and begin sequences with.
_telnet = st.sampled_from(
    [b"\xff", b"\xff\xfa", b"\xff\xf0", b"\xff\xf4\xff\xf2", b"\xff\xfb\x01", b"\xff\xff", b"\0"]
)
_ends = st.sampled_from([b"\r", b"\r\0", b"\n\r", b"\r\n\r\n", b"\xff\xf2\r\n"])
_pieces = st.one_of(
    st.binary(max_size=100), _telnet, _ends, dialogues().map(b"".join), st.just(b"A" * 9000)
)
octets = st.lists(_pieces, max_size=8)
pieces = st.lists(st.binary(max_size=100), max_size=10)


def still_speaks(place: Served, wire: Wire) -> bool:
    """Whether there was an end, or there is an answer now."""
    reactor = place.server.reactor
    reactor.advance(200)  # a transfer may have begun
    wire.take()
    if wire.notified and wire.end is None:  # CCC or REIN was among it
        wire.notify()
        wire.stop_tls()
    if wire.end is not None:
        return True
    # Twice, as the first may be eaten by a sequence that has begun: the end of one in Telnet.
    wire.send(b"\xff\xf0\xff\xf0\r\nABOR\r\n\r\nNOOP\r\n")
    reactor.advance(400)
    return wire.end is not None or bool(wire.take())


@fuzz(0.12)
@given(kinds, st.booleans(), st.booleans(), octets, segments)
def test_octets_of_every_kind(kind, protected, logged_in, said, sizes):
    with served(kind) as place:
        if protected:
            client = place.server.connect()
            if not kind.implicit:
                client.secure()
            if logged_in:
                client.log_in()
            wire = client.control
        else:  # under implicit TLS, this is no TLS
            wire = Wire.connect(place.server.reactor, place.server.host, place.server.port)
            place.server.reactor.settle()
        place.server.reactor.deliver_in(sizes)
        for each in said:
            if wire.end is None:
                wire.send(each)
                place.server.reactor.settle()
        assert still_speaks(place, wire)
        wire.close()


@fuzz(0.06)
@given(st.sampled_from(["STOR x", "APPE x", "RETR f", "LIST"]), st.booleans(), pieces, segments)
def test_octets_instead_of_tls_on_a_data_connection(line, compressed, said, sizes):
    with served(MEMORY) as place:
        client = place.server.connect()
        client.secure()
        client.log_in()
        if compressed:
            client.ask("MODE Z", 200)
        wire = client.open().wire
        place.server.reactor.deliver_in(sizes)
        client.send(line)
        for each in said:
            if wire.end is None:
                wire.send_raw(each)
                place.server.reactor.settle()
        wire.close()
        client.wait(200)
        client.expect(150)
        client.expect(425, 426, 522)
        assert "/x" not in place.contents()
        client.ask("NOOP", 200)


@fuzz(0.06)
@given(
    st.binary(max_size=60), st.integers(0, 80), st.sampled_from(["cut", "change", "add"]), segments
)
def test_one_octet_of_a_compressed_upload_is_changed(payload, at, how, sizes):
    """What does not unpack as a whole is not stored."""
    packed = zlib.compress(payload)
    at %= len(packed) + 1
    damaged = {
        "cut": packed[:at],
        "change": packed[:at] + b"\x55" + packed[at + 1 :],
        "add": packed + bytes(at),
    }[how]
    with served(MEMORY) as place:
        client = place.server.connect()
        client.log_in()
        client.ask("MODE Z", 200)
        place.server.reactor.deliver_in(sizes)
        if damaged == packed:
            client.upload("STOR x", damaged)
            assert place.contents()["/x"] == payload
        else:
            client.upload("STOR x", damaged, code=426)
            assert "/x" not in place.contents()


@fuzz(0.06)
@given(st.integers(0, 3000), st.integers(0, 255), st.sampled_from(["control", "data"]), segments)
def test_one_octet_of_a_protected_dialogue_is_changed(at, octet, where, sizes):
    """Nobody in between can do more than end it."""
    with served(MEMORY) as place:
        client = place.server.connect()
        client.secure()
        client.log_in()
        wire = client.begin("STOR x") if where == "data" else client.control
        place.server.reactor.deliver_in(sizes)
        wire.tls.send(b"NOOP\r\n" * 500)
        records = bytearray(wire.tls.bio_read(1 << 16))
        at %= len(records)
        changed = records[at] != octet
        records[at] = octet
        wire.send_raw(bytes(records))
        if where == "data":
            wire.stop()
            assert client.expect(226, 426).code == (426 if changed else 226)
            assert ("/x" in place.contents()) is not changed
        else:
            assert (wire.take() == b"200 OK.\r\n" * 500) is not changed
