"""Calls the services as the staff of a school and as the other modules of the application do.

The demonstration and the tests play their stories with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

from shared.signing import certificates

T = TypeVar("T")
Json = dict[str, Any]
Sign = Callable[[Mapping[str, object]], str]
"""Makes a token of these claims."""


class UnexpectedAnswerError(Exception):
    """A service answered with another status than a story needs."""


async def eventually(
    probe: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = 30, every: float = 0.02
) -> T:
    """The first true answer of `probe`, asked `every` so many seconds.

    Raises:
        TimeoutError: none came in time; the message says what was waited for.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not (answer := await probe()):
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        await asyncio.sleep(every)
    return answer


def client() -> httpx.AsyncClient:
    """Connections to the services."""
    return httpx.AsyncClient(timeout=30, verify=certificates())


class School(AbstractAsyncContextManager["School"]):
    """One school: its head calls `siecle_import` and `transfer`, a module calls `dossier`.

    `patience` is how long, in seconds, an import may take; it is looked at `every` so many. `http`
    is what many schools share; without it, the school has connections of its own.
    """

    def __init__(
        self, uai: str, urls: Mapping[str, str], sign: Sign, *, patience: float = 30,
        every: float = 0.02, http: httpx.AsyncClient | None = None,
    ) -> None:  # fmt: skip
        self.uai = uai
        self._urls = urls
        self._sign = sign
        self._every = every
        self._wait = partial(eventually, seconds=patience, every=every)
        self._http = http or client()
        self._shares = http is not None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its own connections."""
        if not self._shares:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Use the school's connections."""
        return self

    async def call(
        self, service: str, method: str, path: str, *, module: bool = False, **options: Any
    ) -> httpx.Response:
        """Call a route below `/schools/{uai}` as the head, or as a module of the application."""
        claims: Json = {"sub": f"direction-{self.uai}", "schools": {self.uai: ["direction"]}}
        if module:
            claims = {"sub": "module-bilans", "scope": "records:write records:read pupils:read"}
        headers = {"Authorization": f"Bearer {self._sign(claims)}", **options.pop("headers", {})}
        url = f"{self._urls[service]}/schools/{self.uai}{path}"
        return await self._http.request(method, url, headers=headers, **options)

    async def _json(self, service: str, method: str, path: str, **options: Any) -> Json:
        response = await self.call(service, method, path, **options)
        if not response.is_success:
            raise UnexpectedAnswerError(f"{method} {path}: {response.status_code} {response.text}")
        answer: Json = response.json()
        return answer

    async def send_file(self, path: Path) -> Json:
        """Send an export and wait until it is read; returns the import."""
        headers = {
            "Idempotency-Key": str(uuid4()),
            "Content-Disposition": f'attachment; filename="{path.name}"',
        }
        sent = await self._json(
            "siecle_import", "POST", "/imports", content=path.read_bytes(), headers=headers
        )
        return await self.wait_for_import(sent["id"], {"ready", "seen", "refused", "failed"})

    async def wait_for_import(self, import_id: str, states: set[str]) -> Json:
        """The import, once it is in one of `states`."""

        async def probe() -> Json | None:
            found = await self._json("siecle_import", "GET", f"/imports/{import_id}")
            return found if found["state"] in states else None

        await asyncio.sleep(self._every)  # as the page: at once would be too early
        return await self._wait(probe, f"import {import_id} in {states}")

    async def import_file(self, path: Path) -> Json:
        """Send an export, confirm all that is asked, wait until it is applied."""
        return await self.confirm(await self.send_file(path))

    async def confirm(self, ready: Json, *, spared: Sequence[str] = ()) -> Json:
        """Confirm all that an import asks for and wait until it is applied; the learners `spared`
        are not deactivated.
        """
        if ready["state"] != "ready":
            raise UnexpectedAnswerError(f"{ready['state']}: {ready['findings']}")
        needed: list[Json] = ready["confirmations"]
        consent = {
            "confirmations": [one["code"] for one in needed],
            "deactivations": next((one["number"] for one in needed if one["number"]), None),
            "spared": list(spared),
        }
        route = f"/imports/{ready['id']}/confirm"
        await self._json("siecle_import", "POST", route, json=consent)
        return await self.wait_for_import(ready["id"], {"applied"})

    async def pupils(self) -> list[Json]:
        """The learners of the school (the first page)."""
        found = await self._json("siecle_import", "POST", "/pupils/search", json={})
        pupils: list[Json] = found["pupils"]
        return pupils

    async def pupil(self, family_name: str) -> Json:
        """The learner of this name."""
        return next(p for p in await self.pupils() if p["family_name"] == family_name)

    async def switch(self, *, active: bool) -> Json:
        """Set « Transferts »."""
        present = await self.call("transfer", "GET", "/participation")
        return await self._json(
            "transfer",
            "PUT",
            "/participation",
            json={"active": active},
            headers={"If-Match": present.headers["ETag"]},
        )

    async def transfers(self) -> list[Json]:
        """The transfers from and to the school, newest first, those with nothing to move too."""
        page = await self._json("transfer", "GET", "/transfers", params={"without_data": True})
        found: list[Json] = page["transfers"]
        return found

    async def reviews(self) -> list[Json]:
        """The pairs of learners that wait for an opinion."""
        response = await self.call("transfer", "GET", "/reviews")
        found: list[Json] = response.json()
        return found

    async def closed_transfer(self, count: int = 1) -> Json:
        """The newest transfer, once the school has so many and all are closed."""

        async def probe() -> Json | None:
            found = await self.transfers()
            closed = [t for t in found if t["state"] == "closed"]
            return found[0] if len(found) == len(closed) == count else None

        return await eventually(probe, f"{count} closed transfer(s) of {self.uai}")

    async def write_record(self, pupil_id: str, kind: str, title: str) -> Json:
        """Have a module write a record, as soon as `dossier` knows the learner."""
        content = {
            "kind": kind,
            "title": title,
            "diploma": "Bac Pro MELEC",
            "body": {"texte": title},
            "author": "M. Professeur",
            "written_on": "2025-11-20",
        }
        key = str(uuid4())

        async def probe() -> Json | None:
            response = await self.call(
                "dossier",
                "POST",
                f"/pupils/{pupil_id}/records",
                json=content,
                headers={"Idempotency-Key": key},
                module=True,
            )
            written: Json = response.json()
            return written if response.status_code == httpx.codes.CREATED else None

        return await eventually(probe, f"dossier to know {pupil_id}")

    async def records(self, pupil_id: str) -> list[Json]:
        """The records that a learner of the school holds (the first page)."""
        route = f"/pupils/{pupil_id}/records"
        found: list[Json] = (await self._json("dossier", "GET", route))["records"]
        return found
