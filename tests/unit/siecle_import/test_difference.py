"""What an import changes in the base of a school (docs/siecle.md): only real differences."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from services.siecle_import.domain.difference import Difference, File, Ignored, difference
from services.siecle_import.domain.imports import (
    InForce,
    Needed,
    NotConfirmedError,
    check_confirmed,
    confirmations,
)
from services.siecle_import.domain.pupils import Change, Pupil
from services.siecle_import.files.findings import finding
from services.siecle_import.files.rows import LineInError, PupilLine
from shared.identifiers import Uai

A = Uai("9990001X")
NOW = dt.datetime(2026, 1, 20, 9, tzinfo=dt.UTC)
SEPTEMBER = dt.datetime(2025, 9, 15, 16, tzinfo=dt.UTC)
JANUARY = dt.datetime(2026, 1, 12, 7, 30, tzinfo=dt.UTC)


def line(number: int = 1, **values: Any) -> PupilLine:
    """A present pupil; equal numbers are the same person."""
    usual: dict[str, Any] = {
        "line": number,
        "eleve_id": str(700000 + number),
        "family_name": f"NOM{number}",
        "usage_name": None,
        "first_name": "Zoé",
        "birth_date": dt.date(2009, 3, 14),
        "sex": "F",
        "rnie": f"{990000000 + number}AA",
        "bea": None,
        "ina": None,
        "status": "ST",
        "mef": "24723332031",
        "division": "2MELEC",
        "previous_uai": None,
        "entry_date": None,
        "exit_date": None,
        "exit_reason": None,
        "absence": None,
    }
    return PupilLine(**usual | values)


def compare(
    base: Sequence[Pupil],
    lines: Sequence[PupilLine],
    in_error: Sequence[LineInError] = (),
    *,
    source: Literal["siecle", "csv"] = "siecle",
    spare: Sequence[Pupil] = (),
) -> Difference:
    file = File(A, source, JANUARY, lines, in_error)
    return difference(base, file, now=NOW, spare=[pupil.id for pupil in spare])


def base_of(*lines: PupilLine) -> list[Pupil]:
    """The base after a first import of these lines, in September."""
    made = difference([], File(A, "siecle", SEPTEMBER, lines), now=SEPTEMBER)
    return made.of(Change.CREATED)


def left(number: int = 1) -> PupilLine:
    return line(number, exit_date=dt.date(2026, 1, 10), exit_reason="10", absence="exit")


def test_a_first_import_creates_the_pupils_who_are_present() -> None:
    change = compare([], [line(1), left(2)])
    [created] = change.of(Change.CREATED)
    assert len(change.changes) == 1, "a pupil first seen as left is counted, not stored"
    assert (created.active, created.stay, created.version) == (True, 1, 1)
    assert created.activated == JANUARY


def test_the_same_file_again_changes_nothing() -> None:
    assert compare(base_of(line(1), line(2)), [line(1), line(2)]).changes == []


def test_a_pupil_absent_from_the_file_is_deactivated() -> None:
    [gone] = compare(base_of(line(1), line(2)), [line(1)]).of(Change.DEACTIVATED)
    assert (gone.family_name, gone.active, gone.reason) == ("NOM2", False, "absent")
    assert (gone.version, gone.stay, gone.activated) == (2, 1, SEPTEMBER)


@pytest.mark.parametrize(
    ("gone", "reason"), [(left(), "sorti"), (line(absence="inactive_division"), "inactifs")]
)
def test_a_pupil_marked_as_left_is_deactivated_with_the_reason(
    gone: PupilLine, reason: str
) -> None:
    [pupil] = compare(base_of(line(1), line(2)), [gone, line(2)]).of(Change.DEACTIVATED)
    assert pupil.reason == reason
    assert pupil.exit_date == gone.exit_date


def test_a_pupil_who_comes_back_is_reactivated_in_a_new_stay() -> None:
    [gone] = compare(base_of(line(1)), []).of(Change.DEACTIVATED)
    [back] = compare([gone], [line(1)]).of(Change.REACTIVATED)
    assert (back.id, back.stay, back.version) == (gone.id, 2, 3)
    assert (back.active, back.reason, back.activated) == (True, None, JANUARY)


def test_a_pupil_who_stays_left_is_not_deactivated_again() -> None:
    gone = compare(base_of(line(1)), [left()]).of(Change.DEACTIVATED)
    assert compare(gone, [left()]).changes == []
    assert compare(gone, []).changes == []


def test_a_changed_field_is_an_update() -> None:
    [after] = compare(base_of(line(1)), [line(1, division="1MELEC")]).of(Change.UPDATED)
    assert (after.division, after.version, after.stay) == ("1MELEC", 2, 1)


def test_an_ine_shape_that_is_absent_keeps_its_value_and_a_new_one_replaces_the_old() -> None:
    base = base_of(line(1, bea="9913000001B"))
    [after] = compare(base, [line(1, rnie="990000138AB", bea=None)]).of(Change.UPDATED)
    assert (after.rnie, after.bea) == ("990000138AB", "9913000001B")


def test_a_pupil_is_known_by_ine_under_another_number_and_by_name_under_no_ine() -> None:
    base = base_of(line(1), line(2, rnie=None))
    change = compare(base, [line(1, eleve_id="800001"), line(2, rnie=None, eleve_id="800002")])
    assert len(change.of(Change.UPDATED)) == len(change.changes) == 2
    assert {p.id for p in change.of(Change.UPDATED)} == {p.id for p in base}


def test_a_pupil_is_known_by_usage_name_without_accents() -> None:
    base = base_of(line(1, rnie=None, usage_name="DÉ-Cœur"))
    again = line(1, rnie=None, family_name="DE COEUR", usage_name=None, eleve_id="800001")
    assert [p.id for p in compare(base, [again]).of(Change.UPDATED)] == [base[0].id]


def test_the_number_comes_before_the_ine_over_the_whole_file() -> None:
    """Two pupils whose INE were exchanged in SIECLE keep their identity."""
    base = base_of(line(1), line(2))
    one, two = line(1, rnie=line(2).rnie), line(2, rnie=line(1).rnie)
    change = compare(base, [one, two])
    assert {p.id: p.eleve_id for p in change.of(Change.UPDATED)} == {p.id: p.eleve_id for p in base}


def test_a_number_used_again_for_someone_else_is_told_and_nobody_is_touched() -> None:
    base = base_of(line(1))
    other = line(2, eleve_id=line(1).eleve_id, birth_date=dt.date(2010, 1, 1))
    change = compare(base, [other])
    assert change.ignored == [(other, Ignored.REASSIGNED)]
    assert change.changes == []


def test_nobody_whom_a_number_used_again_may_mean_is_touched() -> None:
    """The number of the first, the INE and birth date of the second: both are in the file."""
    base = base_of(line(1), line(2, birth_date=dt.date(2010, 1, 1)))
    mixed = line(2, eleve_id=line(1).eleve_id, birth_date=dt.date(2010, 1, 1))
    change = compare(base, [mixed])
    assert (change.ignored, change.changes) == ([(mixed, Ignored.REASSIGNED)], [])
    assert compare(base, [mixed, line(2, birth_date=dt.date(2010, 1, 1))]).changes == []


def test_a_pupil_whose_line_is_in_error_is_neither_changed_nor_deactivated() -> None:
    base = base_of(line(1), line(2))
    broken = LineInError(1, line(1).eleve_id, None, None, None, None, None, None, None)
    assert compare(base, [line(2)], [broken]).changes == []


def test_a_learner_whose_ine_stands_in_a_line_in_error_too_is_frozen() -> None:
    base = base_of(line(1), line(2))
    broken = LineInError(9, "799999", None, None, None, None, line(1).rnie, None, None)
    assert compare(base, [line(1, division="AUTRE"), line(2)], [broken]).changes == []


def test_absence_does_not_touch_who_was_entered_by_hand_and_a_line_adopts_him() -> None:
    [pupil] = [p._replace(source="hand", eleve_id=None) for p in base_of(line(1))]
    assert compare([pupil], []).changes == []
    assert compare([pupil], [left()]).changes == []
    [adopted] = compare([pupil], [line(1)]).of(Change.UPDATED)
    assert (adopted.source, adopted.activated, adopted.stay) == ("siecle", JANUARY, 1)


def test_a_line_that_changes_nothing_says_why() -> None:
    [by_hand] = [p._replace(source="hand") for p in base_of(line(1))]
    change = compare([by_hand], [left(1), left(2)])
    assert change.ignored == [
        (left(1), Ignored.OUTSIDE_SIECLE),
        (left(2), Ignored.NEVER_HERE),
    ]


def test_whom_staff_leave_out_is_not_deactivated() -> None:
    base = base_of(line(1), line(2), line(3))
    change = compare(base, [left(1), line(3)], spare=base[:2])
    assert (change.changes, list(change.spared)) == ([], base[:2])


def test_a_csv_enters_learners_outside_siecle_and_deactivates_only_whom_it_names() -> None:
    outside = {"eleve_id": None, "previous_uai": None}
    first = compare([], [line(1, **outside), line(2, **outside)], source="csv")
    base = first.of(Change.CREATED)
    assert {p.source for p in base} == {"csv"}
    assert compare(base, [line(1, **outside)], source="csv").changes == []
    gone = left(1)
    [pupil] = compare(base, [gone._replace(eleve_id=None)], source="csv").of(Change.DEACTIVATED)
    assert pupil.family_name == "NOM1"


def test_a_csv_leaves_alone_whom_siecle_tells_of_and_takes_up_who_has_left_it() -> None:
    base = base_of(line(1), line(2))
    other = line(1, eleve_id=None, division="AUTRE")
    assert compare(base, [other], source="csv").ignored == [(other, Ignored.FROM_SIECLE)]
    [gone] = compare(base, [line(2)]).of(Change.DEACTIVATED)
    [back] = compare([gone], [other], source="csv").of(Change.REACTIVATED)
    assert (back.source, back.stay, back.eleve_id) == ("csv", 2, line(1).eleve_id)


def test_a_line_about_a_merged_learner_is_about_whom_he_goes_on_as() -> None:
    survivor, merged = base_of(line(1), line(2))
    base = [survivor, merged._replace(merged_into=survivor.id, active=False)]
    change = compare(base, [line(2)])
    [after] = change.of(Change.UPDATED)
    assert (after.id, after.family_name) == (survivor.id, "NOM2")
    both = compare(base, [line(1), line(2)])
    assert (both.changes, both.ignored) == ([], [(line(2), Ignored.DOUBLE)])


def merged_pair() -> tuple[Pupil, list[Pupil]]:
    """A base in which pupil 2 goes on as pupil 1."""
    survivor, merged = base_of(line(1), line(2))
    return survivor, [survivor, merged._replace(merged_into=survivor.id, active=False)]


def test_of_two_lines_of_a_merged_learner_the_one_that_says_present_counts() -> None:
    """The office has closed one of two cards in SIECLE and kept the other."""
    survivor, base = merged_pair()
    change = compare(base, [left(1), line(2)])
    assert change.of(Change.DEACTIVATED) == []
    assert [p.id for p in change.of(Change.UPDATED)] == [survivor.id]
    assert change.ignored == [(left(1), Ignored.DOUBLE)]


def test_the_number_of_a_merged_learner_used_again_for_someone_else_touches_nobody() -> None:
    _, base = merged_pair()
    other = line(9, eleve_id=line(2).eleve_id, birth_date=dt.date(2010, 1, 1))
    for lines in ([other], [line(1), other]):
        change = compare(base, lines)
        assert (change.changes, change.ignored) == ([], [(other, Ignored.REASSIGNED)])


def needed(
    base: Sequence[Pupil],
    lines: Sequence[PupilLine],
    horodatage: dt.datetime = JANUARY,
    school_year: int = 2025,
) -> dict[str, int | None]:
    asked = confirmations(
        base,
        compare(base, lines),
        [],
        InForce(horodatage, school_year, "siecle"),
        InForce(SEPTEMBER, 2025, "siecle"),
    )
    return {one.code: one.number for one in asked}


def test_a_plain_file_needs_no_confirmation() -> None:
    assert needed(base_of(line(1), line(2)), [line(1)]) == {}


def test_what_reading_asks_and_an_older_file_must_be_confirmed() -> None:
    this, change = InForce(JANUARY, 2024, "siecle"), compare([], [line()])
    said = [finding("other_school_year", value="2024-2025", other="2025-2026")]
    [asked] = confirmations([], change, said, this, None)
    assert (asked.code, asked.message) == ("other_school_year", said[0].message)
    assert needed([], [line()], SEPTEMBER - dt.timedelta(days=1)) == {"older_file": None}


def test_more_than_a_fifth_and_more_than_five_deactivations_are_typed_as_a_number() -> None:
    base = base_of(*(line(i) for i in range(20)))
    assert needed(base, [line(i) for i in range(5, 20)]) == {}
    assert needed(base, [line(i) for i in range(6, 20)]) == {"mass_deactivation": 6}
    many = base_of(*(line(i) for i in range(40)))
    assert needed(many, [line(i) for i in range(8, 40)]) == {}


def test_the_message_names_the_number_to_type_and_the_share() -> None:
    base = base_of(*(line(i) for i in range(20)))
    [asked] = confirmations(
        base, compare(base, [line(19)]), [], InForce(JANUARY, 2025, "siecle"), None
    )
    assert asked.message.startswith("19 élèves sur 20 seraient désactivés (95 %).")


def test_at_the_change_of_year_those_who_finish_their_course_do_not_count() -> None:
    last = "24723332331"
    assert last[8] == last[9]
    base = base_of(*(line(i, mef=last) for i in range(10)))
    assert needed(base, [line(99)], school_year=2026) == {}
    assert needed(base, [line(99)]) == {"mass_deactivation": 10}


def test_what_is_needed_must_be_given_with_the_right_number() -> None:
    asked = [Needed("older_file", None, ""), Needed("mass_deactivation", 143, "")]
    check_confirmed(asked, ["older_file", "mass_deactivation"], 143)
    for given, number in (
        (["older_file"], 143),
        (["mass_deactivation"], 143),
        (["older_file", "mass_deactivation"], 142),
        (["older_file", "mass_deactivation"], None),
    ):
        with pytest.raises(NotConfirmedError):
            check_confirmed(asked, given, number)
