"""STOU: a file under a name of its own, which both replies tell (RFC 1123 §4.1.2.9)."""

from __future__ import annotations

import re

import pytest

from ftptls.testing.dialogue import Client

pytestmark = pytest.mark.both_paths

CONTENT = {"/in/": b"", "/f": b"0123"}


def store(client: Client, line: str, data: bytes) -> str:
    """STOU; returns the name that the server tells in both replies."""
    port = client.open()
    said = client.ask(line, 150).text
    wire = port.wire
    if client.private:
        client.protect(wire)
    wire.send(data)
    wire.stop()
    assert client.expect(226).text.startswith(f"{said} (")
    assert said.startswith("FILE: /")
    return said.removeprefix("FILE: ")


def test_each_file_has_a_name_of_its_own(enter, mode):
    client = enter(CONTENT, mode=mode)
    names = [store(client, "STOU", str(number).encode()) for number in range(5)]
    assert len(set(names)) == 5
    for number, name in enumerate(names):
        assert client.download(f"RETR {name}") == str(number).encode()


def test_in_the_working_directory(enter):
    client = enter(CONTENT)
    client.ask("CWD in", 250)
    assert re.fullmatch(r"/in/ftp\.[0-9a-f]{8}", store(client, "STOU", b"x"))


def test_a_name_to_begin_with(enter):
    client = enter(CONTENT)
    assert re.fullmatch(r"/in/scan\.pdf\.[0-9a-f]{8}", store(client, "STOU in/scan.pdf", b"x"))
    assert re.fullmatch(r"/f\.[0-9a-f]{8}", store(client, "STOU f", b"x"))
    assert client.server.filesystem.contents()["/f"] == b"0123"
    assert re.fullmatch(r"/ftp\.[0-9a-f]{8}", store(client, "STOU /", b"x"))


def test_what_cannot_be(enter):
    client = enter(CONTENT)
    client.open()
    client.ask("STOU nowhere/x", 550)
    assert set(client.server.filesystem.contents()) == {"/f"}


def test_it_begins_at_the_beginning(enter):
    """REST is for files that are there."""
    client = enter(CONTENT)
    client.ask("REST 5", 350)
    name = store(client, "STOU", b"whole")
    assert client.server.filesystem.contents()[name] == b"whole"


def test_a_broken_upload_leaves_nothing(enter):
    client = enter(CONTENT)
    port = client.open()
    client.ask("STOU", 150)
    client.protect(port.wire)
    port.wire.send(b"half")
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert set(client.server.filesystem.contents()) == {"/f"}
