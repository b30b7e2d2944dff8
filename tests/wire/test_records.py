"""Edges of TLS records, whatever the pieces that they arrive in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.records import RecordEdges

RECORDS = st.lists(st.binary(max_size=300), max_size=8)


@given(RECORDS, st.data())
def test_edges_are_where_records_end(bodies: list[bytes], data: st.DataObject) -> None:
    records = [b"\x17\x03\x03" + len(body).to_bytes(2, "big") + body for body in bodies]
    stream = b"".join(records)
    ends = {sum(map(len, records[:count])) for count in range(len(records) + 1)}
    edges, at = RecordEdges(), 0
    assert edges.at_edge
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        edges.feed(memoryview(stream)[at : at + size])
        at += size
        assert edges.at_edge == (at in ends)
