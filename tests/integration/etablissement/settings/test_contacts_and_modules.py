"""The tabs « Apprentis » and « Modules »."""

import asyncio
import datetime as dt
from typing import Any

from deploy.local.client import Json
from services.etablissement import retention
from shared.clock import Clock
from shared.rights import RIGHTS, Action, Role
from tests.integration.etablissement.settings.support import (
    HEAD,
    OFFICE,
    Schools,
    module,
    problem,
    staff,
)
from tests.support.databases import let_histories_go
from tests.support.pictures import picture
from tests.support.pupils import B
from tests.support.system import TODAY

NOBODY = "9990009F"
EMPTY: Json = {
    "name": None, "address": [], "postcode": None, "town": None, "phone": None, "email": None,
}  # fmt: skip


async def test_staff_write_whom_apprentices_can_turn_to(schools: Schools) -> None:
    nothing = await schools.answer("GET", "/contacts")
    assert nothing.headers["etag"] == '"0"'
    assert nothing.json() == {"school": EMPTY, "dreets": EMPTY, "mcpfa": EMPTY, "centres": []}
    wanted = {
        "dreets": {
            "name": " DREETS Grand Est ", "address": ["6 rue Gustave Hirn", " ", ""],
            "postcode": "67 000", "town": "Strasbourg", "phone": "03 88 75 86 00",
            "email": "Contact@Exemple.FR",
        },
        "centres": [{"name": "GRETA Alsace"}, {"name": "CFA", "phone": "0692 12 34 56"}],
    }  # fmt: skip
    answer = await schools.put("/contacts", '"0"', json=wanted, by=OFFICE)
    assert answer.status_code == 200, answer.text
    held = answer.json()
    assert held["dreets"] == {
        "name": "DREETS Grand Est", "address": ["6 rue Gustave Hirn"], "postcode": "67000",
        "town": "Strasbourg", "phone": "+33388758600", "email": "contact@exemple.fr",
    }  # fmt: skip
    assert held["school"] == EMPTY, "nothing is mandatory"
    assert [one["name"] for one in held["centres"]] == ["GRETA Alsace", "CFA"]
    assert held["centres"][1]["phone"] == "+262692123456"
    assert await schools.get("/contacts", by=module("schools:read")) == held

    again = await schools.put("/contacts", answer.headers["ETag"], json=held)
    assert again.headers["ETag"] == answer.headers["ETag"], "nothing was changed"
    held["mcpfa"]["email"] = "mcpfa@exemple.fr"
    held["centres"] = held["centres"][:1]
    await schools.put("/contacts", '"1"', json=held)
    told = [(one["changed_by"], one["fields"]) for one in await schools.changes("/contacts")]
    assert told == [
        (HEAD["sub"], ["centres.1.name", "centres.1.phone", "mcpfa.email"]),
        (OFFICE["sub"], [
            "centres.0.name", "centres.1.name", "centres.1.phone", "dreets.address.0",
            "dreets.email", "dreets.name", "dreets.phone", "dreets.postcode", "dreets.town",
        ]),
    ]  # fmt: skip


async def test_all_that_is_wrong_with_contacts_is_told_at_once(schools: Schools) -> None:
    wrong: Json = {
        "school": {"email": "pas une adresse", "phone": "12", "postcode": "2A"},
        "mcpfa": {"address": ["1", "2", "3", "4", "5"], "town": "a\nb"},
        "centres": [{"town": "Lyon"}, {"name": " "}],
        "other": {},
    }
    told = problem(await schools.put("/contacts", '"0"', json=wrong), 422, "Saisie invalide")
    assert {one["field"]: one["message"] for one in told["errors"]} == {
        "body.school.postcode": "code postal attendu : 5 chiffres",
        "body.school.phone": "numéro de téléphone français attendu : 10 chiffres, ou l'indicatif "
        "(+33, +262, +687…) suivi du numéro",
        "body.school.email": "adresse électronique attendue, par exemple nom@exemple.fr",
        "body.mcpfa.address": "liste trop longue",
        "body.mcpfa.town": "texte d'une seule ligne attendu, sans signe invisible",
        "body.centres.0.name": "champ obligatoire",
        "body.centres.1.name": "texte trop court",
        "body": "champ inconnu : retirez-le",
    }
    many = {"centres": [{"name": "CFA"}] * 51}
    problem(await schools.put("/contacts", '"0"', json=many), 422, "Saisie invalide")
    assert await schools.changes("/contacts") == []


async def test_who_has_changed_what_is_known_for_three_years(schools: Schools) -> None:
    await schools.put("/contacts", '"0"', json={"school": {"town": "Lyon"}})
    await schools.put("/logo", None, content=picture())
    now = Clock(TODAY).now()
    await let_histories_go(schools.database)
    for later, left in ((dt.timedelta(days=1000), 1), (dt.timedelta(days=1200), 0)):
        await retention.forget(schools.database, now + later)
        for path in ("/contacts", "/logo"):
            assert len(await schools.changes(path)) == left
    assert (await schools.get("/contacts"))["school"]["town"] == "Lyon"


async def of_modules(schools: Schools, **options: Any) -> Json:
    modules: Json = (await schools.get("/modules", **options))["modules"]
    return modules


async def test_a_school_chooses_its_modules_over_the_defaults(schools: Schools) -> None:
    first = await of_modules(schools)
    assert list(first) == ["bilans", "fiches", "evaluations", "pfmp", "passeport", "livret"]
    assert (first["bilans"]["on"], first["livret"]["on"]) == (True, False)
    assert first["pfmp"]["options"]["rappel"]["value"] == 7
    assert first["pfmp"]["options"]["rappel"]["about"]["maximum"] == 60
    wanted = {
        "livret": {"on": True, "options": {"frequence": 4}},
        "pfmp": {"options": {"rappel": 0, "tuteur": True}},
        "bilans": {"on": True},
    }
    answer = await schools.put("/modules", '"0"', json={"modules": wanted})
    assert answer.status_code == 200, answer.text
    held = answer.json()["modules"]
    assert (held["livret"]["on"], held["livret"]["default"]) == (True, False)
    assert held["pfmp"]["options"]["rappel"]["value"] == 0
    assert await of_modules(schools, by=module("schools:read")) == held
    async with schools.database.connection() as connection:
        kept = await connection.fetchval("SELECT content FROM setting")
        assert kept == {"livret": {"on": True}, "pfmp": {"options": {"rappel": 0}}}, "only that"
        await connection.execute(
            "UPDATE setting SET content = $1",
            {"gone": {"on": True}, "pfmp": {"options": {"rappel": "sept", "gone": 1}}},
        )
    now = await of_modules(schools)
    assert now == first, "what the catalogue does not have any more is passed over"
    back = await schools.put("/modules", '"1"', json={"modules": {}}, by=OFFICE)
    assert back.json()["modules"] == first
    [last, one] = await schools.changes("/modules")
    assert (one["fields"], one["changed_by"]) == (["livret.on", "pfmp.options.rappel"], HEAD["sub"])
    assert (last["version"], last["changed_by"]) == (2, OFFICE["sub"])


async def test_what_the_catalogue_does_not_offer_is_refused_all_at_once(schools: Schools) -> None:
    wrong: Json = {
        "cantine": {"on": True},
        "bilans": {"options": {"periodicite": "siecle", "avis_apprenant": 1, "nom": "Awa"}},
        "fiches": {"options": {"photos": True}},
        "pfmp": {"options": {"rappel": 61}},
        "passeport": {"options": {"mention": "a\nb"}},
        "livret": {"options": {"frequence": 2.0}},
    }
    told = problem(
        await schools.put("/modules", '"0"', json={"modules": wrong}), 422, "Saisie invalide"
    )
    assert {one["field"]: one["message"] for one in told["errors"]} == {
        "body.modules": "module inconnu ; modules possibles : bilans, fiches, evaluations, pfmp, "
        "passeport, livret",
        "body.modules.bilans.options": "option inconnue ; options possibles : periodicite, "
        "avis_apprenant",
        "body.modules.bilans.options.periodicite": "choix inconnu ; choix possibles : trimestre, "
        "semestre, annee",
        "body.modules.bilans.options.avis_apprenant": "répondez par true ou false",
        "body.modules.fiches.options.photos": "nombre entier attendu, de 0 à 20",
        "body.modules.pfmp.options.rappel": "nombre entier attendu, de 0 à 60",
        "body.modules.passeport.options.mention": "texte d'une ligne attendu, de 200 signes au "
        "plus",
        "body.modules.livret.options.frequence": "nombre entier attendu, de 1 à 26",
    }
    for text in ('{"modules": {"bilans": {"on": "oui"}}}', '{"modules": []}', "{}"):
        headers = {"Content-Type": "application/json"}
        answer = await schools.put("/modules", '"0"', content=text, headers=headers)
        problem(answer, 422, "Saisie invalide")
    assert await schools.changes("/modules") == []


async def test_of_two_who_save_at_once_the_second_is_told_and_others_only_read(
    schools: Schools,
) -> None:
    bodies: dict[str, tuple[Json, Json]] = {
        "/contacts": ({"school": {"town": "Lyon"}}, {"school": {"town": "Bron"}}),
        "/modules": (
            {"modules": {"livret": {"on": True}}}, {"modules": {"bilans": {"on": False}}},
        ),
    }  # fmt: skip
    for path, both in bodies.items():
        for tag in ('"0"', '"1"'):
            answers = await asyncio.gather(*(schools.put(path, tag, json=body) for body in both))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses in ([200, 412], [200, 200]), statuses
            if statuses == [200, 200]:
                assert tag == '"1"', "one of them wrote what was there already"
        problem(await schools.answer("PUT", path, json=both[0]), 428, "Version requise")
        for role in Role:
            read = await schools.answer("GET", path, by=staff(role))
            assert read.status_code == (200 if role in RIGHTS[Action.READ_SCHOOL] else 403)
            history = await schools.answer("GET", f"{path}/history", by=staff(role))
            assert history.status_code == read.status_code
            written = await schools.put(path, '"0"', json=both[0], by=staff(role))
            assert written.status_code == (412 if role in RIGHTS[Action.EDIT_SCHOOL] else 403)
        other = await schools.answer("GET", path, by=staff("direction", B))
        assert other.status_code == 403
        for view in (path, f"{path}/history"):
            unknown = await schools.answer("GET", view, by=staff(uai=NOBODY), uai=NOBODY)
            problem(unknown, 404, "Établissement inconnu")
        unknown = await schools.put(path, '"0"', json=both[0], by=staff(uai=NOBODY), uai=NOBODY)
        problem(unknown, 404, "Établissement inconnu")
