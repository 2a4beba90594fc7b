"""Where the bars of a picture stand: drawn on the server, the same for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HEIGHT: Final = 120.0
STEP: Final = 48.0
WIDTH: Final = 32.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a column, in units of the picture; `kind` says which value it is."""

    kind: str
    x: float
    y: float
    width: float
    height: float


def stacked(columns: Sequence[Sequence[tuple[str, int]]]) -> list[Bar]:
    """Columns of values one upon the other, all of them by one measure; zeros are left out."""
    highest = max((sum(value for _, value in column) for column in columns), default=0)
    bars = []
    for place, column in enumerate(columns):
        top = HEIGHT
        for kind, value in column:
            if value:
                height = round(value * HEIGHT / highest, 2)
                top = round(top - height, 2)
                bars.append(Bar(kind, place * STEP + (STEP - WIDTH) / 2, top, WIDTH, height))
    return bars
