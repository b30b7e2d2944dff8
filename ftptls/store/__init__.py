"""The user store: who may log in, in a database (extra ``store``).

SQLite is one file beside the server; PostgreSQL serves several servers. What is imported from
here is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ftptls.errors import MissingExtraError

if TYPE_CHECKING:
    from ftptls.store.checker import StoreChecker
    from ftptls.store.realm import StoreRealm
    from ftptls.store.records import (
        Certificate,
        Group,
        NameTakenError,
        StoreError,
        UnknownNameError,
        User,
    )
    from ftptls.store.users import Users

_HOMES = {
    "Certificate": "records",
    "Group": "records",
    "NameTakenError": "records",
    "StoreChecker": "checker",
    "StoreError": "records",
    "StoreRealm": "realm",
    "UnknownNameError": "records",
    "User": "records",
    "Users": "users",
}

__all__ = [
    "Certificate",
    "Group",
    "NameTakenError",
    "StoreChecker",
    "StoreError",
    "StoreRealm",
    "UnknownNameError",
    "User",
    "Users",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic"):
            raise
        raise MissingExtraError("store", "keep users in a database") from None
    return getattr(module, name)
