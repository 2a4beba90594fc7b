"""What one line of a pupil file says, once read and judged: values only.

These are the types that the reading hands to the import; the rules that make them are in
`lines.py`, those across lines in `reading.py`.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from services.siecle_import.folding import fold

Sex = Literal["M", "F"]
Absence = Literal["exit", "inactive_division"]


class PupilLine(NamedTuple):
    """A pupil as a file describes him, without error.

    `rnie`, `bea` and `ina` are the INE aliases by shape, whatever the tag they stood in; None means
    that the file gives none of this shape, not that the pupil has none. `line` counts the lines of
    the XML from 1. `eleve_id` is None in a CSV. `absence` is None for those who are present.
    """

    line: int
    eleve_id: str | None
    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    sex: Sex | None
    rnie: str | None
    bea: str | None
    ina: str | None
    status: str | None
    mef: str | None
    division: str | None
    previous_uai: str | None
    entry_date: dt.date | None
    exit_date: dt.date | None
    exit_reason: str | None
    absence: Absence | None

    @property
    def present(self) -> bool:
        """Whether the pupil is at the school today."""
        return self.absence is None

    @property
    def planned_departure(self) -> dt.date | None:
        """The day a present pupil will leave; nothing happens on it, the next import tells."""
        return self.exit_date if self.present else None


@dataclass(frozen=True, slots=True)
class LineInError:
    """Whom a line in error is about, as far as it can be read.

    Such a pupil is neither changed nor deactivated: the import must find him in the base.
    """

    line: int
    eleve_id: str | None
    family_name: str | None
    usage_name: str | None
    first_name: str | None
    birth_date: dt.date | None
    rnie: str | None
    bea: str | None
    ina: str | None


class HasAliases(Protocol):
    """Anyone with the INE aliases of the three shapes."""

    @property
    def rnie(self) -> str | None: ...  # noqa: D102
    @property
    def bea(self) -> str | None: ...  # noqa: D102
    @property
    def ina(self) -> str | None: ...  # noqa: D102


def aliases(person: HasAliases) -> tuple[str, ...]:
    """The INE of a person, of every shape."""
    return tuple(ine for ine in (person.rnie, person.bea, person.ina) if ine)


class HasNames(Protocol):
    """Anyone with names and a birth date, as far as they are known."""

    @property
    def family_name(self) -> str | None: ...  # noqa: D102
    @property
    def usage_name(self) -> str | None: ...  # noqa: D102
    @property
    def first_name(self) -> str | None: ...  # noqa: D102
    @property
    def birth_date(self) -> dt.date | None: ...  # noqa: D102


def name_keys(person: HasNames) -> Iterator[tuple[str, str, dt.date]]:
    """What tells one person from another inside a school without INE: family or usage name, first
    name, birth date, folded.
    """
    if person.first_name and person.birth_date:
        for name in (person.family_name, person.usage_name):
            if name:
                yield fold(name), fold(person.first_name), person.birth_date
