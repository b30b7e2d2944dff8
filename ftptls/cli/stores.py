"""Which user store a command is for."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ftptls.cli.common import CommandError, refusing
from ftptls.config import ConfigError, load
from ftptls.errors import MissingExtraError
from ftptls.store.records import StoreError

if TYPE_CHECKING:
    from ftptls.store import Users

VARIABLE = "FTPTLS_STORE"
_AUTH = {"sqlite:": "sqlite:", "store:": ""}  # how an auth string begins, and then its URL


def add_names(parser: argparse.ArgumentParser) -> None:
    """Declare names of users, or of groups."""
    parser.add_argument("names", metavar="NAME", nargs="+", help="whom")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Declare what names a user store."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="where the users are: sqlite:/path/to/file or postgresql://user@host/database; "
        f"else {VARIABLE} in the environment counts",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the server's TOML file, whose first auth string of a user store counts",
    )


@contextlib.contextmanager
def opened(chosen: argparse.Namespace, *, create: bool = False) -> Iterator[Users]:
    """The user store; what cannot be done there becomes a :class:`CommandError`.

    Args:
        chosen: With what :func:`add_store` declared.
        create: Whether it is made if there is none.
    """
    url = store_url(chosen)
    with refusing(StoreError, MissingExtraError):
        from ftptls.store import Users

        with Users.open(url, create=create) as users:
            yield users


def store_url(chosen: argparse.Namespace) -> str:
    """Where the user store is.

    Raises:
        CommandError: Nobody says it.
    """
    if chosen.store:
        return str(chosen.store)
    if chosen.config:
        with refusing(ConfigError):
            auth = load(chosen.config).auth
        for each in auth:
            for start, scheme in _AUTH.items():
                if each.startswith(start):
                    return scheme + each.removeprefix(start)
        raise CommandError(f"no auth string in {chosen.config} names a user store.")
    if url := os.environ.get(VARIABLE):
        return url
    raise CommandError(
        f"name the user store with --store, with --config, or in the environment as {VARIABLE}."
    )
