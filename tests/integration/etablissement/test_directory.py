"""The import of the public directory of schools: seen before, applied, never against a school."""

from tests.support.directory import HEADER, school, uai, written
from tests.support.registry import A, B, Json, Registry, admin, staff

SCHOOLS = 3_000


async def send(registry: Registry, content: bytes, status: int = 201) -> Json:
    return await registry.call(admin(), "POST", "/directory", content=content, status=status)


async def apply(registry: Registry, sent: Json, status: int = 200) -> Json:
    path = f"/directory/{sent['id']}/application"
    return await registry.call(admin(), "POST", path, status=status)


async def test_a_directory_is_previewed_then_applied_and_the_bad_lines_are_named(
    registry: Registry,
) -> None:
    good = [school(690000 + number) for number in range(SCHOOLS)]
    bad = [
        school(1, Identifiant_de_l_etablissement="0690001A"),
        school(2, Nom_etablissement=" "),
        school(3, Libelle_academie="Atlantide"),
        school(690000),
        school(4, Adresse_1="x" * 201),
    ]
    odd = [school(700000, Mail="non communiqué", Telephone="12", Code_postal="7")]
    sent = await send(registry, written([*good, *bad, *odd], bom=True))
    assert sent["counts"] == {
        "read": SCHOOLS + 6, "new": SCHOOLS + 1, "changed": 0, "unchanged": 0, "refused": 5,
        "left_out_email": 1, "left_out_phone": 1, "left_out_postcode": 1,
    }  # fmt: skip
    assert sent["refused"] == [
        {"line": SCHOOLS + 2, "reason": "UAI faux : 7 chiffres et leur lettre attendus"},
        {"line": SCHOOLS + 3, "reason": "nom de l'établissement absent"},
        {"line": SCHOOLS + 4, "reason": "académie inconnue"},
        {"line": SCHOOLS + 5, "reason": "UAI déjà vu plus haut dans le fichier"},
        {"line": SCHOOLS + 6, "reason": "valeur trop longue"},
    ]
    assert await registry.told() == [], "nothing changes before it is applied"
    counted = "SELECT reltuples FROM pg_class WHERE oid = 'directory_line'::regclass"
    assert await registry.database.pool.fetchval(counted) >= SCHOOLS, "for the planner"
    applied = await apply(registry, sent)
    assert (applied["state"], applied["applied_by"]) == ("applied", "admin-national-*")
    assert await apply(registry, sent) == applied, "a button pressed twice does one thing"
    events = await registry.told()
    assert len(events) == SCHOOLS + 1
    [told] = [event for event in events if event["uai"] == A]
    sample = school(690001)
    assert told == {
        "uai": A, "version": 1, "name": sample["Nom_etablissement"], "digest": True, "open": True,
        "town": sample["Nom_commune"], "academie": sample["Libelle_academie"], "successor": None,
        "email": f"ce.{A.lower()}@ac-exemple.fr",
    }  # fmt: skip
    card = await registry.call(admin_at(A), "GET", f"/schools/{A}/card")
    assert card["address"] == ["2 rue des Écoles"], "the line of postcode and town is left out"
    again = await send(registry, written(good))
    assert again["counts"]["unchanged"] == SCHOOLS
    assert (again["counts"]["new"], again["counts"]["changed"]) == (0, 0)


def admin_at(school: str) -> dict[str, object]:
    return {"sub": "admin", "schools": {school: ["admin-national"]}}


async def test_the_directory_leaves_what_a_school_has_set_and_what_it_does_not_know(
    registry: Registry,
) -> None:
    first = await send(registry, written([school(690001), school(690002), school(690003)]))
    await apply(registry, first)
    head = staff(A, "direction")
    path = f"/schools/{A}/card"
    card = await registry.call(head, "GET", path)
    wanted = {key: card[key] for key in ("email", "address", "postcode", "town", "phone")}
    wanted["name"] = "Lycée de notre choix"
    edited = await registry.call(head, "PUT", path, version=1, json=wanted)
    assert edited["own"] == ["name"]
    before = len(await registry.told())
    second = await send(
        registry,
        written(
            [
                school(690001, Nom_etablissement="Lycée du ministère", Nom_commune="Bron", Mail=""),
                school(690002, Telephone="0472000000", Mail="m.durand@ac-exemple.fr"),
            ]
        ),
    )
    assert second["counts"] | {"new": 0, "changed": 2, "unchanged": 0} == second["counts"]
    await apply(registry, second)
    card = await registry.call(head, "GET", path)
    assert (card["name"], card["town"]) == ("Lycée de notre choix", "Bron")
    assert card["email"] == f"ce.{A.lower()}@ac-exemple.fr", "an empty cell leaves what is known"
    for text, number in (("notre choix bron", 1), ("ministere", 0)):
        found = await registry.call(head, "POST", "/schools/search", json={"text": text})
        assert len(found) == number, "it is searched by the name that is shown"
    told = (await registry.told())[before:]
    assert {(one["uai"], one["town"]) for one in told} == {
        (A, "Bron"), (B, school(690002)["Nom_commune"]),
    }  # fmt: skip
    other = await registry.call(admin_at(B), "GET", f"/schools/{B}/card/history")
    assert other["changes"][0]["changes"] == {"phone": None, "email": None}, "whose is not kept"
    [change, *_] = (await registry.call(head, "GET", f"{path}/history"))["changes"]
    assert (change["act"], change["changes"]) == (
        "directory", {"town": [wanted["town"], "Bron"]},
    )  # fmt: skip
    other = await registry.call(admin_at(uai(690003)), "GET", f"/schools/{uai(690003)}/card")
    assert other["open"], "a school that the file does not name is never closed"


async def test_a_file_that_is_no_directory_is_refused_with_its_reason(registry: Registry) -> None:
    reasons = {
        b"": "Colonne absente",
        b"UAI,Nom\n0690001A,x\n": "Colonne absente",
        ";".join(HEADER).encode() + b'\n"a;b': "Ligne 2",
        written([school(690001)]).decode().encode("latin-1", "replace"): "UTF-8",
        b"x" * 30_000: "Ligne 1",
        b"\0\0": "Ligne 1",
    }
    for content, reason in reasons.items():
        problem = await send(registry, content, status=422)
        assert reason in problem["detail"], problem
    for claims in (admin("Lyon"), staff(A, "direction")):
        await registry.call(claims, "POST", "/directory", content=b"", status=403)


async def test_older_names_of_the_columns_are_read_too(registry: Registry) -> None:
    header = "numero_uai;appellation_officielle;code_postal_uai;libelle_commune;Académie"
    line = f"{A};Lycée Général;69100;Villeurbanne;LYON"
    sent = await send(registry, f"{header}\n{line}\n".encode())
    await apply(registry, sent)
    [found] = await registry.call(
        staff(A, "gestion"), "POST", "/schools/search", json={"text": "villeurb gener"}
    )
    assert (found["uai"], found["academie"]) == (A, "Lyon")
