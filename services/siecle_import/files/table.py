"""A CSV of learners outside SIECLE: for schools that do not use it, and for who is not in it.

The model is in `docs/imports.md`: `;` between columns, a first line with the names of all columns
in any order, UTF-8 or Latin-9, days written JJ/MM/AAAA. A CSV whose first line has none of the
names that matter is not ours: an export opened in Excel, for instance, which is refused as such.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from services.siecle_import.files.catalogue import TABLE_WORDS
from services.siecle_import.files.findings import Finding, finding, refused
from services.siecle_import.files.kinds import text_of
from services.siecle_import.files.reader import MAX_PUPILS, MAX_VALUE, FileText, PupilRow
from services.siecle_import.files.rows import LineInError, PupilLine
from services.siecle_import.files.whole import Whole, subject_of
from services.siecle_import.folding import fold

_FIELDS = {
    "nom_de_famille": "family_name",
    "nom_usage": "usage_name",
    "prenom": "first_name",
    "date_naissance": "birth_date",
    "ine": "id_national",
    "sexe": "sex",
    "statut": "status",
    "mef": "mef",
    "classe": "",
    "date_entree": "entry_date",
    "date_sortie": "exit_date",
    "motif_sortie": "exit_reason",
}
"""The columns of the model, with the field of a `PupilRow` that each fills."""

COLUMNS = tuple(_FIELDS)
MAX_BYTES = 10_000_000
_TELLING = {"nom_de_famille", "prenom", "date_naissance"}
_LETTER_IN_UTF_8 = re.compile(rb"[\xc3-\xc5][\x80-\xbf]")
_SEXES = {"M": "1", "F": "2"}


def is_learners_table(head: bytes) -> bool:
    """Whether the first line of a file names the columns that no other table has."""
    first_line = text_of(head).lstrip("\ufeff").partition("\n")[0]
    return {name.strip().strip('"').lower() for name in first_line.split(";")} >= _TELLING


def read_table_into(text: FileText, source: BinaryIO) -> None:
    """Fill `text` from a CSV; the number of a line stands for the learner's ELEVE_ID.

    Raises:
        FileRefusedError: a column is missing, a line cannot be read, or it is out of all bounds.
    """
    source.seek(0)
    content = source.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise refused("xml_too_large", f"{MAX_BYTES // 1_000_000} Mo")
    if b"\0" in content:
        raise refused("nul_character")
    rows = _rows(_decoded(content))
    header = _header(next(rows, (1, []))[1])
    for line, cells in rows:
        if len(cells) != len(header):
            raise refused("csv_malformed", str(line))
        values = dict(zip(header, cells, strict=True))
        text.pupils.append(_row(line, values))
        if values["classe"]:
            text.divisions[str(line)] = (values["classe"],)
        if len(text.pupils) > MAX_PUPILS:
            raise refused("xml_abnormal", f"plus de {MAX_PUPILS} élèves")


def _header(cells: list[str]) -> list[str]:
    """The names of the columns, in lower case: all those of the model, each once."""
    header = [name.lower() for name in cells]
    if len(set(header)) < len(header):
        raise refused("csv_malformed", "1")
    if missing := [name for name in COLUMNS if name not in header]:
        raise refused("csv_columns", ", ".join(missing))
    return header


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if _LETTER_IN_UTF_8.search(content):  # damaged UTF-8: names would be read wrongly
            raise refused("encoding_invalid_bytes", "UTF-8") from None
        return content.decode("iso8859-15")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with its number: the header is row 1."""
    number = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
        for number, cells in enumerate(reader, start=1):
            trimmed = [" ".join(cell.split())[: MAX_VALUE + 1] for cell in cells]
            if any(trimmed):
                yield number, trimmed
    except csv.Error:
        raise refused("csv_malformed", str(number + 1)) from None


def _row(line: int, values: dict[str, str]) -> PupilRow:
    fields = {field: values[name] or None for name, field in _FIELDS.items() if field}
    sex = fields["sex"]
    fields["sex"] = _SEXES.get(sex.upper(), sex) if sex else None
    empty = dict.fromkeys(PupilRow._fields)
    return PupilRow(**{**empty, **fields, "line": line, "eleve_id": str(line)})  # type: ignore[arg-type]


def settle(whole: Whole) -> None:
    """Finish what the rules of SIECLE have judged: of two lines about one person the first counts,
    no number is known, and what is wrong is corrected in the table.
    """
    first: dict[tuple[str, str, dt.date], PupilLine] = {}
    for line in whole.pupils:
        key = fold(line.family_name), fold(line.first_name), line.birth_date
        if first.setdefault(key, line) is not line:
            number = str(first[key].line)
            whole.findings.append(finding("line_twice", subject_of(line), value=number))
            whole.in_error.append(_in_error(line))
            whole.active -= line.present
            whole.left -= not line.present
    whole.pupils = [line._replace(eleve_id=None) for line in first.values()]
    whole.in_error = [replace(line, eleve_id=None) for line in whole.in_error]
    whole.findings = [reworded(one) for one in whole.findings]


def _in_error(line: PupilLine) -> LineInError:
    return LineInError(
        line.line,
        line.eleve_id,
        line.family_name,
        line.usage_name,
        line.first_name,
        line.birth_date,
        line.rnie,
        line.bea,
        line.ina,
    )


def reworded(one: Finding) -> Finding:
    """The same finding, said of a table."""
    message = one.message
    for said, instead in TABLE_WORDS:
        message = message.replace(said, instead)
    return replace(one, message=message)
