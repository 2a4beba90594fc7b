"""What services write down about what was done: nobody changes it, and it is erased in its time."""

import datetime as dt
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from deploy.local.servers import run_url
from docs.reference import SERVICES, service
from services.transfer.retention import TRAIL, forget
from shared.database import Database
from shared.service import Service
from tests.integration.test_story import A
from tests.support.databases import Templates, histories

HISTORIES = {
    "dossier": {"discarded", "look"},
    "etablissement": {
        "discarded", "image_change", "right_change", "school_change", "setting_change",
    },
    "gateway": {"discarded"},
    "inspector_access": {"discarded", "look", "switch_change"},
    "notifier": {"discarded", "mail_history"},
    "siecle_import": {"discarded", "erasure", "look"},
    "transfer": {"act", "discarded", "participation_change"},
}  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
async def test_histories_are_append_only(templates: Templates, name: str) -> None:
    connection = await asyncpg.connect(await templates.url(service(name)))
    try:
        assert set(await histories(connection)) == HISTORIES[name]
        for table in HISTORIES[name]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"TRUNCATE {table}")
    finally:
        await connection.close()


async def test_a_service_erases_what_is_older_than_three_years_and_changes_nothing_else(
    new_database: Callable[[Service], Awaitable[str]],
) -> None:
    database = await Database.open(run_url(await new_database(service("transfer"))), 2)
    now = dt.datetime.now(dt.UTC)
    async with database.connection() as connection:
        day = dt.timedelta(days=1)
        for version, age in enumerate((TRAIL + day, TRAIL - day, day)):
            await connection.execute(
                """
                INSERT INTO participation_change (uai, version, active, changed_by, changed_at)
                VALUES ($1, $2, true, 'x', $3)
                """,
                A,
                version,
                now - age,
            )
        await forget(database, now)
        kept = "SELECT array_agg(version) FROM participation_change"
        assert await connection.fetchval(kept) == [1, 2]
        for statement in (
            "UPDATE participation_change SET changed_by = 'y'",
            "DELETE FROM participation_change",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    await database.close()
