"""Everything that is true of the guard is true where another process has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ftptls.testing.dialogue import MemoryServer
from tests.processes.wires import AcrossDoor
from tests.server import (
    test_bans,
    test_guard,
    test_login,
    test_places,
    test_s08_logins,
    test_s11_limits,
)

# Their checkers answer those alone who were asked at once: who has his turn later is not.
AT_ONCE = {
    "test_so_many_logins_of_a_name_are_checked_at_the_same_time",
    "test_a_flood_of_logins_leaves_a_transfer_and_other_logins_alone",
}

for each in (test_bans, test_guard, test_login, test_places, test_s08_logins, test_s11_limits):
    globals().update(
        {
            name: it
            for name, it in vars(each).items()
            if not name.startswith("_") and name not in AT_ONCE
        }
    )


@pytest.fixture
def serve(serve: Callable[..., MemoryServer]) -> Callable[..., MemoryServer]:
    def make(*args, **options) -> MemoryServer:
        server = serve(*args, **options)
        server.factory.door = AcrossDoor(server.reactor, server.factory.door)
        return server

    return make
