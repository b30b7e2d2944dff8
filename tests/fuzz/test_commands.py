"""S27: whatever is said, one final reply to each line, in order; or the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ftptls.testing.dialogue import PASSWORD, USER
from ftptls.testing.wires import Ending
from tests.fuzz.grammar import COMMANDS, dialogues, segments
from tests.fuzz.scale import fuzz
from tests.fuzz.serving import Kind, Served, kinds, served
from tests.fuzz.talking import Data, Talker, batches

PLAIN = [each.verb for each in COMMANDS.values() if " " not in each.verb]

data = st.builds(Data, st.binary(max_size=40), st.sampled_from(Ending))


def talker_of(place: Served, kind: Kind, how: tuple[bool, bool], sent: Data) -> Talker:
    """A client, as far as the example wants it: under TLS or not, logged in or not."""
    talker = Talker(place, sent)
    protected, logged_in = how
    if protected and not kind.implicit:
        talker.say(b"AUTH TLS\r\n")
        talker.say(b"PBSZ 0\r\n", b"PROT P\r\n")
    if logged_in:
        talker.say(f"USER {USER}\r\n".encode(), f"PASS {PASSWORD}\r\n".encode())
    return talker


how_far = st.sampled_from([(True, True), (True, True), (False, True), (True, False)])


@fuzz(0.35)
@given(kinds, how_far, data, dialogues(), segments)
def test_one_after_the_other(kind, how, sent, dialogue, sizes):
    with served(kind) as place:
        talker = talker_of(place, kind, how, sent)
        place.server.reactor.deliver_in(sizes)
        for line in dialogue:
            talker.say(line)
            if talker.over:
                break
        talker.leave()


@fuzz(0.25)
@given(kinds, how_far, data, dialogues(), segments)
def test_all_at_once(kind, how, sent, dialogue, sizes):
    """Between any two lines stands one whose reply cannot be mistaken for another's."""
    markers = [f"HELP {verb}\r\n".encode() for verb in PLAIN[: len(dialogue)]]
    with served(kind) as place:
        talker = talker_of(place, kind, how, sent)
        place.server.reactor.deliver_in(sizes)
        lines = [each for pair in zip(dialogue, markers, strict=True) for each in pair]
        for batch in batches(lines):
            finals = talker.say(*batch)
            for line, reply in zip(batch, finals, strict=False):
                if line in markers:
                    assert reply.text.startswith(f"Syntax: {COMMANDS[line[5:-2].decode()].syntax} ")
            if talker.over:
                break
        talker.leave()
