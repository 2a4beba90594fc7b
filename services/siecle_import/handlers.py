"""Events in: learners named by a closed transfer are marked."""

from services.siecle_import.store import pupils
from shared.database import Transaction
from shared.events import TransferClosed
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Mark both learners of each closed transfer, so that an undo leaves them as they are."""
    marks = [
        (event.transfer_id, side.pupil_id, other.uai)
        for event in batch.of(TransferClosed)
        for side, other in (
            (event.origin, event.destination),
            (event.destination, event.origin),
        )
    ]
    await pupils.mark_transferred(transaction.connection, marks)
