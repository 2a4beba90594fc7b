"""Events in: what each changes, then one decision over all that they touched."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.transfer.deciding import closed, decide
from services.transfer.store import people, presences, schools, single_file, transfers
from shared.database import Transaction
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    ImportApplied,
    PupilErased,
    PupilEvent,
    PupilMerged,
    SchoolUpdated,
    TransferWithdrawn,
)
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Take in a batch: learners, imports and answers first, then decide once over all of it."""
    connection = transaction.connection
    await single_file(connection)
    touched: set[bytes] = set()
    if pupils := _newest(batch.of(PupilEvent)):
        touched |= await presences.keep_presences(connection, pupils)
        await presences.settle_newest(connection, pupils)
    if merges := batch.of(PupilMerged):
        await presences.keep_merges(connection, merges)
    if gone := _gone(batch):
        touched |= await _forget(transaction, gone)
    if imports := batch.of(ImportApplied):
        touched |= await presences.keep_imports(connection, imports)
    if registry := batch.of(SchoolUpdated):
        touched |= await _keep_schools(transaction, registry)
    if moved := batch.of(DossierTransferred):
        touched |= await _close(transaction, moved)
    if refused := batch.of(DossierTransferRefused):
        touched |= _keys(await transfers.cancel(connection, refused))
    await decide(transaction, touched)


def _gone(batch: Batch) -> dict[UUID, int]:
    """Who is no longer, and up to which version: erasure wins over every one."""
    merged = sorted(batch.of(PupilMerged), key=lambda event: event.merged_version)
    return {
        event.merged_id: event.merged_version
        for event in merged
        if not event.undone  # his own event, of the same version, brings him back
    } | {event.pupil_id: presences.ERASED for event in batch.of(PupilErased)}


async def _forget(transaction: Transaction, gone: Mapping[UUID, int]) -> set[bytes]:
    """Forget learners and take back the requests about them; returns their INE keys."""
    keys = await presences.forget(transaction.connection, gone)
    erased = [pupil for pupil, version in gone.items() if version == presences.ERASED]
    if erased:
        await people.forget_decisions(transaction.connection, erased)
    withdrawn = await transfers.withdraw_of_pupils(transaction.connection, gone, erased)
    transaction.publish(TransferWithdrawn(transfer_id=transfer) for transfer in withdrawn)
    return keys


def _newest(pupils: Iterable[PupilEvent]) -> list[PupilEvent]:
    """Each learner once, at the highest version of the batch."""
    return list({p.pupil_id: p for p in sorted(pupils, key=lambda p: p.version)}.values())


async def _keep_schools(transaction: Transaction, registry: Sequence[SchoolUpdated]) -> set[bytes]:
    """Keep schools; what waits for the answer of one that has closed is over (rule 9). Returns the
    INE keys of the learners who were offered to it.
    """
    connection = transaction.connection
    await schools.keep_schools(connection, registry)
    closing = await schools.closed(connection, [school.uai for school in registry])
    offered = await transfers.end_offers_to(connection, closing) if closing else []
    return await presences.keys_of_pupils(connection, offered) if offered else set()


async def _close(transaction: Transaction, answers: Sequence[DossierTransferred]) -> set[bytes]:
    rows = await transfers.close(transaction.connection, answers)
    transaction.publish(closed(row) for row in rows)
    return _keys(rows)


def _keys(rows: Iterable[Record]) -> set[bytes]:
    return {key for row in rows for key in row["ine_keys"]}
