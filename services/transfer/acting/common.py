"""What several acts need: the transfer they are about, its trace, whom a learner goes on as."""

from uuid import UUID

from asyncpg import Record

from services.transfer.domain import errors
from services.transfer.store import lists, people, single_file
from services.transfer.store.people import Act
from shared.database import Connection, Transaction
from shared.identifiers import Uai


async def transfer_of(transaction: Transaction, uai: Uai, transfer_id: UUID) -> Record:
    """A transfer from or to this school, in a deciding transaction.

    Raises:
        UnknownTransferError
    """
    await single_file(transaction.connection)
    row = await lists.transfer(transaction.connection, uai, transfer_id)
    if row is None:
        raise errors.UnknownTransferError
    return row


async def note(
    transaction: Transaction,
    row: Record,
    uai: Uai,
    by_whom: str,
    what: str,
    because: str | None = None,
) -> None:
    """Write to the trail what someone of `uai` has done with a transfer."""
    act = Act(uai, by_whom, what, because, row["id"], row["origin_pupil"], row["destination_pupil"])
    await people.note(transaction.connection, [act])


async def survivors(connection: Connection, pupil_id: UUID) -> set[UUID]:
    """A learner and whom he goes on as."""
    return {pupil_id, *(await lists.goes_on_as(connection, [pupil_id])).values()}
