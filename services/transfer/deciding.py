"""One decision: what the rule says of all that was touched, done and told.

The batches of events, the switch, the reconcile and whatever people decide end here.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from asyncpg import Record

from services.transfer import matching
from services.transfer.domain import deciding
from services.transfer.store import presences, transfers
from shared.database import Transaction
from shared.events import (
    Side,
    TransferClosed,
    TransferOffered,
    TransferRequested,
    TransferWithdrawn,
)
from shared.identifiers import Uai


async def decide(transaction: Transaction, keys: Collection[bytes]) -> int:
    """Open and take back transfers among all learners that hold one of these INE keys, and take
    back requests by hand, be there an INE or not.

    The caller has called `store.single_file` first. Returns how many it opened or took back.
    """
    connection = transaction.connection
    decisions = await matching.decisions(connection, keys)
    if to_withdraw := deciding.withdrawn(decisions):
        await transfers.withdraw(connection, to_withdraw)
        transaction.publish(TransferWithdrawn(transfer_id=i) for i in to_withdraw)
    if matched := deciding.matched(decisions):
        await transfers.match_offers(connection, matched)
    if to_open := deciding.opened(decisions):
        rows = await transfers.open_transfers(connection, to_open)
        transaction.publish(requested(row) for row in rows)
    return len(to_withdraw) + len(to_open)


async def decide_about(transaction: Transaction, pupils: Iterable[UUID]) -> None:
    """Decide again over these learners, and over all who share an INE with them."""
    await decide(transaction, await presences.keys_of_pupils(transaction.connection, pupils))


def requested(row: Record) -> TransferRequested:
    """The request of a transfer."""
    return TransferRequested(
        transfer_id=row["id"],
        origin=_side(row, "origin"),
        origin_stay=row["origin_stay"],
        destination=_side(row, "destination"),
        reverses=row["reverses"],
    )


def closed(row: Record) -> TransferClosed:
    """That a transfer is closed; of a reversal, that the transfer it took back is reversed."""
    if row["reverses"] is None:
        return TransferClosed(
            transfer_id=row["id"],
            origin=_side(row, "origin"),
            destination=_side(row, "destination"),
            counts=row["counts"],
        )
    return TransferClosed(
        transfer_id=row["reverses"],
        origin=_side(row, "destination"),
        destination=_side(row, "origin"),
        outcome="reversed",
        counts=row["counts"],
    )


def offered(rows: Iterable[Record], *, reminder: bool = False) -> list[TransferOffered]:
    """That offers wait for their schools: one event for those that one request has made to one
    school, named by the first of them.
    """
    together: dict[tuple[UUID, str], list[Record]] = {}
    for row in rows:
        together.setdefault((row["batch"], row["destination_uai"]), []).append(row)
    return [
        TransferOffered(
            transfer_id=made[0]["id"],
            origin_uai=Uai(made[0]["origin_uai"]),
            destination_uai=Uai(made[0]["destination_uai"]),
            count=len(made),
            reminder=reminder,
        )
        for made in together.values()
    ]


def _side(row: Record, side: str) -> Side:
    return Side(uai=Uai(row[f"{side}_uai"]), pupil_id=row[f"{side}_pupil"])
