"""people.md, « Persons and rights »: who invites whom, and what it comes to at the sign-in."""

import asyncio
import datetime as dt
from uuid import UUID, uuid4

import pytest

from services.etablissement import retention
from shared.rights import Role
from tests.support.registry import A, B, C, Claims, Json, Registry, admin, staff

HEAD = staff(A, "direction")
DELEGATE = staff(A, "gestion", "delegation")
ADMIN = staff(A, "admin-academique")
USERS, OWN_HEAD = f"/schools/{A}/users", f"/schools/{A}/head"


def guest(name: str, **more: str) -> Json:
    return {"email": f"{name}@ac-lyon.fr", "name": name.title(), **more}


async def come(registry: Registry, who: str, account: UUID, **more: object) -> Json:
    body = {"person": str(account), "email": f"{who}@ac-lyon.fr", "email_verified": True}
    return await registry.service("gateway", "POST", "/sign-in", json=body | more)


async def roles_at(registry: Registry, account: UUID, school: str) -> list[str]:
    path = f"/persons/{account}/rights"
    answer = await registry.service("gateway", "GET", path, params={"uai": school})
    found: list[str] = answer["roles"]
    return found


async def test_the_administrator_invites_the_head_and_the_head_the_others(
    registry: Registry,
) -> None:
    await registry.has(A, name="x", email=None)
    problem = await registry.call(ADMIN, "POST", OWN_HEAD, json=guest("claude"), status=409)
    assert problem["type"] == "urn:cpro:probleme:fiche-incomplete"
    assert "adresse électronique" in problem["detail"]
    card = {"name": "Lycée", "email": "ce@ac-lyon.fr"}
    await registry.call(ADMIN, "PUT", f"/schools/{A}/card/identity", version=1, json=card)
    head = await registry.call(ADMIN, "POST", OWN_HEAD, json=guest("claude"), status=201)
    assert [right["role"] for right in head["rights"]] == ["direction"]
    for role, claims, status in (
        ("gestion", HEAD, 201), ("delegation", HEAD, 201), ("direction", HEAD, 201),
        ("gestion", DELEGATE, 201), ("delegation", DELEGATE, 403), ("direction", DELEGATE, 403),
        ("gestion", staff(A, "gestion"), 403), ("gestion", ADMIN, 403), ("support", HEAD, 422),
    ):  # fmt: skip
        body = guest(f"a-{role}", role=role)
        await registry.call(claims, "POST", USERS, json=body, status=status)
    users = {user["email"]: user for user in (await registry.call(HEAD, "GET", USERS))["users"]}
    assert {right["role"] for right in users["a-delegation@ac-lyon.fr"]["rights"]} == {
        "gestion", "delegation",
    }  # fmt: skip
    assert not users["claude@ac-lyon.fr"]["has_come"]
    unknown = staff(B, "direction")
    await registry.call(unknown, "POST", f"/schools/{B}/users", json=guest("x"), status=404)


async def test_rights_end_but_never_silently_the_last_heads(registry: Registry) -> None:
    await registry.has(A)

    async def invited(claims: Claims, path: str, body: Json) -> Json:
        user = await registry.call(claims, "POST", path, json=body, status=201)
        return {right["role"]: right["id"] for right in user["rights"]}

    head = await invited(ADMIN, OWN_HEAD, guest("claude"))
    helper = await invited(HEAD, USERS, guest("dominique", role="delegation"))
    path = f"{USERS}/rights"
    problem = await registry.call(HEAD, "DELETE", f"{path}/{head['direction']}", status=409)
    assert problem["type"] == "urn:cpro:probleme:derniere-direction"
    passing = guest("interim", role="direction", valid_until="2026-02-01")
    await invited(HEAD, USERS, passing)
    await registry.call(HEAD, "DELETE", f"{path}/{head['direction']}", status=409)
    await registry.call(DELEGATE, "DELETE", f"{path}/{helper['delegation']}", status=403)
    await registry.call(staff(B, "direction"), "DELETE", f"{path}/{uuid4()}", status=403)
    other = f"/schools/{B}/users/rights/{helper['gestion']}"
    await registry.call(staff(B, "direction"), "DELETE", other, status=404)
    await registry.call(HEAD, "DELETE", f"{path}/{helper['gestion']}", status=204)
    await registry.call(HEAD, "DELETE", f"{path}/{helper['gestion']}", status=404)
    users = {user["email"] for user in (await registry.call(HEAD, "GET", USERS))["users"]}
    assert "dominique@ac-lyon.fr" not in users, "a delegation ends with « gestion »"
    await invited(HEAD, USERS, guest("suite", role="direction"))
    await registry.call(HEAD, "DELETE", f"{path}/{head['direction']}", status=204)
    [suite] = [
        user for user in (await registry.call(ADMIN, "GET", USERS))["users"]
        if user["email"] == "suite@ac-lyon.fr"
    ]  # fmt: skip
    last = suite["rights"][0]["id"]
    await registry.call(ADMIN, "DELETE", f"{OWN_HEAD}/{last}", status=204)
    history = (await registry.call(ADMIN, "GET", f"{USERS}/history"))["changes"]
    assert [(one["act"], one["role"], one["name"]) for one in history[:2]] == [
        ("ended", "direction", "Suite"),
        ("ended", "direction", "Claude"),
    ]
    assert history[1]["changed_by"] == HEAD["sub"]


async def test_rights_begin_and_end_on_their_days(registry: Registry) -> None:
    await registry.has(A)
    late = guest("demain", valid_from="2026-01-21")
    over = guest("hier", valid_until="2026-01-19")
    backwards = guest("envers", valid_from="2026-03-01", valid_until="2026-02-01")
    for body in (over, backwards):
        problem = await registry.call(HEAD, "POST", USERS, json=body, status=422)
        assert problem["errors"][0]["field"] == "body.valid_until"
    await registry.call(HEAD, "POST", USERS, json=late, status=201)
    today = guest("jour", valid_until="2026-01-20")
    await registry.call(HEAD, "POST", USERS, json=today, status=201)
    future, present = uuid4(), uuid4()
    answer = await come(registry, "demain", future)
    assert (answer["known"], answer["schools"]) == (True, {})
    assert "pas encore commencé" in answer["why"]
    assert (await come(registry, "jour", present))["schools"][A]["roles"] == ["gestion"]
    await registry.database.pool.execute(
        "UPDATE held_right SET valid_until = valid_from + interval '1 second' - interval '1 day', "
        "valid_from = valid_from - interval '2 days' WHERE valid_until IS NOT NULL"
    )
    assert (await come(registry, "jour", present))["schools"] == {}
    assert await roles_at(registry, present, A) == await roles_at(registry, future, A) == []
    asked = {"schools": [A], "action": "import"}
    assert await registry.service("notifier", "POST", "/holders", json=asked) == {A: []}


async def test_users_are_listed_by_name_page_by_page_with_all_their_rights(
    registry: Registry,
) -> None:
    for school in (A, B):
        await registry.has(school)
    for name in "cadb":
        await registry.call(HEAD, "POST", USERS, json=guest(name, role="delegation"), status=201)
    elsewhere = await registry.call(
        staff(B, "direction"), "POST", f"/schools/{B}/users", json=guest("e"), status=201
    )
    pages: list[list[tuple[str, int]]] = []
    cursor: Json = {}
    while True:
        page = await registry.call(HEAD, "GET", USERS, params={"limit": 3, **cursor})
        pages.append([(user["name"], len(user["rights"])) for user in page["users"]])
        if page["next"] is None:
            break
        cursor = {"after": page["next"]}
    assert pages == [[("A", 2), ("B", 2), ("C", 2)], [("D", 2)]]
    strange = await registry.call(HEAD, "GET", USERS, params={"after": elsewhere["person"]})
    assert strange == {"users": [], "next": None}, "a person of another school is no cursor"


async def test_the_first_verified_sign_in_binds_the_invitation_once(registry: Registry) -> None:
    await registry.has(A)
    await registry.call(HEAD, "POST", USERS, json=guest("camille", function="CPE"), status=201)
    account, stranger = uuid4(), uuid4()
    unverified = await come(registry, "camille", account, email_verified=False)
    assert not unverified["known"]
    assert "vérifié" in unverified["why"]
    nobody = await come(registry, "inconnu", stranger)
    assert not nobody["known"]
    assert "direction" in nobody["why"], "it is said whom to ask"
    both = [come(registry, "CAMILLE", account, name="Camille D.") for _ in range(2)]
    bound, again = await asyncio.gather(*both)
    assert again == bound, "two tabs at once are one person"
    assert (bound["known"], bound["name"], bound["function"]) == (True, "Camille", "CPE")
    assert bound["schools"] == {A: {"name": "Lycée Jean Monnet", "roles": ["gestion"]}}
    assert bound["why"] is None
    taken = await come(registry, "camille", stranger)
    assert not taken["known"]
    assert "autre compte" in taken["why"], "an address that is bound binds nobody else"
    moved = await come(registry, "camille.nouvelle", account)
    assert list(moved["schools"]) == [A], "rights belong to the account, whatever its address"
    assert await roles_at(registry, account, A) == ["gestion"]
    assert await roles_at(registry, stranger, A) == []
    [user] = (await registry.call(HEAD, "GET", USERS))["users"]
    assert (user["email"], user["has_come"]) == ("camille.nouvelle@ac-lyon.fr", True)
    await registry.has(B)
    two = guest("camille.deux")
    await registry.call(staff(B, "direction"), "POST", f"/schools/{B}/users", json=two, status=201)
    joined = await come(registry, "camille.deux", account)
    assert list(joined["schools"]) == [A, B], "a further invitation joins the same person"


async def test_rights_in_a_closed_school_pass_to_its_successor_or_to_the_academie(
    registry: Registry,
) -> None:
    accounts = {name: uuid4() for name in ("ancien", "suivant", "rectorat", "ailleurs")}
    for school, name in ((A, "ancien"), (B, "suivant")):
        await registry.has(school)
        head = staff(school, "direction")
        body = guest(name, role="delegation")
        await registry.call(head, "POST", f"/schools/{school}/users", json=body, status=201)
    await registry.has(C, "Créteil")
    for name, academie in (("rectorat", "Lyon"), ("ailleurs", "Créteil")):
        await _administrator(registry, name, academie)
    for name, account in accounts.items():
        await come(registry, name, account)

    async def at(school: str) -> dict[str, list[str]]:
        found = {n: await roles_at(registry, one, school) for n, one in accounts.items()}
        return {name: roles for name, roles in found.items() if roles}

    both = ["delegation", "gestion"]
    assert await at(A) == {"ancien": both, "rectorat": ["admin-academique"]}
    path, lyon = "/academies/Lyon/schools", admin("Lyon")
    await registry.call(lyon, "POST", f"{path}/{A}/closing", version=1, json={"successor": B})
    assert await at(A) == {"suivant": both, "rectorat": ["admin-academique"]}
    assert list((await come(registry, "suivant", accounts["suivant"]))["schools"]) == [A, B]
    assert "direction" not in str((await come(registry, "ancien", accounts["ancien"]))["schools"])
    asked = {"schools": [A, C], "action": "transfer-by-hand"}
    holders = await registry.service("notifier", "POST", "/holders", json=asked)
    assert [one["email"] for one in holders[A]] == ["suivant@ac-lyon.fr"]
    assert holders[C] == []
    await registry.call(lyon, "POST", f"{path}/{B}/closing", version=1, json={})
    heirs = {"rectorat": ["admin-academique", "direction"]}
    assert await at(A) == await at(B) == heirs, "without successor the académie goes on"
    body = guest("personne")
    closed = staff(A, "direction")
    await registry.call(closed, "POST", USERS, json=body, status=409)
    await registry.call(lyon, "POST", f"{path}/{A}/reopening", version=2)
    assert await at(A) == {"ancien": both, "rectorat": ["admin-academique"]}
    await registry.call(lyon, "POST", f"{path}/{A}/closing", version=3, json={"successor": C})
    role = ["admin-academique"]
    assert await at(A) == {"rectorat": role, "ailleurs": role}, (
        "a successor may be in another académie"
    )


async def _administrator(registry: Registry, name: str, academie: str) -> None:
    person = await registry.database.pool.fetchval(
        "INSERT INTO person (id, email, invited_at) VALUES ($1, $2, now()) RETURNING id",
        uuid4(),
        f"{name}@ac-lyon.fr",
    )
    await registry.database.pool.execute(
        """
        INSERT INTO held_right (id, person, role, academie, valid_from, given_by, given_at)
        VALUES ($1, $2, $3, $4, '2026-01-01', 'test', now())
        """,
        uuid4(),
        person,
        Role.ACADEMIE,
        academie,
    )


async def test_users_are_invited_by_a_csv_that_is_seen_before(registry: Registry) -> None:
    await registry.has(A)
    path = f"{USERS}/table"
    good = "Adresse électronique;Nom;Fonction;Rôle;Du;Au\n" + "".join(
        f"p{number}@ac-lyon.fr;Personne {number};;gestion;;31/08/2026\n" for number in range(40)
    )
    bad = good + "pas-une-adresse;X;;;;\nq@ac-lyon.fr;Q;;roi;;\nr@ac-lyon.fr;R;;;31/02/2026;\n"
    bad += "p1@ac-lyon.fr;Encore;;gestion;;\n"
    preview = await registry.call(HEAD, "POST", f"{path}/preview", content=bad.encode())
    assert (len(preview["users"]), [one["line"] for one in preview["wrong"]]) == (41, [42, 43, 44])
    problem = await registry.call(HEAD, "POST", path, content=bad.encode(), status=422)
    assert len(problem["errors"]) == 3
    assert (await registry.call(HEAD, "GET", USERS))["users"] == [], "all of it or nothing"
    heads = good.replace(";gestion;", ";direction;").encode()
    refused = await registry.call(DELEGATE, "POST", f"{path}/preview", content=heads)
    assert len(refused["wrong"]) == 40, "a delegate widens nobody's rights"
    for _ in range(2):
        done = await registry.call(
            HEAD, "POST", path, content=good.encode("cp1252"), status=201, key="k"
        )
        assert done == {"invited": 40}
    users = (await registry.call(HEAD, "GET", USERS))["users"]
    assert len(users) == 40
    assert users[0]["rights"][0]["valid_until"] == "2026-08-31T22:00:00Z"


async def test_users_are_erased_12_months_after_the_last_visit_and_their_trace_has_no_name(
    registry: Registry,
) -> None:
    await registry.has(A)
    for name in ("present", "absent", "again"):
        await registry.call(HEAD, "POST", USERS, json=guest(name), status=201)
    pool, account = registry.database.pool, uuid4()
    await come(registry, "present", account)
    await come(registry, "absent", uuid4())
    await come(registry, "again", uuid4())
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    await pool.execute(
        "UPDATE person SET last_visit = $1, invited_at = $1 WHERE name <> 'Present'",
        now - dt.timedelta(days=366),
    )
    await registry.call(HEAD, "POST", USERS, json=guest("again", role="direction"), status=201)
    await retention.forget(registry.database, now)
    left = await pool.fetch("SELECT name FROM person ORDER BY name")
    assert [row["name"] for row in left] == ["Again", "Present"], "one was just invited again"
    history = (await registry.call(HEAD, "GET", f"{USERS}/history"))["changes"]
    assert (history[0]["act"], history[0]["name"]) == ("erased", None)
    await retention.forget(registry.database, now + dt.timedelta(days=4 * 365))
    assert await pool.fetchval("SELECT count(*) FROM right_change WHERE act = 'given'") == 0


@pytest.mark.parametrize("caller", ["dossier", "notifier"])
async def test_only_the_gateway_signs_in(registry: Registry, caller: str) -> None:
    body = {"person": str(uuid4()), "email": "a@b.fr", "email_verified": True}
    await registry.service(caller, "POST", "/sign-in", json=body, status=403)
    await registry.service(caller, "GET", f"/persons/{uuid4()}/rights?uai={A}", status=403)


async def test_what_other_services_know_by_a_code_has_a_name(registry: Registry) -> None:
    await registry.has(A, name="Lycée Ampère")
    await registry.has(B, name="Lycée Bréguet")
    await registry.call(HEAD, "POST", USERS, json=guest("anne"), status=201)
    account = uuid4()
    await come(registry, "anne", account)
    asked = {"accounts": [str(account), "commande", str(uuid4())]}
    known = await registry.call(HEAD, "POST", f"/schools/{A}/staff", json=asked)
    assert known == {str(account): {"name": "Anne", "function": ""}}
    other = staff(B, "direction")
    assert await registry.call(other, "POST", f"/schools/{B}/staff", json=asked) == {}
    await registry.call(other, "POST", f"/schools/{A}/staff", json=asked, status=403)
    wanted = {"schools": [B, A, "9999999Z"]}
    await registry.call(other, "POST", "/schools/by-uai", json=wanted, status=422)
    found = await registry.call(other, "POST", "/schools/by-uai", json={"schools": [B, A, C]})
    assert [one["name"] for one in found] == ["Lycée Ampère", "Lycée Bréguet"]
