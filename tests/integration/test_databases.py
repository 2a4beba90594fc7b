"""Each service has a database of its own, at the version of its code."""

from pathlib import Path

import asyncpg
import pytest

from docs.reference import SERVICES, service
from shared.database import Database, SchemaTooOldError, migrate, require_schema
from tests.support.databases import Templates


async def test_a_service_can_open_no_database_but_its_own(
    templates: Templates,
) -> None:
    urls = {name: await templates.url(service(name)) for name in SERVICES}
    for own, url in urls.items():
        base = url.rpartition("/")[0]
        for other, other_url in urls.items():
            target = f"{base}/{other_url.rpartition('/')[2]}"
            if other == own:
                await (await asyncpg.connect(target)).close()
                continue
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(target)


async def test_a_service_refuses_a_schema_older_than_its_code(
    kernel: Database, tmp_path: Path
) -> None:
    await require_schema(kernel, [])
    (tmp_path / "next-0001-more.sql").write_text("")
    with pytest.raises(SchemaTooOldError, match="next-0001-more"):
        await require_schema(kernel, [tmp_path])


async def test_migrating_again_changes_nothing(templates: Templates) -> None:
    transfer = service("transfer")
    await migrate(await templates.url(transfer), transfer.migration_folders)
