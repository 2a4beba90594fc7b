"""A transfer by hand as the form has it: the learners, the school, what was collected (guide,
situation 2; people.md, « Families »).
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.gateway.domain.transfers import COLLECTED

AT_ONCE: Final = 100
"""How many learners may be offered at once."""

MAJORITY: Final = 18
_FIELD = re.compile(r"offers\.(\d+)(?:\.(.+))?")
_PLACES: Final = {
    "authorisation.collected_from": "de_qui",
    "authorisation.collected_on": "date",
    "authorisation.paper": "reference",
    "destination": "uai",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What has been chosen so far; days are ISO 8601 or « JJ/MM/AAAA »."""

    pupils: Sequence[str]
    uai: str = ""
    collected_from: str = ""
    collected_on: str = ""
    paper: str = ""

    @property
    def day(self) -> dt.date | None:
        """The day of the authorisation; None if there is none, or none that can be read."""
        text = self.collected_on
        if found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
            text = f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return None

    def missing(self, today: dt.date) -> dict[str, str]:
        """What is wrong with the authorisation, by field, all at once."""
        wrong = {}
        if self.collected_from not in COLLECTED:
            wrong["de_qui"] = "indiquez qui a donné l’autorisation"
        if self.day is None:
            wrong["date"] = "indiquez le jour, par exemple 12/01/2026"
        elif self.day > today:
            wrong["date"] = "date impossible : au plus tard aujourd’hui"
        if not any(sign.isdigit() for sign in self.paper):
            wrong["reference"] = (
                "indiquez où se trouve le papier, avec un numéro et sans nom de personne, par "
                "exemple « classeur 3 »"
            )
        return wrong

    def offers(self) -> dict[str, Any]:
        """The body that `transfer` takes."""
        authorisation = {
            "collected_from": self.collected_from,
            "collected_on": self.day.isoformat() if self.day else "",
            "paper": self.paper,
        }
        wanted = [
            {"pupil_id": one, "destination": self.uai, "authorisation": authorisation}
            for one in self.pupils
        ]
        return {"offers": wanted}


def pupils_of(texts: Iterable[object]) -> list[str]:
    """The ids among the values of a form, each once, as many as may be offered at once."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[str(UUID(str(text)))] = None
        except ValueError:
            continue  # not an id: the form was tampered with
    return list(found)[:AT_ONCE]


def minors(learners: Iterable[Mapping[str, Any]], today: dt.date) -> list[Mapping[str, Any]]:
    """The learners who are not of age."""
    of_age = (today.year - MAJORITY, today.month, today.day)
    return [one for one in learners if _parts(dt.date.fromisoformat(one["birth_date"])) > of_age]


def _parts(day: dt.date) -> tuple[int, int, int]:
    """A day to compare with one that a calendar may lack (29 February, 18 years ago)."""
    return day.year, day.month, day.day


def refused(
    fields: Mapping[str, str], pupils: Sequence[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """What `transfer` has found wrong: by field of the form, and by learner."""
    wrong: dict[str, str] = {}
    people: list[tuple[str, str]] = []
    for name, message in fields.items():
        found = _FIELD.fullmatch(name)
        place = _PLACES.get(found[2] or "") if found else name
        if place is not None:
            wrong[place] = message
        elif found and int(found[1]) < len(pupils):
            people.append((pupils[int(found[1])], message))
    return wrong, people
