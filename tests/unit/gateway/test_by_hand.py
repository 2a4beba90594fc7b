"""The form of a transfer by hand: never pre-ticked, all that is missing at once."""

import datetime as dt
from uuid import uuid4

import pytest

from services.gateway.domain import transfers
from services.gateway.domain.by_hand import AT_ONCE, Wish, minors, pupils_of, refused

TODAY = dt.date(2026, 1, 20)


def test_all_that_is_missing_of_an_authorisation_is_told_at_once() -> None:
    assert set(Wish(["x"]).missing(TODAY)) == {"de_qui", "date", "reference"}
    late = Wish(["x"], "9990013K", "both", "21/01/2026", "classeur 3")
    assert set(late.missing(TODAY)) == {"date"}
    assert Wish(["x"], "9990013K", "both", "20/01/2026", "classeur 3").missing(TODAY) == {}


@pytest.mark.parametrize("text", ["12/1/2026", "12/01/2026", "2026-01-12"])
def test_days_are_read_as_people_and_as_browsers_write_them(text: str) -> None:
    assert Wish([], collected_on=text).day == dt.date(2026, 1, 12)


def test_a_day_that_does_not_exist_is_none() -> None:
    assert Wish([], collected_on="31/02/2026").day is None


def test_learners_are_chosen_once_and_so_many_at_most() -> None:
    one = str(uuid4())
    assert pupils_of([one, one, "x", ""]) == [one]
    assert len(pupils_of(uuid4() for _ in range(AT_ONCE + 1))) == AT_ONCE


def test_who_is_a_minor_comes_of_age_on_the_birthday() -> None:
    born = [{"birth_date": day} for day in ("2008-01-20", "2008-01-21")]
    assert minors(born, TODAY) == born[1:]
    leap = [{"birth_date": day} for day in ("2010-02-28", "2010-03-01")]
    assert minors(leap, dt.date(2028, 2, 29)) == leap[1:]


def test_what_is_refused_stands_at_its_field_or_with_its_learner() -> None:
    fields = {
        "offers.0.authorisation.paper": "sans chiffre",
        "offers.1": "encore inscrit",
        "offers.0.destination": "UAI",
    }
    assert refused(fields, ["a", "b"]) == (
        {"reference": "sans chiffre", "uai": "UAI"},
        [("b", "encore inscrit")],
    )


def test_the_words_are_those_of_staff() -> None:
    assert transfers.records({"fiche": 2, "bilan": 1}) == "1 bilan, 2 fiches"
    assert (transfers.records(None), transfers.records({})) == ("", "aucune donnée")
    assert transfers.who_acts("origin", "origin") == "votre établissement"
    assert transfers.who_acts("origin", "destination") == "l’établissement d’origine"
    assert transfers.school_year("2025") == "2025-2026"
