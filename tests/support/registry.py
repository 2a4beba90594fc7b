"""Calls `etablissement` over HTTP as staff, administrators and services do."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from shared.database import Database
from tests.support.directory import uai
from tests.support.system import System

Json = Any
A, B, C = (uai(number) for number in (690001, 690002, 940003))
"""Two schools of Lyon, one of Créteil."""

Claims = Mapping[str, object]


def staff(school: str, *roles: str, sub: str = "") -> Claims:
    """Someone of a school."""
    return {"sub": sub or f"{'-'.join(roles)}-{school}", "schools": {school: list(roles)}}


def admin(academie: str = "*") -> Claims:
    """The administrator of an académie, or the national one."""
    role = "admin-national" if academie == "*" else "admin-academique"
    return {"sub": f"{role}-{academie}", "academies": {academie: [role]}}


class Registry:
    """The running service."""

    def __init__(self, system: System, database: Database) -> None:
        self.system = system
        self.database = database
        self.http = httpx.AsyncClient(base_url=system.urls["etablissement"], timeout=60)

    async def answer(
        self, claims: Claims, method: str, path: str, *, version: int | None = None, **options: Any
    ) -> httpx.Response:
        """What the service answers to this caller; `version` is what he has read."""
        headers = {
            "Authorization": f"Bearer {self.system.sign(claims)}",
            "Idempotency-Key": options.pop("key", str(uuid4())),
            **({} if version is None else {"If-Match": f'"{version}"'}),
        }
        return await self.http.request(method, path, headers=headers, **options)

    async def call(
        self, claims: Claims, method: str, path: str, *, status: int = 200, **options: Any
    ) -> Json:
        """The JSON of the answer, which has this status."""
        response = await self.answer(claims, method, path, **options)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def service(
        self, name: str, method: str, path: str, *, status: int = 200, **options: Any
    ) -> Json:
        """The JSON of the answer to another service."""
        async with self.system.client(name, "etablissement") as client:
            response = await client.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def has(self, school: str, academie: str = "Lyon", **card: Any) -> None:
        """Have the national administrator create a school."""
        body = {"uai": school, "name": "Lycée Jean Monnet", "email": "ce@exemple.fr", **card}
        path = f"/academies/{academie}/schools"
        await self.call(admin(), "POST", path, status=201, json=body)

    async def told(self) -> list[Json]:
        """The data of the events in the outbox, or published, oldest first. (Tests keep them.)"""
        rows = await self.database.pool.fetch("SELECT data FROM told_events ORDER BY number")
        return [row["data"] for row in rows]

    async def listen(self) -> None:
        """Keep a copy of each event that is written from now on."""
        await self.database.pool.execute(
            """
            CREATE TABLE told_events (number bigint GENERATED ALWAYS AS IDENTITY, data jsonb);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO told_events (data) VALUES (NEW.envelope::jsonb -> 'data');
                RETURN NEW;
            END $$;
            CREATE TRIGGER keep BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep();
            """
        )
