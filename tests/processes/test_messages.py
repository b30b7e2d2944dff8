"""Messages between processes: any text, in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.processes.messages import MessageReader, encode

VALUES = st.none() | st.booleans() | st.integers(0, 2**53) | st.floats(allow_nan=False)
# Octets that are no UTF-8 stand in names as these surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.integers(0xDC80, 0xDCFF).map(chr))
VALUES |= TEXTS
MESSAGES = st.lists(VALUES | st.lists(VALUES, max_size=3), max_size=5).flatmap(
    lambda rest: (TEXTS | st.integers()).map(lambda first: [first, *rest])
)


@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(1, 40)))
def test_messages_come_as_they_were_sent(messages, sizes) -> None:
    octets = b"".join(map(encode, messages))
    reader, heard = MessageReader(), []
    for size in (*sizes, len(octets)):
        heard += reader.feed(octets[:size])
        octets = octets[size:]
    assert heard == messages


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"[null]", b"[true]", b"[1.5]", b"x", b"\xff"])
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of JSON, of Unicode, or our own
        MessageReader().feed(line + b"\n")
