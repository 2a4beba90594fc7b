"""Questions over a school's dossiers through HTTP and by command: why, counts, figures."""

import datetime as dt
from uuid import uuid4

import httpx

from shared.events import DossierTransferred, PupilCreated, PupilDeactivated, SchoolUpdated
from tests.integration.test_transfers_http import Staff, outside, staff, wish
from tests.support.commands import operate
from tests.support.pupils import A, B, C, arrival, departure, imported, keys, pupil

__all__ = ["staff"]
MONTH = f"{dt.datetime.now(dt.UTC):%Y-%m}"


async def test_staff_ask_why_of_their_own_learners_and_others_say_what_for(staff: Staff) -> None:
    came = arrival(B, keys(1))
    await staff.take(departure(A, keys(1)), came, imported(B))
    path = f"/pupils/{came.pupil_id}/why"
    told = await staff.call("GET", B, path, role="gestion")
    assert (told["code"], told["who"], told["others"]) == ("origin-switch", "origin", [A])
    refused = await staff.call("GET", B, path, role="support", status=422)
    assert refused["title"] == "Motif requis"
    why = {"because": "family-request"}
    assert (await staff.call("POST", B, path, role="support", json=why))["code"] == told["code"]
    await staff.call("POST", B, path, role="support", json={"because": "curiosity"}, status=422)
    async with staff.database.connection() as connection:
        acts = await connection.fetch("SELECT what, because, by_whom FROM act")
    assert [tuple(act) for act in acts] == [("explained", "family-request", f"support-{B}")]


async def test_staff_who_give_a_reason_are_not_told_where_a_learner_is(staff: Staff) -> None:
    came = arrival(B, keys(1))
    await staff.take(pupil(PupilCreated, A, keys(1)), came, imported(B))
    path, why = f"/pupils/{came.pupil_id}/why", {"because": "family-request"}
    for role, others in (("gestion", []), ("direction", []), ("support", [A])):
        told = await staff.call("POST", B, path, role=role, json=why)
        assert (told["code"], told["others"]) == ("still-active", others)


async def test_operations_ask_why_and_reconcile_by_command(staff: Staff) -> None:
    came = arrival(B, keys(1))
    await staff.take(departure(A, keys(1)), came, imported(B))
    asked = ("--to", B, "--pupil", str(came.pupil_id), "--because", "incident")
    told = await operate(staff.system, "explain", *asked)
    assert "L'établissement d'origine doit activer le transfert." in told
    assert "Cause : origin-switch ; doit agir : l'établissement d'origine" in told
    asked = ("--to", B, "--pupil", str(uuid4()), "--because", "incident")
    assert "n'est pas dans la base" in await operate(staff.system, "explain", *asked)
    async with staff.database.connection() as connection:
        await connection.execute(
            "INSERT INTO participation SELECT unnest($1::text[]), true, 1, '2020-01-01'", [A, B]
        )
    assert "1 transferts ouverts" in await operate(staff.system, "reconcile", "--all")
    assert "0 transferts" in await operate(staff.system, "reconcile")
    async with staff.database.connection() as connection:
        await connection.execute("UPDATE presence SET key_version = 0 WHERE uai = $1", A)
    assert await operate(staff.system, "set-aside") == f"{A} : 1\n1 apprenants mis de côté.\n"


async def test_what_each_school_is_asked_to_do_is_counted(staff: Staff) -> None:
    await staff.switch_on(A, C)
    gone = outside(PupilDeactivated, A)
    await staff.take(
        departure(A, keys(1)), arrival(B, keys(1)), departure(A, keys(2)), arrival(C, keys(2)),
        departure(B, keys(3)), arrival(C, keys(3)), departure(A, keys(4)),
        arrival(C, keys(4, born=2)), imported(C), gone,
    )  # fmt: skip
    offers = {"offers": [wish(gone.pupil_id, C)]}
    await staff.call("POST", A, "/offers", json=offers, status=201)
    async with staff.system.client("notifier", "transfer") as client:
        first = (await client.get("/counts/to-do", params={"limit": 2})).json()
        assert first["next"] == B
        rest = (await client.get("/counts/to-do", params={"after": first["next"]})).json()
        everything = (await client.get("/counts/to-do")).json()
    assert rest["next"] is None
    assert everything["schools"] == first["schools"] + rest["schools"]
    counted = {school.pop("uai"): school for school in everything["schools"]}
    nothing = {
        "await_import": 0, "await_switch": 0, "await_acceptance": 0, "await_opinion": 0,
    }  # fmt: skip
    assert counted == {
        A: nothing | {"await_opinion": 1},
        B: nothing | {"await_import": 1, "await_switch": 1},
        C: nothing | {"await_acceptance": 1, "await_opinion": 1},
    }
    assert await staff.call("GET", C, "/to-do") == {"uai": C, **counted[C]}
    assert await staff.call("GET", B, "/to-do") == {"uai": B, **counted[B]}


async def test_the_figures_of_an_academie(staff: Staff) -> None:
    await staff.switch_on(A, B)
    school = SchoolUpdated(uai=A, version=1, name="Lycée A", academie="Normandie")
    there = arrival(B, keys(1)).model_copy(update={"since": dt.datetime.now(dt.UTC)})
    await staff.take(
        school, departure(A, keys(1)), there, departure(A, keys(2)), arrival(B, keys(2)),
        departure(A, keys(3)), imported(B),
    )  # fmt: skip
    for transfer in (await staff.call("GET", A, "/transfers"))["transfers"]:
        await staff.take(DossierTransferred(transfer_id=transfer["id"], counts={"bilan": 2}))
    url = f"{staff.system.urls['transfer']}/academies/Normandie/figures"

    async def read(academie: str, month: str) -> httpx.Response:
        claims = {"sub": "x", "academies": {academie: ["admin-academique"]}}
        headers = {"Authorization": f"Bearer {staff.system.sign(claims)}"}
        return await staff.http.get(url, params={"month": month}, headers=headers)

    figures = (await read("Normandie", MONTH)).json()
    assert figures["closed"] == {"minute": 1, "hour": 0, "day": 0, "later": 1}
    assert figures["waiting"] == {"no-arrival": 1}
    assert (await read("*", MONTH)).json() == figures
    assert (await read("Normandie", "2020-02")).json()["closed"]["minute"] == 0
    assert (await read("Lille", MONTH)).status_code == 403
    assert (await read("Normandie", "2020-13")).status_code == 422
