"""Records written and changed by their school, each act in one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.dossier import domain
from services.dossier.following import follow, tell
from services.dossier.store import learners, records
from shared.database import Transaction
from shared.identifiers import Uai


async def add(
    transaction: Transaction, uai: Uai, pupil_id: UUID, record_id: UUID, content: Mapping[str, Any]
) -> Record | None:
    """Write a new record of a learner of `uai`; where his dossier has gone on it follows, and
    `transfer` is told. Returns the record where it is now.

    Raises:
        UnknownLearnerError
    """
    connection = transaction.connection
    own = domain.own_of(await learners.way_for_writing(connection, pupil_id), uai)
    await records.add_record(connection, record_id, own, content)
    await tell(transaction, await follow(connection, [own.pupil_id]))
    return await records.record_written(connection, uai, record_id)


async def change(
    transaction: Transaction,
    uai: Uai,
    pupil_id: UUID,
    record_id: UUID,
    version: int,
    content: Mapping[str, Any],
) -> Record | None:
    """Change a record that a learner of `uai` holds; None if `version` is no longer the present
    one.

    Raises:
        UnknownLearnerError, UnknownRecordError, RecordsMovedError
    """
    connection = transaction.connection
    way = await learners.way_for_writing(connection, pupil_id)
    holder = domain.check_changeable(way, uai).pupil_id
    if await records.record_of(connection, holder, record_id) is None:
        raise domain.UnknownRecordError
    return await records.change_record(connection, holder, record_id, version, content)
