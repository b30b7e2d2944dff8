"""What the store says where its libraries are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ftptls import store
from tests.conftest import CHECKOUT

WITHOUT = """
import sys
sys.modules[{module!r}] = None
{statement}
"""


def run(module: str, statement: str) -> str:
    """The last line of what a program says without a module."""
    code = WITHOUT.format(module=module, statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("module", ["sqlalchemy", "alembic"])
def test_without_the_libraries(module):
    said = run(module, "from ftptls.store import Users")
    assert said.endswith(
        "MissingExtraError: To keep users in a database, install the extra: "
        "pip install 'ftptls[store]'"
    )


def test_without_the_driver():
    said = run("psycopg", "from ftptls.store import Users; Users.open('postgresql://a@b/c')")
    assert "To keep users in PostgreSQL" in said
    assert "ftptls[postgresql]" in said


def test_records_take_no_libraries():
    """The command line shows its help without them."""
    code = "import ftptls.store.records, sys; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, timeout=60)


def test_every_name_is_there():
    assert [
        name for name in store.__all__ if getattr(store, name).__name__ == name
    ] == store.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nobody'"):
        _ = store.Nobody
