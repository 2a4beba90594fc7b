"""Events in: the schools of the registry.

One that closes, or goes to another académie, loses or gains referents: what an inspector may see
follows at once, and the calendar (`settling.py`) tells him soon after.
"""

from services.inspector_access.store import registry
from shared.database import Transaction
from shared.events import SchoolUpdated
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Keep the schools of a batch, in the order of their UAI so that two replicas lock alike."""
    by_version = sorted(batch.of(SchoolUpdated), key=lambda school: school.version)
    newest = {school.uai: school for school in by_version}
    await registry.keep_schools(transaction.connection, [newest[uai] for uai in sorted(newest)])
