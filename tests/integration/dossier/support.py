"""Learners and their records, as the other modules and the staff of a school handle them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from deploy.local.client import Json, School
from services.dossier.handlers import handle
from shared.database import Database
from shared.events import Event, PupilMerged, Side, TransferRequested
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from tests.support.pupils import A, B, arrival

PDF = b"%PDF-1.7\nun texte"
RECORD: Json = {
    "kind": "bilan",
    "title": "Bilan",
    "diploma": None,
    "body": {},
    "author": "M. Professeur",
    "written_on": "2025-11-20",
}


async def take(base: Database, *events: Event) -> None:
    """Have the service take in events."""
    async with base.transaction() as transaction:
        await handle(transaction, Batch(events))


async def come(base: Database, uai: Uai) -> UUID:
    """A learner who comes to a school."""
    event = arrival(uai)
    await take(base, event)
    return event.pupil_id


async def move(base: Database, pupil_id: str, destination: UUID) -> UUID:
    """Move the dossier of a learner of A to a learner of B; the transfer."""
    asked = TransferRequested(
        transfer_id=uuid4(),
        origin=Side(uai=A, pupil_id=UUID(pupil_id)),
        origin_stay=1,
        destination=Side(uai=B, pupil_id=destination),
    )
    await take(base, asked)
    return asked.transfer_id


async def take_back(base: Database, pupil_id: str, source: UUID, transfer: UUID) -> None:
    """Reverse a transfer: the dossier goes back from a learner of B to one of A."""
    await take(
        base,
        TransferRequested(
            transfer_id=uuid4(),
            origin=Side(uai=B, pupil_id=source),
            origin_stay=1,
            destination=Side(uai=A, pupil_id=UUID(pupil_id)),
            reverses=transfer,
        ),
    )


async def merge(base: Database, merged: str, survivor: str) -> None:
    """Have one learner of A go on as another one."""
    await take(
        base,
        PupilMerged(
            uai=A,
            surviving_id=UUID(survivor),
            surviving_version=2,
            merged_id=UUID(merged),
            merged_version=2,
            undone=False,
        ),
    )


def check(response: httpx.Response, status: int, title: str | None = None) -> Json:
    """The problem that was answered."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: Json = response.json()
    assert title in (None, problem["title"]), problem
    return problem


@dataclass(frozen=True)
class Learner:
    """A learner in the eyes of one school."""

    school: School
    id: str

    async def call(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        """Call a route of this learner; creations have a key of their own, unless one is given."""
        headers = {"Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
        route = f"/pupils/{self.id}{path}"
        return await self.school.call("dossier", method, route, headers=headers, **options)

    async def write(self, **changes: Any) -> Json:
        """Have a module write a record."""
        answer = await self.call("POST", "/records", json={**RECORD, **changes}, module=True)
        assert answer.status_code == 201, answer.text
        written: Json = answer.json()
        return written

    async def attach(
        self, record_id: str, content: bytes = PDF, told: str = "application/pdf", **headers: str
    ) -> httpx.Response:
        """Have a module attach a file to a record."""
        given = {"Content-Type": told, **{k.replace("_", "-"): v for k, v in headers.items()}}
        route = f"/records/{record_id}/attachments"
        return await self.call("POST", route, content=content, headers=given, module=True)

    async def attached(self, record_id: str) -> Sequence[Json]:
        """What is attached to a record."""
        answer = await self.call("GET", f"/records/{record_id}/attachments")
        assert answer.status_code == 200, answer.text
        listed: Sequence[Json] = answer.json()["attachments"]
        return listed

    async def looks(self) -> list[str]:
        """What was looked at, oldest first."""
        answer = await self.call("GET", "/looks")
        assert answer.status_code == 200, answer.text
        return [look["what"] for look in reversed(answer.json()["looks"])]
