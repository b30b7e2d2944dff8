"""Who may come in, and how often one may try: against guessing and floods of connections."""

from __future__ import annotations

from ftptls.guard.banfile import Ban, Kind, lift, list_bans

__all__ = ["Ban", "Kind", "lift", "list_bans"]
