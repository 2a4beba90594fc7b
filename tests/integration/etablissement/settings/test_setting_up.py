"""« Mise en service »: what a school declares done."""

from tests.integration.etablissement.settings.support import OFFICE, Schools, problem, staff


async def test_staff_declare_what_nobody_else_can_see(schools: Schools) -> None:
    nothing = await schools.answer("GET", "/setting-up")
    assert (nothing.json(), nothing.headers["etag"]) == ({"declared": []}, '"0"')
    wanted = {"declared": ["notice", "cachet", "notice"]}
    answer = await schools.put("/setting-up", '"0"', json=wanted, by=OFFICE)
    assert answer.json() == {"declared": ["cachet", "notice"]}
    late = await schools.put("/setting-up", '"0"', json={"declared": ["logo"]})
    problem(late, 412, "Modifié entre-temps")
    unknown = await schools.put("/setting-up", '"1"', json={"declared": ["holidays"]})
    told = problem(unknown, 422, "Saisie invalide")["errors"]
    assert told == [{"field": "body.declared.0", "message": "valeur inconnue"}]
    emptied = await schools.put("/setting-up", '"1"', json={"declared": []})
    assert emptied.json() == await schools.get("/setting-up") == {"declared": []}


async def test_administrators_read_it_only(schools: Schools) -> None:
    by = staff("admin-academique")
    assert await schools.get("/setting-up", by=by) == {"declared": []}
    refused = await schools.put("/setting-up", '"0"', json={"declared": []}, by=by)
    assert refused.status_code == 403
