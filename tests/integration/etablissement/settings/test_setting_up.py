"""« Mise en service »: what a school declares done."""

from tests.integration.etablissement.settings.support import OFFICE, Schools, problem, staff
from tests.support.pictures import picture


async def test_staff_declare_what_nobody_else_can_see(schools: Schools) -> None:
    nothing = await schools.answer("GET", "/setting-up")
    told = {"declared": [], "done": nothing.json()["done"]}
    assert (nothing.json(), nothing.headers["etag"]) == (told, '"0"')
    wanted = {"declared": ["notice", "cachet", "notice"]}
    answer = await schools.put("/setting-up", '"0"', json=wanted, by=OFFICE)
    assert answer.json()["declared"] == ["cachet", "notice"]
    late = await schools.put("/setting-up", '"0"', json={"declared": ["logo"]})
    problem(late, 412, "Modifié entre-temps")
    unknown = await schools.put("/setting-up", '"1"', json={"declared": ["holidays"]})
    errors = problem(unknown, 422, "Saisie invalide")["errors"]
    assert errors == [{"field": "body.declared.0", "message": "valeur inconnue"}]
    emptied = await schools.put("/setting-up", '"1"', json={"declared": []})
    assert emptied.json() == await schools.get("/setting-up") == told


async def test_what_is_seen_to_be_done_is_told(schools: Schools) -> None:
    before = (await schools.get("/setting-up"))["done"]
    assert not {"logo", "cachet", "contacts"} & {*before}
    await schools.put("/contacts", '"0"', json={"centres": [{"name": "GRETA"}]})
    await schools.put("/logo", None, content=picture())
    assert {*(await schools.get("/setting-up"))["done"]} == {*before, "logo", "contacts"}
    await schools.put("/contacts", '"1"', json={})
    assert "contacts" not in (await schools.get("/setting-up"))["done"]


async def test_administrators_read_it_only(schools: Schools) -> None:
    by = staff("admin-academique")
    assert (await schools.get("/setting-up", by=by))["declared"] == []
    refused = await schools.put("/setting-up", '"0"', json={"declared": []}, by=by)
    assert refused.status_code == 403
