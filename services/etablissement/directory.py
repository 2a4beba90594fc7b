"""Reads the public directory of schools, a CSV of the ministry (« annuaire de l'éducation »).

Columns are found by their names, folded, as the directory has written them over the years; all but
those below are passed over. A line is refused for what makes it useless or doubtful (its UAI, its
name, its académie); an e-mail, telephone or postcode that can't be right is left out of the line
and counted, because the rest of it is wanted all the same.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from services.etablissement.domain import contact
from services.etablissement.domain.academies import academie_named
from services.etablissement.domain.words import fold, readable
from shared.identifiers import InvalidUai, Uai

COLUMNS: Final = {
    "uai": ("identifiant de l etablissement", "numero uai", "code uai", "uai"),
    "name": ("nom etablissement", "appellation officielle", "denomination principale", "nom"),
    "address_1": ("adresse 1", "adresse uai", "adresse"),
    "address_2": ("adresse 2", "lieu dit uai"),
    "address_3": ("adresse 3",),
    "postcode": ("code postal", "code postal uai"),
    "town": ("nom commune", "libelle commune", "commune", "localite acheminement uai"),
    "academie": ("libelle academie", "academie"),
    "email": ("mail", "email", "courriel", "adresse electronique"),
    "phone": ("telephone", "numero telephone uai", "tel"),
    "nature": ("libelle nature", "nature uai libe", "type etablissement", "type d etablissement"),
}
"""What is read, with the names that its column may have; the first that is there counts."""

MANDATORY = ("uai", "name")
LONGEST_LINE = 20_000
LONGEST_VALUE = 200
LISTED = 100
"""How many refused lines are listed; all are counted."""

Line = tuple[str | list[str] | None, ...]
"""A line as it is stored: see `store.directory.COLUMNS`."""


class UnreadableDirectoryError(Exception):
    """The file is no directory of schools; the message, in French, says what is wrong with it."""


class _Refused(Exception):  # noqa: N818 - it is caught ten lines further down
    """A line can't be used; the message says why."""


@dataclass(slots=True)
class Report:
    """What the reading has come across so far. `left_out` counts values by field."""

    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    listed: list[dict[str, object]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that can't be used. What it says is not repeated."""
        self.refused += 1
        if len(self.listed) < LISTED:
            self.listed.append({"line": line, "reason": reason})


def lines(source: IO[bytes], report: Report) -> Iterator[Line]:
    """The schools of a file, each once; `report` is filled meanwhile.

    Raises:
        UnreadableDirectoryError: it is no UTF-8, no CSV, or it lacks a column.
    """
    rows = _rows(source)
    columns = _columns(next(rows, (1, []))[1])
    seen = set()
    for number, cells in rows:
        report.read += 1
        try:
            line = _line(columns, cells, report)
            if line[0] in seen:
                raise _Refused("UAI déjà vu plus haut dans le fichier")
        except _Refused as error:
            report.refuse(number, str(error))
            continue
        seen.add(line[0])
        yield line


def _rows(source: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    reader = csv.reader(_decoded(source), delimiter=";", strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error:
        raise UnreadableDirectoryError(
            f"Ligne {reader.line_num} : ce n'est pas un fichier CSV à point-virgule."
        ) from None


def _decoded(source: IO[bytes]) -> Iterator[str]:
    number = 0
    while data := source.readline(LONGEST_LINE):
        number += 1
        if len(data) == LONGEST_LINE or b"\0" in data:
            raise UnreadableDirectoryError(f"Ligne {number} : ce n'est pas un fichier CSV.")
        try:
            yield data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UnreadableDirectoryError(
                f"Ligne {number} : le fichier doit être en UTF-8, tel que le ministère le publie."
            ) from None


def _columns(header: list[str]) -> dict[str, int]:
    """At which place each field is found."""
    places = {fold(name): place for place, name in reversed(list(enumerate(header)))}
    found = {
        name: next((places[known] for known in names if known in places), None)
        for name, names in COLUMNS.items()
    }
    if missing := [name for name in MANDATORY if found[name] is None]:
        wanted = ", ".join(f"« {COLUMNS[name][0]} »" for name in missing)
        raise UnreadableDirectoryError(
            f"Colonne absente : {wanted}. Envoyez l'annuaire de l'éducation en CSV à point-virgule."
        )
    return {name: place for name, place in found.items() if place is not None}


def _line(columns: dict[str, int], cells: list[str], report: Report) -> Line:
    values = {
        name: readable(cells[place]) if place < len(cells) else ""
        for name, place in columns.items()
    }
    if len(cells) <= max(columns[name] for name in MANDATORY):
        raise _Refused("ligne incomplète")
    if max(map(len, values.values())) > LONGEST_VALUE:
        raise _Refused("valeur trop longue")
    if not values["name"]:
        raise _Refused("nom de l'établissement absent")
    town = values.get("town") or None
    postcode = _checked("postcode", contact.postcode, values, report)
    return (
        _uai(values["uai"]),
        values["name"],
        _checked("email", contact.email, values, report),
        _address(values, postcode),
        postcode,
        town,
        _academie(values.get("academie", "")),
        _checked("phone", contact.phone, values, report),
        values.get("nature") or None,
        fold(values["name"]),
        fold(town or ""),
    )


def _uai(text: str) -> str:
    try:
        return Uai.parse(text)
    except InvalidUai:
        raise _Refused("UAI faux : 7 chiffres et leur lettre attendus") from None


def _academie(text: str) -> str | None:
    name = academie_named(text)
    if text and name is None:
        raise _Refused("académie inconnue")
    return name


def _address(values: dict[str, str], postcode: str | None) -> list[str]:
    """The lines of an address; the directory's last one often repeats postcode and town."""
    written = [values.get(f"address_{number}", "") for number in (1, 2, 3)]
    return [text for text in written if text and not (postcode and text.startswith(postcode))]


def _checked(
    name: str, check: Callable[[str], str], values: dict[str, str], report: Report
) -> str | None:
    value = values.get(name)
    if not value:
        return None
    try:
        return check(value)
    except contact.InvalidContact:
        report.left_out[name] += 1
        return None
