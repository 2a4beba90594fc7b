"""What schools set, as their staff, administrators and the other modules reach it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx

from deploy.local.client import Json
from shared.database import Database
from tests.support.pupils import A
from tests.support.system import System

Claims = Mapping[str, object]


def staff(role: str = "direction", uai: str = A) -> Claims:
    """Someone who holds a role in a school."""
    return {"sub": f"{role}-{uai}", "schools": {uai: [role]}}


def module(scope: str) -> Claims:
    """Another module of the application."""
    return {"sub": "module", "scope": scope}


HEAD = staff()
OFFICE = staff("gestion")


@dataclass(frozen=True)
class Schools:
    """The running service."""

    http: httpx.AsyncClient
    system: System
    database: Database

    @classmethod
    @asynccontextmanager
    async def of(cls, system: System, database: Database) -> AsyncIterator[Self]:
        """Connections to the service, until the block ends."""
        async with httpx.AsyncClient(base_url=system.urls["etablissement"], timeout=60) as http:
            yield cls(http, system, database)

    async def answer(
        self,
        method: str,
        path: str,
        *,
        by: Claims = HEAD,
        uai: str = A,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """What is answered to a call below `/schools/{uai}`."""
        given = {"Authorization": f"Bearer {self.system.sign(by)}", **(headers or {})}
        return await self.http.request(method, f"/schools/{uai}{path}", headers=given, **options)

    async def get(self, path: str, **options: Any) -> Json:
        """The JSON that is read."""
        answer = await self.answer("GET", path, **options)
        assert answer.status_code == 200, answer.text
        read: Json = answer.json()
        return read

    async def put(self, path: str, tag: str | None, **options: Any) -> httpx.Response:
        """Replace what has this tag; None: there was nothing."""
        headers = {"If-None-Match": "*"} if tag is None else {"If-Match": tag}
        headers |= options.pop("headers", {})
        return await self.answer("PUT", path, headers=headers, **options)

    async def changes(self, path: str) -> list[Json]:
        """The history of a setting."""
        found: list[Json] = (await self.get(f"{path}/history"))["changes"]
        return found


def problem(answer: httpx.Response, status: int, title: str | None = None) -> Json:
    """The problem that was answered."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: Json = answer.json()
    assert title in (None, told["title"]), told
    return told
