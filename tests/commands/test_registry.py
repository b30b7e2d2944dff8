"""The table: one record for each verb, and the gates before its handler."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ftptls.commands import Command, CommandTable, refused, standard_commands, unknown
from ftptls.errors import PermanentError
from ftptls.testing.filesystem import run_now
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.lines import CommandLine
from ftptls.wire.replies import Reply
from ftptls.wire.states import SEQUENCES

TABLE = standard_commands()


@pytest.mark.parametrize("command", TABLE.values(), ids=lambda c: c.verb)
def test_each_record_is_complete(command):
    assert command.verb == command.verb.upper()
    spoken = command.syntax.replace("<SP>", "").replace("[", " ").split()
    assert spoken[: len(command.verb.split())] == command.verb.split()
    assert command.verb.partition(" ")[0] in TABLE
    assert command.rfc.startswith(("RFC ", "draft-", "practice "))
    assert command.help.endswith(".")
    assert "\n" not in command.help + command.syntax
    assert not (command.opens_data and command.during_transfer)
    assert command.login or not command.occupies
    assert command.login or command.needs is None


def test_what_opens_a_data_connection():
    assert {c.verb for c in TABLE.values() if c.opens_data} >= {
        *("RETR", "STOR", "APPE", "LIST", "NLST", "MLSD")
    }


def test_what_is_answered_during_a_transfer():
    assert {c.verb for c in TABLE.values() if c.during_transfer} == {
        *("NOOP", "STAT", "ABOR", "QUIT")
    }


def test_secrets_are_marked():
    assert {"PASS", "ACCT", "SITE"} <= {c.verb for c in TABLE.values() if c.secret}


def test_sequences_are_of_known_verbs():
    for opener, sequence in SEQUENCES.items():
        assert opener in TABLE
        assert sequence.completed_by <= set(TABLE)


def test_tables_are_composed_in_the_open():
    mine = refused("NOOP", "RFC 959 §4.1.3", "NOOP", "Not today.")
    table = TABLE.replace(mine)
    assert table["NOOP"] is mine
    assert TABLE["NOOP"] is not mine
    assert len(table) == len(TABLE)
    assert "DELE" not in TABLE.without("DELE", "RMD")
    assert "DELE" in TABLE
    assert list(CommandTable([])) == []


def test_a_verb_of_two_words_is_found_by_both_of_them():
    def find(verb: str, argument: str) -> tuple[str, str]:
        command, rest = TABLE.find(CommandLine(verb, argument))
        return (command.verb if command else "", rest)

    assert find("OPTS", "MLST type;size;") == ("OPTS MLST", "type;size;")
    assert find("OPTS", "mlst") == ("OPTS MLST", "")
    assert find("OPTS", "NOPE on") == ("OPTS", "NOPE on")
    assert find("RETR", "MLST type") == ("RETR", "MLST type")
    assert find("XYZZY", "MLST") == ("", "MLST")
    assert {each.verb for each in TABLE.family("OPTS")} >= {"OPTS MLST", "OPTS UTF8"}
    assert not TABLE.without("OPTS").family("OPTS")


def context(**login) -> SimpleNamespace:
    return SimpleNamespace(
        session=SimpleNamespace(
            login=SimpleNamespace(filesystem=login.get("filesystem")),
            parameters=SimpleNamespace(rename_from="x", marker=1),
        ),
        commands=TABLE,
    )


def performed(command: Command, here: SimpleNamespace, text: str) -> Reply:
    begun = command.perform(here, text)
    return begun if isinstance(begun, Reply) else run_now(begun)


def test_a_line_is_read_as_its_record_and_argument():
    assert TABLE.read(b"NOOP") == (TABLE["NOOP"], "")
    assert TABLE.read(b"noop") == (TABLE["NOOP"], "")
    assert TABLE.read(b"STOR  two spaces ") == (TABLE["STOR"], " two spaces ")
    assert TABLE.read(b"stor \xe9") == TABLE.read(b"STOR \xe9") == (TABLE["STOR"], "\udce9")
    assert TABLE.read(b"OPTS mlst type;") == (TABLE["OPTS MLST"], "type;")
    assert TABLE.read(b"OPTS") == (TABLE["OPTS"], "")
    command, argument = TABLE.read(b"Xyzzy now")
    assert (command.verb, argument, command.refusal.code) == ("XYZZY", "now", 500)
    assert command.secret


@pytest.mark.parametrize("verb", [b"STOR", b"stor", b"SITE", b"XYZZY"])
@pytest.mark.parametrize("argument", [b"a\0b", b"a\rb"])
def test_no_line_is_read_with_nul_or_cr(verb, argument):
    with pytest.raises(ArgumentError) as caught:
        TABLE.read(verb + b" " + argument)
    assert caught.value.code == 501


@pytest.mark.parametrize("line", [b"", b" NOOP", b"NOOP\0", b"N\xd6OP"])
def test_what_begins_with_no_word_is_no_command(line):
    with pytest.raises(ArgumentError) as caught:
        TABLE.read(line)
    assert caught.value.code == 500


def test_an_unknown_verb():
    here = context()
    assert performed(unknown("XYZZY"), here, "").code == 500
    assert here.session.parameters.rename_from is None


def test_login_is_asked_for_before_the_argument_is_looked_at():
    with pytest.raises(PermanentError) as caught:
        performed(TABLE["TYPE"], context(), "nonsense")
    assert caught.value.reply.code == 530


def test_an_argument_error_of_a_handler_is_an_argument_error():
    def handler(_context, _argument) -> Reply:
        raise ArgumentError("Not so.")

    command = refused("TRY", "RFC 0", "TRY", "x")
    command = type(command)("TRY", "RFC 0", "TRY", "x", str, handler, login=False)
    with pytest.raises(ArgumentError, match="Not so"):
        performed(command, context(), "")


def test_handlers_may_be_coroutines_or_not():
    async def slow(_context, argument) -> Reply:
        return Reply(200, argument)

    kind = type(TABLE["NOOP"])
    for handler in (slow, lambda _context, argument: Reply(200, argument)):
        command = kind("TRY", "RFC 0", "TRY", "x", str, handler, login=False)
        assert performed(command, context(), "text").text == "text"


def test_an_opener_is_used_up_also_by_who_is_refused():
    here = context()
    with pytest.raises(PermanentError):
        performed(TABLE["RNTO"], here, "new")
    assert here.session.parameters.rename_from is None
    assert here.session.parameters.marker == 0
