"""Who is connected: counts, and what speaks against one more."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ftptls.guard.presence import Presence, Tally
from ftptls.settings import Guard


class Client:
    """Comes, logs in and out, and leaves, as a visit does."""

    def __init__(self, presence: Presence, network: str) -> None:
        self._presence = presence
        self._network = network
        self._waits = False
        presence.sessions.add(network)
        self.turn()

    def turn(self) -> None:
        """Nobody is logged in any more, or somebody is; the trusted are not counted."""
        if self._network:
            waiting = self._presence.waiting
            (waiting.remove if self._waits else waiting.add)(self._network, self)
            self._waits = not self._waits

    def leave(self) -> None:
        if self._waits:
            self.turn()
        self._presence.sessions.remove(self._network)

    def give_up(self) -> None:
        """Make way for another one."""


bounds = st.builds(
    Guard,
    waiting=st.integers(1, 6),
    waiting_per_address=st.integers(1, 4),
    sessions=st.integers(0, 6),
    sessions_per_address=st.integers(0, 4),
)
steps = st.lists(st.tuples(st.sampled_from(["come", "turn", "leave"]), st.integers(0, 9)))


@given(bounds, steps)
def test_where_few_are_connected_nothing_speaks_against_one_more(settings, steps):
    presence = Presence(settings)
    clients: list[Client] = []
    for step, number in steps:
        if step == "come":
            clients.append(Client(presence, ("", "a", "b")[number % 3]))
        elif clients and step == "turn":
            clients[number % len(clients)].turn()
        elif clients:
            clients.pop(number % len(clients)).leave()
        for network, trusted in (("", True), ("", False), ("a", False), ("b", False), ("c", False)):
            assert presence.objection(network, trusted) == presence._objection(network, trusted)
    for client in clients:
        client.leave()
    assert presence.sessions.total == presence.waiting.total == presence.waiting.most == 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"))))
def test_a_tally_counts_and_keeps_nobody_who_is_gone(steps):
    tally, counts = Tally(), Counter()
    for comes, key in steps:
        if comes:
            tally.add(key)
            counts[key] += 1
        elif counts[key]:
            tally.remove(key)
            counts[key] -= 1
        assert [tally[each] for each in "abc"] == [counts[each] for each in "abc"]
        assert tally.total == sum(counts.values())
        assert len(tally) == len(+counts)
