"""The printed documents: what stands on them, in the order in which it is read."""

import datetime as dt
import io
from typing import Any

import pytest
from PIL import Image

from services.gateway.documents.notice import notice
from services.gateway.documents.paper import Paper, printable
from services.gateway.documents.passeport import passeport
from services.gateway.domain import passeport as made_of
from services.gateway.domain.bodies import lines_of
from services.gateway.domain.passeport import Contents, Owner, Stamp

NOW = dt.datetime(2026, 1, 20, 12, tzinfo=dt.UTC)
CARD: dict[str, Any] = {
    "uai": "9990001X", "name": "Lycée professionnel Ampère", "email": "ce@demo.example",
    "phone": "+33231000000", "address": ["1 rue des Ateliers"], "postcode": "14000",
    "town": "Caen", "head_name": "Claire Martin", "head_function": "proviseure",
}  # fmt: skip
OWNER = Owner("ŞAHİN Zoë", dt.date(2008, 3, 1), "2MTNE1")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that are drawn."""
    lines: list[str] = []
    drawn = Paper.cell

    def cell(self: Paper, *arguments: Any, **options: Any) -> bool:
        lines.extend(text for text in arguments[2:3] if text.strip())
        return bool(drawn(self, *arguments, **options))

    monkeypatch.setattr(Paper, "cell", cell)
    return lines


def png(size: int = 1200) -> bytes:
    made = io.BytesIO()
    Image.new("RGBA", (size, size // 2), (200, 20, 20, 128)).save(made, "PNG")
    return made.getvalue()


def record(kind: str = "bilan", **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind, "title": "Œuvre à l’atelier", "diploma": "Bac Pro MELEC",
        "body": {"texte": "L’élève sait œuvrer."}, "author": "M. Professeur",
        "written_on": "2025-11-20", "origin_uai": "9990002Y",
    } | changes  # fmt: skip


def made(*records: dict[str, Any], stamp: Stamp | None = None) -> bytes:
    contents = Contents()
    contents.take(records)
    schools = {"9990002Y": "Lycée polyvalent Bréguet"}
    return passeport(OWNER, stamp or Stamp(CARD, png(), png()), contents, schools, NOW)


def test_a_passeport_names_school_learner_and_each_record(printed: list[str]) -> None:
    pdf = made(record("fiche", title="Fiche 1"), record(), record("evaluation", title="CCF"))
    text = "\n".join(printed)
    assert "ŞAHİN Zoë" in text
    assert "Date de naissance : 1er mars 2008 – classe 2MTNE1" in text
    assert "Édité le 20 janvier 2026 : 1 bilan, 1 fiche, 1 évaluation." in text
    assert "Œuvre à l’atelier" in text
    assert (
        "20 novembre 2025 – M. Professeur – Lycée polyvalent Bréguet (9990002Y) – Bac Pro MELEC"
        in text
    )
    heads = [line for line in printed if line in {"Bilans", "Fiches", "Évaluations"}]
    assert heads == ["Bilans", "Fiches", "Évaluations"]
    assert "02 31 00 00 00 – ce@demo.example" in text
    assert "Fait à Caen, le 20 janvier 2026" in text
    for told in (
        b"/Lang (fr-FR)",
        b"/DisplayDocTitle true",
        b"/Alt",
        b"/Outlines",
        b"/Marked true",
    ):
        assert told in pdf
    assert pdf.count(b"/Subtype /Image") >= 1


def test_a_long_dossier_has_many_pages_and_no_more_than_can_be_held(
    printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"points_forts": ["Sait œuvrer à l’atelier. " * 400, "x" * 500]}
    pdf = made(*(record(body=long, title=f"Bilan {n}") for n in range(8)))
    assert pdf.count(b"/Type /Page\n") > 10
    assert sum(line.count("œuvrer") for line in printed) == 8 * 400
    assert sum(line.count("x") for line in printed if "xxx" in line) == 8 * 500
    monkeypatch.setattr(made_of, "AT_MOST", 25_000)
    printed.clear()
    made(*(record(body=long, title=f"Bilan {n}") for n in range(8)))
    assert sum(line.startswith("Le contenu de ce document est trop long") for line in printed) == 6
    assert sum(line.startswith("Bilan ") for line in printed) == 8


def test_a_passeport_without_records_or_images_says_so(printed: list[str]) -> None:
    bare = CARD | {"town": None, "head_name": None, "phone": None, "address": [], "postcode": None}
    made(stamp=Stamp(bare, None, None))
    assert "Aucun bilan, aucune fiche et aucune évaluation n'ont encore été écrits." in printed
    assert "Fait le 20 janvier 2026" in printed


def test_what_no_font_has_is_seen_to_be_missing() -> None:
    assert printable("Zoë 𓀀\tŞ œ\x00") == "Zoë □ Ş œ□"


def test_contents_are_shown_as_they_are_a_little_nicer() -> None:
    body = {
        "texte": "Bien.", "points_forts": ["Soudure", {"note": 12.5}], "acquis": True,
        "vu_le": "2025-11-20", "suite": None, "avis": {"entreprise": "A\nB", "rien": []},
    }  # fmt: skip
    assert list(lines_of(body)) == [
        (0, "Bien."), (0, "Points forts :"), (1, "– Soudure"), (1, "Note : 12,5"),
        (0, "Acquis : oui"), (0, "Vu le : 20 novembre 2025"), (0, "Suite : –"), (0, "Avis :"),
        (1, "Entreprise : A\nB"),
    ]  # fmt: skip


def test_the_notice_tells_families_what_the_law_wants_told(printed: list[str]) -> None:
    pdf = notice(CARD, png(), NOW)
    text = " ".join(printed)
    for question in (
        "Qui décide ?", "Qu'est-ce qui est transmis ?", "À qui ?", "Quand ?",
        "Pourquoi a-t-on le droit de le faire ?", "Combien de temps est-ce gardé ?",
        "Quels sont vos droits ?", "À qui s'adresser ?",
    ):  # fmt: skip
        assert question in text
    for told in ("Lycée professionnel Ampère", "Claire Martin", "ce@demo.example", "Coupon"):
        assert told in text
    assert pdf.count(b"/Type /Page\n") == 2
