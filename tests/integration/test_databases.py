"""Each service has a database of its own, at the version of its code."""

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from deploy.local.servers import Servers
from shared.database import Database, SchemaTooOldError, migrate, require_schema


async def test_a_service_can_open_no_database_but_its_own(
    servers: Servers, templates: Mapping[str, str]
) -> None:
    for own, url in templates.items():
        base = url.rpartition("/")[0]
        for other, other_url in templates.items():
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


async def test_migrating_again_changes_nothing(templates: Mapping[str, str]) -> None:
    from services.transfer.__main__ import service

    await migrate(templates["transfer"], service.migration_folders)
