"""Events in: learners named by a closed transfer are marked."""

from services.siecle_import import store
from shared.database import Transaction
from shared.events import TransferClosed
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Mark both learners of each closed transfer, so that an undo leaves them as they are."""
    closed = batch.of(TransferClosed)
    pupils = {side.pupil_id for event in closed for side in (event.origin, event.destination)}
    await store.mark_transferred(transaction.connection, pupils)
