"""Learners outside SIECLE, by hand and from a CSV; the search in the base of a school."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

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
from tests.support.system import System

APPRENTICE = {
    "family_name": "N'Diaye",
    "first_name": "Awa",
    "birth_date": "2007-05-04",
    "ine": [ine(50)],
    "sex": "F",
    "status": "AP",
    "division": "CAP 1",
}
HEADER = (
    "nom_de_famille;nom_usage;prenom;date_naissance;ine;sexe;statut;mef;classe;date_entree;"
    "date_sortie;motif_sortie"
)


async def change(
    school: School, pupil: Json, path: str = "", method: str = "POST", **fields: Any
) -> httpx.Response:
    """A change of a learner over the version that was read."""
    headers = {"If-Match": f'"{pupil["version"]}"'}
    route = f"/pupils/{pupil['id']}{path}"
    return await school.call("siecle_import", method, route, headers=headers, **fields)


async def test_a_learner_is_entered_changed_deactivated_and_comes_back(
    school: School, base: Database
) -> None:
    entered = await post(school, "/pupils", json=APPRENTICE)
    assert (entered.status_code, entered.headers["ETag"]) == (201, '"1"')
    pupil = entered.json()
    assert (pupil["source"], pupil["active"], pupil["rnie"]) == ("hand", True, ine(50))
    changed = await change(school, pupil, method="PUT", json={**APPRENTICE, "division": "CAP 2"})
    assert (changed.json()["division"], changed.json()["version"]) == ("CAP 2", 2)
    stale = await change(school, pupil, method="PUT", json=APPRENTICE)
    assert (stale.status_code, stale.json()["title"]) == (412, "Modifié entre-temps")
    left = await change(school, changed.json(), "/departure", json={"on": "2026-01-10"})
    assert (left.json()["active"], left.json()["why"]) == (False, "sortie saisie")
    back = await change(school, left.json(), "/return")
    assert (back.json()["active"], back.json()["exit_date"]) == (True, None)
    told = await events(base, "%pupil%")
    assert [(e["version"], e["stay"], e["active"]) for e in told] == [
        (1, 1, True), (2, 1, True), (3, 1, False), (4, 2, True),
    ]  # fmt: skip
    assert {e["source"] for e in told} == {"hand"}


async def test_repeating_the_entry_of_a_learner_enters_him_once(school: School) -> None:
    answers = [
        await post(school, "/pupils", json=APPRENTICE, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    double = await post(school, "/pupils", json={**APPRENTICE, "first_name": "AWA"})
    assert (double.status_code, double.json()["title"]) == (409, "Apprenant déjà présent")
    assert len(await learners(school)) == 1


BAD: tuple[dict[str, Any], ...] = (
    {"family_name": ""},
    {"family_name": "\u200b"},
    {"first_name": None},
    {"birth_date": "04/05/2007"},
    {"birth_date": "2099-01-01"},
    {"birth_date": "1800-01-01"},
    {"ine": ["123"]},
    {"ine": [ine(1), ine(2)]},
    {"sex": "X"},
    {"mef": "12"},
    {"nul": "\x00"},
)


async def test_a_description_that_is_none_is_refused_field_by_field(school: School) -> None:
    for fields in BAD:
        answer = await post(school, "/pupils", json={**APPRENTICE, **fields})
        assert (answer.status_code, answer.json()["title"]) == (422, "Saisie invalide"), fields
        assert answer.json()["errors"][0]["message"] != "valeur refusée", fields
    assert await learners(school) == []


async def test_who_comes_from_siecle_is_corrected_there_but_for_the_ine_of_who_has_left(
    school: School,
) -> None:
    await apply(school, export(1, 2))
    await apply(school, export(1, day=1))
    [active] = await learners(school, active=True)
    [gone] = await learners(school, active=False)
    described = {
        "family_name": "NOM001", "first_name": "Éloi", "birth_date": "2009-03-14", "ine": [ine(9)],
    }  # fmt: skip
    refused = await change(school, active, method="PUT", json=described)
    assert (refused.status_code, refused.json()["title"]) == (409, "Fiche tenue par SIECLE")
    assert (
        await change(school, active, "/departure", json={"on": "2026-01-10"})
    ).status_code == 409
    same = {name: gone[name] for name in ("family_name", "first_name", "birth_date", "sex", "mef",
        "status", "division", "entry_date")}  # fmt: skip
    corrected = await change(school, gone, method="PUT", json={**same, "ine": [ine(9)]})
    assert (corrected.status_code, corrected.json()["rnie"]) == (200, ine(9))


async def test_the_base_is_searched_without_accents_and_page_by_page(school: School) -> None:
    names = ("LÉVÊQUE", "LEVEQUE", "D'ARC", "ŒUVRARD", "PONT-NEUF")
    pupils = [{"n": str(n), "NOM_DE_FAMILLE": name} for n, name in enumerate(names, start=1)]
    left = {"n": "9", "NOM_DE_FAMILLE": "SORTI", "CODE_MEF": "24723332331"}
    without = {"n": "7", "NOM_DE_FAMILLE": "SANSINE", "ID_NATIONAL": None}
    await apply(school, export(*pupils, without, left))
    await apply(school, export(*pupils, without, day=1))

    async def found(**wanted: Any) -> list[str]:
        return [p["family_name"] for p in await learners(school, **wanted)]

    assert await found(name="leveque") == ["LÉVÊQUE", "LEVEQUE"] or await found(name="leveque") == [
        "LEVEQUE",
        "LÉVÊQUE",
    ]
    assert await found(name="Darc éloi") == ["D'ARC"]
    assert await found(name="oeuvr") == ["ŒUVRARD"]
    assert await found(name="pont neuf") == ["PONT-NEUF"]
    assert await found(name="50% _") == []
    assert await found(ine=ine(3)) == ["D'ARC"]
    assert await found(active=False) == ["SORTI"]
    assert await found(without_ine=True) == ["SANSINE"]
    assert await found(mefs=["24723332331"]) == ["SORTI"]
    assert len(await found(division="2MELEC", source="siecle")) == 7
    pages, after = [], None
    while True:
        answer = await post(school, "/pupils/search", json={"limit": 2, "after": after})
        pages += [p["family_name"] for p in answer.json()["pupils"]]
        after = answer.json()["next"]
        if after is None:
            break
    assert len(pages) == len(set(pages)) == 7
    assert (await post(school, "/pupils/search", json={"ine": "x"})).status_code == 422


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
async def test_the_base_is_sorted_over_all_its_pages(school: School, *, descending: bool) -> None:
    for name, division in zip("ADCBE", "21321", strict=True):
        described = APPRENTICE | {"family_name": name, "division": division, "ine": []}
        await post(school, "/pupils", json=described)
    [first] = await learners(school, name="A", limit=1)
    await change(school, first, "/departure", json={"on": "2026-01-10"})

    async def pages(order: str) -> str:
        names, asked = "", {"order": order, "descending": descending, "limit": 2}
        while True:
            page = (await post(school, "/pupils/search", json=asked)).json()
            names += "".join(one["family_name"] for one in page["pupils"])
            if page["next"] is None:
                return names
            asked["after"] = page["next"]

    for order, names in (("name", "ABCDE"), ("division", "DEABC"), ("state", "BCDEA")):
        assert await pages(order) == (names[::-1] if descending else names), order


async def test_learners_are_named_by_their_ids_and_those_of_others_are_left_out(
    importing: System, school: School
) -> None:
    await apply(school, export(1, 2))
    known = {p["id"]: p["family_name"] for p in await learners(school)}
    asked = [*known, str(uuid4())]
    answer = await post(school, "/pupils/by-ids", json={"ids": asked})
    assert {p["id"]: p["family_name"] for p in answer.json()} == known
    async with importing.school("9990002Y") as other:
        assert (await post(other, "/pupils/by-ids", json={"ids": asked})).json() == []
    assert (await post(school, "/pupils/by-ids", json={"ids": []})).status_code == 422


async def test_nothing_but_signs_finds_nobody_and_a_hostile_text_is_refused(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2, 3))
    assert await learners(school, name="-%_") == []
    for wanted in ({"division": "\0"}, {"mefs": ["\0"]}, {"source": "x"}, {"limit": 0}):
        assert (await post(school, "/pupils/search", json=wanted)).status_code == 422, wanted
    entered = (await post(school, "/pupils", json=APPRENTICE)).json()
    left = await change(school, entered, "/departure", json={"on": "2026-01-10", "reason": "\0"})
    assert left.status_code == 422
    after = (await learners(school, limit=2))[-1]["id"]
    async with base.connection() as connection:
        await connection.execute("DELETE FROM pupil WHERE id = $1", after)
    gone = await post(school, "/pupils/search", json={"after": after})
    assert (gone.status_code, gone.json()["title"]) == (409, "Liste modifiée")


async def test_a_change_that_changes_nothing_is_no_event(school: School, base: Database) -> None:
    entered = (await post(school, "/pupils", json=APPRENTICE)).json()
    again = await change(school, entered, method="PUT", json=APPRENTICE)
    assert (again.status_code, again.json()["version"]) == (200, 1)
    assert len(await events(base, "%pupil%")) == 1


async def test_the_model_of_the_csv_can_be_had_and_is_read(school: School) -> None:
    model = await school.call("siecle_import", "GET", "/import-model.csv")
    assert model.content.decode("utf-8-sig") == HEADER + "\r\n"
    row = "NOM;;Awa;04/05/2007;;F;AP;;;;;"
    assert (await send(school, model.content + row.encode()))["counts"]["created"] == 1


def table(*rows: str) -> bytes:
    return "\r\n".join((HEADER, *rows)).encode("iso8859-15")


async def test_a_csv_goes_through_the_same_preview(school: School, base: Database) -> None:
    await apply(school, export(1))
    content = table(
        f"BÉCŒUR;;Noé;04/05/2007;{ine(60)};M;AP;;CAP 1;01/09/2025;;",
        "SANS;;Ine;05/05/2007;;F;AP;;;;;",
        "NOM001;;Éloi;14/03/2009;;M;;;AUTRE;;;",
        "FAUX;;Jour;31/02/2007;;M;;;;;;",
        "SANS;;Ine;05/05/2007;;F;AP;;;;;",
    )
    ready = await send(school, content, "apprentis.csv")
    assert (ready["kind"], ready["state"], ready["confirmations"]) == ("csv", "ready", [])
    assert ready["counts"]["created"] == 2
    ignored = [(e["name"], e["why"]) for e in await entries(school, ready, "ignored")]
    assert ("NOM001 Éloi", "fiche tenue par SIECLE") in ignored
    messages = [m for group in ready["findings"] for m in group["messages"]]
    assert not any("SIECLE" in message for message in messages)
    assert any("déjà une ligne pour cette personne (ligne 3)" in m for m in messages)
    await school.confirm(ready)
    assert len(await learners(school, source="csv")) == 2
    [*_, last] = await events(base, "%import.applied%")
    assert (last["number"], last["source"], last["deactivated"]) == (2, "siecle", [])
    assert last["horodatage"].startswith("2025-09-15"), "the list of SIECLE is still in force"


async def test_absence_from_a_csv_deactivates_nobody_and_an_exit_date_does(school: School) -> None:
    rows = [f"NOM{n};;Awa;0{n}/05/2007;;F;AP;;;;;" for n in (1, 2, 3)]
    await apply(school, table(*rows))
    ready = await send(school, table(f"{rows[0]}", "NOM2;;Awa;02/05/2007;;F;AP;;;;10/01/2026;"))
    assert ready["counts"]["deactivated"] == 1
    [gone] = await entries(school, ready, "deactivated")
    assert gone["why"] == "sorti le 10/01/2026"


async def test_a_csv_that_is_not_of_the_model_is_refused_with_what_to_do(school: School) -> None:
    lacks = b"nom_de_famille;prenom;date_naissance\r\nX;Y;01/01/2007"
    for content, code in (
        (lacks, "csv_columns"),
        (table("trop;peu"), "csv_malformed"),
        (b"Nom;Classe\r\nX;Y", "csv_file"),
        (table(), "no_pupil"),
        (table().replace(b"mef", b"ine"), "csv_malformed"),
        (
            table("BÉCŒUR;;Noé;04/05/2007;;M;;;;;;").decode("iso8859-15").encode() + b"\xe9",
            "encoding_invalid_bytes",
        ),
    ):
        refused = await send(school, content)
        assert (refused["state"], refused["findings"][0]["code"]) == ("refused", code)
