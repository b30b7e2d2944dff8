"""Workers of which a test can tell whether they were needed."""

from __future__ import annotations

import pytest

from tests.vfs.calls import CountingWorkers


@pytest.fixture
def workers() -> CountingWorkers:
    return CountingWorkers()
