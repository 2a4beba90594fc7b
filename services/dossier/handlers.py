"""Events in: who can hold records, and the moves. Each transfer id is decided exactly once."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.dossier.following import follow, tell
from services.dossier.store import learners, moves
from shared.database import Transaction, by_index
from shared.events import (
    PupilErased,
    PupilEvent,
    PupilMerged,
    Side,
    TransferRequested,
    TransferWithdrawn,
)
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Take in a batch. A withdrawal beside its own request came in time."""
    connection = transaction.connection
    await by_index(connection)
    pupils = _newest(batch.of(PupilEvent))
    merges = _newest_merges(batch.of(PupilMerged))
    erased = sorted({event.pupil_id for event in batch.of(PupilErased)})
    withdrawn = [event.transfer_id for event in batch.of(TransferWithdrawn)]
    requests = list({r.transfer_id: r for r in batch.of(TransferRequested)}.values())
    await _lock(transaction, requests, merges, [*erased, *(p.pupil_id for p in pupils)])
    if pupils:
        await learners.keep_learners(connection, pupils)
    if merges:
        await learners.keep_merges(connection, merges)
    if erased:
        await learners.erase(connection, erased)
    if withdrawn:
        await moves.decide_withdrawn(connection, withdrawn)
    to = await _move(transaction, requests) if requests else set()
    followed = await follow(connection, to.union(m.merged_id for m in merges))
    await tell(transaction, followed.union(withdrawn, (r.transfer_id for r in requests)))


async def _lock(
    transaction: Transaction,
    requests: Sequence[TransferRequested],
    merges: Sequence[PupilMerged],
    others: Sequence[UUID],
) -> None:
    """Lock all learners of a batch in id order, with those on the way of their records; whom a
    request or a merge names is entered if he is not held yet.
    """
    sides = {side.pupil_id: side.uai for r in requests for side in (r.origin, r.destination)}
    sides |= {pupil: m.uai for m in merges for pupil in (m.merged_id, m.surviving_id)}
    if sides:
        await learners.enter_learners(transaction.connection, sides)
    await learners.lock_ways(transaction.connection, sides, others)


def _newest(pupils: Iterable[PupilEvent]) -> list[PupilEvent]:
    """Each learner once, at the highest version of the batch, in id order."""
    newest = {p.pupil_id: p for p in sorted(pupils, key=lambda p: p.version)}
    return [newest[pupil_id] for pupil_id in sorted(newest)]


def _newest_merges(merges: Iterable[PupilMerged]) -> list[PupilMerged]:
    """Each merged learner once, as the highest version tells of him."""
    return list({m.merged_id: m for m in sorted(merges, key=lambda m: m.merged_version)}.values())


async def _move(transaction: Transaction, requests: Sequence[TransferRequested]) -> set[UUID]:
    """Decide the requests that are not decided yet, and move the records of those that hold;
    returns the receiving learners whose dossier may have gone on elsewhere.
    """
    connection = transaction.connection
    reversals = [request for request in requests if request.reverses]
    merged = await learners.goes_on_as(
        connection,
        {r.destination.pupil_id for r in requests} | {r.origin.pupil_id for r in reversals},
    )
    in_order = [_to_survivors(r, merged) for r in sorted(requests, key=lambda r: r.transfer_id)]
    to_move = await moves.decide_requests(connection, in_order)
    to = {r.destination.pupil_id for r in requests}
    named = {pupil_id for pupil_id in to if merged.get(pupil_id) == pupil_id}
    if forward := [row["transfer_id"] for row in to_move if row["reverses"] is None]:
        await moves.move_records(connection, forward, named)
    back = [row["transfer_id"] for row in to_move if row["reverses"] is not None]
    for reversal in back:  # people decide these, one by one
        await moves.move_back(connection, reversal)
    return to - named | {r.destination.pupil_id for r in reversals}


def _to_survivors(request: TransferRequested, merged: Mapping[UUID, UUID]) -> TransferRequested:
    """The request with, as its destination, whom the learner goes on as; a reversal takes from
    whom he goes on as, too.
    """
    sides = {"destination": _survivor(request.destination, merged)}
    if request.reverses:
        sides["origin"] = _survivor(request.origin, merged)
    return request.model_copy(update=sides)


def _survivor(side: Side, merged: Mapping[UUID, UUID]) -> Side:
    return side.model_copy(update={"pupil_id": merged.get(side.pupil_id, side.pupil_id)})
