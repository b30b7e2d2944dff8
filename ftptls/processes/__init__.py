"""Several processes that serve as one: they share listeners, limits and bans."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService

from ftptls import service
from ftptls.settings import Settings


def make_service(settings: Settings, reactor: Any) -> IService:
    """The whole server, ready to start, in as many processes as the settings name.

    Args:
        settings: What to serve, to whom, where and how.
        reactor: What it runs on.

    Raises:
        ConfigError: The settings cannot be used.
    """
    if settings.processes.workers == 1:
        return service.make_service(settings, reactor)
    from ftptls.processes.supervisor import supervise  # for those who have several

    return supervise(settings, reactor)
