"""What a file says as a whole: every sample, PARAMETRES, and the rules across lines."""

import datetime as dt
import hashlib
import io
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from services.siecle_import.files.reading import Reading, read
from services.siecle_import.identifiers import is_last_year
from shared.identifiers import Uai
from tests.unit.siecle_import.files import (
    BEA,
    INE,
    NOON,
    OTHER_SCHOOL,
    PARAMETERS,
    SAMPLES,
    SCHOOL,
    TODAY,
    codes,
    document,
    eleve,
    latin9,
    reading_of,
    reading_of_one,
    structures,
)

_Answer = tuple[str, str, tuple[int, int, int], list[str]]
_PUPILS: _Answer = ("accepted", "eleves", (3, 3, 0), [])
_LINE = ("accepted", "eleves", (1, 0, 0))
_NOT_REACHED = (0, 0, 0)

# The answers of INDEX.md: verdict, kind, (read, active, left), codes of the findings.
EXPECTED: dict[str, _Answer] = {
    "valides/01_trois_eleves_latin9.xml": _PUPILS,
    "valides/02_meme_contenu_utf8.xml": _PUPILS,
    "valides/03_utf8_avec_bom.xml": _PUPILS,
    "valides/05_structures_avant_eleves.xml": _PUPILS,
    "valides/07_cas_particuliers_8_eleves.xml": (
        "accepted",
        "eleves",
        (8, 6, 2),
        ["ine_missing", "ine_missing", "division_missing", "division_missing"],
    ),
    "valides/08_apprenti_etranger_nom_usage.xml": _PUPILS,
    "valides/09_ElevesAvecAdresses.xml": ("accepted", "eleves", (1, 1, 0), []),
    "valides/10_Nomenclature.xml": ("refused", "nomenclature", _NOT_REACHED, ["wrong_export"]),
    "valides/11_Structures.xml": ("refused", "structures", _NOT_REACHED, ["wrong_export"]),
    "valides/12_ResponsablesAvecAdresses.xml": (
        "refused",
        "responsables",
        _NOT_REACHED,
        ["wrong_export"],
    ),
    "valides/13_sts_emp.xml": ("refused", "sts", _NOT_REACHED, ["wrong_export"]),
    "valides/14_balises_vides.xml": ("accepted", "eleves", (1, 1, 0), []),
    "invalides/01_uai_autre_etablissement.xml": (
        "refused",
        "eleves",
        (3, 3, 0),
        ["other_school"],
    ),
    "invalides/02_uai_cle_fausse.xml": ("refused", "eleves", (3, 3, 0), ["uai_invalid"]),
    "invalides/03_sans_parametres.xml": (
        "refused",
        "eleves",
        (3, 3, 0),
        ["uai_missing", "school_year_missing"],
    ),
    "invalides/04_annee_precedente.xml": (
        "confirmation",
        "eleves",
        (3, 3, 0),
        ["other_school_year"],
    ),
    "invalides/06_aucun_eleve.xml": ("refused", "eleves", (0, 0, 0), ["no_pupil"]),
    "invalides/07_tous_sortis.xml": ("refused", "eleves", (3, 0, 3), ["no_active_pupil"]),
    "invalides/08_ine_en_double_actifs.xml": ("refused", "eleves", (2, 2, 0), ["ine_twice"]),
    "invalides/10_eleve_id_en_double.xml": ("refused", "eleves", (2, 2, 0), ["eleve_id_twice"]),
    "invalides/11_ine_trop_court.xml": (*_LINE, ["ine_shape"]),
    "invalides/12_ine_trop_long.xml": (*_LINE, ["ine_shape"]),
    "invalides/13_ine_cle_fausse.xml": ("accepted", "eleves", (1, 1, 0), ["ine_key"]),
    "invalides/20_sans_sexe.xml": ("accepted", "eleves", (1, 1, 0), ["sex_missing"]),
    "invalides/21_sexe_inconnu.xml": ("accepted", "eleves", (1, 1, 0), ["sex_unknown"]),
    "invalides/22_sans_date_naissance.xml": (*_LINE, ["birth_date_missing"]),
    "invalides/23_date_naissance_iso.xml": (*_LINE, ["birth_date_unreadable"]),
    "invalides/24_date_naissance_impossible.xml": (*_LINE, ["birth_date_unreadable"]),
    "invalides/25_date_naissance_future.xml": (*_LINE, ["birth_date_future"]),
    "invalides/29_nom_vide.xml": (*_LINE, ["family_name_missing"]),
    "invalides/30_prenom_vide.xml": (*_LINE, ["first_name_missing"]),
    "invalides/32_deux_divisions.xml": (
        "accepted",
        "eleves",
        (1, 1, 0),
        ["divisions_several"],
    ),
    "invalides/40_mal_forme_balise_non_fermee.xml": (
        "refused",
        "eleves",
        _NOT_REACHED,
        ["xml_malformed"],
    ),
    "invalides/42_vide.xml": ("refused", "unknown", _NOT_REACHED, ["empty_file"]),
    "invalides/44_declare_latin9_octets_utf8.xml": (
        "accepted",
        "eleves",
        (3, 3, 0),
        ["encoding_mismatch"],
    ),
    "invalides/50_racine_responsables.xml": (
        "refused",
        "responsables",
        _NOT_REACHED,
        ["wrong_export"],
    ),
    "invalides/51_racine_nomenclature.xml": (
        "refused",
        "nomenclature",
        _NOT_REACHED,
        ["wrong_export"],
    ),
    "invalides/60_xxe_fichier.xml": ("refused", "unknown", _NOT_REACHED, ["doctype"]),
    "transfert/A_import1.xml": _PUPILS,
    "transfert/A_import2_absent.xml": ("accepted", "eleves", (2, 2, 0), []),
    "transfert/A_import2_sorti.xml": ("accepted", "eleves", (3, 2, 1), []),
    "transfert/A_import3_retour.xml": _PUPILS,
    "transfert/B_import1.xml": ("accepted", "eleves", (2, 2, 0), []),
    "transfert/B_import2_arrive.xml": _PUPILS,
    "transfert/B_import2_meme_INE_autre_naissance.xml": _PUPILS,
    "transfert/B_import2_meme_INE_autre_nom.xml": _PUPILS,
    "zip/01_nominal_ExportXML_ElevesSansAdresses.zip": _PUPILS,
    "zip/02_avec_macosx.zip": _PUPILS,
    "zip/03_dans_un_dossier.zip": _PUPILS,
    "zip/05_deux_xml.zip": ("refused", "eleves", _NOT_REACHED, ["zip_several_pupil_files"]),
    "zip/06_aucun_xml.zip": ("refused", "unknown", _NOT_REACHED, ["zip_no_pupil_file"]),
    "zip/07_archive_vide.zip": ("refused", "unknown", _NOT_REACHED, ["zip_no_pupil_file"]),
    "zip/08_zip_slip.zip": ("refused", "unknown", _NOT_REACHED, ["zip_path_outside"]),
    "zip/10_tronque.zip": ("refused", "unknown", _NOT_REACHED, ["zip_corrupt"]),
    "zip/14_bombe_64Mo.zip": ("refused", "unknown", _NOT_REACHED, ["zip_ratio"]),
}


def test_every_sample_has_its_expected_answer() -> None:
    files = {str(p.relative_to(SAMPLES)) for p in SAMPLES.glob("*/*")}
    assert files == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gets_the_answer_of_the_index(name: str) -> None:
    school = OTHER_SCHOOL if "/B_" in name else SCHOOL
    with (SAMPLES / name).open("rb") as source:
        reading = read(source, today=TODAY, received_at=NOON, uai=school)
    counts = (reading.read, reading.active, reading.left)
    assert (reading.verdict, reading.kind, counts, codes(reading)) == EXPECTED[name]


def _sample(name: str) -> Reading:
    return reading_of((SAMPLES / name).read_bytes())


def test_the_same_pupils_are_read_whatever_the_encoding_the_order_and_the_wrapping() -> None:
    def pupils(name: str) -> list[tuple[str | None, str, str, str | None]]:
        found = _sample(name).pupils
        return [(p.eleve_id, p.family_name, p.first_name, p.division) for p in found]

    expected = [
        ("700001", "ABRIVARD", "Maëlys", "2MELEC"),
        ("700002", "BÉCŒUR", "Noé", "2MELEC"),
        ("700003", "CHÂTELAIN", "Cœlia", "2MELEC"),
    ]
    same = [name for name, answer in EXPECTED.items() if answer == _PUPILS and name[0] in "vz"]
    same.remove("valides/08_apprenti_etranger_nom_usage.xml")
    for name in (*same, "invalides/44_declare_latin9_octets_utf8.xml"):
        assert pupils(name) == expected, name


def test_the_eight_particular_cases_are_told_apart() -> None:
    pupils = {p.family_name: p for p in _sample("valides/07_cas_particuliers_8_eleves.xml").pupils}
    martel = pupils["MARTEL"]
    assert (martel.absence, martel.exit_reason) == ("exit", "10")
    assert martel.exit_date == dt.date(2025, 11, 12)
    assert pupils["NOËL"].planned_departure == dt.date(2099, 6, 30)
    assert pupils["INACTIF"].absence == "inactive_division"
    assert pupils["ANCIENINE"].bea == BEA
    assert pupils["ANCIENINE"].rnie is None
    assert pupils["MARTEL"].previous_uai == "9990002Y"
    assert [name for name, p in pupils.items() if p.division is None] == ["SANSCLASSE", "QUEGROUPE"]


def test_the_file_says_its_school_year_moment_and_digest() -> None:
    content = latin9(document(eleve()))
    reading = reading_of(content)
    assert (reading.uai, reading.school_year) == ("9990001X", 2025)
    paris = ZoneInfo("Europe/Paris")
    assert reading.horodatage == dt.datetime(2025, 9, 15, 18, 2, 31, tzinfo=paris)
    assert reading.sha256 == hashlib.sha256(content).hexdigest()


def test_a_reading_survives_json() -> None:
    adapter = TypeAdapter(Reading)
    reading = reading_of_one(eleve(), eleve("2", ID_NATIONAL="?"), eleve("3", ID_NATIONAL=None))
    assert adapter.validate_json(adapter.dump_json(reading)) == reading


def _with_parameters(**tags: str | None) -> str:
    given: dict[str, str | None] = {"UAJ": "9990001X", "ANNEE_SCOLAIRE": "2025"}
    inner = "".join(f"<{t}>{v}</{t}>" for t, v in (given | tags).items() if v is not None)
    return document(eleve(), parameters=inner)


def test_the_school_is_compared_as_text_after_trim_and_upper() -> None:
    assert codes(reading_of(_with_parameters(UAJ=" 9990001x\n"))) == []


def test_without_an_expected_school_the_code_must_only_be_right() -> None:
    assert codes(reading_of(_with_parameters(UAJ="9990002Y"), uai=None)) == []
    assert codes(reading_of(_with_parameters(UAJ="9990002A"), uai=None)) == ["uai_invalid"]
    assert codes(reading_of(_with_parameters(UAJ="lycée"), uai=None)) == ["uai_invalid"]
    assert codes(reading_of(_with_parameters(UAJ=" "), uai=None)) == ["uai_missing"]


def test_a_missing_or_unreadable_school_year_refuses_the_file() -> None:
    assert codes(reading_of(_with_parameters(ANNEE_SCOLAIRE=None))) == ["school_year_missing"]
    for text in ("2025-2026", "25", "²025", "deux mille"):
        found = codes(reading_of(_with_parameters(ANNEE_SCOLAIRE=text)))
        assert found == ["school_year_unreadable"], text


@pytest.mark.parametrize(
    ("day", "verdict"),
    [
        (dt.date(2025, 7, 31), "confirmation"),
        (dt.date(2025, 8, 1), "accepted"),
        (dt.date(2026, 8, 31), "accepted"),
        (dt.date(2026, 9, 1), "confirmation"),
    ],
)
def test_a_file_of_another_year_needs_a_confirmation_and_august_has_two(
    day: dt.date, verdict: str
) -> None:
    reading = reading_of(_with_parameters(), today=day)
    assert reading.verdict == verdict
    if verdict == "confirmation":
        assert "2025-2026" in reading.findings[0].message


@pytest.mark.parametrize(
    "text",
    ["hier", "15/09/2025", "31/02/2025 10:00:00", "15/09/2025 25:00:00", "01/01/0001 00:00:00"],
)
def test_an_unreadable_moment_is_replaced_by_the_reception_with_a_warning(text: str) -> None:
    reading = reading_of(_with_parameters(HORODATAGE=text))
    assert reading.horodatage == NOON
    assert codes(reading) == ["timestamp_unusable"]


def test_a_moment_later_than_the_reception_is_replaced_by_it() -> None:
    reading = reading_of(_with_parameters(HORODATAGE="20/01/2026 13:00:01"))
    assert (reading.horodatage, codes(reading)) == (NOON, ["timestamp_unusable"])
    assert codes(reading_of(_with_parameters(HORODATAGE="20/01/2026 13:00:00"))) == []


def test_an_absent_moment_is_that_of_the_reception() -> None:
    reading = reading_of(_with_parameters())
    assert (reading.horodatage, codes(reading)) == (NOON, [])


def test_the_moment_is_in_the_time_zone_of_the_school() -> None:
    reading = reading_of(
        _with_parameters(UAJ="9740001A", HORODATAGE="15/09/2025 18:00:00"), uai=Uai("9740001A")
    )
    assert reading.horodatage.isoformat() == "2025-09-15T18:00:00+04:00"


def test_all_findings_of_a_file_come_back_together_the_gravest_first() -> None:
    reading = reading_of(
        document(
            eleve(CODE_SEXE=None)
            + eleve("2", ID_NATIONAL=None, DATE_NAISS=None)
            + eleve("2", ID_NATIONAL=INE[1]),
            parameters="<UAJ>9990002Y</UAJ><ANNEE_SCOLAIRE>2019</ANNEE_SCOLAIRE>",
        )
    )
    assert reading.verdict == "refused"
    assert codes(reading) == [
        "other_school",
        "eleve_id_twice",
        "other_school_year",
        "birth_date_missing",
        "sex_missing",
        "ine_missing",
    ]


def test_what_was_reached_before_a_fatal_error_is_told_and_nothing_is_counted() -> None:
    reading = reading_of(document(eleve(), parameters=PARAMETERS)[:-60])
    assert (reading.uai, reading.school_year) == ("9990001X", 2025)
    assert (reading.read, reading.pupils, reading.in_error) == (0, (), ())
    assert codes(reading) == ["xml_truncated"]


def test_an_ine_on_two_active_pupils_refuses_the_file_and_names_both() -> None:
    reading = reading_of_one(
        eleve(NOM_DE_FAMILLE="UN"), eleve("2", NOM_DE_FAMILLE="DEUX", INE_RNIE=INE[0])
    )
    assert codes(reading) == ["ine_twice"]
    finding = reading.findings[0]
    assert "UN Éloi" in finding.message
    assert "DEUX Éloi" in finding.message
    assert (finding.pupil, finding.value) == ("1", INE[0])


def test_two_pupils_who_share_two_aliases_are_named_once() -> None:
    reading = reading_of_one(eleve(INE_BEA=BEA), eleve("2", INE_BEA=BEA))
    assert codes(reading) == ["ine_twice"]


def test_the_active_line_wins_over_a_line_that_left_with_the_same_ine() -> None:
    reading = reading_of_one(eleve(DATE_SORTIE="01/10/2025"), eleve("2"))
    assert (reading.verdict, codes(reading)) == ("accepted", ["ine_left_and_active"])
    assert (reading.read, reading.active, reading.left) == (2, 1, 1)
    assert [p.eleve_id for p in reading.pupils] == ["2"]


def test_two_lines_that_left_may_have_the_same_ine() -> None:
    gone = eleve(DATE_SORTIE="01/10/2025"), eleve("2", DATE_SORTIE="02/10/2025")
    reading = reading_of_one(*gone, eleve("3", ID_NATIONAL=INE[1]))
    assert (codes(reading), len(reading.pupils)) == ([], 3)


def test_a_line_in_error_with_the_ine_of_an_active_pupil_is_a_warning() -> None:
    reading = reading_of_one(eleve(), eleve("2", DATE_NAISS=None))
    assert (reading.verdict, reading.active) == ("accepted", 1)
    assert codes(reading) == ["birth_date_missing", "ine_also_in_error"]


def test_an_eleve_id_twice_refuses_the_file_even_on_a_line_in_error() -> None:
    reading = reading_of_one(eleve(), eleve("1", ID_NATIONAL=INE[1], DATE_NAISS=None))
    assert codes(reading) == ["eleve_id_twice", "birth_date_missing"]


def test_a_line_in_error_counts_as_present_for_the_refusal_of_an_empty_school() -> None:
    reading = reading_of_one(eleve(DATE_SORTIE="01/10/2025"), eleve("2", ID_NATIONAL="X"))
    assert (reading.verdict, reading.active, reading.left) == ("accepted", 0, 1)
    assert len(reading.in_error) == 1


def test_a_pupil_in_error_can_be_found_again_by_all_that_is_readable() -> None:
    (line,) = reading_of_one(eleve(INE_RNIE=" 990 007 919hh", INE_BEA=BEA, PRENOM="")).in_error
    assert (line.eleve_id, line.rnie, line.bea, line.ina) == ("1", INE[0], BEA, None)
    assert (line.family_name, line.first_name) == ("MARTEL", None)
    assert line.birth_date == dt.date(2009, 3, 14)


def test_classes_of_unknown_pupils_are_read_past() -> None:
    classes = structures("99", "TMELEC") + structures("1", "3 A")
    reading = reading_of_one(eleve(), classes=classes)
    assert reading.pupils[0].division == "3 A"


def test_the_last_year_of_a_course_is_told_by_the_mef_of_the_line() -> None:
    last, first = reading_of_one(
        eleve(CODE_MEF=" 24723333331 "), eleve("2", ID_NATIONAL=INE[1])
    ).pupils
    assert is_last_year(last.mef or "")
    assert not is_last_year(first.mef or "")


def test_a_source_is_read_from_its_beginning_and_left_open() -> None:
    source = io.BytesIO(latin9(document(eleve())))
    source.read(10)
    assert read(source, today=TODAY, received_at=NOON).read == 1
    assert not source.closed
