"""Uploads: what is told by the first bytes, and what a zip may be."""

import io
import random
import struct
import zipfile
from collections.abc import Callable

import pytest

from services.siecle_import.files import archive
from services.siecle_import.files.findings import FileRefusedError
from services.siecle_import.files.reading import read
from tests.unit.siecle_import.files import (
    NOON,
    SAMPLES,
    TODAY,
    codes,
    document,
    eleve,
    latin9,
    reading_of,
    zipped,
)

XML = latin9(document(eleve()))
NOMENCLATURE = (SAMPLES / "valides/10_Nomenclature.xml").read_bytes()
STRUCTURES = (SAMPLES / "valides/11_Structures.xml").read_bytes()


@pytest.mark.parametrize(
    ("content", "code", "kind"),
    [
        (b"", "empty_file", "unknown"),
        (b"  \n ", "not_xml", "unknown"),
        (b"bonjour", "not_xml", "unknown"),
        (b"\0\0\0\0", "not_xml", "unknown"),
        (b"%PDF-1.7 ...", "not_xml", "unknown"),
        (b"7z\xbc\xaf\x27\x1c", "not_xml", "unknown"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "office_file", "unknown"),
        (b"Nom;Pr\xe9nom\r\nMARTEL;\xc9loi\r\n", "csv_file", "csv"),
        (b"\xef\xbb\xbfINE,Nom\nX,Y\n", "csv_file", "csv"),
        ("Nom\tPrénom\n".encode("utf-16"), "csv_file", "csv"),
        (b"<html><body>Session</body></html>", "unknown_root", "unknown"),
        (b"<BEE_COMMUN/>", "wrong_export", "unknown"),
        (b"<bee_eleves/>", "unknown_root", "unknown"),
    ],
)
def test_a_file_that_is_no_export_is_named_for_what_it_is(
    content: bytes, code: str, kind: str
) -> None:
    reading = reading_of(content)
    assert (reading.verdict, codes(reading), reading.kind) == ("refused", [code], kind)


def test_a_csv_or_another_export_in_a_zip_is_named_for_what_it_is() -> None:
    assert reading_of(zipped(("ElevesSansAdresses.xml", b"Nom;Prenom\n"))).kind == "csv"
    nomenclature = reading_of(zipped(("ElevesSansAdresses.xml", NOMENCLATURE)))
    assert (nomenclature.kind, codes(nomenclature)) == ("nomenclature", ["wrong_export"])


def test_an_office_document_is_a_zip_and_is_named_for_what_it_is() -> None:
    content = zipped(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>"))
    assert codes(reading_of(content)) == ["office_file"]


def test_the_pupil_file_is_told_by_its_root_whatever_the_names() -> None:
    content = zipped(
        ("ElevesSansAdresses.xml", NOMENCLATURE),
        ("lisez-moi.txt", b"bonjour"),
        ("dossier/sous dossier/export", XML),
        ("__MACOSX/._export", b"\0\x05\x16\x07"),
        ("._autre.xml", XML),
    )
    reading = reading_of(content)
    assert (reading.verdict, reading.read) == ("accepted", 1)


def test_several_exports_without_pupils_are_refused_with_their_common_kind() -> None:
    same = reading_of(zipped(("a.xml", NOMENCLATURE), ("b.xml", NOMENCLATURE)))
    assert (codes(same), same.kind) == (["zip_no_pupil_file"], "nomenclature")
    mixed = reading_of(zipped(("a.xml", NOMENCLATURE), ("b.xml", STRUCTURES)))
    assert (codes(mixed), mixed.kind) == (["zip_no_pupil_file"], "unknown")


def test_a_stored_zip_is_read_and_its_digest_is_that_of_the_xml() -> None:
    reading = reading_of(zipped(("a.xml", XML), method=zipfile.ZIP_STORED))
    assert reading.verdict == "accepted"
    assert reading.sha256 == reading_of(XML).sha256


def test_a_zip_inside_a_zip_is_not_opened() -> None:
    assert codes(reading_of(zipped(("a.zip", zipped(("a.xml", XML)))))) == ["zip_no_pupil_file"]


def test_an_empty_xml_in_a_zip_is_no_pupil_file() -> None:
    assert codes(reading_of(zipped(("a.xml", b"")))) == ["zip_no_pupil_file"]


@pytest.mark.parametrize(
    "name", ["../a.xml", "/a.xml", "x/../../a.xml", "C:\\a.xml", "C:a.xml", "\\\\srv\\d\\a.xml"]
)
def test_a_path_that_leads_outside_is_refused(name: str) -> None:
    assert codes(reading_of(zipped(("ok.xml", XML), (name, b"x")))) == ["zip_path_outside"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_cannot_be_bounded_is_refused(method: int) -> None:
    assert codes(reading_of(zipped(("a.xml", XML), method=method))) == ["zip_method"]


def _patched(content: bytes, offset_in_entry: int, value: bytes) -> bytes:
    """A zip of one entry, with a field of its central directory changed."""
    start = content.index(b"PK\x01\x02") + offset_in_entry
    return content[:start] + value + content[start + len(value) :]


def test_an_encrypted_entry_is_refused() -> None:
    content = _patched(zipped(("a.xml", XML)), 8, struct.pack("<H", 1))
    assert codes(reading_of(content)) == ["zip_encrypted"]


@pytest.mark.parametrize(
    "change",
    [
        lambda zip_: zip_[: len(zip_) // 2],
        lambda zip_: zip_[:-1],
        lambda zip_: b"PK\x03\x04" + bytes(100),
        lambda zip_: _patched(zip_, 16, b"\0\0\0\0"),  # checksum
        lambda zip_: _patched(zip_, 24, struct.pack("<I", 10)),  # declared size
        lambda zip_: _patched(zip_, 20, struct.pack("<I", 50)),  # packed size
        lambda zip_: _patched(zip_, 42, struct.pack("<I", 0xFFFFFF)),  # where the entry is
        lambda zip_: _patched(zip_, 46, b"b.xml"),  # another name than at the entry
        lambda zip_: zip_[:40] + bytes(8) + zip_[48:],  # the packed bytes
    ],
)
def test_a_damaged_zip_is_refused(change: Callable[[bytes], bytes]) -> None:
    reading = reading_of(change(zipped(("a.xml", XML))))
    assert (reading.verdict, reading.sha256, reading.read) == ("refused", None, 0)
    assert codes(reading) in (["zip_corrupt"], ["xml_truncated", "zip_corrupt"])


def test_a_zip_that_declares_too_much_is_refused_before_it_is_read() -> None:
    huge = struct.pack("<I", archive.MAX_XML_BYTES + 1)
    assert codes(reading_of(_patched(zipped(("a.xml", XML)), 24, huge))) == ["xml_too_large"]
    many = struct.pack("<I", 201 * 1000)
    content = _patched(_patched(zipped(("a.xml", XML)), 24, many), 20, struct.pack("<I", 1000))
    assert codes(reading_of(content)) == ["zip_ratio"]


def test_a_packed_size_over_that_of_the_zip_is_not_believed() -> None:
    content = _patched((SAMPLES / "zip/14_bombe_64Mo.zip").read_bytes(), 20, b"\0\0\0\x10")
    assert codes(reading_of(content)) == ["zip_ratio"]


def test_a_zip_over_twenty_megabytes_is_refused() -> None:
    noise = random.Random(1).randbytes(archive.MAX_ZIP_BYTES)
    assert codes(reading_of(zipped(("bruit", noise)))) == ["zip_too_large"]


def test_an_xml_over_the_limit_is_refused_by_what_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "MAX_XML_BYTES", len(XML) - 1)
    reading = reading_of(XML)
    assert (codes(reading), reading.sha256) == (["xml_too_large"], None)
    monkeypatch.setattr(archive, "MAX_XML_BYTES", len(XML))
    assert codes(reading_of(XML)) == []


def test_what_a_zip_unfolds_to_is_counted_whatever_it_declares() -> None:
    entry = archive.XmlFile(lambda: io.BytesIO(bytes(201 * 1000)), size=1000, packed=1000)
    with pytest.raises(FileRefusedError) as refusal:
        for _ in entry.chunks():
            pass
    assert refusal.value.finding.code == "zip_ratio"


def test_a_zip_of_many_entries_is_refused_without_looking_at_each() -> None:
    few = zipped(*((f"{number}.txt", b"") for number in range(101)))
    assert codes(reading_of(few)) == ["zip_too_many_files"]
    many = zipped(*((f"{number:0200}.txt", b"") for number in range(2000)))
    assert codes(reading_of(many)) == ["zip_too_many_files"]


def test_a_failure_of_the_disk_is_not_said_to_be_the_file() -> None:
    class BrokenDisk(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        read(BrokenDisk(XML), today=TODAY, received_at=NOON)
