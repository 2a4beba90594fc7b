"""Lets the day change under a running service: what `shared/clock.py` tells is moved by so many
days as a file says, which is read at each look. The machine's own clock stays (docs/faults.md).
"""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

from services.inspector_access import settling
from services.notifier import rounds
from shared.clock import Clock

SKEW = "FAULTS_SKEW"
"""Names the file: the days, nothing for none."""

LOOK_SECONDS = 0.5
"""Between two looks of the jobs at the day; half a minute would sleep through a jump."""


def looks(file: Path) -> int:
    """How often a service has looked at a clock that was moved."""
    seen = _seen(file)
    return seen.stat().st_size if seen.exists() else 0


def install(file: Path) -> None:
    """Have this process's clock follow the file."""
    now, today = Clock.now, Clock.today

    def moved() -> dt.timedelta:
        days = int(file.read_text() or 0) if file.exists() else 0
        if days:
            with _seen(file).open("ab") as output:
                output.write(b".")
        return dt.timedelta(days=days)

    def moved_now(self: Clock) -> dt.datetime:
        return now(self) + moved()

    def moved_today(self: Clock, timezone: ZoneInfo) -> dt.date:
        return today(self, timezone) + moved()

    setattr(Clock, "now", moved_now)  # noqa: B010 - mypy refuses to assign to a method
    setattr(Clock, "today", moved_today)  # noqa: B010
    settling.PAUSE_SECONDS = rounds.PAUSE_SECONDS = LOOK_SECONDS


def _seen(file: Path) -> Path:
    return file.with_suffix(".looks")
