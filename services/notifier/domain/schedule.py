"""When the rounds through all schools are due: « À faire » on Mondays, digests each morning."""

import datetime as dt

from services.notifier.domain.text import PARIS

MORNING = 7
"""Hour from which a round may begin, by the clock of Paris."""

MONDAY = 0


def week_due(now: dt.datetime) -> str | None:
    """The week (ISO 8601) whose « À faire » is due: on its Monday from 7 h, else none.

    A Monday that is missed altogether is not made up: what waits is told on the next one.
    """
    there = now.astimezone(PARIS)
    if there.weekday() != MONDAY or there.hour < MORNING:
        return None
    year, week, _ = there.isocalendar()
    return f"{year}-W{week:02d}"


def day_due(now: dt.datetime) -> dt.date | None:
    """The day whose digest is due: every day from 7 h, over what has closed since the last one."""
    there = now.astimezone(PARIS)
    return there.date() if there.hour >= MORNING else None
