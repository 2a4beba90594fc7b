"""How long a page waits for what it shows beside the thing that it is about: names, histories,
records of another service. What has not come by then is said to be away.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

BESIDE: Final = 5.0
"""Seconds that a page waits for all of it, from the first question on."""

AT_LEAST: Final = 1.0
"""Seconds for each question, also for one that is asked when the others have taken the time."""


@dataclass(slots=True)
class Patience:
    """The one deadline of a page."""

    _ends: float | None = None

    def until(self) -> float:
        """Until when to wait for a question that is asked now, on the clock of the loop."""
        now = asyncio.get_running_loop().time()
        if self._ends is None:
            self._ends = now + BESIDE
        return max(self._ends, now + AT_LEAST)
