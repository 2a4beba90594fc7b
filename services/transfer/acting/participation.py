"""The school's switch (rules 2 and 10)."""

from asyncpg import Record

from services.transfer.deciding import decide
from services.transfer.domain import errors
from services.transfer.store import presences, schools, single_file
from shared.database import Transaction
from shared.identifiers import Uai


async def switch(
    transaction: Transaction, uai: Uai, version: int, by_whom: str, *, active: bool
) -> Record:
    """Set the switch of `uai`: what waited for it moves, requests under way are taken back. Returns
    active, version, changed_at.

    Raises:
        ChangedMeanwhileError: `version` is no longer the present one.
    """
    connection = transaction.connection
    await single_file(connection)
    row = await schools.switch(connection, uai, version, by_whom, active=active)
    if row is None:
        raise errors.ChangedMeanwhileError
    await decide(transaction, await presences.keys_of_schools(connection, [uai]))
    return row
