"""Who may come in, and how often one may try: against guessing and floods of connections."""

from __future__ import annotations

from ftptls.guard.asked import AnyAttempt, AnyDoor, AnyVisit, Entrance, Refusal, Waiter
from ftptls.guard.attempts import Attempt
from ftptls.guard.banfile import Ban, Kind, lift, list_bans
from ftptls.guard.door import Door, Visit

__all__ = [
    "AnyAttempt",
    "AnyDoor",
    "AnyVisit",
    "Attempt",
    "Ban",
    "Door",
    "Entrance",
    "Kind",
    "Refusal",
    "Visit",
    "Waiter",
    "lift",
    "list_bans",
]
