"""Arguments: what is accepted, and the code for everything else."""

from __future__ import annotations

import contextlib
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire import arguments
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import (
    ArgumentError,
    ExtendedPassive,
    ListingRequest,
    Mechanism,
    Option,
    ProtectionLevel,
)
from ftptls.wire.compression import DEFAULT_LEVEL
from ftptls.wire.representation import Representation, TransferMode

PARSERS = [
    arguments.nothing,
    arguments.anything,
    arguments.required,
    arguments.path,
    arguments.optional_path,
    arguments.marker,
    arguments.allocation,
    arguments.representation,
    arguments.structure,
    arguments.transfer_mode,
    arguments.compression_level,
    arguments.seconds,
    arguments.protection,
    arguments.buffer_size,
    arguments.mechanism,
    arguments.listing_request,
    arguments.option,
    arguments.host_port,
    arguments.extended_host_port,
    arguments.extended_passive,
]

ASCII, IMAGE = Representation.ASCII, Representation.IMAGE

ACCEPTED = [
    (arguments.nothing, "", None),
    (arguments.nothing, "  ", None),
    (arguments.anything, "", ""),
    (arguments.anything, " a ", " a "),
    (arguments.required, " ", " "),
    (arguments.path, " a b ", " a b "),
    (arguments.path, "\udce4", "\udce4"),
    (arguments.optional_path, "", ""),
    (arguments.marker, "0", 0),
    (arguments.marker, "802816", 802816),
    (arguments.marker, "0" * 5000 + "7", 7),
    (arguments.marker, "9223372036854775807", 2**63 - 1),
    (arguments.allocation, "100", 100),
    (arguments.allocation, "100 R 20", 100),
    (arguments.allocation, "100 r 20", 100),
    (arguments.representation, "A", ASCII),
    (arguments.representation, "a", ASCII),
    (arguments.representation, "A N", ASCII),
    (arguments.representation, "A T", ASCII),
    (arguments.representation, "I", IMAGE),
    (arguments.representation, "L 8", IMAGE),
    (arguments.representation, "l 8", IMAGE),
    (arguments.representation, "L8", IMAGE),
    (arguments.structure, "F", "F"),
    (arguments.structure, "f", "F"),
    (arguments.transfer_mode, "S", TransferMode.STREAM),
    (arguments.transfer_mode, "s ", TransferMode.STREAM),
    (arguments.transfer_mode, "Z", TransferMode.DEFLATE),
    (arguments.transfer_mode, "z", TransferMode.DEFLATE),
    (arguments.seconds, "", None),
    (arguments.seconds, " 60 ", 60),
    (arguments.seconds, "4294967295", 2**32 - 1),
    (arguments.compression_level, "Z LEVEL 0", 0),
    (arguments.compression_level, "Z LEVEL 9", 9),
    (arguments.compression_level, "z level 6", 6),
    (arguments.compression_level, "Z ENGINE ZLIB LEVEL 3", 3),
    (arguments.compression_level, "Z LEVEL 3 ENGINE zlib", 3),
    (arguments.compression_level, "Z", DEFAULT_LEVEL),
    (arguments.compression_level, "Z ENGINE ZLIB", DEFAULT_LEVEL),
    (arguments.protection, "C", ProtectionLevel.CLEAR),
    (arguments.protection, "p", ProtectionLevel.PRIVATE),
    (arguments.buffer_size, "0", 0),
    (arguments.buffer_size, "4294967295", 2**32 - 1),
    (arguments.mechanism, "TLS", Mechanism.TLS),
    (arguments.mechanism, "tls-c", Mechanism.TLS_C),
    (arguments.mechanism, "Ssl", Mechanism.SSL),
    (arguments.mechanism, "TLS-P", Mechanism.TLS_P),
    (arguments.option, "UTF8 ON", Option("UTF8", "ON")),
    (arguments.option, "mlst Type;Size;", Option("MLST", "Type;Size;")),
    (arguments.option, "MLST", Option("MLST", "")),
    (arguments.option, "UTF-8  x ", Option("UTF-8", " x ")),
    (arguments.host_port, "192,0,2,1,25,46", DataAddress(4, "192.0.2.1", 6446)),
    (arguments.host_port, "255,255,255,255,255,255", DataAddress(4, "255.255.255.255", 65535)),
    (arguments.host_port, "010,0,0,1,0,21", DataAddress(4, "10.0.0.1", 21)),
    (arguments.extended_host_port, "|1|132.235.1.2|6275|", DataAddress(4, "132.235.1.2", 6275)),
    (
        arguments.extended_host_port,
        "|2|1080::8:800:200C:417A|5282|",
        DataAddress(6, "1080::8:800:200c:417a", 5282),
    ),
    (arguments.extended_host_port, "!1!192.0.2.1!1!", DataAddress(4, "192.0.2.1", 1)),
    (arguments.extended_host_port, "~2~::1~65535~", DataAddress(6, "::1", 65535)),
    # A digit is a delimiter, too (RFC 2428 §2: 33 to 126).
    (arguments.extended_host_port, "919127.0.0.19219", DataAddress(4, "127.0.0.1", 21)),
    (arguments.extended_host_port, "|2|::ffff:192.0.2.1|99|", DataAddress(4, "192.0.2.1", 99)),
    (arguments.extended_passive, "", ExtendedPassive.ANY),
    (arguments.extended_passive, " ", ExtendedPassive.ANY),
    (arguments.extended_passive, "1", ExtendedPassive.IPV4),
    (arguments.extended_passive, "2", ExtendedPassive.IPV6),
    (arguments.extended_passive, "ALL", ExtendedPassive.ALL),
    (arguments.extended_passive, "all", ExtendedPassive.ALL),
]


@pytest.mark.parametrize(("parser", "text", "value"), ACCEPTED)
def test_accepted(parser, text, value):
    assert parser(text) == value


REFUSED = [
    (arguments.nothing, "x", 501),
    (arguments.required, "", 501),
    (arguments.path, "", 501),
    (arguments.path, "a\0b", 553),
    (arguments.path, "a\rb", 553),
    (arguments.path, "a\nb", 553),
    (arguments.optional_path, "\0", 553),
    (arguments.marker, "", 501),
    (arguments.marker, "-1", 501),
    (arguments.marker, "+1", 501),
    (arguments.marker, "1 ", 501),
    (arguments.marker, "1.0", 501),
    (arguments.marker, "0x10", 501),
    (arguments.marker, "1_000", 501),
    (arguments.marker, "١٢", 501),
    (arguments.marker, "²", 501),
    (arguments.marker, "9223372036854775808", 501),
    (arguments.marker, "9" * 8000, 501),
    (arguments.allocation, "", 501),
    (arguments.allocation, "x", 501),
    (arguments.allocation, "1 2", 501),
    (arguments.allocation, "1 R", 501),
    (arguments.allocation, "1 R x", 501),
    (arguments.allocation, "1 Q 2", 501),
    (arguments.allocation, "1 R 2 3", 501),
    (arguments.representation, "", 501),
    (arguments.representation, "X", 501),
    (arguments.representation, "AN", 501),
    (arguments.representation, "I N", 501),
    (arguments.representation, "L", 501),
    (arguments.representation, "L x", 501),
    (arguments.representation, "A X", 501),
    (arguments.representation, "A C", 504),
    (arguments.representation, "E", 504),
    (arguments.representation, "E N", 504),
    (arguments.representation, "L 16", 504),
    (arguments.representation, "L 36", 504),
    (arguments.structure, "", 501),
    (arguments.structure, "X", 501),
    (arguments.structure, "R", 504),
    (arguments.structure, "P", 504),
    (arguments.transfer_mode, "", 501),
    (arguments.transfer_mode, "X", 501),
    (arguments.transfer_mode, "B", 504),
    (arguments.transfer_mode, "C", 504),
    (arguments.seconds, "-1", 501),
    (arguments.seconds, "1.5", 501),
    (arguments.seconds, "4294967296", 501),
    (arguments.compression_level, "", 501),
    (arguments.compression_level, " ", 501),
    (arguments.compression_level, "S", 501),
    (arguments.compression_level, "LEVEL 6", 501),
    (arguments.compression_level, "Z 6", 501),
    (arguments.compression_level, "Z LEVEL", 501),
    (arguments.compression_level, "Z LEVEL 10", 501),
    (arguments.compression_level, "Z LEVEL -1", 501),
    (arguments.compression_level, "Z LEVEL \u0663", 501),
    (arguments.compression_level, "Z LEVEL 6 7", 501),
    (arguments.compression_level, "Z ENGINE BZIP2", 501),
    (arguments.compression_level, "Z BLOCKSIZE 1", 501),
    (arguments.compression_level, "ZLEVEL 6", 501),
    (arguments.protection, "", 501),
    (arguments.protection, "S", 536),
    (arguments.protection, "e", 536),
    (arguments.protection, "X", 504),
    (arguments.protection, "PP", 504),
    (arguments.buffer_size, "", 501),
    (arguments.buffer_size, "x", 501),
    (arguments.buffer_size, "-1", 501),
    (arguments.buffer_size, "4294967296", 501),
    (arguments.mechanism, "", 501),
    (arguments.mechanism, "GSSAPI", 504),
    (arguments.mechanism, "TLS_C", 504),
    (arguments.option, "", 501),
    (arguments.option, " UTF8", 501),
    (arguments.option, "Ü", 501),
    (arguments.host_port, "", 501),
    (arguments.host_port, "192,0,2,1,25", 501),
    (arguments.host_port, "192,0,2,1,25,46,1", 501),
    (arguments.host_port, "192,0,2,256,25,46", 501),
    (arguments.host_port, "192,0,2,-1,25,46", 501),
    (arguments.host_port, "192,0,2,,25,46", 501),
    (arguments.host_port, "192, 0,2,1,25,46", 501),
    (arguments.host_port, "192.0.2.1,25,46", 501),
    (arguments.host_port, "192,0,2,1,0,0", 501),
    (arguments.host_port, "192,0,2,1,25,٤", 501),
    (arguments.extended_host_port, "", 501),
    (arguments.extended_host_port, "||||", 501),
    (arguments.extended_host_port, "|||6446|", 501),
    (arguments.extended_host_port, "|1|192.0.2.1|99", 501),
    (arguments.extended_host_port, "|1|192.0.2.1|99||", 501),
    (arguments.extended_host_port, "1|192.0.2.1|99|", 501),
    (arguments.extended_host_port, "|1|192.0.2.1|0|", 501),
    (arguments.extended_host_port, "|1|192.0.2.1|65536|", 501),
    (arguments.extended_host_port, "|1|192.0.2.1|+9|", 501),
    (arguments.extended_host_port, "|1|::1|99|", 501),
    (arguments.extended_host_port, "|2|192.0.2.1|99|", 501),
    (arguments.extended_host_port, "|1|localhost|99|", 501),
    (arguments.extended_host_port, "|1|192.0.2.01|99|", 501),
    (arguments.extended_host_port, "|2|fe80::1%eth0|99|", 501),
    (arguments.extended_host_port, "|x|192.0.2.1|99|", 501),
    (arguments.extended_host_port, "\x7f1\x7f192.0.2.1\x7f99\x7f", 501),
    (arguments.extended_host_port, "é1é192.0.2.1é99é", 501),
    (arguments.extended_host_port, "|3|192.0.2.1|99|", 522),
    (arguments.extended_host_port, "|0|anything|99|", 522),
    (arguments.extended_passive, "x", 501),
    (arguments.extended_passive, "1 2", 501),
    (arguments.extended_passive, "3", 522),
    (arguments.extended_passive, "99999", 522),
]


@pytest.mark.parametrize(("parser", "text", "code"), REFUSED)
def test_refused(parser, text, code):
    with pytest.raises(ArgumentError) as caught:
        parser(text)
    assert caught.value.code == code
    assert caught.value.text
    assert caught.value.text.isascii()


@pytest.mark.parametrize(
    ("parser", "text"),
    [(arguments.extended_host_port, "|3|192.0.2.1|99|"), (arguments.extended_passive, "3")],
)
def test_522_names_the_protocols_for_programs(parser, text):
    with pytest.raises(ArgumentError) as caught:
        parser(text)
    words, _, protocols = caught.value.text.partition("(")
    assert protocols == "1,2)"
    assert words.endswith(" ")


def test_which_mechanisms_imply_data_protection():
    assert {m for m in Mechanism if m.protects_data} == {Mechanism.SSL, Mechanism.TLS_P}


@pytest.mark.parametrize(
    ("text", "flags", "path"),
    [
        ("", "", ""),
        ("dir", "", "dir"),
        ("-a", "a", ""),
        ("-al", "al", ""),
        ("-a -l", "al", ""),
        ("-la dir", "la", "dir"),
        ("-la dir name ", "la", "dir name "),
        ("-CF", "CF", ""),  # ncftpls
        ("-1 x", "1", "x"),
        ("-la  x", "la", " x"),
        ("dir -l", "", "dir -l"),
        ("-", "", "-"),
        ("-a.txt", "", "-a.txt"),
        ("-a.txt -l", "", "-a.txt -l"),
        ("--", "", ""),
        ("-- -x", "", "-x"),
        ("-- --", "", "--"),
        ("-l -- -x", "l", "-x"),
        ("-l -- ", "l", ""),
        ("--x", "", "--x"),
        ("-ä", "", "-ä"),
        (" -l", "", " -l"),
    ],
)
def test_listing_requests(text, flags, path):
    assert arguments.listing_request(text) == ListingRequest(frozenset(flags), path)


@given(st.text().filter(lambda name: not set(name) & {"\0", "\r", "\n"}))
def test_every_name_can_be_listed(name):
    assert arguments.listing_request(f"-- {name}") == ListingRequest(frozenset(), name)


@given(st.integers(0, 2**63 - 1))
def test_every_offset_can_be_restarted_at(offset):
    assert arguments.marker(str(offset)) == offset


@given(st.ip_addresses(v=6), st.integers(1, 65535), st.sampled_from("|!,/~#"))
def test_every_ipv6_address_can_be_told(address, port, d):
    parsed = arguments.extended_host_port(f"{d}2{d}{address}{d}{port}{d}")
    mapped = address.ipv4_mapped
    assert parsed == DataAddress(4 if mapped else 6, str(mapped or address), port)


HOSTILE = st.one_of(
    st.text(),
    st.text("|12ALLR:.%-, \0\r\n9", max_size=40),
    st.text("0123456789,", max_size=40),
    st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")),
)


@pytest.mark.parametrize("parser", PARSERS)
@given(text=HOSTILE)
def test_a_parser_raises_nothing_but_its_error(parser, text):
    with contextlib.suppress(ArgumentError):
        parser(text)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("text", ["<script>", "|<script>|", "|3|<script>|1|", "<script>\r\n"])
def test_a_refusal_repeats_nothing(parser, text):
    try:
        parser(text)
    except ArgumentError as error:
        refusal = error.text
    else:
        refusal = ""
    assert "script" not in refusal


def test_every_parser_is_tested():
    public = {
        function
        for name, function in inspect.getmembers(arguments, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == arguments.__name__
    }
    assert public == set(PARSERS)
