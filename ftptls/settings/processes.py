"""How many processes serve."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.settings.about import setting


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes that share the listeners, for machines with several processors."""

    workers: int = setting(
        1,
        "Processes that serve. With 1, the one that is started does all by itself; with more, it "
        "starts so many others, and starts anew those that end. Limits and bans hold for all "
        "together, `limits.threads` for each.",
        flag="workers",
        minimum=1,
    )
