"""Two learners of one school who are one person (docs/transfer.md, 15)."""

from typing import Any

from deploy.local.client import Json, School
from shared.database import Database
from tests.integration.siecle_import.support import (
    apply,
    entries,
    events,
    export,
    ine,
    learners,
    post,
    send,
)

TWICE = {
    "n": "2",
    "ID_NATIONAL": None,
    "INE_BEA": "9913000001B",
    "NOM_DE_FAMILLE": "NOM 001 BIS",
}


async def doubles(school: School) -> tuple[Json, Json]:
    """One learner twice: a first number without INE, a second one with another name."""
    await apply(school, export(1, TWICE))
    found = {p["family_name"]: p for p in await learners(school)}
    return found["NOM001"], found["NOM 001 BIS"]


async def merge(school: School, survivor: Json, merged: Json, **options: Any) -> Any:
    pair = {"survivor": survivor["id"], "merged": merged["id"], "reason": "double-siecle"}
    return await post(school, "/merges", json=pair | options)


async def test_a_merge_is_previewed_with_all_that_differs(school: School) -> None:
    survivor, merged = await doubles(school)
    pair = {"survivor": survivor["id"], "merged": merged["id"]}
    preview = (await post(school, "/merges/preview", json=pair)).json()
    assert preview["inherited"] == ["9913000001B"]
    assert {one["field"] for one in preview["differences"]} == {
        "eleve_id", "family_name", "rnie", "bea",
    }  # fmt: skip
    assert len(await learners(school)) == 2, "nothing has changed"


async def test_rule_15_one_goes_on_as_the_other_and_the_next_import_knows(
    school: School, base: Database
) -> None:
    survivor, merged = await doubles(school)
    done = await merge(school, survivor, merged)
    assert (done.status_code, done.json()["reason"]) == (201, "double-siecle")
    assert done.json()["merged_name"] == "NOM 001 BIS Éloi", "staff read who it was"
    [left] = await learners(school)
    assert (left["id"], left["rnie"], left["bea"]) == (survivor["id"], ine(1), "9913000001B")
    [told] = await events(base, "%merged%")
    assert (told["surviving_id"], told["merged_id"], told["undone"]) == (
        survivor["id"], merged["id"], False,
    )  # fmt: skip
    assert (told["surviving_version"], told["merged_version"]) == (2, 2)
    ready = await send(school, export(1, TWICE, day=1))
    assert (ready["counts"]["created"], ready["counts"]["deactivated"]) == (0, 0)
    [ignored] = await entries(school, ready, "ignored")
    assert ignored["why"] == "doublon d'une fiche fusionnée"
    only = await send(school, export(TWICE, day=2))
    assert (only["counts"]["created"], only["counts"]["deactivated"]) == (0, 0)


async def test_rule_15_a_merge_is_undone_and_each_is_himself_again(
    school: School, base: Database
) -> None:
    survivor, merged = await doubles(school)
    done = (await merge(school, survivor, merged)).json()
    undone = await post(school, f"/merges/{done['id']}/undo")
    assert undone.json()["undone_by"] == "direction-9990001X"
    back = {p["id"]: p for p in await learners(school)}
    assert (back[survivor["id"]]["bea"], back[merged["id"]]["active"]) == (None, True)
    assert (await post(school, f"/merges/{done['id']}/undo")).status_code == 409
    [_, told] = await events(base, "%merged%")
    assert (told["undone"], told["merged_version"]) == (True, 3)
    listed = await school.call("siecle_import", "GET", "/merges")
    assert [one["id"] for one in listed.json()["merges"]] == [done["id"]]


async def test_what_cannot_be_merged_is_told(school: School) -> None:
    survivor, merged = await doubles(school)
    assert (await merge(school, survivor, survivor)).json()["title"] == "Fusion impossible"
    assert (await merge(school, survivor, merged, reason="parce que")).status_code == 422
    assert (await merge(school, survivor, merged)).status_code == 201
    assert (await merge(school, survivor, merged)).status_code == 409
    stranger = {"id": "01a20a95-27f1-4233-9408-3d93e472ae05"}
    assert (await merge(school, survivor, stranger)).json()["title"] == "Apprenant inconnu"


async def test_after_an_import_an_undone_merge_leaves_one_active_card(school: School) -> None:
    """Nobody knows whether the other one is there: the next import tells, and nothing has left."""
    survivor, merged = await doubles(school)
    done = (await merge(school, survivor, merged)).json()
    await apply(school, export(TWICE, day=1))
    assert (await post(school, f"/merges/{done['id']}/undo")).status_code == 200
    back = {p["id"]: p for p in await learners(school)}
    assert (back[survivor["id"]]["eleve_id"], back[survivor["id"]]["bea"]) == ("700001", None)
    assert (back[merged["id"]]["active"], back[merged["id"]]["reason"]) == (False, "fusionne")
    ready = await send(school, export(1, TWICE, day=2))
    assert (ready["counts"]["reactivated"], ready["counts"]["deactivated"]) == (1, 0)


async def test_the_one_who_stays_can_still_be_changed_by_hand(school: School) -> None:
    fields = {"first_name": "Awa", "birth_date": "2007-05-04"}
    one = (await post(school, "/pupils", json={"family_name": "N'Diaye", **fields})).json()
    described = {"family_name": "Ndiyae", "ine": [ine(50)], **fields}
    two = (await post(school, "/pupils", json=described)).json()
    assert (await merge(school, one, two)).status_code == 201
    described |= {"division": "CAP 2"}
    route, headers = f"/pupils/{one['id']}", {"If-Match": '"2"'}
    changed = await school.call("siecle_import", "PUT", route, json=described, headers=headers)
    assert (changed.status_code, changed.json()["division"]) == (200, "CAP 2")
