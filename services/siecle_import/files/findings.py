"""Findings: what is said about a SIECLE file.

They are data of this service, not errors: shown to staff, never logged and never written in a
problem+json. Their texts are in `catalogue.py`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from services.siecle_import.files.catalogue import ADVICE, CATALOGUE, Level

MAX_SHOWN = 80
"""Characters of a value of the file that a message repeats."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a file; those of one `code` are alike and may be shown grouped.

    `pupil` is the ELEVE_ID, `name` and `ine` say whom it is about, `value` is what the file holds
    and `line` the line of the XML, where known. All texts are bounded and free of control
    characters.
    """

    level: Level
    code: str
    pupil: str | None
    message: str
    name: str | None = None
    ine: str | None = None
    value: str | None = None
    line: int | None = None


class Subject(NamedTuple):
    """Whom a finding is about; the parts that the file does not give are None."""

    eleve_id: str | None
    name: str | None
    ine: str | None
    line: int | None

    def shown(self) -> "Subject":
        """The same, fit to be shown."""
        return Subject(_shown(self.eleve_id), _shown(self.name), _shown(self.ine), self.line)

    def label(self) -> str:
        """« BÉCŒUR Noé (INE 990015838BF) », or the next best."""
        name = self.name
        if not name:
            name = (
                f"Élève n° {self.eleve_id}" if self.eleve_id else f"Élève de la ligne {self.line}"
            )
        return f"{name} (INE {self.ine})" if self.ine else f"{name} (sans INE)"


class FileRefusedError(Exception):
    """Reading cannot go on. Raised and caught inside the reading, never outside."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


_NOBODY = Subject(None, None, None, None)


def finding(
    code: str,
    subject: Subject = _NOBODY,
    *,
    value: str | None = None,
    other: Subject | str | None = None,
) -> Finding:
    """A finding of the catalogue, its message written.

    `value` is what the file holds; `other` what it is compared with: a text or a second pupil.
    """
    rule = CATALOGUE[code]
    who = subject.shown()
    shown = _shown(value)
    compared = other.shown().label() if isinstance(other, Subject) else _shown(other)
    message = rule.message.format(who=who.label(), value=shown, other=compared, **ADVICE)
    return Finding(rule.level, code, who.eleve_id, message, who.name, who.ine, shown, who.line)


def refused(code: str, value: str | None = None) -> FileRefusedError:
    """The error that stops the reading with a finding of the catalogue."""
    return FileRefusedError(finding(code, value=value))


def printable(text: str, limit: int) -> str:
    """The text on one line, without what cannot be seen, of `limit` characters at most."""
    seen = (one if one.isprintable() else " " for one in text[: 4 * limit])
    text = " ".join("".join(seen).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shown(text: str | None) -> str | None:
    return printable(text, MAX_SHOWN) if text else None
