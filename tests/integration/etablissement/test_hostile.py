"""Whatever is sent, and whoever comes at the same moment: refused with a reason, or done once."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.integration.etablissement.test_directory import apply, send
from tests.support.directory import school, written
from tests.support.registry import A, B, Json, Registry, admin, staff

HEAD = staff(A, "direction")
BOTH = staff(A, "direction", "admin-academique")
CARD, USERS = f"/schools/{A}/card", f"/schools/{A}/users"
HUGE = 2**64


async def raw(registry: Registry, path: str, body: str, method: str = "PUT") -> httpx.Response:
    """What is answered to the head of A, an administrator beside, who sends this text as JSON."""
    headers = {
        "Authorization": f"Bearer {registry.system.sign(BOTH)}", "If-Match": '"1"',
        "Idempotency-Key": str(uuid4()), "Content-Type": "application/json",
    }  # fmt: skip
    return await registry.http.request(method, path, content=body.encode(), headers=headers)


async def test_what_nobody_can_mean_is_refused_and_never_an_internal_error(
    registry: Registry,
) -> None:
    await registry.has(A)
    for place in ("card", "contacts", "modules", "logo", "cachet", "users"):
        for before in (HUGE, -HUGE, "x"):
            path = f"/schools/{A}/{place}/history?before={before}"
            assert (await registry.answer(HEAD, "GET", path)).status_code == 422, path
    bodies = [
        '{"name": "\\ud800"}', '{"name": "a\\u0000b"}', '{"name": "a\\u200bb"}', "[" * 500_000,
        '{"digest": ' + "9" * 5000 + "}", f'{{"name": "{"x" * 900_000}"}}', '{"town": NaN}', "\0",
        '{"address": ["1", "2", "3", "4", "5"]}', "null", '"x"',
    ]  # fmt: skip
    for body in bodies:
        for path in (CARD, f"{CARD}/identity", f"/schools/{A}/contacts", f"/schools/{A}/modules"):
            answer = await raw(registry, path, body)
            assert answer.status_code in (400, 422), (path, body[:40], answer.text)
    for path in ("/academies/%00/schools", f"/academies/Lyon%00/schools/{A}/closing"):
        answer = await registry.answer(
            admin(), "POST", path, version=1, json={"uai": B, "name": "x"}
        )
        assert answer.status_code in (404, 409, 422), (path, answer.text)
    assert (await registry.answer(HEAD, "GET", CARD)).headers["ETag"] == '"1"'


async def test_days_of_any_year_are_understood_or_refused(registry: Registry) -> None:
    await registry.has(A)
    person = {"email": "a@ac-lyon.fr", "name": "A", "valid_from": "0001-01-01"}
    for_ever = {**person, "valid_until": "9999-12-31"}
    user = await registry.call(HEAD, "POST", USERS, json=for_ever, status=201)
    assert [right["valid_until"] for right in user["rights"]] == [None], "so people say « always »"
    over = {**person, "valid_until": "0001-01-01"}
    await registry.call(HEAD, "POST", USERS, json=over, status=422)
    table = b"email;nom;role;du;au\nb@ac-lyon.fr;B;;01/01/0001;31/12/9999\n"
    await registry.call(HEAD, "POST", f"{USERS}/table", content=table, status=201)


async def test_a_no_break_space_is_a_space(registry: Registry) -> None:
    await registry.has(A)
    wanted = {"name": "Lycée\u00a0« Jean\u202fMonnet »", "town": "Saint-E\u0301tienne"}
    card = await registry.call(HEAD, "PUT", CARD, version=1, json=wanted)
    assert (card["name"], card["town"]) == ("Lycée « Jean Monnet »", "Saint-Étienne")
    table = "email;nom;fonction\nc@ac-lyon.fr;Mme\u00a0C;CPE\n".encode()
    await registry.call(HEAD, "PUT", CARD, version=2, json=wanted | {"email": "ce@ac-lyon.fr"})
    await registry.call(HEAD, "POST", f"{USERS}/table", content=table, status=201)
    assert [user["name"] for user in (await registry.call(HEAD, "GET", USERS))["users"]] == [
        "Mme C"
    ]


async def test_what_staff_typed_while_a_directory_is_applied_is_kept(registry: Registry) -> None:
    """Whoever has read the card to change it goes first; the directory waits."""
    await registry.has(A, name="Lycée", town="Lyon")
    sent = await send(registry, written([school(690001, Nom_commune="Bron")]))
    async with registry.database.transaction() as editing:
        await editing.connection.execute("SELECT FROM school WHERE uai = $1 FOR NO KEY UPDATE", A)
        applying = asyncio.create_task(apply(registry, sent))
        while not await registry.database.pool.fetchval(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ):
            assert not applying.done()
            await asyncio.sleep(0.02)
        await editing.connection.execute(
            "UPDATE school SET phone = '+33478000000' WHERE uai = $1", A
        )
    assert (await applying)["state"] == "applied"
    assert (await registry.call(HEAD, "GET", CARD))["town"] == "Bron"


async def come(registry: Registry, email: str, account: str) -> Json:
    body = {"person": account, "email": email, "email_verified": True}
    return await registry.service("gateway", "POST", "/sign-in", json=body)


async def test_nobody_widens_his_own_rights_nor_ends_the_delegation_of_another(
    registry: Registry,
) -> None:
    await registry.has(A)
    rights: dict[str, dict[str, str]] = {}
    for name in ("camille", "dominique"):
        body = {
            "email": f"{name}@ac-lyon.fr", "name": name, "role": "delegation",
            "valid_until": "2026-06-30",
        }  # fmt: skip
        user = await registry.call(HEAD, "POST", USERS, json=body, status=201)
        rights[name] = {right["role"]: right["id"] for right in user["rights"]}
    account = str(uuid4())
    await come(registry, "camille@ac-lyon.fr", account)
    camille = staff(A, "gestion", "delegation", sub=account)
    longer = {"email": "CAMILLE@ac-lyon.fr", "name": "Camille"}
    problem = await registry.call(camille, "POST", USERS, json=longer, status=403)
    assert problem["type"] == "urn:cpro:probleme:droits-personnels"
    table = b"email;nom\ncamille@ac-lyon.fr;Camille\n"
    await registry.call(camille, "POST", f"{USERS}/table", content=table, status=403)
    others = f"{USERS}/rights/{rights['dominique']['gestion']}"
    await registry.call(camille, "DELETE", others, status=403)
    await registry.call(HEAD, "DELETE", others, status=204)
    left = (await registry.call(HEAD, "GET", USERS))["users"]
    assert [user["name"] for user in left] == ["camille"], (
        "the delegation has ended with « gestion »"
    )
    assert {right["valid_until"] for right in left[0]["rights"]} == {"2026-06-30T22:00:00Z"}


async def test_what_an_account_is_called_or_written_to_never_keeps_its_owner_out(
    registry: Registry,
) -> None:
    await registry.has(A)
    body = {"email": "camille@ac-lyon.fr", "name": "Camille"}
    await registry.call(HEAD, "POST", USERS, json=body, status=201)
    account = str(uuid4())
    await come(registry, "camille@ac-lyon.fr", account)
    for email in ("camille@intranet.local", "pas une adresse", "x" * 500, ""):
        for name in ("C\u200bamille\n", "x" * 500):
            who = {"person": account, "email": email, "email_verified": True, "name": name}
            known = await registry.service("gateway", "POST", "/sign-in", json=who)
            assert (list(known["schools"]), known["name"]) == ([A], "Camille")
    stranger = await come(registry, "camille@intranet.local", str(uuid4()))
    assert not stranger["known"]
    assert "adresse électronique" in stranger["why"]
    [user] = (await registry.call(HEAD, "GET", USERS))["users"]
    assert user["email"] == "camille@ac-lyon.fr", "one goes on to write where one can"


async def test_of_two_accounts_that_prove_one_address_at_once_one_is_bound(
    registry: Registry,
) -> None:
    await registry.has(A)
    body = {"email": "camille@ac-lyon.fr", "name": "Camille"}
    await registry.call(HEAD, "POST", USERS, json=body, status=201)
    accounts = [str(uuid4()) for _ in range(4)]
    answers = await asyncio.gather(
        *(come(registry, "Camille@AC-Lyon.fr", account) for account in accounts)
    )
    assert sum(answer["known"] for answer in answers) == 1
    assert sum("autre compte" in (answer["why"] or "") for answer in answers) == 3


async def test_two_persons_who_swap_addresses_do_not_wait_for_each_other_for_ever(
    registry: Registry,
) -> None:
    await registry.has(A)
    accounts = {f"{name}@ac-lyon.fr": str(uuid4()) for name in "ab"}
    for email, account in accounts.items():
        body = {"email": email, "name": email}
        await registry.call(HEAD, "POST", USERS, json=body, status=201)
        await come(registry, email, account)
    [one, other] = accounts.values()
    for _ in range(20):
        answers = await asyncio.gather(
            come(registry, "b@ac-lyon.fr", one), come(registry, "a@ac-lyon.fr", other)
        )
        assert [answer["name"] for answer in answers] == list(accounts)


async def test_two_tables_that_name_the_same_persons_are_both_taken(registry: Registry) -> None:
    lines = [f"p{number}@ac-lyon.fr;Personne {number}\n" for number in range(100)]

    async def invited(place: str, order: list[str]) -> None:
        table = ("email;nom\n" + "".join(order)).encode()
        path = f"/schools/{place}/users/table"
        await registry.call(staff(place, "direction"), "POST", path, content=table, status=201)

    for place in (A, B):
        await registry.has(place)
    await asyncio.gather(invited(A, lines), invited(B, lines[::-1]))


async def test_mergers_follow_each_other_and_never_turn_in_a_circle(registry: Registry) -> None:
    codes = (A, B)
    for code in codes:
        await registry.has(code)
    path = "/academies/Lyon/schools"

    async def close(code: str, successor: str) -> int:
        body = {"successor": successor}
        answer = await registry.answer(
            admin("Lyon"), "POST", f"{path}/{code}/closing", version=1, json=body
        )
        return answer.status_code

    done = await asyncio.gather(close(A, B), close(B, A))
    assert sorted(done) == [200, 409]


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('"Lycée ""Jean\nMonnet"" ; annexe"', 'Lycée "Jean Monnet" ; annexe'),
        ("\x1b[31mLycée\u200b", "[31mLycée"),
    ],
)
async def test_odd_cells_of_a_directory_become_one_line_that_staff_can_save(
    registry: Registry, cell: str, read: str
) -> None:
    sent = await send(registry, f"uai;nom;mail\n{A};{cell};x\n".encode())
    assert (sent["counts"]["new"], sent["counts"]["refused"]) == (1, 0)
    await apply(registry, sent)
    card = await registry.call(HEAD, "GET", CARD)
    assert card["name"] == read
    await registry.call(HEAD, "PUT", CARD, version=1, json={"name": read, "town": "Lyon"})
