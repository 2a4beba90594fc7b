"""Closed transfers taken back, or asked back; and what a reversal holds (rule 6)."""

import datetime as dt
from uuid import UUID

from asyncpg import Record

from services.transfer.acting.common import note, survivors, transfer_of
from services.transfer.deciding import decide_about, requested
from services.transfer.domain import errors, offering
from services.transfer.store import offers, people, reversals
from shared.database import Transaction
from shared.identifiers import Uai


def _check_reversible(row: Record, now: dt.datetime) -> None:
    if row["state"] != "closed" or row["kind"] == "reversal":
        raise errors.WrongStateError
    if now - row["answered_at"] > offering.REVERSIBLE:
        raise errors.TooLateError


async def reverse(
    transaction: Transaction,
    uai: Uai,
    transfer_id: UUID,
    by_whom: str,
    because: str,
    now: dt.datetime,
) -> None:
    """Take a closed transfer back, for the receiving school (rule 6); `dossier` does it.

    Raises:
        UnknownTransferError, WrongStateError, TooLateError, MovedOnError, BusyError
    """
    connection = transaction.connection
    row = await transfer_of(transaction, uai, transfer_id)
    if row["destination_uai"] != uai:
        raise errors.UnknownTransferError
    _check_reversible(row, now)
    holders = {row["destination_pupil"], *await survivors(connection, row["destination_pupil"])}
    if await reversals.has_moved_on(connection, transfer_id, holders):
        raise errors.MovedOnError
    if await offers.shares_a_request(connection, [row["origin_pupil"], row["destination_pupil"]]):
        raise errors.BusyError
    entered = await reversals.reverse(connection, transfer_id, because)
    transaction.publish(requested(reversal) for reversal in entered)
    await note(transaction, row, uai, by_whom, "reversed", because)


async def ask_return(
    transaction: Transaction,
    uai: Uai,
    transfer_id: UUID,
    by_whom: str,
    because: str,
    now: dt.datetime,
) -> None:
    """Ask the receiving school for the records, for the school of origin.

    Raises:
        UnknownTransferError, WrongStateError, TooLateError
    """
    row = await transfer_of(transaction, uai, transfer_id)
    if row["origin_uai"] != uai:
        raise errors.UnknownTransferError
    _check_reversible(row, now)
    await reversals.ask_return(transaction.connection, transfer_id, because)
    await note(transaction, row, uai, by_whom, "return-asked", because)


async def decline_return(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str
) -> None:
    """Decline to give the records back, for the receiving school.

    Raises:
        UnknownTransferError, WrongStateError
    """
    row = await transfer_of(transaction, uai, transfer_id)
    if row["destination_uai"] != uai:
        raise errors.UnknownTransferError
    if row["return_asked_at"] is None:
        raise errors.WrongStateError
    await reversals.ask_return(transaction.connection, transfer_id, None)
    await note(transaction, row, uai, by_whom, "return-declined")


async def lift_hold(transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str) -> None:
    """Let records move again between the learners of a transfer that was reversed.

    Raises:
        UnknownTransferError, WrongStateError
    """
    row = await transfer_of(transaction, uai, transfer_id)
    if not await people.lift_hold(transaction.connection, transfer_id):
        raise errors.WrongStateError
    await note(transaction, row, uai, by_whom, "hold-lifted")
    await decide_about(transaction, [row["origin_pupil"], row["destination_pupil"]])
