"""What `etablissement` tells of a school reaches each service that listens, through the broker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.local.client import Sign, eventually
from docs.reference import service as service_named
from shared.database import Database
from shared.events import SchoolUpdated
from shared.service import Service
from tests.support.registry import A, B, Registry, admin, staff
from tests.support.system import System, running

KNOWN = {
    "siecle_import": ("registered_school", ("name", "open", "successor")),
    "transfer": ("school", ("name", "academie", "open", "successor")),
    "inspector_access": ("school", ("name", "town", "email", "academie", "open")),
    "notifier": ("school", ("name", "town", "email", "digest")),
}
"""Where each listener keeps what it is told, and the little that it keeps."""


@pytest.fixture
async def told_system(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[System]:
    services = [service_named(name) for name in ("etablissement", *SchoolUpdated.listeners)]
    urls = {service.name: await new_database(service) for service in services}
    async with running(services, urls, vhost, keys, sign) as system:
        yield system


async def known(system: System) -> Mapping[str, Mapping[str, Any]]:
    """What each listener knows of A."""
    found = {}
    for name, (table, columns) in KNOWN.items():
        connection = await asyncpg.connect(system.database_urls[name])
        row = await connection.fetchrow(
            f"SELECT {', '.join(columns)} FROM {table} WHERE uai = $1", A
        )
        await connection.close()
        found[name] = dict(row or {})
    return found


async def test_each_listener_follows_a_school_that_is_created_changed_and_closed(
    told_system: System,
) -> None:
    assert set(KNOWN) == set(SchoolUpdated.listeners)
    database = await Database.open(told_system.database_urls["etablissement"], 2)
    registry = Registry(told_system, database)

    async def all_know(**school: Any) -> None:
        async def same() -> bool:
            wanted = {
                name: {column: school[column] for column in columns}
                for name, (_, columns) in KNOWN.items()
            }
            return await known(told_system) == wanted

        await eventually(same, f"each listener to know {school}")

    async def entered(name: str) -> httpx.Response:
        """What `siecle_import` answers to A, which enters a learner by hand."""
        pupil = {"family_name": name, "first_name": "Awa", "birth_date": "2007-05-04"}
        async with told_system.school(A) as school:
            return await school.call(
                "siecle_import", "POST", "/pupils", json=pupil,
                headers={"Idempotency-Key": str(uuid4())},
            )  # fmt: skip

    await registry.has(B, name="Lycée qui reste")
    await registry.has(A, name="Lycée", email=None)
    told: dict[str, Any] = {
        "name": "Lycée", "email": None, "town": None, "academie": "Lyon", "digest": True,
        "open": True, "successor": None,
    }  # fmt: skip
    await all_know(**told)
    card = {"name": "Lycée Monnet", "email": "ce@ac-lyon.fr", "town": "Bron", "digest": False}
    head = staff(A, "direction")
    await registry.call(head, "PUT", f"/schools/{A}/card", version=1, json=card)
    await all_know(**told | card)
    assert (await entered("N'Diaye")).status_code == 201
    path = f"/academies/Lyon/schools/{A}/closing"
    await registry.call(admin("Lyon"), "POST", path, version=2, json={"successor": B})
    await all_know(**told | card | {"open": False, "successor": B})
    refused = await entered("Diallo")
    assert refused.status_code == 409, refused.text
    assert "Lycée qui reste" in refused.json()["detail"], "the school that goes on is named"
    await registry.http.aclose()
    await database.close()
