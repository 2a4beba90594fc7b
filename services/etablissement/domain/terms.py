"""From when to when a right holds: days, as people say them, and moments, as they are compared."""

import datetime as dt
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


class EndsBeforeItBegins(ValueError):  # noqa: N818 - its message is for people
    """The last day is before the first, or is over."""


def term(
    first: dt.date | None, last: dt.date | None, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime | None]:
    """From the first day, or from now; to the end of the last day (excluded), or without end, as
    31/12/9999 is meant too.

    Raises:
        EndsBeforeItBegins: it would never hold.
    """
    today = now.astimezone(PARIS).date()
    begin = now if first is None or first <= today else _midnight(first)
    end = None if last in (None, dt.date.max) else _midnight(last + dt.timedelta(days=1))
    if end is not None and end <= begin:
        raise EndsBeforeItBegins("le dernier jour doit suivre le premier et ne pas être passé")
    return begin, end


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), PARIS).astimezone(dt.UTC)
