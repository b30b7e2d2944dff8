"""How many examples there are, and how many of them were run to their end."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings

SHORT = 500
EXAMPLES = int(os.environ.get("FTPTLS_FUZZ", SHORT))
# The short run is always the same one; the long one looks for what nobody has seen yet.
_EVERY_TIME_THE_SAME = "FTPTLS_FUZZ" not in os.environ


@dataclass
class Done:
    """What was done.

    Attributes:
        examples: Those that came to their end.
    """

    examples: int = 0


done = Done()


def fuzz(share: float, steps: int = 50) -> settings:
    """Settings of one test.

    Args:
        share: Its part of all examples.
        steps: Rules in a row, in a state machine.
    """
    return settings(
        max_examples=max(1, round(EXAMPLES * share)),
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        derandomize=_EVERY_TIME_THE_SAME,
        phases=[each for each in Phase if each is not Phase.explain],
        suppress_health_check=list(HealthCheck),
    )
