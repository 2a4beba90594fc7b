"""The learner and the record that a route is about, or the problem that the school has none."""

from uuid import UUID

from services.dossier import domain
from services.dossier.store import learners, records
from shared.database import Connection
from shared.identifiers import Uai


async def holder_of(connection: Connection, uai: Uai, pupil_id: UUID) -> UUID:
    """The learner of the school, or whom he goes on as.

    Raises:
        UnknownLearnerError
    """
    learner = await learners.learner(connection, pupil_id)
    if learner is None or learner.uai != uai:
        raise domain.UnknownLearnerError
    return learner.pupil_id


async def check_held(connection: Connection, uai: Uai, pupil_id: UUID, record_id: UUID) -> UUID:
    """Who holds this record in the school.

    Raises:
        UnknownLearnerError, UnknownRecordError
    """
    holder = await holder_of(connection, uai, pupil_id)
    if await records.record_of(connection, holder, record_id) is None:
        raise domain.UnknownRecordError
    return holder


async def check_changeable(
    connection: Connection, uai: Uai, pupil_id: UUID, record_id: UUID
) -> None:
    """Refuse to go on unless the learner holds this record in the school; no move passes until the
    transaction ends.

    Raises:
        UnknownLearnerError, UnknownRecordError, RecordsMovedError
    """
    way = await learners.way_for_writing(connection, pupil_id)
    holder = domain.check_changeable(way, uai).pupil_id
    if await records.record_of(connection, holder, record_id) is None:
        raise domain.UnknownRecordError
