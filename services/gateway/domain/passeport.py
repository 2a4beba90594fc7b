"""What a passeport professionnel is made of."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.gateway.domain.bodies import lines_of

AT_MOST: Final = 1_000_000
"""Characters of content that are printed: some 300 pages. What is beyond is named, not printed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose passeport it is."""

    name: str
    birth_date: dt.date
    division: str | None

    @classmethod
    def of(cls, pupil: Mapping[str, Any]) -> "Owner":
        """Of a learner, as the pupil base answers him."""
        return cls(
            name=f"{pupil['usage_name'] or pupil['family_name']} {pupil['first_name']}",
            birth_date=dt.date.fromisoformat(pupil["birth_date"]),
            division=pupil["division"],
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it is printed; `lines` is None where it is too long."""

    kind: str
    title: str
    diploma: str | None
    author: str
    written_on: dt.date
    uai: str
    lines: tuple[tuple[int, str], ...] | None


@dataclass(slots=True)
class Contents:
    """The records, taken page by page; no more than `AT_MOST` characters of them are held."""

    entries: list[Entry] = field(default_factory=list)
    held: int = 0

    def take(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take what a page of records has to print."""
        for record in records:
            lines = tuple(lines_of(record["body"]))
            length = sum(len(text) for _, text in lines)
            fits = self.held + length <= AT_MOST
            self.held += length if fits else 0
            self.entries.append(
                Entry(
                    record["kind"], record["title"], record["diploma"], record["author"],
                    dt.date.fromisoformat(record["written_on"]), record["origin_uai"],
                    lines if fits else None,
                )
            )  # fmt: skip

    @property
    def schools(self) -> frozenset[str]:
        """The schools that the records were written in."""
        return frozenset(entry.uai for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The school that makes the document: its card, logo and cachet (PNG), if it has them."""

    card: Mapping[str, Any]
    logo: bytes | None
    cachet: bytes | None
