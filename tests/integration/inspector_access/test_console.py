"""The inspector's console: what is open to him now and no more, each look in the school's log."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import School, eventually
from deploy.local.tokens import service_key_file
from services.dossier.handlers import handle as dossier_handle
from services.inspector_access import retention
from shared.database import Database
from shared.events import Side, TransferRequested
from shared.messaging.consumer import Batch
from shared.signing import Inspection, Signer
from tests.integration.inspector_access.support import (
    ACADEMIE,
    MEF_MSPC,
    MEF_OTHER,
    MEF_TNE,
    MSPC,
    TNE,
    Access,
    Json,
    administrator,
    inspector,
    school,
    who,
)
from tests.support.databases import dump
from tests.support.pupils import A, B, arrival

OPEN = f"/console/schools/{A}/diplomas/{TNE}"


@dataclass(frozen=True)
class Visit:
    """An inspector who has signed in, and calls the console."""

    access: Access
    person: UUID

    async def get(self, path: str = "", status: int = 200, **options: object) -> Json:
        """Read a page of the diploma."""
        return await self.access.call(
            "GET", OPEN + path, inspector(self.person), status, params=options
        )

    async def counts(self, *pupils: str, status: int = 200) -> Json:
        """The records of learners in figures."""
        return await self.access.call(
            "POST", f"{OPEN}/record-counts", inspector(self.person), status,
            json={"pupils": list(pupils)},
        )  # fmt: skip

    async def open(self) -> list[Json]:
        """What is open."""
        found: list[Json] = await self.access.call("GET", "/console", inspector(self.person))
        return found


async def enter(a: School, name: str, mef: str | None) -> str:
    """A learner whom the office enters; his id."""
    described = {
        "family_name": name, "first_name": "Samuel", "birth_date": "2009-03-14", "mef": mef,
        "division": "2TNE", "ine": ["990000139KH"] if name == "BADIER" else [],
    }  # fmt: skip
    made = await a.call(
        "siecle_import", "POST", "/pupils", json=described,
        headers={"Idempotency-Key": str(uuid4())},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def receive(access: Access, pupil_id: str) -> None:
    """Have a record that B wrote come to a learner of A."""
    async with access.system.school(B) as b:
        there = arrival(B)
        base = await Database.open(access.system.database_urls["dossier"], 2)
        asked = TransferRequested(
            transfer_id=uuid4(), origin=Side(uai=B, pupil_id=there.pupil_id), origin_stay=1,
            destination=Side(uai=A, pupil_id=UUID(pupil_id)),
        )  # fmt: skip
        async with base.transaction() as transaction:
            await dossier_handle(transaction, Batch([there]))
        await b.write_record(str(there.pupil_id), "fiche", "Fiche d'ailleurs")
        async with base.transaction() as transaction:
            await dossier_handle(transaction, Batch([asked]))
        await base.close()


async def test_the_inspector_sees_what_the_school_entered_for_his_diploma(
    console: Access,
) -> None:
    await console.lycee()
    visit = Visit(console, await console.signed_in("valery@ac-demo.example"))
    async with console.system.school(A) as a:
        badier, bahans = await enter(a, "BADIER", MEF_TNE), await enter(a, "BAHANS", MEF_TNE)
        other = await enter(a, "AUTRE", MEF_MSPC)
        for nobody in (MEF_OTHER, MEF_OTHER, None):
            await enter(a, f"HORS{uuid4().hex[:4]}", nobody)
        first = await a.write_record(badier, "bilan", "Bilan d'atelier")
        hidden = await a.write_record(other, "bilan", "D'un autre diplôme")
    await receive(console, badier)

    # The school sees which of its courses belong to no subscribed diploma.
    tab = await console.staff("GET")
    assert tab["other_mefs"] == [
        {"mef": MEF_OTHER, "label": None, "learners": 2},
        {"mef": None, "label": None, "learners": 1},
    ]

    # Nothing is open before the school opens it.
    assert await visit.open() == []
    assert (await visit.get(status=403))["title"] == "Accès fermé"
    await console.switch(TNE, active=True)
    [line] = await visit.open()
    assert (line["uai"], line["school"], line["diploma"]) == (A, "Lycée Ampère", TNE)
    assert line["previous_visit"] is None
    card = await visit.get()
    assert (card["town"], card["mefs"]) == ("Caen", [MEF_TNE])
    assert card["email"] == f"{A}@ac-demo.example"

    # The learners of the diploma, by name and page; no INE, no birth date.
    page = await visit.get("/learners", limit=1)
    assert [learner["id"] for learner in page["learners"]] == [badier]
    assert set(page["learners"][0]) == {
        "id", "family_name", "usage_name", "first_name", "division", "mef", "active",
    }  # fmt: skip
    page = await visit.get("/learners", limit=1, after=page["next"], mef=MEF_TNE)
    assert [learner["id"] for learner in page["learners"]] == [bahans]
    assert (await visit.get("/learners", active=False))["learners"] == []
    await visit.get("/learners", status=404, mef=MEF_MSPC)
    await visit.get("/learners", status=409, after=str(uuid4()))
    for known, name in ((badier, "BADIER"), (bahans, "BAHANS")):
        assert (await visit.get(f"/learners/{known}"))["family_name"] == name
    await visit.get(f"/learners/{other}", status=404)

    # Their records written here; what came from elsewhere is counted.
    [count] = await visit.counts(badier, other)
    assert count == {"pupil_id": badier, "written": {"bilan": 1}, "new": 1, "received": 1}
    listed = await visit.get(f"/learners/{badier}/records")
    assert [record["title"] for record in listed["records"]] == ["Bilan d'atelier"]
    assert (listed["received"], listed["records"][0]["new"]) == (1, True)
    assert "body" not in listed["records"][0]
    whole = await visit.get(f"/learners/{badier}/records/{first['id']}")
    assert whole["body"] == {"texte": "Bilan d'atelier"}
    async with console.system.school(A) as a:
        received = next(r for r in await a.records(badier) if r["origin_uai"] == B)
    for refused in (
        f"/learners/{badier}/records/{received['id']}",
        f"/learners/{badier}/records/{hidden['id']}",
        f"/learners/{other}/records",
        f"/learners/{other}/records/{hidden['id']}",
    ):
        await visit.get(refused, status=404)

    # The switch is put off in the middle of it: the next page is refused.
    await console.switch(TNE, active=False)
    await visit.get(f"/learners/{badier}/records", status=403)
    await visit.counts(badier, status=403)
    assert await visit.open() == []
    await check_log(console, badier, visit.person)
    held = await dump(console.system.database_urls["inspector_access"])
    assert badier.encode() in held, "whose records were looked at"
    assert not any(name in held for name in (b"BADIER", b"BAHANS", b"Samuel")), "no identity"


async def check_log(console: Access, badier: str, person: UUID) -> None:
    """All of that stands in the log that the head reads, what was refused by rights does not."""
    log = await console.staff("GET", "/log")
    assert [look["what"] for look in reversed(log["looks"])] == [
        "card", *["learners"] * 5, *["learner"] * 3, "counts", "records", *["record"] * 3,
        "records", "record",
    ]  # fmt: skip
    last = log["looks"][4]
    assert (last["inspector_name"], last["diploma"], last["what"]) == ("Valéry", TNE, "record")
    assert last["pupil_id"] == badier
    first = await console.staff("GET", "/log?limit=2")
    rest = await console.staff("GET", f"/log?limit=1&before={first['next']}")
    assert rest["looks"] == log["looks"][2:3]
    await console.staff("GET", "/log", role="gestion", status=403)
    assert (await console.staff("GET", "/log", uai=B))["looks"] == []
    async with console.system.school(A) as a:
        for owner, looks in (("siecle_import", {"page"}), ("dossier", {"list", "record"})):
            seen = (await a.call(owner, "GET", f"/pupils/{badier}/looks")).json()["looks"]
            assert {look["what"] for look in seen if look["viewer"] == str(person)} == looks


async def test_what_is_new_since_the_visit_before_is_told(console: Access) -> None:
    await console.lycee()
    visit = Visit(console, await console.signed_in("valery@ac-demo.example"))
    await console.switch(TNE, active=True)
    async with console.system.school(A) as a:
        badier = await enter(a, "BADIER", MEF_TNE)
        await a.write_record(badier, "bilan", "Ancien")
        [count] = await visit.counts(badier)
        assert count["new"] == 1, "the first visit: all is new"
        async with console.database.connection() as connection:  # that visit is over
            await connection.execute("UPDATE visit SET previous_at = last_at")
        await a.write_record(badier, "evaluation", "Nouveau")
    [count] = await visit.counts(badier)
    assert (count["new"], count["written"]) == (1, {"bilan": 1, "evaluation": 1})
    listed = await visit.get(f"/learners/{badier}/records")
    assert {r["title"]: r["new"] for r in listed["records"]} == {"Ancien": False, "Nouveau": True}


async def test_a_visit_ends_after_half_an_hour_without_a_look(access: Access) -> None:
    await access.lycee()
    visit = Visit(access, await access.signed_in("valery@ac-demo.example"))
    await access.switch(TNE, active=True)
    assert (await visit.get())["previous_visit"] is None
    assert (await visit.get())["previous_visit"] is None
    [line] = await visit.open()
    async with access.database.connection() as connection:
        await connection.execute("UPDATE visit SET last_at = last_at - interval '31 minutes'")
    before = dt.datetime.fromisoformat(line["previous_visit"]) - dt.timedelta(minutes=31)
    for _ in range(2):
        told = (await visit.get())["previous_visit"]
        assert dt.datetime.fromisoformat(told) == before


async def test_the_end_of_a_referent_refuses_him_at_once_and_no_one_else(access: Access) -> None:
    await access.lycee()
    valery = Visit(access, await access.signed_in("valery@ac-demo.example"))
    aymerick = Visit(access, await access.signed_in("aymerick@ac-demo.example"))
    await access.switch(TNE, active=True)
    await access.told()
    await valery.get()
    # His last day is past, and nobody has looked at the calendar yet.
    async with access.database.connection() as connection:
        await connection.execute("UPDATE referent SET until_on = '2026-01-19' WHERE uai = ''")
    await valery.get(status=403)
    assert await access.told() == []
    await aymerick.get()
    await access.day(0)
    [event] = await access.told()
    assert (event.because, who(event)) == ("referent-removed", ["Valéry"])
    stranger = Visit(access, uuid4())
    await stranger.get(status=403)
    not_a_person = {"sub": "x", "academies": {ACADEMIE: ["inspecteur"]}}
    for path in ("/console", OPEN):
        refused = await access.call("GET", path, not_a_person, 403)
        assert refused["title"] == "Accès fermé"
    path = f"/console/schools/9990001A/diplomas/{TNE}"
    refused = await access.call("GET", path, inspector(aymerick.person), 422)
    assert "UAI" in refused["errors"][0]["message"]


async def test_an_owner_that_is_away_is_told_and_the_log_says_what_was_asked(
    access: Access,
) -> None:
    await access.lycee()
    visit = Visit(access, await access.signed_in("valery@ac-demo.example"))
    await access.switch(TNE, active=True)
    await visit.get()
    refused = await visit.get("/learners", status=503)
    assert refused["title"] == "Apprenants momentanément indisponibles"
    pupil = str(uuid4())
    refused = await visit.get(f"/learners/{pupil}/records", status=503)
    assert refused["title"] == "Dossiers momentanément indisponibles"
    looks = (await access.staff("GET", "/log"))["looks"]
    assert [(look["what"], look["pupil_id"]) for look in looks] == [
        ("records", pupil), ("learners", None), ("card", None),
    ]  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    await retention.forget(access.database, now + retention.LOOKS - dt.timedelta(days=1))
    assert len((await access.staff("GET", "/log"))["looks"]) == 3
    await retention.forget(access.database, now + retention.LOOKS)
    assert (await access.staff("GET", "/log"))["looks"] == []
    assert await visit.open(), "who is in charge of something stays"
    changed = dt.datetime.combine(dt.date(2026, 1, 20), dt.time(0), dt.UTC)
    await retention.forget(access.database, changed + retention.CHANGES)
    assert len(await access.staff("GET", f"/{TNE}/history")) == 1
    await retention.forget(access.database, changed + retention.CHANGES + dt.timedelta(days=1))
    assert await access.staff("GET", f"/{TNE}/history") == []


async def test_who_has_been_in_charge_of_nothing_for_a_year_is_forgotten(access: Access) -> None:
    await access.lycee()
    path = f"/academies/{ACADEMIE}/referents/removal"
    gone = {"email": "valery@ac-demo.example", "diploma": TNE}
    await access.call("POST", path, administrator(), 204, json=gone)
    table = f"/academies/{ACADEMIE}/tables/inspecteurs"
    soon = dt.datetime.now(dt.UTC) + retention.LOOKS
    await retention.forget(access.database, soon - dt.timedelta(days=1))
    assert len(await access.call("GET", table, administrator())) == 2
    await retention.forget(access.database, soon + dt.timedelta(days=1))
    [kept] = await access.call("GET", table, administrator())
    assert kept["nom"] == "Aymerick"


@pytest.fixture
def owners(console: Access) -> dict[str, str]:
    """Where the owners listen."""
    return {name: console.system.urls[name] for name in ("siecle_import", "dossier")}


async def test_owners_answer_inspections_alone_and_only_for_their_school_and_diploma(
    console: Access, owners: dict[str, str]
) -> None:
    await console.take(school(A))
    async with console.system.school(A) as a:
        badier = await enter(a, "BADIER", MEF_TNE)
        written = await a.write_record(badier, "bilan", "Bilan")
    asked = [
        ("siecle_import", "POST", "/inspection/learners", {}),
        ("siecle_import", "GET", f"/inspection/learners/{badier}", None),
        ("dossier", "POST", "/inspection/counts", {"pupils": [badier]}),
        ("dossier", "GET", f"/inspection/learners/{badier}/records", None),
        ("dossier", "GET", f"/inspection/learners/{badier}/records/{written['id']}", None),
    ]
    mine = Signer.from_file(service_key_file(console.system.keys, "inspector_access"))
    other = Signer.from_file(service_key_file(console.system.keys, "gateway"))
    right = Inspection(viewer="x", uai=A, diploma=TNE, mefs=(MEF_TNE,))
    sign = console.system.sign
    nobody = [
        sign({"sub": "x", "schools": {A: ["direction"]}}),
        sign({"sub": "x", "academies": {"*": ["admin-national", "inspecteur"]}}),
        sign({"sub": "x", "scope": "records:read pupils:read pupils:mefs"}),
        sign({"aud": "cpro-inspection", **right.model_dump(mode="json")}),
        other.inspection(right),
    ]
    elsewhere = [
        mine.inspection(right.model_copy(update={"uai": B})),
        mine.inspection(right.model_copy(update={"mefs": (MEF_MSPC,)})),
        mine.inspection(right.model_copy(update={"mefs": ()})),
    ]
    async with httpx.AsyncClient() as http:

        async def ask(service: str, method: str, path: str, body: Json, token: str) -> Json:
            headers = {"Authorization": f"Bearer {token}"}
            return await http.request(method, owners[service] + path, json=body, headers=headers)

        for service, method, path, body in asked:
            for token in nobody:
                assert (await ask(service, method, path, body, token)).status_code == 401, path
            found = await ask(service, method, path, body, mine.inspection(right))
            assert found.status_code == 200, found.text
            for token in elsewhere:
                refused = await ask(service, method, path, body, token)
                empty = refused.json() in ([], {"learners": [], "next": None})
                assert refused.status_code == 404 or empty, refused.text
            staff_route = f"/schools/{A}/pupils/{badier}"
            assert (
                await ask("siecle_import", "GET", staff_route, None, mine.inspection(right))
            ).status_code == 401, "an inspection is no token"
    for service, status in (("inspector_access", 200), ("dossier", 403)):
        async with console.system.client(service, "siecle_import") as client:
            answer = await client.get(f"/schools/{A}/mefs")
            assert answer.status_code == status
            assert status == 403 or answer.json() == [{"mef": MEF_TNE, "learners": 1}]


async def test_a_learner_who_changes_his_course_leaves_the_inspector_s_sight(
    console: Access,
) -> None:
    await console.lycee()
    visit = Visit(console, await console.signed_in("valery@ac-demo.example"))
    await console.switch(TNE, active=True)
    async with console.system.school(A) as a:
        badier = await enter(a, "BADIER", MEF_TNE)
        await a.write_record(badier, "bilan", "Bilan")
        await visit.get(f"/learners/{badier}/records")
        described = {
            "family_name": "BADIER", "first_name": "Samuel", "birth_date": "2009-03-14",
            "mef": MEF_MSPC,
        }  # fmt: skip
        changed = await a.call(
            "siecle_import", "PUT", f"/pupils/{badier}", json=described,
            headers={"If-Match": '"1"'},
        )  # fmt: skip
        assert changed.status_code == 200, changed.text

    async def refused() -> bool:
        path = f"{OPEN}/learners/{badier}/records"
        return (await console.ask("GET", path, inspector(visit.person))).status_code == 404

    await eventually(refused, "dossier to hear of the new course")
    assert (await visit.get("/learners"))["learners"] == []
    assert MSPC not in [line["diploma"] for line in await visit.open()]
