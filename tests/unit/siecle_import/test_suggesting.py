"""Who may be the learner offered: how names and birth dates are compared."""

import datetime as dt

import pytest

from services.siecle_import.domain.pupils import Pupil, created
from services.siecle_import.domain.suggesting import SHOWN, Why, birth, suggestions
from shared.identifiers import Uai

NOW = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)
BORN = dt.date(2008, 3, 4)


def person(family: str, first: str, born: dt.date = BORN, usage: str | None = None) -> Pupil:
    unsaid = dict.fromkeys(
        ("eleve_id", "sex", "rnie", "bea", "ina", "status", "mef", "division", "previous_uai",
         "entry_date", "exit_date", "exit_reason")
    )  # fmt: skip
    said = {"family_name": family, "usage_name": usage, "first_name": first, "birth_date": born}
    told = {**unsaid, **said}
    return created(Uai("9990001X"), told, source="hand", activated=NOW, now=NOW).after


def why(offered: Pupil, other: Pupil) -> tuple[Why, ...] | None:
    found = suggestions(offered, [other])
    return tuple(found[0].why) if found else None


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ("2008-03-04", Why.SAME_BIRTH),
        ("2008-04-03", Why.SWAPPED_BIRTH),
        ("2009-03-04", Why.ONE_DIGIT),
        ("2008-03-14", Why.ONE_DIGIT),
        ("2008-03-15", Why.OTHER_BIRTH),
        ("2009-04-03", Why.OTHER_BIRTH),
    ],
)
def test_birth_dates_that_a_slip_of_the_hand_explains_are_near(born: str, expected: Why) -> None:
    assert birth(BORN, dt.date.fromisoformat(born)) is expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (person("BÉCŒUR", "Noé"), Why.SAME_NAMES),
        (person("Becoeur", "noe"), Why.SAME_NAMES),
        (person("LE GOFF", "Noé"), Why.SAME_NAMES),
        (person("Noé", "Bécœur"), Why.SWAPPED_NAMES),
        (person("BÉCEUR", "Noé"), Why.SIMILAR_NAMES),
        (person("BÉCŒUR", "Noé-Alexandre"), Why.SIMILAR_NAMES),
    ],
)
def test_names_are_compared_as_people_write_them(other: Pupil, expected: Why) -> None:
    offered = person("BÉCŒUR", "Noé", usage="Le Goff")
    assert why(offered, other) == (expected, Why.SAME_BIRTH)


def test_chance_is_no_suggestion() -> None:
    offered = person("BADIER", "Samuel")
    assert why(offered, person("MARTIN", "Lucie")) is None, "only the birth date"
    assert why(offered, person("BADIÉ", "Samuel", dt.date(1999, 11, 28))) == (
        Why.SIMILAR_NAMES,
        Why.OTHER_BIRTH,
    )
    assert why(offered, person("BADOUX", "Simon", dt.date(2007, 11, 28))) is None


def test_ten_at_the_most_are_shown_and_an_equal_ine_comes_first() -> None:
    offered = person("BADIER", "Samuel")
    many = [person("BADIER", "Samuel") for _ in range(SHOWN + 5)]
    assert len(suggestions(offered, many)) == SHOWN
    numbered = offered._replace(rnie="990000001AA")
    other = person("AUTRE", "Nom")._replace(rnie="990000001AA")
    [first, *_] = suggestions(numbered, [*many, other])
    assert (first.pupil.id, first.score, first.why[0]) == (other.id, 100, Why.SAME_INE)
