"""Which files go to the diplomas, and which to the pupil base."""

import io
import zipfile

import pytest

from services.gateway.domain.bars import HEIGHT, stacked
from services.gateway.domain.looks import joined
from services.gateway.domain.siecle import is_nomenclature

NOMENCLATURE = '<?xml version="1.0"?>\n<!-- x --><BEE_NOMENCLATURES VERSION="1.7"><DONNEES/>'


def zipped(name: str, text: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize(
    "head",
    [
        NOMENCLATURE.encode(),
        NOMENCLATURE.encode("utf-16"),
        zipped("Nomenclature.xml", NOMENCLATURE + " " * 100_000)[:300],
        zipped("renamed.xml", NOMENCLATURE, zipfile.ZIP_STORED),
    ],
    ids=["XML", "UTF-16", "zip, cut off", "zip, stored"],
)
def test_a_nomenclature_is_known_by_its_root(head: bytes) -> None:
    assert is_nomenclature(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\xff" * 200,
        b"<BEE_ELEVES><!-- BEE_NOMENCLATURES -->",
        zipped("Nomenclature.xml", "<BEE_ELEVES/>"),
        b"nom_de_famille;prenom",
    ],
)
def test_any_other_file_goes_to_the_pupil_base(head: bytes) -> None:
    assert not is_nomenclature(head)


def test_the_columns_of_a_picture_share_one_measure() -> None:
    first, second, third = stacked([[("a", 1), ("b", 3)], [("a", 2), ("b", 0)]])
    assert (first.y + first.height, second.y) == (HEIGHT, 0)
    assert third.height == HEIGHT / 2
    assert stacked([[("a", 0)]]) == stacked([]) == []


def test_two_logs_are_one_list_and_the_next_page_shows_the_rest() -> None:
    logs = {
        "fiche": [{"id": 9, "at": "2026-01-03"}, {"id": 8, "at": "2026-01-01"}],
        "dossier": [{"id": 4, "at": "2026-01-02"}],
    }
    shown, cursors = joined(logs, 2)
    assert [(one["source"], one["id"]) for one in shown] == [("fiche", 9), ("dossier", 4)]
    assert cursors == {"fiche": 9, "dossier": 4}
    assert joined(logs, 3)[1] == {}, "all of it is shown"
