"""Turns: never too many at a time, and nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from ftptls.guard.turns import Turns


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(["take", "give back", "leave"]), st.sampled_from("ab"))),
)
def test_as_many_as_may_be_and_as_many_as_want(most, steps):
    turns = Turns(most)
    asked: dict[str, list[Deferred[None]]] = {"a": [], "b": []}
    for step, key in steps:
        here = asked[key]
        if step == "take":
            here.append(turns.take(key))
        elif step == "give back" and (there := [each for each in here if each.called]):
            here.remove(there[0])
            turns.give_back(key)
        elif step == "leave" and (waiting := [each for each in here if not each.called]):
            here.remove(waiting[0])
            waiting[0].addErrback(lambda failure: failure.trap(CancelledError))
            waiting[0].cancel()
        for each in asked.values():
            assert sum(place.called for place in each) == min(most, len(each))
        assert len(turns) == sum(map(bool, asked.values()))
    assert len(turns._waiting) == sum(len(each) > most for each in asked.values())


def test_others_who_come_again_and_again_keep_nobody_out():
    turns = Turns(1)
    for _ in range(50):
        turns.take("alice")
    waiting = turns.take("alice")
    for _ in range(100_000):
        if waiting.called:
            break
        turns.take("alice")
        turns.give_back("alice")
    assert waiting.called
