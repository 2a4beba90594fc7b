"""From the cells of a line to what it says, or all that is wrong with them."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.inspector_access.domain.lines import (
    DiplomaLine,
    Facts,
    InspectorLine,
    Line,
    Period,
    ReferentLine,
    SubscriptionLine,
)
from services.inspector_access.domain.nomenclature import is_mef
from services.inspector_access.domain.tables import Finding, Row, Table
from shared.identifiers import InvalidUai, Uai

_CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,29}")
_WORD = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@.{{1,180}}$){_WORD}(\.{_WORD})*@({_LABEL}\.)+[a-z]{{2,24}}")
"""RFC 5321, 4.1.2, without quoted words: what passes here is taken by a mail server."""

_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_TEXT_LENGTH = 200
_MEFS_OF_DIPLOMA = 200


def lines_of(
    table: Table, rows: Iterable[Row], facts: Facts
) -> tuple[list[tuple[int, Line]], list[Finding]]:
    """The lines whose cells are right, with their numbers, and what is wrong with the others."""
    lines, findings = list[tuple[int, Line]](), list[Finding]()
    for row in rows:
        cells = _Cells(row, facts)
        line = _MEANING[table](cells)
        if cells.findings:
            findings += cells.findings
        else:
            lines.append((row.line, line))
    return lines, findings


@dataclass(slots=True)
class _Cells:
    """Reads the cells of one line; what is wrong is noted, and the line then goes no further."""

    row: Row
    facts: Facts
    findings: list[Finding] = field(default_factory=list)

    def _check(self, column: str, message: str, *, right: bool) -> None:
        if not right:
            self.findings.append(Finding(self.row.line, column, message))

    def code(self) -> str:
        """The code of a diploma that may be new."""
        code = self.row.cells["code"].upper()
        message = "code attendu : lettres, chiffres, points ou tirets, 30 au plus"
        self._check("code", message, right=bool(_CODE.fullmatch(code)))
        return code

    def text(self, column: str) -> str:
        """A label or a name."""
        text = self.row.cells[column]
        right = 0 < len(text) <= _TEXT_LENGTH and text.isprintable()
        self._check(column, f"texte attendu, {_TEXT_LENGTH} caractères au plus", right=right)
        return text

    def mefs(self) -> tuple[str, ...]:
        """Codes of MEF, between blanks or commas."""
        mefs = tuple(sorted(set(self.row.cells["mef"].upper().replace(",", " ").split())))
        message = "codes MEF attendus : 11 caractères chacun, séparés par des espaces"
        self._check("mef", message, right=all(map(is_mef, mefs)))
        self._check("mef", f"{_MEFS_OF_DIPLOMA} MEF au plus", right=len(mefs) <= _MEFS_OF_DIPLOMA)
        return mefs

    def email(self) -> str:
        """An address, in lower case."""
        email = self.row.cells["adresse"].lower()
        message = "adresse électronique attendue"
        self._check("adresse", message, right=bool(_EMAIL.fullmatch(email)))
        return email

    def inspector(self) -> str:
        """The address of an inspector of the académie."""
        email = self.row.cells["adresse"].lower()
        message = "inspecteur inconnu dans l'académie : ajoutez-le d'abord"
        self._check("adresse", message, right=email in self.facts.inspectors)
        return email

    def diploma(self) -> str:
        """The code of a known diploma."""
        code = self.row.cells["diplome"].upper()
        message = "diplôme inconnu : ajoutez-le d'abord"
        self._check("diplome", message, right=code in self.facts.diplomas)
        return code

    def school(self) -> str:
        """A school of the académie."""
        try:
            uai = Uai.parse(self.row.cells["uai"])
        except InvalidUai:
            self._check("uai", "UAI attendu : 7 chiffres et une lettre", right=False)
            return ""
        message = "établissement inconnu dans l'académie"
        self._check("uai", message, right=uai in self.facts.schools)
        return str(uai)

    def school_or_all(self) -> str:
        """A school of the académie; empty for all of it."""
        return self.school() if self.row.cells["uai"] else ""

    def period(self) -> Period:
        """The columns of a beginning and an end."""
        return Period(self._day("debut"), self._day("fin"))

    def _day(self, column: str) -> dt.date | None:
        text = self.row.cells[column]
        if not text:
            return None
        found = _DAY.fullmatch(text)
        day, month, year = map(int, found.groups()) if found else (0, 0, 0)
        try:
            return dt.date(year, month, day)
        except ValueError:
            self._check(column, "date attendue : JJ/MM/AAAA", right=False)
            return None


def _diploma(cells: _Cells) -> Line:
    return DiplomaLine(cells.code(), cells.text("libelle"), cells.mefs())


def _inspector(cells: _Cells) -> Line:
    return InspectorLine(cells.email(), cells.text("nom"))


def _referent(cells: _Cells) -> Line:
    return ReferentLine(cells.inspector(), cells.diploma(), cells.school_or_all(), cells.period())


def _subscription(cells: _Cells) -> Line:
    return SubscriptionLine(cells.school(), cells.diploma(), cells.period())


_MEANING: Mapping[Table, Callable[[_Cells], Line]] = {
    Table.DIPLOMAS: _diploma,
    Table.INSPECTORS: _inspector,
    Table.REFERENTS: _referent,
    Table.SUBSCRIPTIONS: _subscription,
}
