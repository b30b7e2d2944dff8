"""FTP over TLS for Twisted (RFC 4217).

What one embeds is named here and imported when it is first used, so that
``import ftptls`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftptls.cred import LocalRealm
    from ftptls.errors import FTPError, PermanentError, TransientError
    from ftptls.factory import FTPFactory
    from ftptls.interfaces import IFilesystem
    from ftptls.settings import Settings
    from ftptls.tls.contexts import CertificateError, ServerContext
    from ftptls.workers import Workers

__version__ = "0.1.0.dev0"

_HOMES = {
    "CertificateError": "ftptls.tls.contexts",
    "FTPError": "ftptls.errors",
    "FTPFactory": "ftptls.factory",
    "IFilesystem": "ftptls.interfaces",
    "LocalRealm": "ftptls.cred",
    "PermanentError": "ftptls.errors",
    "ServerContext": "ftptls.tls.contexts",
    "Settings": "ftptls.settings",
    "TransientError": "ftptls.errors",
    "Workers": "ftptls.workers",
}

__all__ = [
    "CertificateError",
    "FTPError",
    "FTPFactory",
    "IFilesystem",
    "LocalRealm",
    "PermanentError",
    "ServerContext",
    "Settings",
    "TransientError",
    "Workers",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
