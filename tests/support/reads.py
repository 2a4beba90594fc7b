"""How much a service reads of its tables, and compares in vain."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from shared.database import Connection, Database, Transaction
from shared.events import Event
from shared.messaging.consumer import Batch, Handle

GROWTH = 1.25
"""How far counts of equal work may differ: indexes hold entries of rows that have been changed."""

IN_VAIN = 10
"""How many rows for each event of a batch may be looked at and dropped."""


async def rows_read(database: Database) -> int:
    """How many rows of its tables, and entries of its indexes, the statements of a database that
    uses one connection at a time have met so far.
    """
    async with database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    async with database.connection() as connection:
        rows: int = await connection.fetchval(
            """
            SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint
                + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint
            """
        )
    return rows


def assert_flat(counts: Sequence[int]) -> None:
    """Assert that what each of several equal rounds has read depends neither on what the rounds
    before it have left nor on what those after it still have to do.
    """
    assert min(counts) > 0
    assert max(counts) <= GROWTH * min(counts), counts


class Explaining:
    """A connection that first has each statement explained, as it would run, and counts what its
    joins and filters meet in vain.
    """

    def __init__(self, connection: Connection) -> None:
        self.in_vain = 0.0
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        if name == "executemany":
            raise AssertionError("a batch is one statement")
        method = getattr(self._connection, name)
        return partial(self._explained, method) if name in _ASKING else method

    async def _explained(self, ask: Callable[..., Any], statement: str, *values: object) -> Any:
        if statement.split()[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}:
            trial = self._connection.transaction()
            await trial.start()
            self.in_vain += _in_vain(await self._plan(statement, values))
            await trial.rollback()
        return await ask(statement, *values)

    async def _plan(self, statement: str, values: Sequence[object]) -> Mapping[str, Any]:
        """How it runs by the plan for any values, which is what a busy service uses: parameters of
        EXPLAIN itself would be planned with their values.
        """
        ask = self._connection.fetchval
        prepared = await self._connection.prepare(statement)
        literals = [
            await ask(f"SELECT quote_nullable($1::{kind.name}::text)", value)
            for kind, value in zip(prepared.get_parameters(), values, strict=True)
        ]
        await self._connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        arguments = f"({', '.join(literals)})" if literals else ""
        text = await ask(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {prepared.get_name()}{arguments}")
        plan: Mapping[str, Any] = json.loads(text)[0]["Plan"]
        return plan


_ASKING = {"execute", "fetch", "fetchrow", "fetchval"}


def _in_vain(node: Mapping[str, Any]) -> float:
    """Rows that were met and dropped, and those of a set that was gone through again and again."""
    loops = node["Actual Loops"]
    removed = node.get("Rows Removed by Join Filter", 0) + node.get("Rows Removed by Filter", 0)
    again = node["Actual Rows"] * (loops - 1) if node["Node Type"] == "CTE Scan" and loops else 0
    below = sum(map(_in_vain, node.get("Plans", ())))
    return float(removed * loops + again + below)


async def assert_each_once(database: Database, handle: Handle, events: Sequence[Event]) -> None:
    """Assert that the statements that take in a batch do not compare each with each."""
    async with database.transaction() as transaction:
        explaining = Explaining(transaction.connection)
        watched = Transaction(cast("Connection", explaining), transaction.events)
        await handle(watched, Batch(events))
    assert explaining.in_vain < IN_VAIN * len(events)
