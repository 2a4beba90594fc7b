"""Fills a fresh system with the schools and people of the demonstration, through the services' own
routes and commands. Done twice it changes nothing.
"""

import asyncio
import datetime as dt
import os
import sys
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx

from deploy.local import ROOT
from deploy.local.client import Sign, UnexpectedAnswerError
from deploy.local.people import (
    ACADEMIE,
    ADMINISTRATOR,
    FURTHER_PEOPLE,
    FURTHER_SCHOOLS,
    PEOPLE,
    SCHOOLS,
    Person,
)
from deploy.local.seeds import inspection, transfers
from deploy.local.seeds.registry import TABLES
from shared.clock import PARIS

_ADMIN = {"sub": "demonstration", "academies": {"*": ["admin-national"]}}


class Seed:
    """Calls the services as the national administrator does, and as heads do."""

    def __init__(self, urls: Mapping[str, str], sign: Sign) -> None:
        self._urls = urls
        self._sign = sign

    async def everything(self, environment: Mapping[str, str]) -> None:
        """All schools, users and inspectors; `environment` is that of `etablissement`."""
        await _grant(ADMINISTRATOR, environment)
        async with httpx.AsyncClient(timeout=30) as self._http:
            for uai, card in SCHOOLS.items():
                await self._school(uai, card)
            for person in PEOPLE:
                for uai, role in person.roles:
                    await self._invite(person, uai, role)
            for table, content in inspection.tables():
                await self._table(table, content)
        if set(self._urls) >= transfers.SERVICES:  # tests start some of the services only
            await transfers.seed(self._urls, self._sign, _today(environment))

    async def further(self) -> None:
        """What only the demonstration has: a CFA, a collège, their people, diplomas, referents."""
        async with httpx.AsyncClient(timeout=30) as self._http:
            for uai, card in FURTHER_SCHOOLS.items():
                await self._school(uai, card)
            for person in FURTHER_PEOPLE:
                for uai, role in person.roles:
                    await self._invite(person, uai, role)
            for table, content in TABLES.items():
                await self._table(table, content)

    async def _school(self, uai: str, card: Mapping[str, Any]) -> None:
        path = f"/academies/{ACADEMIE}/schools"
        await self._call("etablissement", "POST", path, _ADMIN, json={"uai": uai, **card})

    async def _invite(self, person: Person, uai: str, role: str) -> None:
        body = {"email": person.email, "name": person.name, "function": person.function}
        head = {"sub": f"demonstration-{uai}", "schools": {uai: ["direction"]}}
        path = f"/schools/{uai}/users"
        await self._call("etablissement", "POST", path, head, json={**body, "role": role})

    async def _table(self, table: str, content: str) -> None:
        path = f"/academies/{ACADEMIE}/tables/{table}"
        options = {"content": content.encode()}
        seen = await self._call("inspector_access", "POST", f"{path}/preview", _ADMIN, **options)
        told = {"If-Match": seen.headers["ETag"]}
        done = await self._call("inspector_access", "POST", path, _ADMIN, headers=told, **options)
        if refused := done.json()["errors"]:
            raise UnexpectedAnswerError(f"{table}: {refused}")

    async def _call(
        self, service: str, method: str, path: str, claims: Mapping[str, object], **options: Any
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self._sign(claims)}",
            "Idempotency-Key": str(uuid5(NAMESPACE_URL, f"{path} {options.get('json', '')}")),
            **options.pop("headers", {}),
        }
        url = self._urls[service] + path
        response = await self._http.request(method, url, headers=headers, **options)
        done_before = response.status_code == httpx.codes.CONFLICT
        if response.is_error and not done_before:
            raise UnexpectedAnswerError(f"{method} {path}: {response.status_code} {response.text}")
        return response


def _today(environment: Mapping[str, str]) -> dt.date:
    """The day that the services take for today."""
    fixed = environment.get("CPRO_TODAY")
    return dt.date.fromisoformat(fixed) if fixed else dt.datetime.now(PARIS).date()


async def _grant(person: Person, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.etablissement", "users", "grant-admin", person.email,
        cwd=ROOT, env={**os.environ, **environment}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await process.wait():
        raise UnexpectedAnswerError("users grant-admin")
