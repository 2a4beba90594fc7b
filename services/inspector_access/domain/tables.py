"""The four tables that administrators send as CSV, from bytes to the cells of each line.

`;` between columns, a first line with the names of the columns in any order, UTF-8 with or without
BOM (docs/inspectors.md has the model of each).
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from services.inspector_access.domain.errors import UnreadableFileError

MAX_LINES = 5_000


class Table(StrEnum):
    """What a CSV tells of."""

    DIPLOMAS = "diplomes"
    INSPECTORS = "inspecteurs"
    REFERENTS = "referents"
    SUBSCRIPTIONS = "abonnements"


COLUMNS = {
    Table.DIPLOMAS: ("code", "libelle", "mef"),
    Table.INSPECTORS: ("adresse", "nom"),
    Table.REFERENTS: ("adresse", "diplome", "uai", "debut", "fin"),
    Table.SUBSCRIPTIONS: ("uai", "diplome", "debut", "fin"),
}
"""The columns of each table: all of them must be there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a line (numbered as a spreadsheet does, from 1), in French."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a line by column, without blanks at the ends."""

    line: int
    cells: dict[str, str]


def read(table: Table, content: bytes) -> tuple[list[Row], list[Finding]]:
    """The lines of a file, and those that have too many or too few cells.

    Raises:
        UnreadableFileError: no text in UTF-8, no CSV, other columns, no line or too many.
    """
    lines = list(_cells(content))
    if len(lines) < 2:
        raise UnreadableFileError("Ce fichier ne contient aucune ligne : vérifiez-le.")
    if len(lines) > MAX_LINES + 1:
        raise UnreadableFileError(f"Ce fichier a plus de {MAX_LINES} lignes : partagez-le.")
    header = _header(table, lines[0][1])
    rows, findings = [], []
    for number, cells in lines[1:]:
        if len(cells) == len(header):
            rows.append(Row(number, dict(zip(header, cells, strict=True))))
        else:
            findings.append(Finding(number, "", f"{len(header)} colonnes attendues"))
    return rows, findings


def _cells(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError(
            "Ce fichier n'est pas en UTF-8 : dans le tableur, choisissez « CSV UTF-8 »."
        ) from None
    number = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
        for number, cells in enumerate(reader, start=1):
            trimmed = [" ".join(cell.split()) for cell in cells]
            if any(trimmed):
                yield number, trimmed
    except csv.Error:
        raise UnreadableFileError(
            f"Ligne {number + 1} illisible : enregistrez le fichier en CSV, séparateur « ; »."
        ) from None


def _header(table: Table, cells: list[str]) -> list[str]:
    header = [name.lower() for name in cells]
    wanted = COLUMNS[table]
    if sorted(header) != sorted(wanted):
        raise UnreadableFileError(
            f"La première ligne doit nommer les colonnes, séparées par « ; » : {';'.join(wanted)}."
        )
    return header
