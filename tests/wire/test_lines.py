"""Octets to command lines: any chunking, Telnet in between, hostile lengths."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.lines import CommandLine, LineReader, LineTooLong, parse_command

LIMIT = 16
TOO_LONG = "too long"


def drain(reader: LineReader) -> list[bytes | str]:
    """Every line that is complete; TOO_LONG stands for each refusal."""
    lines: list[bytes | str] = []
    while True:
        try:
            line = reader.next_line()
        except LineTooLong:
            lines.append(TOO_LONG)
            continue
        if line is None:
            return lines
        lines.append(line)


def read(*pieces: bytes, limit: int = LIMIT) -> list[bytes | str]:
    reader = LineReader(limit)
    lines: list[bytes | str] = []
    for piece in pieces:
        reader.feed(piece)
        lines += drain(reader)
    return lines


def octets(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"NOOP\r\n", [b"NOOP"]),
        (b"NOOP\n", [b"NOOP"]),
        (b"NOOP\r\nPWD\r\n", [b"NOOP", b"PWD"]),
        (b"NOOP", []),
        (b"NOOP\r", []),
        (b"\r\n\n", [b"", b""]),
        (b"A\r\r\n", [b"A\r"]),
        (b"A\rB\n", [b"A\rB"]),
        (b"CWD a \r\n", [b"CWD a "]),
    ],
)
def test_lines_end_with_lf_and_lose_one_cr(data, lines):
    assert read(data) == lines
    assert read(*octets(data)) == lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"x" * LIMIT + b"\r\n", [b"x" * LIMIT]),
        (b"x" * LIMIT + b"\n", [b"x" * LIMIT]),
        (b"x" * LIMIT + b"\r", []),
        (b"x" * (LIMIT + 1), [TOO_LONG]),
        (b"x" * (LIMIT + 1) + b"\r\n", [TOO_LONG]),
        (b"x" * LIMIT + b"\r\r\n", [TOO_LONG]),
        (b"x" * LIMIT + b"\ry", [TOO_LONG]),
        (b"x" * 99 + b"\nNOOP\r\n", [TOO_LONG, b"NOOP"]),
        (b"x" * 99 + b"\n" + b"y" * 99 + b"\nNOOP\r\n", [TOO_LONG, TOO_LONG, b"NOOP"]),
    ],
)
def test_each_oversized_line_is_refused_once(data, lines):
    assert read(data) == lines
    assert read(*octets(data)) == lines


def test_a_line_is_refused_before_it_ends():
    reader = LineReader(LIMIT)
    reader.feed(b"x" * (LIMIT + 1))
    with pytest.raises(LineTooLong):
        reader.next_line()
    reader.feed(b"x" * 1000)
    assert reader.next_line() is None
    reader.feed(b"x\r\nNOOP\r\n")
    assert reader.next_line() == b"NOOP"


def test_an_endless_line_takes_no_memory_even_if_nobody_reads():
    reader = LineReader(LIMIT)
    for _ in range(100):
        reader.feed(b"x" * 1000)
        assert reader.buffered <= LIMIT + 2
    reader.feed(b"\nNOOP\n")
    assert drain(reader) == [TOO_LONG, b"NOOP"]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"CWD \xff\xff\n", [b"CWD \xff"]),
        (b"\xff\xf4\xff\xf2ABOR\r\n", [b"ABOR"]),  # IP, Synch, ABOR: RFC 959 §4.1.3
        (b"\xff\xf4\xffABOR\r\n", [b"ABOR"]),  # the same, DM lost as urgent data
        (b"NO\xff\xf1OP\r\n", [b"NOOP"]),
        (b"\xff\xfb\x01NOOP\r\n", [b"NOOP"]),
        (b"\xff\xfd\n\n", [b""]),  # an option may have the number of LF
        (b"\xff\xfa\x18\x00abc\xff\xf0NOOP\r\n", [b"NOOP"]),
        (b"\xff\xfa\xff\xff\n\xff\xf0NOOP\r\n", [b"NOOP"]),
        (b"NOOP\xff\r\n", [b"NOOP"]),
        (b"NOOP\xff\n", [b"NOOP"]),
    ],
)
def test_telnet_sequences_are_taken_out(data, lines):
    assert read(data) == lines
    assert read(*octets(data)) == lines


def test_a_subnegotiation_without_end_does_not_swallow_commands_for_ever():
    data = b"\xff\xfa" + b"x" * 3 * LIMIT + b"\nNOOP\n"
    assert read(data) == [TOO_LONG, b"NOOP"]
    assert read(*octets(data)) == [TOO_LONG, b"NOOP"]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"\xff\xfb\x01", b"\xff\xfe\x01"),  # WILL -> DONT
        (b"\xff\xfd\x01", b"\xff\xfc\x01"),  # DO -> WONT
        (b"\xff\xfc\x01", b""),  # an answer to a WONT could go round for ever
        (b"\xff\xfe\x01", b""),
        (b"\xff\xf6", b""),  # AYT
        (b"\xff\xfd\xff", b"\xff\xfc\xff"),
        (b"\xff\xfd", b""),
    ],
)
def test_options_are_refused(data, answer):
    reader = LineReader(LIMIT)
    for octet in octets(data):
        reader.feed(octet)
    assert reader.take_answers() == answer
    assert reader.take_answers() == b""


def test_answers_are_bounded():
    reader = LineReader(LIMIT)
    reader.feed(b"\xff\xfd\x01" * 10_000)
    answers = reader.take_answers()
    assert 0 < len(answers) <= 128
    assert len(answers) % 3 == 0


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"AUTH TLS\r\n", 0),
        (b"AUTH TLS\r\nU", 1),
        (b"AUTH TLS\r\nUSER x\r\n", 8),
        (b"AUTH TLS\r\n\r", 1),
        (b"AUTH TLS\r\n\xff", 1),
        (b"AUTH TLS\r\n\xff\xfb", 2),
        (b"AUTH TLS\r\n\xff\xfa\x01\x02", 4),
        (b"AUTH TLS\r\n\xff\xf1", 2),
        (b"\xff\xf4\xff\xf2AUTH TLS\r\n", 0),
    ],
)
def test_whatever_stands_behind_a_line_is_counted(data, count):
    reader = LineReader(LIMIT)
    reader.feed(data)
    if data:
        assert reader.next_line() == b"AUTH TLS"
    assert reader.buffered == count


def test_a_telnet_sequence_is_forgotten_with_its_line():
    reader = LineReader(LIMIT)
    reader.feed(b"\xff\xf1")
    assert reader.buffered == 2
    reader.feed(b"NOOP\r\n")
    assert reader.next_line() == b"NOOP"
    assert reader.buffered == 0


@pytest.mark.parametrize("data", [b"USER", b"x" * 99, b"\xff", b"\xff\xfa", b"A\r\nB\r\n"])
def test_clear_forgets_everything(data):
    reader = LineReader(LIMIT)
    reader.feed(b"\xff\xfd\x01" + data)
    reader.clear()
    assert (reader.buffered, reader.take_answers()) == (0, b"")
    reader.feed(b"NOOP\r\n")
    assert drain(reader) == [b"NOOP"]


# Octets among which hostile sequences are likely.
SPICY = st.lists(
    st.sampled_from(
        [b"\xff", b"\xfa", b"\xf0", b"\xfb", b"\xfd", b"\xf2", b"\r", b"\n", b"\0", b"A", b"xyz"]
    )
).map(b"".join)


@given(SPICY, st.lists(st.integers(0, 60), max_size=8))
def test_chunking_never_matters(data, cuts):
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    whole, parts = LineReader(LIMIT), LineReader(LIMIT)
    whole.feed(data)
    expected = drain(whole)
    lines = []
    for piece in pieces:
        parts.feed(piece)
        lines += drain(parts)
    assert lines == expected
    assert parts.buffered == whole.buffered
    assert parts.take_answers() == whole.take_answers()


@given(st.lists(SPICY | st.sampled_from([b"NOOP\r\n", b"PWD\n", b"x" * LIMIT + b"\n"])))
def test_a_line_that_comes_alone_is_read_like_those_that_do_not(pieces):
    """Whatever came before it, and whether or not it is read before more comes."""
    quick, slow, hasty = LineReader(LIMIT), LineReader(LIMIT), LineReader(LIMIT)
    lines, same = [], []
    for piece in pieces:
        quick.feed(piece)
        for octet in octets(piece):
            slow.feed(octet)
            same += drain(slow)
        lines += drain(quick)
        assert quick.buffered == slow.buffered
        hasty.feed(piece)
    assert lines == same == drain(hasty)


@given(st.binary())
def test_no_octets_break_the_reader(data):
    for line in read(data, limit=40):
        if isinstance(line, bytes):
            assert len(line) <= 40
            assert b"\n" not in line


@given(st.lists(st.binary(max_size=LIMIT).filter(lambda line: b"\n" not in line)))
def test_lines_survive_the_round_trip(lines):
    sent = b"".join(line.replace(b"\xff", b"\xff\xff") + b"\r\n" for line in lines)
    assert read(sent) == lines


@pytest.mark.parametrize("line", [b"h\r\n", b"\xff\xf1h\r\n", b"\xff\xf1"])
def test_a_million_tiny_pieces_are_linear(line):
    def seconds(count: int) -> float:
        reader = LineReader(8192)
        start = time.perf_counter()
        reader.feed(line * count)
        drain(reader)
        return time.perf_counter() - start

    small = min(seconds(30_000) for _ in range(3))
    # Quadratic would be 900 times as long.
    assert seconds(900_000) < 200 * small + 1


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"NOOP", "NOOP", ""),
        (b"noop", "NOOP", ""),
        (b"NOOP ", "NOOP", ""),
        (b"CWD a", "CWD", "a"),
        (b"xsha256 a", "XSHA256", "a"),
        (b"CWD   a b  ", "CWD", "  a b  "),  # RFC 2640 §3.1: one space separates
        (b"STOR \tx", "STOR", "\tx"),
        ("CWD Grüße".encode(), "CWD", "Grüße"),
        (b"CWD \xe4", "CWD", "\udce4"),
    ],
)
def test_commands(line, verb, argument):
    assert parse_command(line) == CommandLine(verb, argument)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", 500),
        (b" ", 500),
        (b" NOOP", 500),
        (b"NO\0OP", 500),
        (b"NOOP\r", 500),
        (b"\x1b[2J", 500),
        (b"NOOP\ta", 500),
        (b"N00P", 500),
        ("GRÜSS x".encode(), 500),
        (b"\x16\x03\x01\x02", 500),  # a TLS ClientHello on the wrong port
        (b"CWD a\0", 501),
        (b"CWD a\r\0b", 501),
        (b"CWD a\rb", 501),
    ],
)
def test_what_is_no_command(line, code):
    with pytest.raises(ArgumentError) as caught:
        parse_command(line)
    assert caught.value.code == code


@given(st.binary())
def test_any_line_is_parsed_or_refused(line):
    try:
        command = parse_command(line)
    except ArgumentError:
        return
    assert command.verb.isascii()
    assert command.verb.rstrip("0123456789").isalpha()
    assert not set(command.argument) & {"\0", "\r"}


@pytest.mark.parametrize("line", [b"GET<script> /", b"<script>", b"CWD <script>\0"])
def test_a_refusal_repeats_nothing(line):
    with pytest.raises(ArgumentError) as caught:
        parse_command(line)
    assert "script" not in caught.value.text


@given(st.binary(max_size=30).filter(lambda data: not set(data) & {0, 13}))
def test_arguments_of_any_octets_come_back_as_they_were(argument):
    command = parse_command(b"STOR " + argument)
    assert command.argument.encode("utf-8", "surrogateescape") == argument
