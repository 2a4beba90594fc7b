"""The guide, « Insérer les renseignements sur l'établissement »: the card and what it lacks."""

import asyncio
import datetime as dt
from uuid import uuid4

from services.etablissement import retention
from shared.clock import Clock
from tests.support.directory import uai
from tests.support.registry import A, B, C, Json, Registry, admin, staff
from tests.support.system import TODAY

CARD = {
    "name": " Lycée Hélène Boucher ",
    "email": "CE.0690001@AC-Lyon.fr",
    "address": ["1 rue des Écoles", "", "BP 12"],
    "postcode": "69 001",
    "town": "Lyon",
    "phone": "04 78 12 34 56",
    "head_name": "Claude Martin",
    "head_function": "Proviseure",
    "digest": False,
}
HEAD = staff(A, "direction")
PATH = f"/schools/{A}/card"


async def test_staff_write_the_card_which_others_are_told_of_and_whose_history_names_the_author(
    registry: Registry,
) -> None:
    await registry.has(A, name="x", email=None)
    first = await registry.answer(HEAD, "GET", PATH)
    assert first.headers["ETag"] == '"1"'
    card = await registry.call(HEAD, "PUT", PATH, version=1, json=CARD)
    assert card | {
        "uai": A, "name": "Lycée Hélène Boucher", "email": "ce.0690001@ac-lyon.fr",
        "address": ["1 rue des Écoles", "BP 12"], "postcode": "69001", "phone": "+33478123456",
        "departement": "69", "academie": "Lyon",
    } == card  # fmt: skip
    again = await registry.answer(HEAD, "PUT", PATH, version=2, json=CARD)
    assert again.headers["ETag"] == '"2"', "nothing has changed: there is no new version"
    told = await registry.told()
    assert [event["version"] for event in told] == [1, 2]
    assert told[1] == {
        "uai": A, "version": 2, "name": "Lycée Hélène Boucher", "email": "ce.0690001@ac-lyon.fr",
        "digest": False, "town": "Lyon", "academie": "Lyon", "open": True, "successor": None,
    }  # fmt: skip
    await registry.call(HEAD, "PUT", PATH, version=2, json=CARD | {"phone": ""})
    assert len(await registry.told()) == 2, "a telephone number concerns nobody else"
    history = (await registry.call(HEAD, "GET", f"{PATH}/history"))["changes"]
    assert [(one["version"], one["act"], one["changed_by"]) for one in history] == [
        (3, "edited", f"direction-{A}"),
        (2, "edited", f"direction-{A}"),
        (1, "created", "admin-national-*"),
    ]
    assert history[0]["changes"] == {"phone": None}
    assert history[1]["changes"] == {
        "name": ["x", "Lycée Hélène Boucher"], "postcode": [None, "69001"], "town": [None, "Lyon"],
        "address": [[], ["1 rue des Écoles", "BP 12"]], "digest": [True, False],
        "email": None, "phone": None, "head_name": None, "head_function": None,
    }, "that someone was named or written to is kept, never who"  # fmt: skip


async def test_nothing_is_mandatory_to_save_and_all_errors_are_told_at_once(
    registry: Registry,
) -> None:
    await registry.has(A)
    empty = await registry.call(HEAD, "PUT", PATH, version=1, json={})
    assert (empty["name"], empty["email"], empty["digest"]) == ("", None, True)
    wrong = {"email": "ce@", "phone": "12", "postcode": "690", "town": "x" * 201, "uai": B}
    problem = await registry.call(HEAD, "PUT", PATH, version=2, json=wrong, status=422)
    messages = {error["field"]: error["message"] for error in problem["errors"]}
    assert messages["body.email"].startswith("adresse électronique attendue")
    assert messages["body.phone"].startswith("numéro de téléphone français attendu")
    assert messages["body.postcode"] == "code postal attendu : 5 chiffres"
    assert messages["body.town"] == "texte trop long"
    assert messages["body"] == "champ inconnu : retirez-le", "the UAI is shown, not changed"


async def test_two_people_edit_at_once_and_the_second_is_told(registry: Registry) -> None:
    await registry.has(A)
    wishes = [CARD | {"name": name} for name in ("Premier", "Second")]
    answers = await asyncio.gather(
        *(registry.answer(HEAD, "PUT", PATH, version=1, json=wish) for wish in wishes)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    [kept] = [answer.json() for answer in answers if answer.is_success]
    assert (await registry.call(HEAD, "GET", PATH))["name"] == kept["name"]
    await registry.call(HEAD, "PUT", PATH, json=CARD, status=428)


async def test_administrators_write_name_and_e_mail_and_nothing_else(registry: Registry) -> None:
    await registry.has(A, name="x", email=None, town="Lyon")
    academie = staff(A, "admin-academique")
    wanted = {"name": "Lycée Ampère", "email": "ce@ac-lyon.fr"}
    await registry.call(academie, "PUT", PATH, version=1, json=wanted, status=403)
    card = await registry.call(academie, "PUT", f"{PATH}/identity", version=1, json=wanted)
    assert (card["name"], card["email"], card["town"]) == (*wanted.values(), "Lyon")
    more = wanted | {"phone": "0478123456"}
    await registry.call(academie, "PUT", f"{PATH}/identity", version=2, json=more, status=422)


async def test_it_is_said_plainly_which_of_name_e_mail_and_uai_is_missing(
    registry: Registry,
) -> None:
    await registry.has(A, name="x", email=None)

    async def readiness(query: str = "", status: int = 200) -> Json:
        path = f"/schools/{A}/readiness{query}"
        return await registry.call(HEAD, "GET", path, status=status)

    told = await readiness()
    assert (told["ready"], told["missing"]) == (False, ["email"])
    for need in ("passeport", "users"):
        problem = await readiness(f"?for={need}", status=409)
        assert problem["type"] == "urn:cpro:probleme:fiche-incomplete"
        assert "l'adresse électronique" in problem["detail"]
        assert [error["field"] for error in problem["errors"]] == ["card.email"]
    await registry.call(HEAD, "PUT", PATH, version=1, json={})
    assert (await readiness())["missing"] == ["name", "email"]
    await registry.call(HEAD, "PUT", PATH, version=2, json=CARD)
    assert (await readiness("?for=passeport"))["ready"]
    unknown = f"/schools/{B}/readiness"
    await registry.call(staff(B, "direction"), "GET", unknown, status=404)


async def test_the_registry_creates_closes_merges_and_reopens_schools(registry: Registry) -> None:
    await registry.has(A)
    await registry.has(B)
    base, lyon = "/academies/Lyon/schools", admin("Lyon")
    code, key = uai(690009), "once"
    body = {"uai": code, "name": "Annexe"}
    created = await registry.answer(lyon, "POST", base, json=body, key=key)
    again = await registry.answer(lyon, "POST", base, json=body, key=key)
    assert (created.status_code, again.json()) == (201, created.json())
    await registry.call(lyon, "POST", base, json=body, status=409)
    await registry.call(admin("Nantes"), "POST", base, json=body, status=403)
    closing, reopening = f"{base}/{A}/closing", f"{base}/{A}/reopening"
    await registry.call(lyon, "POST", f"{base}/{code}/closing", version=1, json={})
    for successor in (A, C, code):  # itself, unknown, closed
        wrong = {"successor": successor}
        await registry.call(lyon, "POST", closing, version=1, json=wrong, status=409)
    merged = await registry.call(lyon, "POST", closing, version=1, json={"successor": B})
    assert (merged["open"], merged["successor"]) == (False, B)
    last = (await registry.told())[-1]
    assert (last["uai"], last["open"], last["successor"]) == (A, False, B)
    await registry.call(lyon, "POST", closing, version=2, json={}, status=409)
    await registry.call(lyon, "POST", reopening, version=1, status=412)
    opened = await registry.call(lyon, "POST", reopening, version=2)
    assert (opened["open"], opened["successor"]) == (True, None)
    await registry.call(lyon, "POST", reopening, version=3, status=409)
    elsewhere = f"/academies/Nantes/schools/{A}/closing"
    await registry.call(admin("Nantes"), "POST", elsewhere, version=3, json={}, status=409)
    acts = (await registry.call(HEAD, "GET", f"{PATH}/history"))["changes"]
    assert [one["act"] for one in acts] == ["reopened", "merged", "created"]


async def test_histories_name_their_authors_while_they_are_known_and_end_after_three_years(
    registry: Registry,
) -> None:
    await registry.has(A)
    guest = {"email": "camille@ac-lyon.fr", "name": "Camille D.", "function": "Proviseure"}
    await registry.call(HEAD, "POST", f"/schools/{A}/users", json=guest, status=201)
    account = str(uuid4())
    body = {"person": account, "email": guest["email"], "email_verified": True}
    await registry.service("gateway", "POST", "/sign-in", json=body)
    camille = staff(A, "gestion", sub=account)
    await registry.call(camille, "PUT", PATH, version=1, json=CARD)
    wanted = {"school": {"town": "Lyon"}}
    await registry.call(camille, "PUT", f"/schools/{A}/contacts", version=0, json=wanted)

    async def authors() -> list[tuple[str | None, str | None]]:
        paths = (f"{PATH}/history?limit=1", f"/schools/{A}/contacts/history")
        found = [await registry.call(HEAD, "GET", path) for path in paths]
        return [(one["name"], one["function"]) for page in found for one in page["changes"]]

    assert await authors() == [("Camille D.", "Proviseure")] * 2
    now = Clock(TODAY).now()
    await retention.forget(registry.database, now + dt.timedelta(days=400))
    assert await authors() == [(None, None)] * 2, "what was done stays, without a name"
    await retention.forget(registry.database, now + dt.timedelta(days=1200))
    assert await authors() == []


async def test_a_destination_is_found_by_name_town_or_beginning_of_its_uai(
    registry: Registry,
) -> None:
    await registry.has(A, name="Lycée Hélène-Boucher", town="Vénissieux")
    await registry.has(B, name="LYCEE HELENE BOUCHER", town="L'Haÿ-les-Roses")

    async def found(text: str, limit: int = 10) -> list[str]:
        body = {"text": text, "limit": limit}
        caller = {"sub": "ien", "academies": {"Lyon": ["inspecteur"]}}
        schools = await registry.call(caller, "POST", "/schools/search", json=body)
        return [one["uai"] for one in schools]

    assert await found("helene boucher") == [B, A]
    assert await found("Hélène venissieux") == [A]
    assert await found("l’haÿ ros") == [B]
    assert await found(A[:6]) == [A, B]
    assert await found(A.lower()) == [A]
    assert await found("boucher", limit=1) == [B]
    head = staff(B, "direction")
    renamed = {"name": "Lycée Lazare Ponticelli", "email": "ce@exemple.fr"}
    await registry.call(head, "PUT", f"/schools/{B}/card", version=1, json=renamed)
    assert (await found("ponticelli"), await found("boucher")) == ([B], [A]), "by its new name"
    await registry.call(head, "PUT", f"/schools/{B}/card", version=2,
                        json=renamed | {"name": "LYCEE HELENE BOUCHER"})  # fmt: skip
    assert await found("introuvable") == await found("!!") == []
    await registry.call(admin(), "POST", f"/academies/Lyon/schools/{B}/closing", version=3, json={})
    assert await found("helene boucher") == [A, B], "open schools come first"
