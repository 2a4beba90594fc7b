"""The identifiers and codes of a SIECLE file: right ones are told from wrong ones."""

from datetime import date

import pytest

from services.siecle_import.identifiers import (
    Ine,
    InvalidIne,
    SchoolYear,
    is_last_year,
    school_timezone,
)


@pytest.mark.parametrize(
    ("text", "shape", "key_is_right"),
    [
        ("990000000EC", "rnie", True),
        ("990000138AB", "rnie", True),
        ("990000139KH", "rnie", True),
        ("999999999GE", "rnie", True),
        ("990000000EB", "rnie", False),
        ("9913000001B", "bea", True),
        ("0199000001Z", "bea", True),
        ("0199000001A", "bea", False),
        ("9924A12345Z", "ina", None),
    ],
)
def test_an_ine_is_told_by_its_shape_and_its_key_is_only_reported(
    text: str, shape: str, key_is_right: bool | None
) -> None:
    ine = Ine.parse(text)
    assert (ine.text, ine.shape, ine.key_is_right) == (text, shape, key_is_right)


def test_spaces_and_case_of_an_ine_do_not_count() -> None:
    assert Ine.parse(" 990 000 000\u00a0ec ").text == "990000000EC"


@pytest.mark.parametrize("text", ["", "990007919H", "990007919HHA", "99000791９HH", "ABCDEFGHIJK"])
def test_an_ine_of_wrong_shape_is_refused(text: str) -> None:
    with pytest.raises(InvalidIne):
        Ine.parse(text)


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2025, 7, 31), 2024),
        (date(2025, 8, 1), 2025),
        (date(2025, 12, 31), 2025),
        (date(2026, 1, 20), 2025),
    ],
)
def test_a_school_year_begins_on_the_first_of_august(day: date, year: int) -> None:
    assert SchoolYear.for_day(day) == year


def test_in_august_the_old_and_the_new_year_are_both_current() -> None:
    old, new = SchoolYear(2025), SchoolYear(2026)
    assert old.contains(date(2026, 7, 31))
    assert not new.contains(date(2026, 7, 31))
    assert old.contains(date(2026, 8, 1))
    assert new.contains(date(2026, 8, 1))
    assert old.contains(date(2026, 8, 31))
    assert new.contains(date(2026, 8, 31))
    assert not old.contains(date(2026, 9, 1))
    assert new.contains(date(2026, 9, 1))


@pytest.mark.parametrize(
    ("uai", "zone"),
    [
        ("9990001X", "Europe/Paris"),
        ("0750654D", "Europe/Paris"),
        ("6200003J", "Europe/Paris"),
        ("9710001A", "America/Guadeloupe"),
        ("9740001A", "Indian/Reunion"),
        ("9750001A", "America/Miquelon"),
        ("9830001A", "Pacific/Noumea"),
        ("9840001A", "Pacific/Tahiti"),
        ("", "Europe/Paris"),
    ],
)
def test_a_school_lives_in_the_time_zone_of_its_departement(uai: str, zone: str) -> None:
    assert school_timezone(uai).key == zone


def test_the_last_year_of_a_course_is_told_by_its_mef() -> None:
    assert is_last_year("24723332033") is False
    assert is_last_year("24723333033") is False
    assert is_last_year("24723333331") is True
    assert is_last_year("2472333333") is False
    assert is_last_year("") is False
