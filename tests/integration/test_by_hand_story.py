"""The guide's situation 2 from end to end, and an erasure that all services follow."""

from typing import Any
from uuid import uuid4

import httpx

from deploy.local.client import Json, School, eventually
from tests.integration.siecle_import.support import apply, export, learners
from tests.support.system import System

A, B = "9990001X", "9990002Y"


async def ask(school: School, service: str, method: str, path: str, **options: Any) -> Json:
    """A call of the head that succeeds."""
    headers = {"Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
    answer = await school.call(service, method, path, headers=headers, **options)
    assert answer.is_success, answer.text
    told: Json = answer.json() if answer.content else {}
    return told


async def offered(origin: School, pupil: str) -> str:
    """An offer of a learner to B, as soon as `transfer` has heard that he has left."""
    wish = {
        "pupil_id": pupil,
        "destination": B,
        "authorisation": {
            "collected_from": "responsable",
            "collected_on": "2026-01-12",
            "paper": "classeur 3",
        },
    }
    key = {"Idempotency-Key": str(uuid4())}

    async def probe() -> str | None:
        answer = await origin.call(
            "transfer", "POST", "/offers", json={"offers": [wish]}, headers=key
        )
        return str(answer.json()[0]["id"]) if answer.is_success else None

    return await eventually(probe, "the learner to be offered")


async def with_ticket(receiving: School, offer: str, purpose: str, method: str, path: str) -> Json:
    issued = await ask(receiving, "transfer", "POST", f"/offers/{offer}/ticket/{purpose}")
    headers = {"Cpro-Ticket": issued["ticket"]}
    return await ask(receiving, "siecle_import", method, f"/offers/{offer}{path}", headers=headers)


async def erase(school: School, pupil: str) -> httpx.Response:
    """Ask for an erasure as the head."""
    card = await school.call("siecle_import", "GET", f"/pupils/{pupil}")
    return await school.call(
        "siecle_import",
        "POST",
        f"/pupils/{pupil}/erasure",
        json={"reason": "demande-apprenant"},
        headers={"If-Match": card.headers.get("ETag", '"1"')},
    )


async def test_a_school_without_siecle_creates_who_is_offered_and_receives_his_dossier(
    system: System,
) -> None:
    async with system.school(A) as a, system.school(B) as b:
        await apply(a, export(1, 2, 3))
        ids = {p["family_name"]: p["id"] for p in await learners(a)}
        for pupil in ids.values():
            await a.write_record(pupil, "bilan", "Bilan de compétences")
        await a.switch(active=True)
        await b.switch(active=True)
        await apply(a, export(1, day=1))
        offer = await offered(a, ids["NOM002"])
        assert (await with_ticket(b, offer, "identity", "GET", "/learner"))["origin_uai"] == A
        assert await with_ticket(b, offer, "suggest", "GET", "/suggestions") == {"suggestions": []}
        created = await with_ticket(b, offer, "create", "POST", "/learner")
        await ask(
            b, "transfer", "POST", f"/offers/{offer}/acceptance", json={"pupil_id": created["id"]}
        )
        await b.closed_transfer()
        assert [r["title"] for r in await b.records(created["id"])] == ["Bilan de compétences"]
        await check_erasure(a, ids["NOM003"])


async def check_erasure(a: School, pupil: str) -> None:
    """Not while he is offered; afterwards no service knows him any more."""
    offer = await offered(a, pupil)
    refused = await erase(a, pupil)
    assert (refused.status_code, refused.json()["title"]) == (409, "Transfert en cours")
    await ask(a, "transfer", "DELETE", f"/offers/{offer}")
    assert (await erase(a, pupil)).status_code == 204
    assert (await erase(a, pupil)).status_code == 204, "again: nothing happens"
    for service, path in (
        ("siecle_import", f"/pupils/{pupil}"),
        ("dossier", f"/pupils/{pupil}/records"),
        ("transfer", f"/pupils/{pupil}/opposition"),
    ):

        async def forgotten(service: str = service, path: str = path) -> bool:
            return (await a.call(service, "GET", path)).status_code == httpx.codes.NOT_FOUND

        await eventually(forgotten, f"{service} to forget him")
