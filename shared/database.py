"""PostgreSQL: the pool, transactions that publish events, and the state of the schema."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

import asyncpg
import structlog
from pogo_core.util import migrate as pogo
from pogo_core.util import sql as pogo_sql

from shared.clock import pause
from shared.envelope import encode
from shared.events import Event
from shared.telemetry import current_traceparent

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

COMMAND_SECONDS = 30.0
ACQUIRE_SECONDS = 10.0
RETRY_SECONDS = 0.5
UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises while the database is away; a defect can raise some of these as well."""

KERNEL_MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_305_001
PURGED_AT_ONCE = 10_000
KEPT = {
    "inbox": ("received_at", dt.timedelta(days=90)),
    "parked": ("parked_at", dt.timedelta(days=90)),
    "idempotency": ("used_at", dt.timedelta(days=90)),
    "discarded": ("discarded_at", dt.timedelta(days=3 * 366)),
}
"""Tables of the kernel that only grow: since when a row is there, and for how long."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction and the events it will publish if it commits."""

    connection: Connection
    events: list[Event] = field(default_factory=list)

    def publish(self, events: Iterable[Event]) -> None:
        """Have `events` written to the outbox at the end of the transaction."""
        self.events.extend(events)


class Database:
    """The one database of a service; `published` is set after each commit with outbox rows."""

    def __init__(self, url: str, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.url = url
        self.pool = pool
        self.published = asyncio.Event()

    @classmethod
    async def open(cls, url: str, size: int) -> Self:
        """A pool that connects when first used: a service may start before its database."""
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            command_timeout=COMMAND_SECONDS,
            init=_read_jsonb,
            reset=_as_it_is,
            server_settings={
                "idle_in_transaction_session_timeout": "60s",
                "jit": "off",  # matching looks dear to the planner: compiling it takes longer
                "timezone": "UTC",
            },
        )
        return cls(url, pool)

    async def close(self) -> None:
        """Give the connections back; bounded, because a frozen server never answers."""
        try:
            async with asyncio.timeout(5):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to read with, each statement by itself."""
        return self.pool.acquire(timeout=ACQUIRE_SECONDS)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A READ COMMITTED transaction; its events are stored last, the relay woken after it."""
        async with self.connection() as connection:
            async with connection.transaction():
                transaction = Transaction(connection)
                yield transaction
                if transaction.events:
                    await _write_outbox(connection, transaction.events)
            if transaction.events:
                self.published.set()

    async def answers(self) -> bool:
        """Whether the database lets us in just now, be the pool busy or not."""
        try:
            await (await asyncpg.connect(self.url, timeout=5)).close(timeout=5)
        except (asyncpg.PostgresError, *UNAVAILABLE):
            return False
        return True

    async def wait(self, stop: asyncio.Event) -> None:
        """Return when the database answers, or `stop` is set."""
        while not stop.is_set() and not await self.answers():
            log.warning("database.away")
            await pause(stop, RETRY_SECONDS)


async def by_index(connection: Connection) -> None:
    """Have the rest of this transaction look rows up by index, be a table small or not: whoever
    takes in batches calls it first (ADR 66).
    """
    await connection.execute("SET LOCAL enable_seqscan = off")


async def _write_outbox(connection: Connection, events: Sequence[Event]) -> None:
    """Add envelopes of `events` to the outbox, in the order given, by one COPY."""
    traceparent, now = current_traceparent(), dt.datetime.now(dt.UTC)
    await connection.copy_records_to_table(
        "outbox",
        columns=["id", "routing_key", "envelope"],
        records=(
            (event_id, event.type, text)
            for event in events
            for event_id, text in [encode(event, traceparent, now)]
        ),
    )


async def _as_it_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Reset nothing: what is set is set for a transaction (ADR 71)."""


async def _read_jsonb(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    # The binary form, because a text codec breaks COPY (« no binary format encoder »).
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + json.dumps(value).encode(),
        decoder=lambda data: json.loads(data[1:]),
    )


async def purge(connection: Connection, now: dt.datetime) -> None:
    """Forget what the kernel has kept long enough, in steps that are short even when much has come
    together.
    """
    for table, (at, kept) in KEPT.items():
        old = f"SELECT ctid FROM {table} WHERE {at} < $1 LIMIT {PURGED_AT_ONCE}"  # noqa: S608
        statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({old}))"  # noqa: S608
        while await connection.execute(statement, now - kept) != "DELETE 0":
            pass


class SchemaTooOldError(Exception):
    """The database lacks migrations that this version of the service needs."""


async def migrate(url: str, folders: Sequence[Path]) -> None:
    """Apply the migrations that are missing, one process at a time."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        for folder in folders:
            await pogo.apply(connection, folder, schema_name="public")
    finally:
        await connection.close()


async def require_schema(database: Database, folders: Sequence[Path]) -> None:
    """Refuse to run on an older schema; a newer one is fine: migrations are safe to run ahead.

    Raises:
        SchemaTooOldError: with the names of the missing migrations.
    """
    applied: set[str] = set()
    async with database.connection() as connection:
        if await connection.fetchval("SELECT to_regclass('public._pogo_migration')"):
            applied = await pogo_sql.get_applied_migrations(connection, schema_name="public")  # type: ignore[arg-type]
    needed = {path.stem for folder in folders for path in folder.glob("*.sql")}
    if missing := sorted(needed - applied):
        raise SchemaTooOldError(f"run `migrate` first: {', '.join(missing)} not applied")
