"""The rules of one line: what is an error, what is a warning, who is present."""

import datetime as dt

import pytest

from tests.unit.siecle_import.files import (
    BEA,
    INA,
    INE,
    TODAY,
    codes,
    document,
    eleve,
    reading_of,
    reading_of_one,
    structures,
)


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        ("birth_date_missing", {"DATE_NAISS": None}),
        ("birth_date_missing", {"DATE_NAISS": "  "}),
        ("birth_date_unreadable", {"DATE_NAISS": "1/2/2009"}),
        ("birth_date_unreadable", {"DATE_NAISS": "14-03-2009"}),
        ("birth_date_unreadable", {"DATE_NAISS": "14/03/09"}),
        ("birth_date_unreadable", {"DATE_NAISS": "00/00/0000"}),
        ("birth_date_unreadable", {"DATE_NAISS": "30/02/2009"}),
        ("birth_date_future", {"DATE_NAISS": "21/01/2026"}),
        ("family_name_missing", {"NOM_DE_FAMILLE": None}),
        ("family_name_missing", {"NOM_DE_FAMILLE": "\u00a0 \n"}),
        ("first_name_missing", {"PRENOM": ""}),
        ("ine_shape", {"ID_NATIONAL": "990007919H1"}),
        ("ine_shape", {"ID_NATIONAL": INE[0], "INE_BEA": "?"}),
        ("exit_date_unreadable", {"DATE_SORTIE": "bientôt"}),
        ("exit_before_entry", {"DATE_ENTREE": "01/09/2025", "DATE_SORTIE": "31/08/2025"}),
        ("value_too_long", {"PRENOM": "É" * 201}),
        ("value_too_long", {"CODE_MEF": "2" * 201}),
    ],
)
def test_a_line_in_error_is_left_as_it_is_and_the_rest_is_read(
    code: str, tags: dict[str, str | None]
) -> None:
    reading = reading_of_one(eleve(**tags), eleve("2", ID_NATIONAL=INE[1]))
    assert codes(reading) == [code]
    assert reading.verdict == "accepted"
    assert [p.eleve_id for p in reading.pupils] == ["2"]
    assert [p.eleve_id for p in reading.in_error] == ["1"]
    assert (reading.read, reading.active, reading.left) == (2, 1, 0)


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        ("ine_missing", {"ID_NATIONAL": None}),
        ("ine_missing", {"ID_NATIONAL": "", "INE_RNIE": " ", "INE_BEA": ""}),
        ("ine_key", {"ID_NATIONAL": "990007919AA"}),
        ("ine_key", {"ID_NATIONAL": "9913000001A"}),
        ("ine_conflict", {"ID_NATIONAL": INE[0], "INE_RNIE": INE[1]}),
        ("sex_missing", {"CODE_SEXE": None}),
        ("sex_missing", {"CODE_SEXE": ""}),
        ("sex_unknown", {"CODE_SEXE": "3"}),
        ("mef_missing", {"CODE_MEF": None}),
        ("name_question_mark", {"NOM_DE_FAMILLE": "KO?I?"}),
        ("name_question_mark", {"NOM_USAGE": "?"}),
        ("entry_date_unreadable", {"DATE_ENTREE": "2025-09-01"}),
    ],
)
def test_a_warning_leaves_the_pupil_active(code: str, tags: dict[str, str | None]) -> None:
    reading = reading_of_one(eleve(**tags))
    assert (codes(reading), reading.verdict, reading.active) == ([code], "accepted", 1)


def test_a_line_without_eleve_id_is_in_error_and_keeps_who_it_is_about() -> None:
    reading = reading_of_one(eleve(None), eleve("", ID_NATIONAL=INE[1]), eleve("3", INE_BEA=BEA))
    assert codes(reading) == ["eleve_id_missing", "eleve_id_missing", "ine_also_in_error"]
    assert [(p.eleve_id, p.rnie) for p in reading.in_error] == [(None, INE[0]), (None, INE[1])]


def test_the_aliases_are_kept_by_shape_whatever_their_tag() -> None:
    (pupil,) = reading_of_one(eleve(ID_NATIONAL=BEA, INE_BEA=INE[0], INE_RNIE=INA)).pupils
    assert (pupil.rnie, pupil.bea, pupil.ina) == (INE[0], BEA, INA)


def test_the_tag_named_after_the_shape_goes_before_id_national() -> None:
    (pupil,) = reading_of_one(eleve(ID_NATIONAL=INE[0], INE_RNIE=INE[1])).pupils
    assert pupil.rnie == INE[1]


def test_the_same_ine_in_two_tags_is_one_and_is_warned_of_once() -> None:
    reading = reading_of_one(eleve(ID_NATIONAL="990007919aa", INE_RNIE="990 007 919 AA"))
    assert codes(reading) == ["ine_key"]
    assert reading.pupils[0].rnie == "990007919AA"


def test_a_line_in_error_gets_its_warnings_too() -> None:
    reading = reading_of_one(eleve(PRENOM=None, CODE_SEXE=None), classes="")
    assert codes(reading) == ["first_name_missing", "sex_missing", "division_missing"]


@pytest.mark.parametrize(
    ("tags", "classes", "absence"),
    [
        ({"DATE_SORTIE": "20/01/2026"}, "", "exit"),
        ({"DATE_SORTIE": "19/01/2026"}, "", "exit"),
        (
            {"DATE_SORTIE": "10/01/2026", "CODE_MOTIF_SORTIE": "10"},
            structures("1", "Inactifs"),
            "exit",
        ),
        ({}, structures("1", " INACTIFS "), "inactive_division"),
        ({"DATE_SORTIE": "21/01/2026"}, structures("1", "Inactifs"), "inactive_division"),
    ],
)
def test_a_pupil_has_left_by_a_date_up_to_today_or_by_the_parking_division(
    tags: dict[str, str | None], classes: str, absence: str
) -> None:
    reading = reading_of_one(
        eleve(**tags), eleve("2", ID_NATIONAL=INE[1]), classes=classes + structures("2", "2MELEC")
    )
    (left,) = [p for p in reading.pupils if not p.present]
    assert (left.absence, left.planned_departure) == (absence, None)
    assert (reading.active, reading.left, codes(reading)) == (1, 1, [])


def test_a_pupil_without_class_group_or_course_is_present() -> None:
    classes = structures("1", "G1", kind="G") + structures("3", "G1", kind="X")
    reading = reading_of_one(
        eleve(),
        eleve("2", ID_NATIONAL=INE[1], CODE_MEF=None),
        eleve("3", ID_NATIONAL=INE[2]),
        classes=classes,
    )
    assert (reading.active, reading.without_division) == (3, 3)
    assert sorted(codes(reading)) == ["division_missing"] * 3 + ["mef_missing"]


def test_a_pupil_who_left_needs_no_class_and_no_course() -> None:
    gone = eleve(DATE_SORTIE="01/10/2025", CODE_MEF=None)
    reading = reading_of_one(gone, eleve("2", ID_NATIONAL=INE[1]), classes=structures("2", "A"))
    assert codes(reading) == []


def test_a_future_exit_is_a_planned_departure_and_a_future_entry_is_present() -> None:
    reading = reading_of_one(
        eleve(DATE_SORTIE="30/06/2026"), eleve("2", ID_NATIONAL=INE[1], DATE_ENTREE="01/03/2026")
    )
    assert (reading.active, reading.planned_departures) == (2, 1)
    assert reading.pupils[0].planned_departure == dt.date(2026, 6, 30)


def test_an_exit_on_the_day_of_entry_is_no_error() -> None:
    one_day = eleve(DATE_ENTREE="01/09/2025", DATE_SORTIE="01/09/2025")
    assert codes(reading_of_one(one_day, eleve("2", ID_NATIONAL=INE[1]))) == []


def test_the_group_may_come_before_the_division_and_codes_keep_their_inner_spaces() -> None:
    classes = structures("1", "3 A G1", kind="G") + structures("1", " 3  A ")
    reading = reading_of_one(eleve(), classes=classes)
    assert (reading.pupils[0].division, codes(reading)) == ("3  A", [])


def test_of_two_divisions_the_first_of_the_file_is_kept() -> None:
    reading = reading_of_one(eleve(), classes=structures("1", "B", "A", "C"))
    assert (reading.pupils[0].division, codes(reading)) == ("B", ["divisions_several"])
    assert codes(reading_of_one(eleve(), classes=structures("1", "B", "B"))) == []


def test_older_files_call_the_family_name_nom() -> None:
    (pupil,) = reading_of_one(eleve(NOM_DE_FAMILLE=None, NOM="ANCIEN")).pupils
    assert pupil.family_name == "ANCIEN"
    (pupil,) = reading_of_one(eleve(NOM="ANCIEN")).pupils
    assert pupil.family_name == "MARTEL"


def test_names_are_on_one_line_without_what_cannot_be_seen() -> None:
    text = document(eleve(NOM_DE_FAMILLE=" DE\n LA\u00a0  TOUR\u200b\u202e ", PRENOM="Ma\x9clys"))
    (pupil,) = reading_of(text.encode()).pupils
    assert (pupil.family_name, pupil.first_name) == ("DE LA TOUR", "Ma?lys")


def test_a_birth_today_is_no_future() -> None:
    assert codes(reading_of_one(eleve(DATE_NAISS=f"{TODAY:%d/%m/%Y}"))) == []


def test_last_years_school_is_kept_and_another_code_with_the_same_tag_is_not_confused() -> None:
    last_year = "<CODE_RNE> 9990002y </CODE_RNE><CODE_MEF>24723331031</CODE_MEF>"
    (pupil,) = reading_of_one(eleve(SCOLARITE_AN_DERNIER=last_year)).pupils
    assert (pupil.previous_uai, pupil.mef) == ("9990002Y", "24723332031")
    (pupil,) = reading_of_one(eleve(CODE_RNE="9990002Y", SCOLARITE_AN_DERNIER="rien")).pupils
    assert pupil.previous_uai is None


def test_status_sex_and_usage_name_are_read() -> None:
    (pupil,) = reading_of_one(
        eleve(CODE_STATUT="AP", CODE_SEXE="2", NOM_USAGE="O'NEIL &amp; FILS")
    ).pupils
    assert (pupil.status, pupil.sex, pupil.usage_name) == ("AP", "F", "O'NEIL & FILS")


def test_the_message_names_the_pupil_as_the_design_says() -> None:
    line = eleve(
        NOM_DE_FAMILLE="BÉCŒUR", PRENOM="Noé", ID_NATIONAL="990015838BF", DATE_NAISS="14/03"
    )
    (finding,) = reading_of_one(line).findings
    assert finding.message == (
        "BÉCŒUR Noé (INE 990015838BF) : date de naissance illisible (« 14/03 », attendu "
        "JJ/MM/AAAA). Corrigez la fiche dans SIECLE puis refaites l'export."
    )
    assert (finding.name, finding.ine, finding.value) == ("BÉCŒUR Noé", "990015838BF", "14/03")
