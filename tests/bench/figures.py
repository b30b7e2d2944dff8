"""What samples come to: medians over rounds, spreads, and ratios within rounds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One server in one round; each figure is for one unit of the row, such as a GiB.

    Attributes:
        server: What the row is about: CPU of the server, or its memory; None where it runs
            elsewhere.
        client: CPU of the client; None where it plays no part.
        seconds: By the clock; None where it plays no part.
        resumed: Whether the server resumed a TLS session that was offered.
    """

    server: float | None
    client: float | None = None
    seconds: float | None = None
    resumed: bool = False

    @property
    def both(self) -> float | None:
        """CPU of server and client."""
        if self.server is None or self.client is None:
            return None
        return self.server + self.client

    def times(self, factor: float) -> Sample:
        """The same in another unit."""
        return Sample(
            None if self.server is None else self.server * factor,
            None if self.client is None else self.client * factor,
            None if self.seconds is None else self.seconds * factor,
            self.resumed,
        )


ASPECTS = ("server", "both", "seconds")


@dataclass(frozen=True)
class Figures:
    """Of one server in one row: medians over the rounds.

    Attributes:
        server: As in a sample.
        client: The same.
        both: The same.
        seconds: The same.
        spread: Largest less smallest ``server`` (or ``seconds``), over the median.
        samples: How many rounds there were.
        resumed: Whether TLS sessions were resumed in all of them.
    """

    server: float | None
    client: float | None
    both: float | None
    seconds: float | None
    spread: float
    samples: int
    resumed: bool


def figures(samples: Sequence[Sample]) -> Figures:
    """Of one server."""
    told = [each.seconds if each.server is None else each.server for each in samples]
    return Figures(
        server=middle(samples, "server"),
        client=middle(samples, "client"),
        both=middle(samples, "both"),
        seconds=middle(samples, "seconds"),
        spread=spread([each for each in told if each is not None]),
        samples=len(samples),
        resumed=all(each.resumed for each in samples),
    )


def middle(samples: Sequence[Sample], aspect: str) -> float | None:
    """The median of one figure; None where a sample has none."""
    values = [getattr(each, aspect) for each in samples]
    return None if None in values or not values else statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """Largest less smallest, over the median."""
    between = statistics.median(values) if values else 0
    return (max(values) - min(values)) / between if between else 0.0


def ratio(ours: Sequence[Sample], others: Sequence[Sample], aspect: str) -> float | None:
    """The median, over rounds, of ours by another's of the same round; None without any."""
    pairs: list[tuple[float | None, float | None]] = [
        (getattr(our, aspect), getattr(other, aspect))
        for our, other in zip(ours, others, strict=True)
    ]
    within = [our / other for our, other in pairs if our is not None and other]
    return statistics.median(within) if within and len(within) == len(pairs) else None


def best(samples: Mapping[str, Sequence[Sample]], aspect: str) -> str | None:
    """Whose median is lowest; None where nobody has any."""
    found = {name: middle(taken, aspect) for name, taken in samples.items()}
    known = {name: value for name, value in found.items() if value is not None}
    return min(known, key=known.__getitem__) if known else None
