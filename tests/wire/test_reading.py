"""Replies as a client reads them: what the server encodes comes back, in pieces of any size."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.addresses import epsv_port, epsv_text, pasv_port, pasv_text
from ftptls.wire.replies import Reply, ReplyError, ReplyReader

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
REPLIES = st.builds(Reply, st.integers(100, 699), TEXT, st.lists(TEXT, max_size=4).map(tuple))


@given(st.lists(REPLIES, max_size=4), st.integers(1, 50))
def test_round_trip(replies, size):
    data = b"".join(reply.encode() for reply in replies)
    reader, found = ReplyReader(), []
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
    assert found == replies
    assert reader.buffered == 0


@given(st.binary(max_size=300))
def test_any_octets(data):
    reader = ReplyReader()
    reader.feed(data)
    with suppress(ReplyError):
        while (reply := reader.next_reply()) is not None:
            assert 100 <= reply.code < 700


@given(st.integers(1, 65535))
def test_ports(port):
    assert pasv_port(f"Entering Passive Mode ({pasv_text('192.0.2.1', port)}).") == port
    assert epsv_port(f"Entering Extended Passive Mode ({epsv_text(port)})") == port


@pytest.mark.parametrize("text", ["", "1,2,3,4,5", "(1,2,3,4,256,1)", "(1,2,3,4,0,0)"])
def test_no_port_in_227(text):
    with pytest.raises(ValueError, match=r"port|PASV"):
        pasv_port(text)


@pytest.mark.parametrize("text", ["", "(||1|2|)", "(|||0|)", "(|||65536|)", "(|,|5|)"])
def test_no_port_in_229(text):
    with pytest.raises(ValueError, match=r"port|EPSV"):
        epsv_port(text)
