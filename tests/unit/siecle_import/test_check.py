"""The command `check`: what it prints and what it returns."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from services.siecle_import.check import check
from tests.unit.siecle_import.files import INE, SAMPLES, document, eleve, latin9

app = typer.Typer()
app.command()(check)

VALID = SAMPLES / "valides/07_cas_particuliers_8_eleves.xml"
REFUSED = SAMPLES / "invalides/01_uai_autre_etablissement.xml"
TODAY = ("--today", "2026-01-20")


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_json_is_one_object_a_file_and_a_line() -> None:
    done = _run(VALID, REFUSED, "--json", "--uai", "9990001X", *TODAY)
    first, second = map(json.loads, done.stdout.splitlines())
    assert list(first) == [
        "file",
        "verdict",
        "kind",
        "uai",
        "school_year",
        "read",
        "active",
        "left",
        "without_ine",
        "findings",
    ]
    assert (first["file"], first["verdict"], first["kind"]) == (str(VALID), "accepted", "eleves")
    assert (first["uai"], first["school_year"]) == ("9990001X", 2025)
    assert [first[name] for name in ("read", "active", "left", "without_ine")] == [8, 6, 2, 2]
    assert first["findings"][0] == {
        "level": "warning",
        "code": "ine_missing",
        "pupil": "700012",
        "message": (
            "SANSINE Ana (sans INE) : pas d'INE, pas de transfert automatique. Complétez la "
            "fiche dans SIECLE puis refaites l'export."
        ),
    }
    assert (second["verdict"], second["uai"]) == ("refused", "9990002Y")
    assert done.exit_code == 1


def test_where_reading_did_not_reach_the_counts_are_0_and_the_header_null() -> None:
    done = _run(SAMPLES / "invalides/60_xxe_fichier.xml", "--json", *TODAY)
    found = json.loads(done.stdout)
    assert (found["uai"], found["school_year"], found["read"]) == (None, None, 0)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("valides/01_trois_eleves_latin9.xml", 0),
        ("invalides/04_annee_precedente.xml", 0),
        ("invalides/11_ine_trop_court.xml", 0),
        ("invalides/42_vide.xml", 1),
        ("zip/10_tronque.zip", 1),
    ],
)
def test_the_status_is_0_when_no_file_is_refused(name: str, status: int) -> None:
    assert _run(SAMPLES / name, *TODAY).exit_code == status
    assert _run(SAMPLES / name, "--json", *TODAY).exit_code == status


def test_without_a_school_any_right_code_will_do() -> None:
    assert _run(REFUSED, *TODAY).exit_code == 0
    assert _run(SAMPLES / "invalides/02_uai_cle_fausse.xml", *TODAY).exit_code == 1


def test_a_file_of_the_day_given_is_not_from_the_future() -> None:
    found = json.loads(_run(SAMPLES / "transfert/A_import3_retour.xml", "--json", *TODAY).stdout)
    assert found["findings"] == []


def test_without_a_day_it_is_today(tmp_path: Path) -> None:
    file = tmp_path / "ancien.xml"
    file.write_bytes(latin9(document(eleve()).replace(">2025<", ">2001<")))
    found = json.loads(_run(file, "--json").stdout)
    assert [one["code"] for one in found["findings"]] == ["other_school_year"]


def test_the_report_for_people_says_counts_and_groups_what_is_alike(tmp_path: Path) -> None:
    file = tmp_path / "beaucoup.xml"
    pupils = "".join(eleve(str(n), ID_NATIONAL=None) for n in range(3000))
    file.write_bytes(latin9(document(pupils + eleve("x", ID_NATIONAL=INE[0]))))
    done = _run(file, *TODAY)
    lines = done.stdout.splitlines()
    assert lines[0].endswith("beaucoup.xml : accepté (fichier Élèves)")
    assert lines[1] == "  établissement 9990001X, année 2025-2026, du 15/09/2025 18:02"
    assert lines[2].startswith("  3001 élèves lus : 3001 inscrits, 0 sortis, 3000 sans INE")
    assert "  ... et 2995 autres de même nature" in lines
    assert len(lines) < 20


def test_a_wrong_code_or_a_missing_file_is_an_error_of_usage() -> None:
    assert _run(VALID, "--uai", "9990001A").exit_code == 2
    assert _run("absent.xml").exit_code == 2
