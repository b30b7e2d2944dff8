"""How much is fuzzed: a little in every test run, or ``FTPTLS_FUZZ`` examples (``make fuzz``)."""

from __future__ import annotations

import pytest

from tests.fuzz.scale import done
from tests.server.conftest import no_lost_errors

__all__ = ["no_lost_errors"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many examples were really run: ``python -m tests.fuzz`` counts on it."""
    if done.examples:
        terminalreporter.write_line(f"fuzzed with {done.examples} examples")
