"""The catalogue of findings, and its table in the documentation."""

import re
import string
from pathlib import Path

import pytest

from services.siecle_import.files.catalogue import ADVICE, CATALOGUE, Rule
from services.siecle_import.files.findings import Subject, finding, printable

GUIDE = Path(__file__).parents[3] / "docs" / "siecle.md"
SOURCES = Path(__file__).parents[3] / "services" / "siecle_import"


def _row(code: str, rule: Rule) -> str:
    return f"| `{code}` | {rule.level} | {rule.meaning} |"


def test_the_guide_has_the_table_of_the_catalogue() -> None:
    """To renew the table, copy what this test prints."""
    table = "\n".join(_row(code, rule) for code, rule in CATALOGUE.items())
    assert table in GUIDE.read_text(encoding="utf-8"), table


def test_every_code_of_the_catalogue_is_used_and_every_used_code_is_in_it() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in SOURCES.rglob("*.py")
        if path.name != "catalogue.py"
    )
    used = set(re.findall(r'(?:finding|refused|_Note)\(\s*"(\w+)"', sources))
    used |= set(re.findall(r'WrongKindError\([^"]*"\w+", "(\w+)"', sources))
    used |= set(re.findall(r'"(csv_file|wrong_export|zip_no_pupil_file|xml_\w+)"', sources))
    assert used == set(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_message_is_french_with_what_to_do_and_uses_known_names(code: str) -> None:
    message = CATALOGUE[code].message
    names = {name for _, name, _, _ in string.Formatter().parse(message) if name}
    assert names <= {"who", "value", "other", *ADVICE}
    assert message[0].isupper() or message.startswith(("{who}", "{value}"))
    assert message.endswith((".", "{fix}", "{complete}"))
    assert re.search(r"SIECLE|assistance|tableau|export|\{(deposit|again|fix|complete)\}", message)


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_finding_about_someone_carries_what_a_table_needs(code: str) -> None:
    subject = Subject("700001", "MARTEL\x00 Éloi", "990007919HH", 12)
    one = finding(code, subject, value="v" * 500, other="w")
    assert (one.level, one.code) == (CATALOGUE[code].level, code)
    assert (one.pupil, one.name, one.ine, one.line) == (
        "700001",
        "MARTEL Éloi",
        "990007919HH",
        12,
    )
    assert one.value is not None
    assert len(one.value) == 80
    assert "{" not in one.message


@pytest.mark.parametrize(
    ("subject", "label"),
    [
        (Subject("7", "MARTEL Éloi", "X", 1), "MARTEL Éloi (INE X)"),
        (Subject("7", "MARTEL", None, 1), "MARTEL (sans INE)"),
        (Subject("7", None, None, 1), "Élève n° 7 (sans INE)"),
        (Subject(None, None, None, 12), "Élève de la ligne 12 (sans INE)"),
    ],
)
def test_a_pupil_is_named_by_the_best_that_is_known(subject: Subject, label: str) -> None:
    assert subject.label() == label


def test_braces_of_the_file_are_text() -> None:
    one = finding("ine_shape", Subject("7", "{who}", "{value}", 1), value="{deposit}")
    assert one.message.startswith("{who} (INE {value}) : INE « {deposit} »")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\nc\u202ed\x85e", "a b c d e"),
        ("  a  ", "a"),
        ("é" * 12, "é" * 9 + "…"),
        ("\n" * 1000 + "a", ""),
    ],
)
def test_a_text_is_shown_on_one_line_and_short(text: str, shown: str) -> None:
    assert printable(text, 10) == shown
