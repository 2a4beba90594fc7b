"""What waits for a school, as the tabs show it on every page: asked once a minute, and never waited
for. A service that is away leaves the tabs without badges.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.gateway.clients.services import Calls, RefusedError, ServiceDownError

HOLDS: Final = 60.0
"""Seconds for which counts are shown; a form sent in the meantime has them asked anew."""

ASK_AGAIN: Final = 15.0
"""Seconds until a service that did not answer is asked again."""

PATIENCE: Final = 0.1
"""Seconds that a page waits; what comes later is on the next page."""

SCHOOLS: Final = 5_000
"""Schools whose counts are held at the same time."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Held:
    """The counts of a school, or None: nobody has told; and until when that holds."""

    counts: Counts | None
    until: float


class ToDo:
    """The counts by school. Whoever may see the transfers of a school sees the same ones."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def of(self, uai: str, calls: Calls, patience: float = PATIENCE) -> Counts | None:
        """What waits for this school; None if nobody has told (in time)."""
        held = self._held.get(uai)
        if held is None or held.until < time.monotonic():
            task = self._asked.get(uai)
            if task is None:
                task = self._asked[uai] = asyncio.create_task(self._ask(uai, calls))
            await asyncio.wait({task}, timeout=patience)
            held = self._held.get(uai)
        return None if held is None else held.counts

    def forget(self, uai: str | None) -> None:
        """Have the counts of this school asked anew: someone has done something there."""
        if uai is not None:
            self._held.pop(uai, None)
            self._asked.pop(uai, None)

    async def _ask(self, uai: str, calls: Calls) -> None:
        try:
            found = await calls.get("transfer", f"/schools/{uai}/to-do")
            counts, holds = {k: v for k, v in found.json.items() if k != "uai"}, HOLDS
        except (ServiceDownError, RefusedError):
            counts, holds = None, ASK_AGAIN
        if self._asked.get(uai) is not asyncio.current_task():
            return  # forgotten in the meantime: the next page asks
        del self._asked[uai]
        if len(self._held) >= SCHOOLS:
            self._held.clear()
        self._held[uai] = Held(counts, time.monotonic() + holds)
