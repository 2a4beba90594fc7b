"""Records are found by what they are, among those that learners of the school hold."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from shared.database import Database
from tests.integration.dossier.support import Learner, check, come, merge, move
from tests.support.pupils import A, B


async def ask(school: School, **wanted: Any) -> httpx.Response:
    return await school.call("dossier", "POST", "/records/search", json=wanted)


async def found(school: School, **wanted: Any) -> list[str]:
    """The titles of what is found."""
    answer = await ask(school, **wanted)
    assert answer.status_code == 200, answer.text
    return [record["title"] for record in answer.json()["records"]]


@pytest.fixture
async def other(a: School, base: Database) -> Learner:
    return Learner(a, str(await come(base, A)))


async def test_a_record_is_found_by_each_thing_that_is_known_of_it(
    a: School, learner: Learner, other: Learner
) -> None:
    await learner.write(title="Évaluation d'été", kind="evaluation", diploma="CAP Cuisine")
    await other.write(title="Main d'ŒUVRE", author="Mme Géraldine Dupré", written_on="2024-05-01")
    assert await found(a) == ["Évaluation d'été", "Main d'ŒUVRE"]
    wanted: Json
    for wanted in (
        {"kind": "evaluation"},
        {"diploma": "CAP Cuisine"},
        {"title": "ete EVAL"},
        {"author": "prof"},
        {"written_from": "2025-11-20"},
        {"pupils": [learner.id, str(uuid4())]},
        {"kind": "evaluation", "title": "été", "written_to": "2025-11-20"},
    ):
        assert await found(a, **wanted) == ["Évaluation d'été"], wanted
    for wanted in ({"title": "oeuvre"}, {"author": "dupre"}, {"written_to": "2024-05-01"}):
        assert await found(a, **wanted) == ["Main d'ŒUVRE"], wanted
    for wanted in (
        {"diploma": "CAP"}, {"title": "ete oeuvre"}, {"title": "%"}, {"pupils": []},
        {"pupils": [other.id], "kind": "fiche"},
    ):  # fmt: skip
        assert await found(a, **wanted) == [], wanted


async def test_pages_follow_each_other_until_the_last(a: School, learner: Learner) -> None:
    written = [(await learner.write(title=f"n° {n}"))["title"] for n in range(5)]
    titles, after = [], None
    while True:
        page: Json = (await ask(a, limit=2, after=after)).json()
        titles += [record["title"] for record in page["records"]]
        after = page["next"]
        if after is None:
            break
    assert titles == written


async def test_records_are_found_in_the_school_where_they_are_now_with_their_origin(
    a: School, b: School, learner: Learner, base: Database
) -> None:
    await learner.write(title="ici d'abord")
    there = Learner(b, str(await come(base, B)))
    await there.write(title="là-bas")
    await move(base, learner.id, UUID(there.id))
    assert await found(a) == []
    assert sorted(await found(b)) == ["ici d'abord", "là-bas"]
    assert await found(b, origin="elsewhere") == ["ici d'abord"]
    assert await found(b, origin="here") == ["là-bas"]
    assert await found(a, pupils=[there.id]) == []


async def test_records_of_a_merged_learner_are_found_under_the_one_he_goes_on_as(
    a: School, learner: Learner, other: Learner, base: Database
) -> None:
    await learner.write()
    await merge(base, learner.id, other.id)
    for wanted in ({}, {"pupils": [learner.id]}, {"pupils": [other.id]}):
        [record] = (await ask(a, **wanted)).json()["records"]
        assert record["pupil_id"] == other.id, wanted


async def test_each_learner_found_is_looked_at_once(
    a: School, learner: Learner, other: Learner
) -> None:
    await learner.write()
    await learner.write()
    await found(a)
    assert (await learner.looks(), await other.looks()) == (["search"], [])


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "poème"}, {"title": ""}, {"title": "nul \x00"}, {"title": "x" * 201},
        {"limit": 0}, {"limit": 51}, {"origin": "somewhere"}, {"written_from": "hier"},
        {"pupils": ["x"]}, {"pupils": [str(uuid4()) for _ in range(501)]}, {"after": "x"},
        {"more": 1},
    ],
)  # fmt: skip
async def test_a_search_that_is_not_one_is_refused(a: School, wanted: Json) -> None:
    check(await ask(a, **wanted), 422, "Saisie invalide")


async def test_who_may_not_read_records_of_the_school_searches_nothing(
    dossier: Any, a: School
) -> None:
    async with httpx.AsyncClient() as http:
        url = f"{dossier.urls['dossier']}/schools/{A}/records/search"
        for claims in ({"sub": "x", "schools": {B: ["direction"]}}, {"sub": "x"}):
            headers = {"Authorization": f"Bearer {dossier.sign(claims)}"}
            check(await http.post(url, json={}, headers=headers), 403, "Droit manquant")
