"""A lycée of the guide, its académie, and the inspectors, as they call `inspector_access`."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.inspector_access import settling
from services.inspector_access.handlers import handle
from shared.database import Database
from shared.events import Event, InspectorAccessToggled, SchoolUpdated
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from tests.support.pupils import A, B, C
from tests.support.system import TODAY, System

Json = Any
ACADEMIE = "Normandie"
TNE, PMIA, MSPC, MELEC = "2D-TNE", "2D-PMIA", "400-25510", "400-25522"
MEF_TNE, MEF_MSPC, MEF_OTHER = "24725502031", "24725102431", "24733105131"

DIPLOMAS = f"""code;libelle;mef
{MSPC};Bac Pro Maintenance des systèmes de production connectés;{MEF_MSPC}
{PMIA};2de famille de métiers du Pilotage et de la maintenance d'installations automatisées;
{MELEC};Bac Pro Métiers de l'Électricité et de ses Environnements Connectés;
{TNE};2de famille de métiers des Transitions numérique et énergétique;{MEF_TNE}
"""
INSPECTORS = """adresse;nom
valery@ac-demo.example;Valéry
Aymerick@ac-demo.example;Aymerick
"""
SUBSCRIPTIONS = f"uai;diplome;debut;fin\n{A};{MELEC};;\n{A};{TNE};;\n{A};{PMIA};;\n{A};{MSPC};;\n"
REFERENTS = f"""adresse;diplome;uai;debut;fin
valery@ac-demo.example;{TNE};;;
aymerick@ac-demo.example;{TNE};{A};;
"""
NAMES = {A: "Lycée Ampère", B: "Lycée Bréguet", C: "CFA Curie"}


def school(uai: Uai, version: int = 1, **changes: Any) -> SchoolUpdated:
    """A school of the registry."""
    usual = {"name": NAMES[uai], "town": "Caen", "email": f"{uai}@ac-demo.example"}
    told = {**usual, "academie": ACADEMIE, **changes}
    return SchoolUpdated(uai=uai, version=version, **told)


@dataclass(frozen=True)
class Access:
    """The service over HTTP, its base, and the events that it is given."""

    system: System
    database: Database
    http: httpx.AsyncClient

    async def take(self, *events: Event) -> None:
        """Have the service take in events."""
        async with self.database.transaction() as transaction:
            await handle(transaction, Batch(events))

    async def ask(self, method: str, path: str, claims: Json, **options: Any) -> httpx.Response:
        """Call a route with these claims."""
        token = {"Authorization": f"Bearer {self.system.sign(claims)}"}
        headers = token | options.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **options)

    async def call(
        self, method: str, path: str, claims: Json, status: int = 200, **options: Any
    ) -> Json:
        """The same; what is answered."""
        answer = await self.ask(method, path, claims, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def staff(
        self, method: str, path: str = "", *, uai: Uai = A, role: str = "direction",
        status: int = 200, **options: Any,
    ) -> Json:  # fmt: skip
        """Call a route of the tab as someone of a school."""
        return await self.call(
            method, f"/schools/{uai}/inspector-access{path}", staff(uai, role), status, **options
        )

    async def preview(self, table: str, content: str | bytes, academie: str = ACADEMIE) -> Any:
        """What the administrator is told of a CSV before it is taken."""
        sent = content.encode() if isinstance(content, str) else content
        path = f"/academies/{academie}/tables/{table}/preview"
        return await self.ask("POST", path, sender(table, academie), content=sent)

    async def send(self, table: str, content: str, academie: str = ACADEMIE) -> Json:
        """Preview a CSV, then have it taken in; both say the same."""
        seen = await self.preview(table, content, academie)
        assert seen.status_code == 200, seen.text
        path = f"/academies/{academie}/tables/{table}"
        told = {"If-Match": seen.headers["ETag"]}
        done = await self.call(
            "POST", path, sender(table, academie), content=content.encode(), headers=told
        )
        assert done == seen.json(), "the preview says what happens"
        return done

    async def lycee(self) -> None:
        """The lycée of the guide: subscribed to four diplomas, two inspectors for one of them."""
        await self.take(school(A), school(B))
        for table, content in (
            ("diplomes", DIPLOMAS),
            ("inspecteurs", INSPECTORS),
            ("abonnements", SUBSCRIPTIONS),
            ("referents", REFERENTS),
        ):
            await self.send(table, content)

    async def switch(self, diploma: str, *, active: bool, uai: Uai = A) -> Json:
        """Set a switch as the head does, after having read its line."""
        line = await self.staff("GET", f"/{diploma}", uai=uai)
        return await self.staff(
            "PUT", f"/{diploma}", uai=uai, json={"active": active},
            headers={"If-Match": f'"{line["version"]}"'},
        )  # fmt: skip

    async def told(self) -> list[InspectorAccessToggled]:
        """The events told since the last time."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("DELETE FROM told_event RETURNING id, envelope")
        texts = [row["envelope"] for row in sorted(rows, key=lambda row: row["id"])]
        return [InspectorAccessToggled.model_validate(json.loads(t)["data"]) for t in texts]

    async def day(self, days: int) -> None:
        """Have the calendar come to a day, so many after today."""
        now = dt.datetime.combine(TODAY, dt.time(12), dt.UTC) + dt.timedelta(days=days)
        await settling.look_at_calendar(self.database, TODAY + dt.timedelta(days=days), now)

    async def registry_told(self) -> None:
        """Have the service settle what the registry has told."""
        now = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
        await settling.look_at_registry(self.database, TODAY, now)

    async def signed_in(self, email: str, person: UUID | None = None) -> UUID:
        """Have an inspector sign in by the gateway; his person id."""
        person = person or uuid4()
        answer = await self.sign_in(email, person)
        assert answer["known"], answer
        return person

    async def sign_in(self, email: str, person: UUID, *, verified: bool = True) -> Json:
        """What the gateway is told of who signs in."""
        visitor = {
            "person": str(person), "email": email, "email_verified": verified, "name": "M. X",
        }  # fmt: skip
        async with self.system.client("gateway", "inspector_access") as client:
            answer = await client.post("/sign-in", json=visitor)
        assert answer.status_code == 200, answer.text
        return answer.json()


def staff(uai: Uai, role: str) -> Json:
    """Someone of a school."""
    return {
        "sub": f"{role}-{uai}", "name": "Mme Directrice", "function": "Proviseure",
        "schools": {uai: [role]},
    }  # fmt: skip


def administrator(academie: str = ACADEMIE) -> Json:
    """The administrator of an académie."""
    return {
        "sub": f"admin-{academie}", "name": "M. Recteur", "function": "DSI",
        "academies": {academie: ["admin-academique"]},
    }  # fmt: skip


def national() -> Json:
    """The administrator of the nation."""
    return {"sub": "n", "name": "Mme Nation", "academies": {"*": ["admin-national"]}}


def sender(table: str, academie: str) -> Json:
    """Who may send a table of an académie: that of diplomas is the nation's."""
    return national() if table == "diplomes" else administrator(academie)


def inspector(person: UUID, academie: str = ACADEMIE) -> Json:
    """An inspector, as the gateway signs him in."""
    return {"sub": str(person), "name": "M. X", "academies": {academie: ["inspecteur"]}}


def who(event: InspectorAccessToggled) -> list[str]:
    """The names of those whom an event is for."""
    return [recipient.name for recipient in event.recipients]
