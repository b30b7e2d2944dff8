"""Who may come in, and how often one may try: against guessing and floods of connections."""

from __future__ import annotations

from ftptls.guard.attempts import Attempt, Waiter
from ftptls.guard.banfile import Ban, Kind, lift, list_bans
from ftptls.guard.door import Door, Visit

__all__ = ["Attempt", "Ban", "Door", "Kind", "Visit", "Waiter", "lift", "list_bans"]
