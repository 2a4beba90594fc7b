"""What stands with a learner whose dossier has gone on follows it (docs/transfer.md, rule 5).

Whatever puts it there ends here: a record that his school adds, a merge into him, a reversal or a
request that still names him.
"""

from collections.abc import Collection
from uuid import UUID

from asyncpg import Record

from services.dossier import domain
from services.dossier.store import learners, moves
from shared.database import Connection, Transaction
from shared.events import DossierTransferred, DossierTransferRefused


async def follow(connection: Connection, pupils: Collection[UUID]) -> set[UUID]:
    """Send on what stands with these learners, or whom they go on as, where the dossier has gone
    on; returns the transfers that it follows. The caller has locked the ways of their records.
    """
    if not pupils:
        return set()
    own = set((await learners.goes_on_as(connection, pupils)).values())
    await learners.end_loops(connection, own)
    told = set()
    for way in (await learners.ways_of(connection, own)).values():
        onward = domain.onward(way)
        counts = await moves.follow(connection, onward) if onward else {}
        if onward and counts:
            await moves.count_followed(connection, onward.moved_by[0], counts)
            told.add(onward.moved_by[0])
    return told


async def tell(transaction: Transaction, transfers: Collection[UUID]) -> None:
    """Tell the decisions about these transfers as they are now: a request that is repeated gets the
    same answer.
    """
    if transfers:
        rows = await moves.decisions(transaction.connection, sorted(transfers))
        transaction.publish(_told(row) for row in rows)


def _told(row: Record) -> DossierTransferred | DossierTransferRefused:
    if row["outcome"] != "transferred":
        return DossierTransferRefused(transfer_id=row["transfer_id"], reason=row["outcome"])
    return DossierTransferred(
        transfer_id=row["transfer_id"],
        counts=row["counts"],
        part=row["part"],
        left=row["left_behind"],
    )
