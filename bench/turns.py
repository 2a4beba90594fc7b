"""Several ways measured in turn, so that whatever else the machine does meets all of them."""

import statistics
from collections.abc import Awaitable, Callable, Sequence

ROUNDS = 3

Way = Callable[[], Awaitable[float]]
"""Does the work once; tells how much a second."""


async def in_turn(*ways: Way, rounds: int = ROUNDS) -> Sequence[float]:
    """The median of each way."""
    rates: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, measured in zip(ways, rates, strict=True):
            measured.append(await way())
    return [statistics.median(measured) for measured in rates]
