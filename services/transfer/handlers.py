"""Events in: what each changes, then one decision over all that they touched."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.transfer import domain, matching, store
from shared.database import Transaction
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    ImportApplied,
    PupilErased,
    PupilEvent,
    PupilMerged,
    Side,
    TransferClosed,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Take in a batch: learners, imports and answers first, then decide once over all of it."""
    await store.single_file(transaction.connection)
    touched: set[bytes] = set()
    if pupils := _newest(batch.of(PupilEvent)):
        touched |= await store.keep_presences(transaction.connection, pupils)
        await store.forget_announced(transaction.connection, pupils)
    if gone := _gone(batch):
        touched |= await _forget(transaction, gone)
    if imports := batch.of(ImportApplied):
        touched |= await store.keep_imports(transaction.connection, imports)
    if moved := batch.of(DossierTransferred):
        touched |= await _close(transaction, moved)
    if refused := batch.of(DossierTransferRefused):
        touched |= await _cancel(transaction, refused)
    await decide(transaction, touched)


def _gone(batch: Batch) -> dict[UUID, int]:
    """Who is no longer, and up to which version: erasure wins over every one."""
    merged = sorted(batch.of(PupilMerged), key=lambda event: event.merged_version)
    return {
        event.merged_id: event.merged_version
        for event in merged
        if not event.undone  # his own event, of the same version, brings him back
    } | {event.pupil_id: store.ERASED for event in batch.of(PupilErased)}


async def _forget(transaction: Transaction, gone: Mapping[UUID, int]) -> set[bytes]:
    """Forget learners and take back the requests about them; returns their INE keys."""
    keys = await store.forget(transaction.connection, gone)
    withdrawn = await store.withdraw_of_pupils(transaction.connection, gone)
    transaction.publish(TransferWithdrawn(transfer_id=transfer) for transfer in withdrawn)
    return keys


def _newest(pupils: Iterable[PupilEvent]) -> list[PupilEvent]:
    """Each learner once, at the highest version of the batch."""
    return list({p.pupil_id: p for p in sorted(pupils, key=lambda p: p.version)}.values())


async def _close(transaction: Transaction, answers: Sequence[DossierTransferred]) -> set[bytes]:
    closed = await store.close(transaction.connection, answers)
    transaction.publish(
        TransferClosed(
            transfer_id=row["id"],
            origin=_origin(row),
            destination=_destination(row),
            counts=row["counts"],
        )
        for row in closed
    )
    return await _keys_of_both(transaction, closed)


async def _cancel(
    transaction: Transaction, refusals: Sequence[DossierTransferRefused]
) -> set[bytes]:
    return await _keys_of_both(transaction, await store.cancel(transaction.connection, refusals))


async def _keys_of_both(transaction: Transaction, transfers: Sequence[Record]) -> set[bytes]:
    """The INE keys of both sides: other departures may have waited for this answer."""
    pupils = {row[side] for row in transfers for side in ("origin_pupil", "destination_pupil")}
    return await store.keys_of_pupils(transaction.connection, pupils) if pupils else set()


async def decide(transaction: Transaction, keys: Collection[bytes]) -> int:
    """Open and take back transfers among all learners that hold one of these INE keys.

    The caller has called `store.single_file` first. Returns how many it opened or took back.
    """
    if not keys:
        return 0
    cases = await matching.cases(transaction.connection, keys)
    decisions = [domain.decide(departure, arrivals) for departure, arrivals in cases]
    if to_withdraw := domain.withdrawn(decisions):
        await store.withdraw(transaction.connection, to_withdraw)
        transaction.publish(TransferWithdrawn(transfer_id=i) for i in to_withdraw)
    if to_open := domain.opened(decisions):
        transfers = await store.open_transfers(transaction.connection, to_open)
        transaction.publish(requested(row) for row in transfers)
    return len(to_withdraw) + len(to_open)


def requested(row: Record) -> TransferRequested:
    """The request of a transfer."""
    return TransferRequested(
        transfer_id=row["id"],
        origin=_origin(row),
        origin_stay=row["origin_stay"],
        destination=_destination(row),
    )


def _origin(row: Record) -> Side:
    return Side(uai=Uai(row["origin_uai"]), pupil_id=row["origin_pupil"])


def _destination(row: Record) -> Side:
    return Side(uai=Uai(row["destination_uai"]), pupil_id=row["destination_pupil"])
