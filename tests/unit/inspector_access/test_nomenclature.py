"""A Nomenclature tells which MEF there are, and which of them lead to the same diploma."""

import io
import zipfile
from pathlib import Path

import pytest

from services.inspector_access.domain.errors import UnreadableFileError
from services.inspector_access.domain.nomenclature import Course, Found, diplomas
from services.inspector_access.nomenclature import MAX_XML_BYTES, read

SAMPLES = Path(__file__).parents[2] / "samples" / "siecle" / "valides"
NOMENCLATURE = (SAMPLES / "10_Nomenclature.xml").read_bytes()
YEARS = [
    Course("24725502031", "2nde pro MELEC"),
    Course("24725502032", "1re pro MELEC"),
    Course("24725502033", "Terminale pro MELEC"),
]


def zipped(**files: bytes) -> bytes:
    """An archive of these files (`_` stands for a dot)."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_xml", ".xml"), content)
    return written.getvalue()


def test_the_sample_is_read_as_it_is_and_as_siecle_zips_it() -> None:
    [course] = read(NOMENCLATURE)
    assert course == Course("24723332031", "2nde pro métiers de l'électricité")
    assert read(zipped(Nomenclature_xml=NOMENCLATURE)) == [course]
    assert read(NOMENCLATURE.decode("iso-8859-15").replace("ISO-8859-15", "UTF-8").encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"code;libelle",
        NOMENCLATURE[:900],
        b"<BEE_ELEVES><DONNEES/></BEE_ELEVES>",
        (SAMPLES / "10_Nomenclature.xml").read_bytes().replace(b"CODE_MEF", b"CODE"),
        b'<?xml version="1.0" encoding="x-unknown"?><BEE_NOMENCLATURES/>',
        b'<!DOCTYPE B [<!ENTITY a "aa">]><BEE_NOMENCLATURES>&a;</BEE_NOMENCLATURES>',
        b"<BEE_NOMENCLATURES>" + b"<A>" * 100_000,
        b"PK\x03\x04 no archive",
        zipped(a_xml=NOMENCLATURE, b_xml=NOMENCLATURE),
        zipped(note=b"no document"),
        zipped(a_xml=b" " * (MAX_XML_BYTES + 1)),
    ],
    ids=range(12),
)
def test_another_file_is_refused_with_what_is_wanted(content: bytes) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        read(content)
    assert "Nomenclature" in refused.value.advice


def test_the_years_of_a_course_are_one_diploma_named_as_the_last() -> None:
    other = Course("24733105131", "1re pro GATL")
    assert diplomas([*YEARS, other], {}) == [
        Found("24725502", "Terminale pro MELEC", tuple(course.mef for course in YEARS)),
        Found("24733105", "1re pro GATL", ("24733105131",)),
    ]


def test_new_years_join_the_diploma_that_has_the_others() -> None:
    first, *others = YEARS
    [found] = diplomas(YEARS, {first.mef: "400-25522"})
    assert (found.code, found.mefs) == ("400-25522", tuple(course.mef for course in others))
    assert diplomas(YEARS, {course.mef: "400-25522" for course in YEARS}) == []


def test_where_people_have_parted_the_years_people_decide() -> None:
    assert diplomas(YEARS, {YEARS[0].mef: "2D-TNE", YEARS[1].mef: "400-25522"}) == []
