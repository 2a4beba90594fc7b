"""Events in: learners named by a closed transfer are marked, schools of the registry are kept."""

from services.siecle_import.store import pupils, registry
from shared.database import Transaction
from shared.events import SchoolUpdated, TransferClosed
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Mark both learners of each closed transfer, so that an undo leaves them as they are, and keep
    what the registry tells of schools (`closing.py` does the rest).
    """
    marks = [
        (event.transfer_id, side.pupil_id, other.uai)
        for event in batch.of(TransferClosed)
        for side, other in (
            (event.origin, event.destination),
            (event.destination, event.origin),
        )
    ]
    if marks:
        await pupils.mark_transferred(transaction.connection, marks)
    if schools := batch.of(SchoolUpdated):
        await registry.keep(transaction.connection, schools)
