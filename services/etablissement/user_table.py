"""Reads a CSV of users to invite: `;` between columns, a first line with their names.

UTF-8, or Windows-1252 as a spreadsheet saves it. Days are written JJ/MM/AAAA. All that is wrong is
told at once, by line.
"""

import csv
import datetime as dt
import io
import re
from dataclasses import dataclass

from services.etablissement.domain import contact
from services.etablissement.domain.words import fold, one_line
from shared.rights import Role

COLUMNS = ("adresse electronique", "nom", "fonction", "role", "du", "au")
"""The columns of the model, folded; the last three may be absent, and cells of theirs empty."""

_OTHER_NAMES = {"email": COLUMNS[0], "mail": COLUMNS[0], "courriel": COLUMNS[0], "droit": "role"}
_MANDATORY = COLUMNS[:2]
MOST_LINES = 500
_LONGEST = 200
_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_ROLES = {
    "": Role.GESTION,
    "gestion": Role.GESTION,
    "secretariat": Role.GESTION,
    "delegation": Role.DELEGATE,
    "direction": Role.DIRECTION,
}


@dataclass(frozen=True, slots=True)
class UserLine:
    """A user to invite, as a line says. `valid_until` is the last day."""

    line: int
    email: str
    name: str
    function: str
    role: Role
    valid_from: dt.date | None
    valid_until: dt.date | None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line (0: with the whole file), in French."""

    line: int
    message: str


def read(content: bytes) -> tuple[list[UserLine], list[Wrong]]:
    """The users of a file and what is wrong with it."""
    try:
        return _read(content)
    except csv.Error:
        return [], [Wrong(0, "ce n'est pas un fichier CSV à point-virgule")]


def _read(content: bytes) -> tuple[list[UserLine], list[Wrong]]:
    reader = csv.reader(io.StringIO(_decoded(content), newline=""), delimiter=";", strict=True)
    names = [fold(name) for name in next(reader, [])]
    header = [_OTHER_NAMES.get(name, name) for name in names]
    if missing := [name for name in _MANDATORY if name not in header]:
        return [], [Wrong(0, f"colonne absente : {', '.join(missing)}")]
    users: list[UserLine] = []
    wrong: list[Wrong] = []
    for cells in reader:
        if not any(cells):
            continue
        if len(users) + len(wrong) == MOST_LINES:
            return [], [Wrong(0, f"plus de {MOST_LINES} lignes : partagez le fichier")]
        try:
            values = dict(zip(header, map(one_line, cells), strict=False))
            users.append(_user(reader.line_num, values))
        except ValueError as error:
            wrong.append(Wrong(reader.line_num, str(error)))
    return users, wrong or _twice(users)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _user(line: int, values: dict[str, str]) -> UserLine:
    if any(len(value) > _LONGEST for value in values.values()):
        raise ValueError("valeur trop longue")
    role = _ROLES.get(fold(values.get("role", "")))
    if role is None:
        raise ValueError("rôle inconnu : écrivez direction, gestion ou délégation")
    if not values.get("nom"):
        raise ValueError("nom absent")
    return UserLine(
        line,
        contact.email(values.get(COLUMNS[0], "")),
        values["nom"],
        values.get("fonction", ""),
        role,
        _day(values.get("du", "")),
        _day(values.get("au", "")),
    )


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        day, month, year = map(int, found.groups()) if found else (0, 0, 0)
        return dt.date(year, month, day)
    except ValueError:
        raise ValueError("date attendue : JJ/MM/AAAA") from None


def _twice(users: list[UserLine]) -> list[Wrong]:
    """The lines that name the same person with the same role as one before."""
    seen: set[tuple[str, Role]] = set()
    wrong = []
    for user in users:
        if (user.email, user.role) in seen:
            wrong.append(Wrong(user.line, "cette personne figure plus haut avec le même rôle"))
        seen.add((user.email, user.role))
    return wrong
