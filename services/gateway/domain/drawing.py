"""Pictures of figures: where the bars stand, for the SVG of a template. A table with the same
figures stands behind each.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 640
HEIGHT: Final = 160
"""Of the field of columns, without its labels, in the units of the picture."""

WEEK: Final = dt.timedelta(days=7)
ROW: Final = 28
HALF: Final = 200
MIDDLE: Final = 320
"""A row of the flow: bars of at most `HALF` to both sides of the middle."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and the number that it stands for."""

    x: float
    y: float
    width: float
    height: float
    value: int


@dataclass(frozen=True, slots=True)
class Column:
    """What a week has sent and received."""

    label: str
    sent: Bar
    received: Bar


@dataclass(frozen=True, slots=True)
class Flow:
    """What was received from another school (to the left) and sent there (to the right)."""

    uai: str
    text_y: float
    received: Bar
    sent: Bar


def weeks(told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The weeks from the first to the last that has something, the empty ones between included."""
    if not told:
        return []
    known = {dt.date.fromisoformat(one["week"]): one for one in told}
    day, found = min(known), []
    while day <= max(known):
        one = known.get(day, {"sent": 0, "received": 0})
        found.append({"week": day, "sent": one["sent"], "received": one["received"]})
        day += WEEK
    return found


def columns(told: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Two bars a week, as high as their share of the highest."""
    top = max((max(one["sent"], one["received"]) for one in told), default=0) or 1
    step = min(WIDTH / max(len(told), 1), 48.0)
    return [
        Column(
            f"{one['week']:%d/%m}",
            _standing(at * step + step * 0.1, step * 0.38, one["sent"], top),
            _standing(at * step + step * 0.5, step * 0.38, one["received"], top),
        )
        for at, one in enumerate(told)
    ]


def _standing(x: float, width: float, value: int, top: int) -> Bar:
    height = round(HEIGHT * value / top, 1)
    return Bar(round(x, 1), round(HEIGHT - height, 1), round(width, 1), height, value)


def flows(told: Sequence[Mapping[str, Any]]) -> list[Flow]:
    """A row a school."""
    top = max((max(one["sent"], one["received"]) for one in told), default=0) or 1
    found = []
    for at, one in enumerate(told):
        left = round(HALF * one["received"] / top, 1)
        right = round(HALF * one["sent"] / top, 1)
        y = at * ROW + 4.0
        found.append(
            Flow(
                one["uai"], y + 14,
                Bar(MIDDLE - 45 - left, y, left, ROW - 8.0, one["received"]),
                Bar(MIDDLE + 45, y, right, ROW - 8.0, one["sent"]),
            )
        )  # fmt: skip
    return found
