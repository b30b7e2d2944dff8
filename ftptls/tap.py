"""``twistd ftptls``: flags, made from the settings, to a running service.

Everything that can be wrong is found while the flags are read, before ``twistd`` goes
into the background, and is a usage error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

from ftptls import config, processes, service
from ftptls.config import ConfigError, Option
from ftptls.interfaces import ICertificateAndPassword, IX509Credentials
from ftptls.settings import Settings
from ftptls.textlog import log_of_twistd


class Options(usage.Options, AuthOptionMixin):
    """The flags of ``twistd ftptls``: one for each setting that names one, and ``--config``.

    Attributes:
        service: What the flags and the file ask for; there once they are parsed.
    """

    synopsis = "[options]"
    longdesc = (
        "Serves a folder over FTP with TLS (RFC 4217). A flag overrides the same setting in "
        "the file that --config names. Without --explicit and --implicit the server listens "
        f"on {service.DEFAULT_ENDPOINT}, for explicit TLS."
    )
    supportedInterfaces = (
        IUsernamePassword,
        IAnonymous,
        IX509Credentials,
        ICertificateAndPassword,
    )
    service: IService

    def __init__(self) -> None:
        self.authOutput = sys.stdout
        self._file = ""
        self._given: dict[Option, Any] = {}
        usage.Options.__init__(self)

    def opt_config(self, path: str) -> None:
        """TOML file with any of the settings."""
        self._file = path

    def postOptions(self) -> None:
        """Build the service, so that what is wrong is said while there is a terminal.

        Raises:
            usage.UsageError: The settings cannot be used.
        """
        from twisted.internet import reactor

        try:
            settings = config.load(self._file) if self._file else Settings()
            self.service = processes.make_service(config.override(settings, self._given), reactor)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None

    def take(self, option: Option, text: str | None) -> None:
        """Note one occurrence of a flag; ``None`` is a switch that is on."""
        if text is None:
            self._given[option] = True
            return
        if option.repeats and option.about.path and not text:
            self._given[option] = ()  # none of those in the file, or before
            return
        try:
            value = config.from_flag(option, text)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None
        if option.repeats:
            value = (value,)
        value = config.anchored(option, value, Path.cwd())  # twistd changes it before it serves
        if option.repeats:
            value = (*self._given.get(option, ()), *value)
        self._given[option] = value


def _flag(option: Option) -> Callable[..., None]:
    """The method by which :class:`usage.Options` learns of a flag."""
    if option.type is bool:

        def take(self: Options) -> None:
            self.take(option, None)
    else:

        def take(self: Options, text: str) -> None:  # type: ignore[misc]
            self.take(option, text)

    take.__doc__ = option.about.help
    if option.type is not bool and option.default not in ("", ()):
        default = option.shown_default.strip('"')
        choices = option.accepts.replace('"', "") if issubclass(option.type, Enum) else ""
        take.__doc__ += f" [{choices and choices + '; '}default: {default}]"
    return take


for _option in config.options().values():
    if _option.about.flag:
        setattr(Options, f"opt_{_option.about.flag.replace('-', '_')}", _flag(_option))


class Application(MultiService):
    """The server as the application of ``twistd``, whose log it writes.

    Args:
        flags: What was asked for.
    """

    def __init__(self, flags: Options) -> None:
        MultiService.__init__(self)
        self._flags = flags
        flags.service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 - Twisted's name
        """Become the service of an application; its log is ours where ``twistd`` writes text."""
        if isinstance(parent, Componentized) and self._flags.parent is not None:
            from twisted.internet import reactor

            log = log_of_twistd(self._flags.parent, reactor)
            if log is not None:
                parent.setComponent(ILogObserver, log)
        MultiService.setServiceParent(self, parent)


def makeService(options: Options) -> IService:
    """What ``twistd`` asks for once the flags are parsed."""
    return Application(options)
