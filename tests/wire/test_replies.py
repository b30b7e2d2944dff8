"""Replies: one code, and no name in them that could pass for another reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.replies import Reply, ReplyReader


@pytest.mark.parametrize(
    ("reply", "sent"),
    [
        (Reply(200, "Done."), b"200 Done.\r\n"),
        (Reply(211, "End.", ("Features:", "SIZE")), b"211-Features:\r\n SIZE\r\n211 End.\r\n"),
        (
            Reply(211, "End.", ("Status:", "226 Done.")),
            b"211-Status:\r\n 226 Done.\r\n211 End.\r\n",
        ),
        (Reply(257, '"/a\r\n230 in"'), b'257 "/a??230 in"\r\n'),
        (Reply(257, '"/Gr\xfc\xdfe"'), '257 "/Grüße"\r\n'.encode()),
        (Reply(257, '"/\udce4"'), b'257 "/\xe4"\r\n'),
        (Reply(257, '"/\udcff"'), b'257 "/\xff\xff"\r\n'),  # IAC, doubled
    ],
)
def test_replies_on_the_wire(reply, sent):
    assert reply.encode() == sent


@pytest.mark.parametrize(
    ("code", "preliminary", "error"),
    [(150, True, False), (226, False, False), (350, False, False), (421, False, True)],
)
def test_classes_of_codes(code, preliminary, error):
    reply = Reply(code, "Text.")
    assert (reply.is_preliminary, reply.is_error) == (preliminary, error)


@given(st.text(), st.lists(st.text()).map(tuple))
def test_only_the_last_line_ends_a_reply(text, lines):
    sent = Reply(250, text, lines).encode()
    first, *inner, last = sent.split(b"\r\n")[:-1] if lines else [b"250-", sent[:-2]]
    assert first.startswith(b"250-")
    assert last.startswith(b"250 ")
    assert all(line.startswith(b" ") for line in inner)
    assert sent.count(b"\n") == sent.count(b"\r") == len(lines) + 1


@given(st.text(), st.binary())
def test_a_reply_is_read_as_it_was_sent(text, octets):
    reply = Reply(257, text + octets.decode("utf-8", "surrogateescape"))
    sent = reply.encode()
    reader = ReplyReader()
    reader.feed(sent)
    read = reader.next_reply()
    assert read is not None
    assert read.encode() == sent
    assert reader.buffered == 0
