"""What staff do with transfers, through HTTP: lists, reviews, offers, oppositions, reversals."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from joserfc import jwt

from deploy.local.client import Sign
from services.transfer.__main__ import service
from services.transfer.handlers import handle
from shared.database import Database
from shared.events import (
    DossierTransferred,
    Event,
    PupilCreated,
    PupilDeactivated,
    PupilErased,
    SchoolUpdated,
)
from shared.messaging.consumer import Batch
from shared.security import TokenVerifier
from shared.service import Service
from shared.signing import Purpose, Ticket
from tests.support.pupils import A, B, C, arrival, departure, imported, keys, pupil
from tests.support.system import System, running

Json = Any


class Staff:
    """The service over HTTP alone, and the events that it is given."""

    def __init__(self, system: System, database: Database) -> None:
        self.system = system
        self.database = database
        self.http = httpx.AsyncClient(base_url=system.urls["transfer"])

    async def take(self, *events: Event) -> None:
        async with self.database.transaction() as transaction:
            await handle(transaction, Batch(events))

    async def call(
        self,
        method: str,
        uai: str,
        path: str,
        *,
        role: str = "direction",
        status: int = 200,
        **options: Any,
    ) -> Json:
        claims = {"sub": f"{role}-{uai}", "schools": {uai: [role]}}
        headers = {
            "Authorization": f"Bearer {self.system.sign(claims)}",
            "Idempotency-Key": options.pop("key", str(uuid4())),
            **options.pop("headers", {}),
        }
        response = await self.http.request(
            method, f"/schools/{uai}{path}", headers=headers, **options
        )
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def switch_on(self, *schools: str) -> None:
        for uai in schools:
            await self.call(
                "PUT", uai, "/participation", json={"active": True}, headers={"If-Match": '"0"'}
            )


@pytest.fixture
async def staff(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[Staff]:
    database_urls = {service.name: await new_database(service)}
    async with running([service], database_urls, vhost, keys, sign) as system:
        database = await Database.open(database_urls["transfer"], 4)
        made = Staff(system, database)
        yield made
        await made.http.aclose()
        await database.close()


def outside(kind: type[Any], uai: Any, pupil_id: UUID | None = None) -> Any:
    return pupil(kind, uai, pupil_id=pupil_id).model_copy(update={"source": "hand"})


def wish(pupil_id: UUID, to: str = B, **authorisation: Any) -> Json:
    given = {"collected_from": "both", "collected_on": "2026-01-12", "paper": "classeur 4"}
    return {
        "pupil_id": str(pupil_id),
        "destination": to,
        "authorisation": given | authorisation,
    }


async def test_rule_10_switching_on_says_first_what_would_leave_and_what_would_come(
    staff: Staff,
) -> None:
    await staff.switch_on(B)
    gone = [departure(A, keys(n)) for n in (1, 2)]
    await staff.take(*gone, *(arrival(B, keys(n)) for n in (1, 2, 3)), imported(B))
    overview = await staff.call("GET", A, "/overview")
    assert overview["effect"] == {"leaving": 2, "leaving_by_year": {"2025": 2}, "coming": 0}
    there = await staff.call("GET", B, "/overview")
    assert [arrival["from_uai"] for arrival in there["arrivals"]] == [A, A]
    assert there["arrivals"] == await staff.call("GET", B, "/arrivals")
    assert await staff.call("GET", A, "/participation/history") == []
    await staff.switch_on(A)
    assert (await staff.call("GET", A, "/overview"))["effect"]["leaving"] == 0
    [change] = await staff.call("GET", A, "/participation/history")
    assert (change["active"], change["changed_by"]) == (True, f"direction-{A}")
    found = await staff.call("GET", A, "/transfers")
    assert [t["state"] for t in found["transfers"]] == ["requested", "requested"]
    [about] = await staff.call("GET", A, f"/pupils/{gone[0].pupil_id}/transfers")
    assert (about["pupil_id"], about["direction"]) == (str(gone[0].pupil_id), "sent")
    await staff.call("GET", B, f"/pupils/{gone[0].pupil_id}/transfers", status=404)


@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
async def test_departures_are_listed_by_their_day_over_all_pages(
    staff: Staff, *, oldest_first: bool
) -> None:
    days = [dt.timedelta(days=day) for day in (3, 1, 4, 1, 5)]
    gone = [outside(PupilDeactivated, A) for _ in days]
    gone = [
        one.model_copy(update={"since": one.since + day})
        for one, day in zip(gone, days, strict=True)
    ]
    await staff.take(*gone)
    listed: list[str] = []
    asked: Json = {"limit": 2, "oldest_first": oldest_first}
    while True:
        page = await staff.call("GET", A, "/departures", params=asked)
        listed += [one["pupil_id"] for one in page["departures"]]
        if page["next"] is None:
            break
        asked["after"] = page["next"]
    gone.sort(key=lambda one: (one.since, one.pupil_id), reverse=not oldest_first)
    assert listed == [str(one.pupil_id) for one in gone]
    await staff.take(PupilErased(pupil_id=gone[0].pupil_id))
    asked["after"] = str(gone[0].pupil_id)
    problem = await staff.call("GET", A, "/departures", params=asked, status=409)
    assert problem["title"] == "Liste modifiée"


async def test_each_departure_has_a_line_that_names_the_first_missing_condition(
    staff: Staff,
) -> None:
    no_ine, waits, off = outside(PupilDeactivated, A), departure(A, keys(1)), departure(A, keys(2))
    await staff.take(no_ine, waits, off, arrival(B, keys(2)), imported(B))
    page = await staff.call("GET", A, "/departures")
    lines = {d["pupil_id"]: d for d in page["departures"]}
    codes = {pupil_id: d["status"]["code"] for pupil_id, d in lines.items()}
    assert codes == {
        str(no_ine.pupil_id): "no-ine",
        str(waits.pupil_id): "no-arrival",
        str(off.pupil_id): "origin-switch",
    }
    assert not lines[str(no_ine.pupil_id)]["by_itself"]
    by_hand = await staff.call("GET", A, "/departures", params={"by_itself": False})
    assert [d["pupil_id"] for d in by_hand["departures"]] == [str(no_ine.pupil_id)]
    alone = await staff.call("GET", A, "/departures", params={"by_itself": True})
    assert {d["pupil_id"] for d in alone["departures"]} == {*lines} - {str(no_ine.pupil_id)}
    assert lines[str(off.pupil_id)]["schools"] == [B]
    assert lines[str(off.pupil_id)]["status"]["who"] == "origin"
    [arrived] = await staff.call("GET", B, "/arrivals")
    assert arrived["from_uai"] == A
    assert arrived["status"] == lines[str(off.pupil_id)]["status"], "both read the same line"


async def test_rule_9_departures_without_sequel_and_expected_dossiers(staff: Staff) -> None:
    forgotten, last = departure(A, keys(1)), departure(A, keys(2))
    claimed = departure(A, keys(3))
    last = last.model_copy(update={"last_year": True})
    expected = arrival(B, keys(4)).model_copy(update={"previous_uai": C})
    elsewhere = arrival(B, keys(5)).model_copy(update={"previous_uai": "0000000A"})
    await staff.take(
        forgotten, last, claimed, arrival(B, keys(3)), imported(C), expected, elsewhere
    )
    found = await staff.call("GET", A, "/departures/without-sequel")
    assert [d["pupil_id"] for d in found["departures"]] == [str(forgotten.pupil_id)]
    assert [d["pupil_id"] for d in found["end_of_course"]] == [str(last.pupil_id)]
    dossiers = await staff.call("GET", B, "/arrivals/expected")
    assert dossiers == {
        "expected": [{"pupil_id": str(expected.pupil_id), "previous_uai": C}],
        "others": 1,
    }
    await staff.switch_on(C)
    assert (await staff.call("GET", B, "/arrivals/expected"))["expected"] == []


async def test_rule_8_from_the_offer_to_the_ticket_to_the_records(staff: Staff) -> None:
    await staff.switch_on(A, B)
    gone, here = outside(PupilDeactivated, A), outside(PupilCreated, B)
    await staff.take(gone, here)
    body, key = {"offers": [wish(gone.pupil_id)]}, str(uuid4())
    [made] = await staff.call("POST", A, "/offers", json=body, key=key, status=201)
    again = await staff.call("POST", A, "/offers", json=body, key=key, status=201)
    assert again == [made], "a button pressed twice does one thing"
    [received] = (await staff.call("GET", B, "/offers/received"))["offers"]
    assert received["pupil_id"] is None, "who it is takes a ticket"
    ticket = await staff.call("POST", B, f"/offers/{made['id']}/ticket/identity", status=201)
    claims = _claims(staff.system, ticket["ticket"])
    assert (claims.viewer, claims.learner.pupil_id) == (f"direction-{B}", gone.pupil_id)
    assert claims.purpose is Purpose.IDENTITY
    await staff.call("POST", A, f"/offers/{made['id']}/ticket/identity", status=404)
    accept = {"pupil_id": str(here.pupil_id)}
    await staff.call("POST", B, f"/offers/{made['id']}/acceptance", json=accept, status=202)
    await staff.take(DossierTransferred(transfer_id=made["id"], counts={"fiche": 1}))
    story = await staff.call("GET", A, f"/transfers/{made['id']}")
    assert [(s["what"], s["by_whom"]) for s in story["steps"]] == [
        ("offered", f"direction-{A}"),
        ("requested", None),
        ("accepted", None),
        ("closed", None),
    ], "each school reads who of its own did what"


def _claims(system: System, ticket: str) -> Ticket:
    verifier = TokenVerifier.from_file(system.keys / "jwks.json")
    return Ticket.model_validate(jwt.decode(ticket, verifier.keys, algorithms=["Ed25519"]).claims)


async def test_rule_8_what_is_wrong_with_each_offer_is_told_at_once_and_nothing_is_kept(
    staff: Staff,
) -> None:
    await staff.switch_on(A, B)
    gone = outside(PupilDeactivated, A)
    await staff.take(gone)
    wrong = {"offers": [wish(gone.pupil_id), wish(gone.pupil_id, C), wish(uuid4())]}
    problem = await staff.call("POST", A, "/offers", json=wrong, status=409)
    assert [error["field"] for error in problem["errors"]] == ["body.offers.1", "body.offers.2"]
    for bad in (
        {"paper": "chez Mme Durand"},
        {"collected_on": "2026-01-21"},
        {"collected_from": "voisin"},
    ):
        offers = {"offers": [wish(gone.pupil_id, **bad)]}
        await staff.call("POST", A, "/offers", json=offers, status=422)
    assert (await staff.call("GET", A, "/offers"))["offers"] == []
    await staff.take(SchoolUpdated(uai=B, version=1, name="Lycée B", open=False, successor=C))
    problem = await staff.call(
        "POST", A, "/offers", json={"offers": [wish(gone.pupil_id)]}, status=409
    )
    assert problem["errors"][0]["message"].endswith(f"a succédé, {C}.")


async def test_rule_7_a_review_shows_how_fields_compare_and_never_the_other_side(
    staff: Staff,
) -> None:
    await staff.switch_on(A, B)
    left, came = departure(A, keys(1)), arrival(B, keys(1, born=2))
    await staff.take(left, came, imported(B))
    [seen] = await staff.call("GET", B, "/reviews")
    assert (seen["side"], seen["birth"], seen["family"]) == ("destination", "different", "same")
    opinion = {
        "origin_pupil": str(left.pupil_id),
        "destination_pupil": str(came.pupil_id),
        "same": True,
    }
    await staff.call("POST", B, "/reviews", json=opinion, status=204)
    [seen] = await staff.call("GET", A, "/reviews")
    assert seen["verdict"] == "proposed"
    await staff.call("POST", A, "/reviews", json=opinion, role="admin-academique", status=204)
    assert await staff.call("GET", A, "/reviews") == []
    [moving] = (await staff.call("GET", B, "/transfers"))["transfers"]
    assert (moving["state"], moving["direction"]) == ("requested", "received")


async def test_rule_6_a_reversal_of_another_person_makes_an_incident_for_both_heads(
    staff: Staff,
) -> None:
    await staff.switch_on(A, B)
    left, came = departure(A, keys(1)), arrival(B, keys(1))
    await staff.take(left, came, imported(B))
    [moved] = (await staff.call("GET", A, "/transfers"))["transfers"]
    await staff.take(DossierTransferred(transfer_id=moved["id"], counts={"bilan": 2}))
    figures = await staff.call("GET", A, "/transfers/moved")
    assert [(week["sent"], week["received"]) for week in figures["weeks"]] == [(1, 0)]
    assert (await staff.call("GET", B, "/transfers/moved"))["schools"] == [
        {"uai": A, "sent": 0, "received": 1}
    ]
    why = {"because": "other-person"}
    path = f"/transfers/{moved['id']}"
    asked = await staff.call("POST", A, f"{path}/return", json=why, status=202)
    assert asked["transfer"]["return_because"] == "other-person"
    await staff.call("POST", A, f"{path}/reversal", json=why, status=404)
    await staff.call("POST", B, f"{path}/reversal", json=why, status=202)
    back = (await staff.call("GET", B, "/transfers"))["transfers"][0]
    assert (back["kind"], back["state"], back["direction"]) == ("reversal", "requested", "sent")
    left_behind = (uuid4(),)
    await staff.take(
        DossierTransferred(transfer_id=back["id"], counts={"bilan": 1}, left=left_behind)
    )
    for uai, own in ((A, left.pupil_id), (B, came.pupil_id)):
        [incident] = await staff.call("GET", uai, "/incidents")
        assert (incident["pupil_id"], incident["left_behind"]) == (str(own), 1)
        assert incident["since"] < incident["until"]
    await staff.call("GET", A, "/incidents", role="gestion", status=403)
    await staff.call("DELETE", A, f"{path}/hold")
    states = [t["state"] for t in (await staff.call("GET", A, "/transfers"))["transfers"]]
    assert states == ["requested", "closed", "reversed"]


async def test_an_opposition_is_recorded_read_and_lifted_by_the_learner_s_school_alone(
    staff: Staff,
) -> None:
    await staff.switch_on(A, B)
    left = departure(A, keys(1))
    await staff.take(left, arrival(B, keys(1)))
    path = f"/pupils/{left.pupil_id}/opposition"
    await staff.call("PUT", B, path, status=404)
    await staff.call("PUT", A, path, role="gestion", status=204)
    assert (await staff.call("GET", A, path))["since"]
    await staff.take(imported(B))
    [line] = (await staff.call("GET", A, "/departures"))["departures"]
    assert line["status"]["code"] == "opposition"
    await staff.call("DELETE", A, path, status=204)
    assert (await staff.call("GET", A, path))["since"] is None
    [moving] = (await staff.call("GET", A, "/transfers"))["transfers"]
    held = await staff.call("GET", A, f"/pupils/{left.pupil_id}/export")
    assert [act["what"] for act in held["acts"]] == ["opposed", "opposition-lifted"]
    assert [t["id"] for t in held["transfers"]] == [moving["id"]]
    assert "ine_key" not in str(held)


async def test_a_transfer_that_moved_nothing_is_hidden_unless_asked_for(staff: Staff) -> None:
    await staff.switch_on(A, B)
    await staff.take(departure(A, keys(1)), arrival(B, keys(1)), imported(B))
    [moved] = (await staff.call("GET", A, "/transfers"))["transfers"]
    await staff.take(DossierTransferred(transfer_id=moved["id"], counts={}))
    assert (await staff.call("GET", A, "/transfers"))["transfers"] == []
    found = await staff.call("GET", A, "/transfers", params={"without_data": True})
    assert [t["counts"] for t in found["transfers"]] == [{}]


async def test_only_siecle_import_asks_who_is_under_way(staff: Staff) -> None:
    await staff.switch_on(A, B)
    gone, other = outside(PupilDeactivated, A), outside(PupilDeactivated, A)
    await staff.take(gone, other)
    offers = {"offers": [wish(gone.pupil_id)]}
    await staff.call("POST", A, "/offers", json=offers, status=201)
    asked = {"pupils": [str(gone.pupil_id), str(other.pupil_id)]}
    async with staff.system.client("siecle_import", "transfer") as client:
        answer = await client.post("/transfers/under-way", json=asked)
    assert answer.json() == {"under_way": [str(gone.pupil_id)]}
    async with staff.system.client("dossier", "transfer") as client:
        assert (await client.post("/transfers/under-way", json=asked)).status_code == 403
