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
    pupils = _newest(batch.of(PupilEvent))
    withdrawn = [event.transfer_id for event in batch.of(TransferWithdrawn)]
    requests = list({r.transfer_id: r for r in batch.of(TransferRequested)}.values())
    sides = {side.pupil_id: side.uai for r in requests for side in (r.origin, r.destination)}
    await store.lock_learners(transaction.connection, sides, [p.pupil_id for p in pupils])
    if pupils:
        await store.keep_learners(transaction.connection, pupils)
    if withdrawn:
        await store.decide_withdrawn(transaction.connection, withdrawn)
    if requests:
        await _move(transaction, requests)
    asked = {request.transfer_id for request in requests}.union(withdrawn)
    if asked:
        await _answer(transaction, sorted(asked))


def _newest(pupils: Iterable[PupilEvent]) -> list[PupilEvent]:
    """Each learner once, at the highest version of the batch, in id order."""
    newest = {p.pupil_id: p for p in sorted(pupils, key=lambda p: p.version)}
    return [newest[pupil_id] for pupil_id in sorted(newest)]


async def _move(transaction: Transaction, requests: Sequence[TransferRequested]) -> None:
    """Decide the requests that are not decided yet, and move the records of those that hold."""
    in_order = sorted(requests, key=lambda r: r.transfer_id)
    if to_move := await store.decide_requests(transaction.connection, in_order):
        await store.move_records(transaction.connection, to_move)


async def _answer(transaction: Transaction, transfers: Sequence[UUID]) -> None:
    """Tell the decisions, new or old: a request that is repeated gets the same answer."""
    for row in await store.decisions(transaction.connection, transfers):
        transaction.publish([_answer_of(row)])


def _answer_of(row: Record) -> DossierTransferred | DossierTransferRefused:
    if row["outcome"] == "transferred":
        return DossierTransferred(transfer_id=row["transfer_id"], counts=row["counts"])
    return DossierTransferRefused(transfer_id=row["transfer_id"], reason=row["outcome"])
