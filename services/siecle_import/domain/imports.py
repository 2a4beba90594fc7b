"""The life of an import: its states, and what a person must confirm."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from services.siecle_import.domain.difference import Difference
from services.siecle_import.domain.pupils import (
    Change,
    Pupil,
    Source,
)
from services.siecle_import.files.findings import Finding, finding
from services.siecle_import.identifiers import is_last_year

# Deactivations above both ask for a confirmation: a share of the active learners, and a number.
MASS_SHARE = 0.2
MASS_NUMBER = 5


class State(StrEnum):
    """Where an import stands (docs/imports.md)."""

    RECEIVED = "received"
    READY = "ready"
    CONFIRMED = "confirmed"
    APPLIED = "applied"
    SEEN = "seen"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNDONE = "undone"


AT_WORK = frozenset({State.RECEIVED, State.CONFIRMED})
"""The states in which the service works on the import; in the others a person does, or nobody."""


class UnknownImportError(Exception):
    """The school has no such import."""


class ImportUnderWayError(Exception):
    """Another import of the school is being read or applied."""


class NotReadyError(Exception):
    """The import does not wait for a confirmation (any more)."""


class NotConfirmedError(Exception):
    """Something that a person must confirm by name was not confirmed."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The import that the base of a school follows at present."""

    horodatage: dt.datetime
    school_year: int
    source: Source


ConfirmationCode = Literal["other_school_year", "older_file", "mass_deactivation"]
"""The findings that a person must confirm by their code."""


class Needed(NamedTuple):
    """Something that a person must confirm, by its code and, if there is one, by typing a number;
    `message` tells staff what it is about.
    """

    code: str
    number: int | None
    message: str


def confirmations(
    base: Collection[Pupil],
    change: Difference,
    said: Iterable[Finding],
    file: InForce,
    in_force: InForce | None,
) -> list[Needed]:
    """What must be confirmed before a file from SIECLE is applied: what reading it has found, an
    older file, many deactivations (those that staff leave out still count: the number is the one
    that was shown). `file` is the import that would be in force.
    """
    if file.source == "csv":
        return []
    needed = [Needed(one.code, None, one.message) for one in said if one.level == "confirmation"]
    leavers = [*change.of(Change.DEACTIVATED), *change.spared]
    if in_force is not None and in_force.source == "siecle":
        if file.horodatage < in_force.horodatage:
            moments = _spoken(file.horodatage), _spoken(in_force.horodatage)
            older = finding("older_file", value=moments[0], other=moments[1])
            needed.append(Needed(older.code, None, older.message))
        if in_force.school_year != file.school_year:
            # At the change of year those who have finished their course leave, all at once.
            leavers = [p for p in leavers if not is_last_year(p.mef or "")]
    active = sum(pupil.active for pupil in base)
    if len(leavers) > MASS_NUMBER and len(leavers) > MASS_SHARE * active:
        share = f"{active} seraient désactivés ({100 * len(leavers) // active} %)"
        mass = finding("mass_deactivation", value=str(len(leavers)), other=share)
        needed.append(Needed(mass.code, len(leavers), mass.message))
    return needed


def _spoken(moment: dt.datetime) -> str:
    return f"{moment:%d/%m/%Y %H:%M}"


def check_confirmed(needed: Iterable[Needed], given: Collection[str], number: int | None) -> None:
    """Check what a person has confirmed against what must be.

    Raises:
        NotConfirmedError: something is missing, or the number typed is another.
    """
    for one in needed:
        if one.code not in given or (one.number is not None and one.number != number):
            raise NotConfirmedError
