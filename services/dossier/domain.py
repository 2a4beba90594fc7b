"""The rules of records, without I/O."""

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


def check_writable(learner: Learner | None, uai: Uai) -> Learner:
    """The learner of `uai`, whose records may be written.

    Raises:
        UnknownLearnerError: not one of this school.
        RecordsMovedError: his records are in another school (transfer protocol, rule 4).
    """
    if learner is None or learner.uai != uai:
        raise UnknownLearnerError
    if learner.moved_to is not None:
        raise RecordsMovedError
    return learner
