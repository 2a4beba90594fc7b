"""Administrators keep diplomas, inspectors, referents and subscriptions; inspectors sign in."""

from pathlib import Path
from uuid import uuid4

from tests.integration.inspector_access.support import (
    ACADEMIE,
    DIPLOMAS,
    INSPECTORS,
    MEF_TNE,
    PMIA,
    TNE,
    Access,
    Json,
    administrator,
    national,
    school,
    staff,
    who,
)
from tests.support.pupils import A, B

SAMPLE = Path(__file__).parents[2] / "samples" / "siecle" / "valides" / "10_Nomenclature.xml"


async def listed(access: Access, table: str) -> list[Json]:
    """The lines of a table that are held."""
    path = f"/academies/{ACADEMIE}/tables/{table}"
    found: list[Json] = await access.call("GET", path, administrator())
    return found


async def test_a_preview_changes_nothing_and_says_what_will(access: Access) -> None:
    await access.take(school(A), school(B, academie="Lyon"))
    seen = await access.preview("diplomes", DIPLOMAS)
    assert seen.json() == {
        "new": 4, "changed": 0, "unchanged": 0, "refused": 0, "opened": 0, "closed": 0,
        "errors": [],
    }  # fmt: skip
    assert await listed(access, "diplomes") == []
    await access.send("diplomes", DIPLOMAS)
    again = await access.send("diplomes", DIPLOMAS)
    assert (again["new"], again["unchanged"]) == (0, 4)
    held = {line["code"]: line for line in await listed(access, "diplomes")}
    assert held[TNE]["mef"] == [MEF_TNE]
    await access.send("inspecteurs", INSPECTORS)
    sent = f"uai;diplome;debut;fin\n{A};{TNE};;31/08/2026\n{B};{TNE};;\n{A};NO;;\n"
    effect = await access.send("abonnements", sent)
    assert (effect["new"], effect["refused"]) == (1, 2)
    assert effect["errors"] == [
        {"line": 3, "column": "uai", "message": "établissement inconnu dans l'académie"},
        {"line": 4, "column": "diplome", "message": "diplôme inconnu : ajoutez-le d'abord"},
    ]
    assert await listed(access, "abonnements") == [
        {"uai": A, "diplome": TNE, "debut": "2026-01-20", "fin": "2026-08-31"}
    ]


async def test_a_file_is_taken_in_only_as_it_was_seen(access: Access) -> None:
    await access.lycee()
    await access.switch(PMIA, active=True)
    await access.told()
    file = f"adresse;diplome;uai;debut;fin\nvalery@ac-demo.example;{PMIA};;;\n"
    seen = await access.preview("referents", file)
    assert (seen.json()["opened"], seen.json()["closed"]) == (1, 0), "one mail will be sent"
    assert await access.told() == []
    path, told = f"/academies/{ACADEMIE}/tables/referents", {"If-Match": seen.headers["ETag"]}
    for content, headers, status in (
        (file, {}, 428), (file.replace("valery", "aymerick"), told, 412), ("x;y\n1;2", told, 422),
    ):  # fmt: skip
        await access.call(
            "POST", path, administrator(), status, content=content.encode(), headers=headers
        )
    await access.switch(PMIA, active=False)
    await access.call(
        "POST", path, administrator(), 412, content=file.encode(), headers=told
    )  # nobody would be told any more
    assert len(await listed(access, "referents")) == 2


async def test_a_new_name_and_a_new_end_change_what_is_there(access: Access) -> None:
    await access.lycee()
    await access.switch(TNE, active=True)
    await access.told()
    effect = await access.send("inspecteurs", "adresse;nom\nvalery@ac-demo.example;V. Petit\n")
    assert (effect["changed"], effect["opened"]) == (1, 0)
    assert (await access.staff("GET", f"/{TNE}"))["referents"] == ["Aymerick", "V. Petit"]
    ended = f"adresse;diplome;uai;debut;fin\nvalery@ac-demo.example;{TNE};;01/09/2025;19/01/2026\n"
    effect = await access.send("referents", ended)
    assert (effect["changed"], effect["closed"]) == (1, 1)
    [event] = await access.told()
    assert (event.because, who(event)) == ("referent-removed", ["V. Petit"])


async def test_an_academie_keeps_its_own_inspectors_and_schools_only(access: Access) -> None:
    await access.lycee()
    other = administrator("Lyon")
    for path in (f"/academies/{ACADEMIE}/tables/referents", f"/academies/{ACADEMIE}/nomenclature"):
        await access.call("POST", path, other, 403, content=b"x")
    table = f"adresse;diplome;uai;debut;fin\nvalery@ac-demo.example;{TNE};{A};;\n"
    refused = (await access.preview("referents", table, "Lyon")).json()
    assert [error["column"] for error in refused["errors"]] == ["adresse", "uai"]
    await access.call("DELETE", f"/academies/Lyon/subscriptions/{A}/{TNE}", other, 404)
    gone = {"email": "valery@ac-demo.example", "diploma": TNE}
    await access.call("POST", "/academies/Lyon/referents/removal", other, 404, json=gone)
    await access.call("GET", f"/academies/{ACADEMIE}/tables/referents", national())


async def test_only_the_national_administrator_changes_the_diplomas_of_all(access: Access) -> None:
    await access.lycee()
    path = f"/academies/{ACADEMIE}/tables/diplomes"
    for way in (path, f"{path}/preview"):
        refused = await access.call(
            "POST", way, administrator(), 403, content=f"code;libelle;mef\n{TNE};x;\n".encode(),
            headers={"If-Match": '"1"'},
        )  # fmt: skip
        assert refused["title"] == "Table nationale"
    kept = await access.call("GET", path, administrator())
    assert len(kept) == 4, "he reads what he may not change"
    everywhere = {"sub": "x", "academies": {"*": ["admin-academique"]}}
    await access.call("POST", f"{path}/preview", everywhere, 403, content=b"x")


async def test_a_nomenclature_adds_and_never_changes(access: Access) -> None:
    await access.take(school(A))
    content = SAMPLE.read_bytes()
    path = f"/academies/{ACADEMIE}/nomenclature"
    learnt = await access.call("POST", path, administrator(), content=content)
    assert learnt == {"courses": 1, "new_diplomas": 1}
    [made] = await listed(access, "diplomes")
    assert made == {
        "code": "24723332", "libelle": "2nde pro métiers de l'électricité", "mef": ["24723332031"],
    }  # fmt: skip
    renamed = "code;libelle;mef\n24723332;2de métiers de l'électricité;24723332031\n"
    await access.send("diplomes", renamed)
    office = f"/schools/{A}/nomenclature"
    learnt = await access.call("POST", office, staff(A, "gestion"), content=content)
    assert learnt == {"courses": 1, "new_diplomas": 0}
    [kept] = await listed(access, "diplomes")
    assert kept["libelle"] == "2de métiers de l'électricité"
    refused = await access.call("POST", office, staff(A, "gestion"), 422, content=b"<BEE_ELEVES/>")
    assert "Nomenclature" in refused["detail"]
    await access.call("POST", office, staff(A, "gestion"), 413, content=b"<" * 6_000_000)


async def test_an_invited_address_is_bound_once_to_who_signs_in_with_it_first(
    access: Access,
) -> None:
    await access.lycee()
    nobody: Json = {"known": False, "name": None, "academies": {}}
    person, other = uuid4(), uuid4()
    assert await access.sign_in("someone@ac-demo.example", person) == nobody
    assert await access.sign_in("valery@ac-demo.example", person, verified=False) == nobody
    known = {"known": True, "name": "Valéry", "academies": {ACADEMIE: ["inspecteur"]}}
    assert await access.sign_in(" Valery@AC-demo.example", person) == known
    assert await access.sign_in("valery@ac-demo.example", other) == nobody
    assert await access.sign_in("changed@ac-demo.example", person, verified=False) == known
    await access.send("inspecteurs", "adresse;nom\nvalery@ac-demo.example;V. Petit\n", "Lyon")
    assert await access.sign_in("valery@ac-demo.example", other) == nobody
    both = await access.sign_in("valery@ac-demo.example", person)
    assert both["academies"] == {ACADEMIE: ["inspecteur"], "Lyon": ["inspecteur"]}
    visitor = {"person": str(person), "email": "x", "email_verified": True, "name": "x"}
    await access.call("POST", "/sign-in", administrator(), 403, json=visitor)
    async with access.system.client("dossier", "inspector_access") as client:
        assert (await client.post("/sign-in", json=visitor)).status_code == 403
