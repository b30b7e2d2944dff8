"""LANG: the language of replies (RFC 2640 §4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftptls.settings import Host, Settings

FRENCH = {
    "Type is I.": "Le type est I.",
    "The language is fr.": "La langue est fr.",
}


def french(reply):
    return replace(reply, text=FRENCH.get(reply.text, reply.text))


@pytest.fixture
def speak(serve):
    def make(settings=None, **options):
        return serve({"/f": b""}, settings, languages={"fr": french}, **options).connect()

    return make


def offered(client) -> str:
    (line,) = [line for line in client.ask("FEAT", 211).lines if "LANG" in line]
    return line


def test_english_is_there_and_the_default(greet):
    client = greet()
    assert offered(client) == " LANG EN*"
    assert client.ask("LANG fr", 504).text.endswith("use en.")
    client.ask("LANG", 200)


def test_another_one_is_chosen(speak):
    client = speak()
    client.secure()
    client.log_in()
    assert offered(client) == " LANG EN*;FR"
    assert client.ask("LANG fr-FR", 200).text == "La langue est fr."
    assert offered(client) == " LANG EN;FR*"
    assert client.ask("TYPE I", 200).text == "Le type est I."
    assert client.download("RETR f") == b""
    assert client.ask("LANG", 200).text == "The language is en."
    assert client.ask("TYPE I", 200).text == "Type is I."


def test_host_and_rein_go_back_to_the_default(speak):
    client = speak(Settings(hosts=(Host(names=("a.example",)),)))
    client.ask("LANG fr", 200)
    client.ask("HOST a.example", 220)
    assert offered(client) == " LANG EN*;FR"
    client.ask("LANG fr", 200)
    client.ask("REIN", 220)
    assert offered(client) == " LANG EN*;FR"


def test_replies_to_what_is_no_command_are_translated_too(serve):
    german = {"de": lambda reply: replace(reply, text="Nein.")}
    client = serve(languages=german).connect()
    client.ask("LANG de", 200)
    assert client.ask("123", 500).text == "Nein."
