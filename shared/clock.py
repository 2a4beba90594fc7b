"""The time of day, which demonstrations and tests may set to another day."""

import asyncio
import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the moment; `fixed_day` (`CPRO_TODAY`) replaces the date and keeps the time of day."""

    fixed_day: dt.date | None = None

    def now(self) -> dt.datetime:
        """The present moment, aware, in UTC."""
        moment = dt.datetime.now(PARIS)
        if self.fixed_day is not None:
            moment = dt.datetime.combine(self.fixed_day, moment.timetz())
        return moment.astimezone(dt.UTC)

    def today(self, timezone: ZoneInfo) -> dt.date:
        """The day it is in `timezone` (that of the school), or the fixed day."""
        return self.fixed_day or self.now().astimezone(timezone).date()


async def until(ended: asyncio.Event, work: "asyncio.Future[Any]") -> None:
    """Wait until `work` is done, or `ended` is set."""
    ending = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()


async def pause(ended: asyncio.Event, seconds: float) -> None:
    """Wait so long, or less if `ended` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ended.wait()
