"""The rules of records, without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.identifiers import Uai

BODY_BYTES = 256 * 1024
"""Of a record's JSON body; what is larger belongs in an attachment."""

BODY_DEPTH = 32
"""Levels of lists and objects in it; deeper ones end recursive programs."""


class Kind(StrEnum):
    """The kinds of records that follow a learner (guide, « Activer le transfert »)."""

    BILAN = "bilan"
    FICHE = "fiche"
    EVALUATION = "evaluation"


class UnknownLearnerError(Exception):
    """The school has no such learner, or the pupil base has not told of him yet."""


class UnknownRecordError(Exception):
    """The learner holds no such record."""


class RecordsMovedError(Exception):
    """The learner has left and his records are in the next school: they are written there."""


@dataclass(frozen=True, slots=True)
class Learner:
    """Who may hold records: a learner in a school, and where his records went if he has left."""

    pupil_id: UUID
    uai: Uai
    moved_to: UUID | None


@dataclass(frozen=True, slots=True)
class Step:
    """One learner on the way that someone's records went: on by the transfer `moved_by`, or
    `merged` into the next one; the last one holds them.
    """

    pupil_id: UUID
    uai: Uai
    moved_by: UUID | None = None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Onward:
    """A dossier that has gone on: from whom, to whoever holds it now, by which transfers (oldest
    first).
    """

    left: UUID
    holder: UUID
    moved_by: tuple[UUID, ...]


def onward(way: Sequence[Step]) -> Onward | None:
    """Where whatever stands with the learner at the beginning of this `way` belongs (transfer
    protocol, rule 5); None if it is with him, or whom he goes on as.
    """
    own = next((step for step in way if not step.merged), None)
    if own is None or own == way[-1]:
        return None
    moved_by = tuple(step.moved_by for step in way[:-1] if step.moved_by is not None)
    return Onward(own.pupil_id, way[-1].pupil_id, moved_by)


def check_changeable(way: Sequence[Step], uai: Uai) -> Step:
    """The learner of `uai`, whose records may be changed.

    Raises:
        UnknownLearnerError: not one of this school.
        RecordsMovedError: his records are in another school (transfer protocol, rule 4).
    """
    own = own_of(way, uai)
    if own != way[-1]:
        raise RecordsMovedError
    return own


def own_of(way: Sequence[Step], uai: Uai) -> Step:
    """Whom the learner at the beginning of this `way` goes on as in his own school, `uai`.

    Raises:
        UnknownLearnerError: not one of this school.
    """
    own = next((step for step in way if not step.merged), None)
    if own is None or own.uai != uai:
        raise UnknownLearnerError
    return own
