"""Who is told of what happens, and who is asked whether an upload may be.

A hook provides :class:`~ftptls.interfaces.IHook`, and perhaps
:class:`~ftptls.interfaces.IUploadCheck`. Here are one that runs a program, and one that sends
events to a URL; between them and the sessions is :class:`Hooks`.
"""

from __future__ import annotations

from ftptls.hooks.asking import Hooks
from ftptls.hooks.events import Event
from ftptls.hooks.reporter import Reporter

__all__ = ["Event", "Hooks", "Reporter"]
