"""Why learners are erased, and what stands against it (docs/imports.md, « Kept how long »)."""

import datetime as dt
from enum import StrEnum

from services.siecle_import.domain.editing import WrongStateError
from services.siecle_import.domain.pupils import Pupil

ANNOUNCED = dt.timedelta(days=30)
"""How long before he is erased a learner is listed to his school."""


class OnRequest(StrEnum):
    """Why people have a learner erased."""

    LEARNER = "demande-apprenant"
    GUARDIAN = "demande-responsable"
    AUTHORITY = "decision-autorite"
    MISTAKE = "fiche-erronee"


class ByItself(StrEnum):
    """Why the service erases a learner."""

    KEPT_LONG_ENOUGH = "duree-conservation"
    IMPORT_UNDONE = "import-annule"


class StillHereError(Exception):
    """The learner is active in the school."""


class UnderWayError(Exception):
    """The learner is offered to another school, or his dossier is on its way."""


class EventsWaitError(Exception):
    """Events are parked: one may say that records have followed the learner."""


def check_erasable(pupil: Pupil) -> None:
    """Check that a learner can be erased on request; one who was merged goes with whom he goes on
    as.

    Raises:
        StillHereError, WrongStateError
    """
    if pupil.merged_into is not None:
        raise WrongStateError
    if pupil.active:
        raise StillHereError
