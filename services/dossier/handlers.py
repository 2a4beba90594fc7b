"""Events in: who can hold records, and the moves. Each transfer id is decided exactly once."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from asyncpg import Record

from services.dossier import store
from shared.database import Transaction
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    PupilEvent,
    TransferRequested,
    TransferWithdrawn,
)
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Take in a batch. A withdrawal beside its own request came in time."""
    if pupils := _newest(batch.of(PupilEvent)):
        await store.keep_learners(transaction.connection, pupils)
    withdrawn = [event.transfer_id for event in batch.of(TransferWithdrawn)]
    requests = list({r.transfer_id: r for r in batch.of(TransferRequested)}.values())
    if withdrawn:
        await store.decide_withdrawn(transaction.connection, withdrawn)
    if requests:
        await _move(transaction, requests)
    asked = {request.transfer_id for request in requests}.union(withdrawn)
    if asked:
        await _answer(transaction, sorted(asked))


def _newest(pupils: Iterable[PupilEvent]) -> list[PupilEvent]:
    """Each learner once, at the highest version of the batch, in the order of locking."""
    newest = {p.pupil_id: p for p in sorted(pupils, key=lambda p: p.version)}
    return [newest[pupil_id] for pupil_id in sorted(newest)]


async def _move(transaction: Transaction, requests: Sequence[TransferRequested]) -> None:
    """Move the records of the requests that are not decided yet."""
    in_order = sorted(requests, key=lambda r: r.transfer_id)
    new = await store.decide_transferred(transaction.connection, in_order)
    if new:
        to_move = [r for r in in_order if r.transfer_id in new]
        await store.lock_learners(transaction.connection, to_move)
        await store.move_records(transaction.connection, [r.transfer_id for r in to_move])


async def _answer(transaction: Transaction, transfers: Sequence[UUID]) -> None:
    """Tell the decisions, new or old: a request that is repeated gets the same answer."""
    for row in await store.decisions(transaction.connection, transfers):
        transaction.publish([_answer_of(row)])


def _answer_of(row: Record) -> DossierTransferred | DossierTransferRefused:
    if row["outcome"] == "transferred":
        return DossierTransferred(transfer_id=row["transfer_id"], counts=row["counts"])
    return DossierTransferRefused(transfer_id=row["transfer_id"], reason="withdrawn")
