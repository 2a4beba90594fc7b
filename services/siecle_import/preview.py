"""The list behind each count of an import: what staff read before they confirm, and after.

The same entries serve the history, and the undoing of the import, which needs who was changed and
how he was before.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from services.siecle_import.domain.difference import Difference, File, Ignored, difference
from services.siecle_import.domain.imports import InForce, Needed, confirmations
from services.siecle_import.domain.pupils import Change, Changed, Pupil, Reason
from services.siecle_import.files.findings import Finding, finding
from services.siecle_import.files.reading import Reading
from services.siecle_import.files.rows import LineInError, PupilLine, aliases
from services.siecle_import.files.whole import subject_of
from services.siecle_import.identifiers import is_last_year, school_timezone
from shared.identifiers import Uai

SHOWN_OF_A_KIND = 5
"""Messages of a kind of finding that stand in the import itself; the report has all."""

PUPIL: TypeAdapter[Pupil] = TypeAdapter(Pupil)


class Listing(StrEnum):
    """The lists of an import, each behind a count."""

    CREATED = "created"
    UPDATED = "updated"
    REACTIVATED = "reactivated"
    DEACTIVATED = "deactivated"
    SPARED = "spared"
    PLANNED = "planned"
    WITHOUT_INE = "without_ine"
    WITHOUT_DIVISION = "without_division"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Entry:
    """One learner in one list. `shown` is what staff read; `before` holds the former values of the
    fields that an import changes of him, `version` is the one he gets.
    """

    list: Listing
    shown: Mapping[str, Any]
    pupil_id: UUID | None = None
    before: Mapping[str, Any] | None = None
    version: int | None = None


FIELDS = {
    "eleve_id": "Numéro d'élève",
    "family_name": "Nom de famille",
    "usage_name": "Nom d'usage",
    "first_name": "Prénom",
    "birth_date": "Date de naissance",
    "sex": "Sexe",
    "rnie": "INE (RNIE)",
    "bea": "INE (BEA)",
    "ina": "INE (apprentissage)",
    "status": "Statut",
    "mef": "Formation (MEF)",
    "division": "Classe",
    "previous_uai": "Établissement précédent",
    "entry_date": "Date d'entrée",
    "exit_date": "Date de sortie",
    "exit_reason": "Motif de sortie",
    "source": "Origine de la fiche",
}
"""The fields whose change is shown, as staff know them."""

_SOURCES = {"siecle": "SIECLE", "csv": "tableau CSV", "hand": "saisie"}

_IGNORED = {
    Ignored.REASSIGNED: "numéro d'élève réattribué",
    Ignored.NEVER_HERE: "sorti, et jamais inscrit ici",
    Ignored.OUTSIDE_SIECLE: "sorti de SIECLE, suivi ici hors SIECLE",
    Ignored.FROM_SIECLE: "fiche tenue par SIECLE",
    Ignored.DOUBLE: "doublon d'une fiche fusionnée",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file changes in a base, and all that is shown of it. `in_force` is this import."""

    difference: Difference
    in_force: InForce
    needed: Sequence[Needed]
    findings: Sequence[Finding]
    counts: Mapping[str, int]
    reading: Reading

    def entries(self, *, applied: bool) -> Iterator[Entry]:
        """Every list of the import, one entry at a time: a large school has tens of thousands. New
        learners have no id before the import is applied.
        """
        for entry in _entries(self.difference, self.reading):
            is_new = entry.list is Listing.CREATED
            yield replace(entry, pupil_id=None) if is_new and not applied else entry


def preview_of(
    base: Sequence[Pupil],
    reading: Reading,
    uai: Uai,
    in_force: InForce | None,
    *,
    now: dt.datetime,
    spare: Collection[UUID] = (),
) -> Preview:
    """Compare a file that was not refused with the base of its school."""
    source: Literal["siecle", "csv"] = "csv" if reading.kind == "csv" else "siecle"
    file = File(uai, source, reading.horodatage, reading.pupils, reading.in_error)
    changes = difference(base, file, now=now, spare=spare)
    this = InForce(reading.horodatage, reading.school_year or 0, source)
    needed = confirmations(
        base, changes, reading.findings, _there(uai, this), in_force and _there(uai, in_force)
    )
    reassigned = [
        finding("eleve_id_reassigned", subject_of(line), value=line.eleve_id)
        for line, why in changes.ignored
        if why is Ignored.REASSIGNED
    ]
    return Preview(
        changes,
        this,
        needed,
        (*reading.findings, *reassigned),
        counts_of(reading)
        | {kind.value: len(changes.of(kind)) for kind in Change}
        | {
            "unchanged": _unchanged(reading, changes),
            "spared": len(changes.spared),
            "ignored": len(changes.ignored) + len(reading.in_error),
        },
        reading,
    )


def _unchanged(reading: Reading, changes: Difference) -> int:
    """How many present learners of a file are in the base just as it says."""
    present = sum(line.present for line in reading.pupils)
    ignored = sum(line.present for line, _ in changes.ignored)
    active = (change.after.active for change in changes.changes)
    return max(present - ignored - sum(active), 0)


def _there(uai: Uai, one: InForce) -> InForce:
    """The same, its moment told in the time of the school."""
    return replace(one, horodatage=one.horodatage.astimezone(school_timezone(uai)))


def counts_of(reading: Reading) -> dict[str, int]:
    """The counts that need no base."""
    return {
        "read": reading.read,
        "active": reading.active,
        "left": reading.left,
        "without_ine": reading.without_ine,
        "without_division": reading.without_division,
        "planned": reading.planned_departures,
    }


def grouped(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings of one kind together: how many, the messages of the first, what the very first
    names.
    """
    kinds: dict[str, dict[str, Any]] = {}
    for one in findings:
        kind = kinds.setdefault(
            one.code,
            {
                "level": one.level, "code": one.code, "count": 0, "messages": [], "lines": [],
                "value": one.value,
            },
        )  # fmt: skip
        kind["count"] += 1
        if len(kind["messages"]) < SHOWN_OF_A_KIND:
            kind["messages"].append(one.message)
            kind["lines"] += [one.line] if one.line is not None else []
    return list(kinds.values())


def _entries(difference: Difference, reading: Reading) -> Iterator[Entry]:
    """Every list of an import, in the order in which it is shown."""
    for changed in difference.changes:
        yield _of_change(changed)
    for pupil in difference.spared:
        yield Entry(Listing.SPARED, _who(pupil), pupil.id)
    for line in reading.pupils:
        yield from _of_line(line)
    for line, why in difference.ignored:
        yield Entry(Listing.IGNORED, _who(line) | {"why": _IGNORED[why]})
    for error in reading.in_error:
        yield Entry(Listing.IGNORED, _who(error) | {"why": "ligne en erreur"})


def _of_change(changed: Changed) -> Entry:
    after, before = changed.after, changed.before
    shown = _who(after)
    if before is not None and changed.kind is not Change.DEACTIVATED:
        shown["changes"] = field_by_field(before, after)
    if changed.kind is Change.DEACTIVATED:
        shown["why"] = why_left(after)
        shown["end_of_course"] = is_last_year(after.mef or "")
    return Entry(
        Listing(changed.kind.value),
        shown,
        after.id,
        _as_it_was(before, after) if before else None,
        after.version,
    )


def _as_it_was(before: Pupil, after: Pupil) -> Mapping[str, Any]:
    """The fields of a learner that an import changes, as they were, in JSON."""
    return {
        name: to_jsonable_python(old)
        for name in Pupil._fields
        if (old := getattr(before, name)) != getattr(after, name)
    }


def former(present: Pupil, changed: Mapping[str, Any]) -> Pupil:
    """The learner as he was before an import that changed these fields."""
    return PUPIL.validate_python({**present._asdict(), **changed})


def _of_line(line: PupilLine) -> Iterator[Entry]:
    if not line.present:
        return
    if line.planned_departure:
        day = f"départ programmé le {line.planned_departure:%d/%m/%Y}"
        yield Entry(Listing.PLANNED, _who(line) | {"why": day})
    if not aliases(line):
        yield Entry(Listing.WITHOUT_INE, _who(line))
    if not line.division:
        yield Entry(Listing.WITHOUT_DIVISION, _who(line))


def _who(person: Pupil | PupilLine | LineInError) -> dict[str, Any]:
    names = (person.family_name or person.usage_name, person.first_name)
    return {
        "eleve_id": person.eleve_id,
        "name": " ".join(name for name in names if name) or None,
        "ine": next(iter(aliases(person)), None),
        "division": None if isinstance(person, LineInError) else person.division,
    }


def field_by_field(before: Pupil, after: Pupil) -> list[dict[str, str | None]]:
    """The fields in which two learners, or one at two moments, differ: field, label, old, new."""
    return [
        {"field": name, "label": label, "old": shown(name, old), "new": shown(name, new)}
        for name, label in FIELDS.items()
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def shown(name: str, value: Any) -> str | None:
    """A value as staff read it."""
    if value is None:
        return None
    if name.endswith("_date"):
        return f"{value:%d/%m/%Y}"
    return _SOURCES[value] if name == "source" else str(value)


_WHY = {
    Reason.INACTIVE_DIVISION: "division Inactifs",
    Reason.ABSENT: "absent du fichier",
    Reason.BY_HAND: "sortie saisie",
    Reason.SCHOOL_CLOSED: "établissement fermé",
    Reason.MERGED: "fiche fusionnée, puis séparée : le prochain import dira s'il est inscrit",
    Reason.UNDONE: "import annulé",
}


def why_left(pupil: Pupil) -> str | None:
    """Why a learner is not active: « sorti le 10/01/2026, motif 10 », « absent du fichier »."""
    if pupil.reason is None:
        return None
    if pupil.reason == Reason.LEFT and pupil.exit_date:
        motif = f", motif {pupil.exit_reason}" if pupil.exit_reason else ""
        return f"sorti le {pupil.exit_date:%d/%m/%Y}{motif}"
    return _WHY.get(Reason(pupil.reason), "sorti")
