"""By ticket: who is offered, who of ours may be he, to create him (guide, situation 2)."""

import time
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from deploy.local.tokens import service_key_file
from services.dossier.loading import Resolver
from services.siecle_import.domain.suggesting import suggestions
from services.siecle_import.store import pupils as store
from shared.database import Database
from shared.events import Side
from shared.identifiers import Uai
from shared.signing import Purpose, Signer, Ticket, learner_created_for
from tests.integration.siecle_import.support import (
    apply,
    events,
    export,
    learners,
    post,
)
from tests.integration.siecle_import.test_learners import APPRENTICE, change
from tests.support.system import System

A, B = Uai("9990001X"), Uai("9990002Y")
SAMUEL = {
    "family_name": "Badier",
    "usage_name": "Le Goff",
    "first_name": "Samuel",
    "birth_date": "2008-03-04",
    "sex": "M",
    "division": "2MELEC",
    "ine": ["990009999AA"],
}


class Offer:
    """An offer of a learner of A that waits for the answer of B; `transfer` signs its tickets."""

    def __init__(self, importing: System, receiving: School, pupil_id: str) -> None:
        self.signer = Signer.from_file(service_key_file(importing.keys, "transfer"))
        self.receiving = receiving
        self.transfer_id = uuid4()
        self.learner = Side(uai=A, pupil_id=UUID(pupil_id))

    def ticket(self, purpose: Purpose, viewer: str = f"direction-{B}") -> str:
        return self.signer.ticket(
            Ticket(
                viewer=viewer,
                uai=B,
                transfer_id=self.transfer_id,
                learner=self.learner,
                purpose=purpose,
            )
        )

    async def call(
        self, method: str, path: str, ticket: str, school: School | None = None
    ) -> httpx.Response:
        route = f"/offers/{self.transfer_id}{path}"
        headers = {"Cpro-Ticket": ticket}
        return await (school or self.receiving).call(
            "siecle_import", method, route, headers=headers
        )

    async def seen(self) -> httpx.Response:
        return await self.call("GET", "/learner", self.ticket(Purpose.IDENTITY))

    async def suggested(self) -> list[Json]:
        answer = await self.call("GET", "/suggestions", self.ticket(Purpose.SUGGEST))
        found: list[Json] = answer.json()["suggestions"]
        return found

    async def create(self) -> httpx.Response:
        return await self.call("POST", "/learner", self.ticket(Purpose.CREATE))


@pytest.fixture
async def samuel(school: School) -> Json:
    """A learner who has left A."""
    entered = (await post(school, "/pupils", json=SAMUEL)).json()
    left: Json = (await change(school, entered, "/departure", json={"on": "2026-01-10"})).json()
    return left


async def test_rule_14_the_receiving_school_sees_who_is_offered_and_each_look_is_in_the_log(
    importing: System, school: School, samuel: Json
) -> None:
    async with importing.school(B) as b:
        offer = Offer(importing, b, samuel["id"])
        seen = await offer.seen()
        assert seen.json() == {
            "family_name": "Badier",
            "usage_name": "Le Goff",
            "first_name": "Samuel",
            "birth_date": "2008-03-04",
            "sex": "M",
            "division": "2MELEC",
            "origin_uai": A,
            "origin_name": None,
        }
        for refused in (
            await offer.call("GET", "/learner", offer.ticket(Purpose.SUGGEST)),
            await offer.call("GET", "/learner", offer.ticket(Purpose.IDENTITY, "someone-else")),
            await offer.call("GET", "/learner", "no ticket"),
            await offer.call("POST", "/learner", offer.ticket(Purpose.IDENTITY)),
            await offer.call("GET", "/learner", offer.ticket(Purpose.IDENTITY), school),
            await Offer(importing, b, samuel["id"]).call(
                "GET", "/learner", offer.ticket(Purpose.IDENTITY)
            ),
        ):
            assert (refused.status_code, refused.json()["title"]) == (403, "Billet refusé")
        assert (await Offer(importing, b, str(uuid4())).seen()).status_code == 404
        await offer.suggested()
        await school.call("siecle_import", "GET", f"/pupils/{samuel['id']}")
        looks = await school.call("siecle_import", "GET", f"/pupils/{samuel['id']}/looks")
        assert [(one["what"], one["uai"], one["viewer"]) for one in looks.json()["looks"]] == [
            ("page", A, f"direction-{A}"),
            ("suggest", B, None),
            ("identity", B, None),
        ], "the school that offers is told where, not who"
        route = f"/pupils/{samuel['id']}/looks"
        assert (await b.call("siecle_import", "GET", route)).status_code == 404, "not theirs"


async def test_those_who_may_be_he_are_suggested_the_nearest_first(
    importing: System, samuel: Json
) -> None:
    async with importing.school(B) as b:
        offer = Offer(importing, b, samuel["id"])
        for family, first, birth in (
            ("BADIER", "Samuel", "2008-04-03"),
            ("LEGOFF", "Samuél", "2008-03-04"),
            ("BADIÉ", "Samuel Jean", "2008-03-14"),
            ("Samuel", "Badier", "2008-03-04"),
            ("BADIER", "Samuel", "1999-11-28"),
            ("MARTIN", "Lucie", "2008-03-04"),
            ("BADIER", "Inès", "2007-01-01"),
        ):
            card = {"family_name": family, "first_name": first, "birth_date": birth}
            assert (await post(b, "/pupils", json=card)).status_code == 201
        left = {"family_name": "BADIER", "first_name": "Samuel", "birth_date": "2008-03-14"}
        gone = (await post(b, "/pupils", json=left)).json()
        await change(b, gone, "/departure", json={"on": "2026-01-10"})
        found = await offer.suggested()
        assert [(one["family_name"], one["why"]) for one in found] == [
            ("LEGOFF", ["mêmes nom et prénom", "même date de naissance"]),
            ("Samuel", ["nom et prénom inversés", "même date de naissance"]),
            ("BADIER", ["mêmes nom et prénom", "date de naissance : jour et mois inversés"]),
            ("BADIÉ", ["nom et prénom proches", "date de naissance : un chiffre d'écart"]),
            ("BADIER", ["mêmes nom et prénom", "date de naissance différente"]),
        ], "who has left cannot take the dossier"
        scores = [one["score"] for one in found]
        assert scores == sorted(scores, reverse=True)
        twin = {**SAMUEL, "family_name": "Autre", "first_name": "Nom", "birth_date": "2008-01-01"}
        await post(b, "/pupils", json=twin)
        assert (await offer.suggested())[0]["why"][0] == "même INE"


async def test_suggestions_come_at_once_in_a_school_of_3000(
    importing: System, school: School, base: Database, samuel: Json
) -> None:
    await apply(
        school,
        export(*({"n": n, "NOM_DE_FAMILLE": f"BADI{n:04d}R"} for n in range(1, 3001))),
    )
    async with base.connection() as connection:
        await connection.execute("UPDATE pupil SET uai = $1 WHERE active", B)
        learner = (await store.pupils(connection, A, [UUID(samuel["id"])]))[UUID(samuel["id"])]
        present = await store.active_in(connection, B)
    begun = time.perf_counter()
    assert len(present) == 3000
    assert len(suggestions(learner, present)) <= 10
    computed = time.perf_counter() - begun
    async with importing.school(B) as b:
        begun = time.perf_counter()
        found = await Offer(importing, b, samuel["id"]).suggested()
        whole = time.perf_counter() - begun
    print(f"3000 learners: {1000 * computed:.0f} ms computed, {1000 * whole:.0f} ms answered")
    assert len(found) <= 10
    assert whole < 2, "seconds"


async def test_the_learner_offered_is_created_once_or_attached_to_who_is_there(
    importing: System, school: School, base: Database, samuel: Json
) -> None:
    async with importing.school(B) as b:
        offer = Offer(importing, b, samuel["id"])
        answers = [await offer.create() for _ in range(2)]
        created = answers[0].json()
        assert [a.status_code for a in answers] == [201, 201]
        assert {a.json()["id"] for a in answers} == {str(learner_created_for(offer.transfer_id))}
        copied = ("family_name", "usage_name", "first_name", "birth_date", "sex", "rnie")
        assert [created[name] for name in copied] == [samuel[name] for name in copied]
        assert (created["source"], created["previous_uai"], created["division"]) == (
            "hand",
            A,
            None,
        )
        told = [e for e in await events(base, "%created%") if e["uai"] == B]
        assert [e["pupil_id"] for e in told] == [created["id"]]
        again = await Offer(importing, b, samuel["id"]).create()
        assert (again.status_code, again.json()["title"]) == (409, "Apprenant déjà présent")
        assert again.json()["errors"] == [{"field": "pupil_id", "message": created["id"]}]
        await change(b, created, "/departure", json={"on": "2026-01-15"})
        left = await Offer(importing, b, samuel["id"]).create()
        assert left.json()["errors"] == [{"field": "pupil_id", "message": created["id"]}]
        assert "réactivez-la" in left.json()["detail"]
        looks = await school.call("siecle_import", "GET", f"/pupils/{samuel['id']}/looks")
        assert [one["what"] for one in looks.json()["looks"]] == ["create"] * 4


async def test_services_ask_for_learners_by_ine_and_for_match_keys(
    importing: System, school: School, base: Database
) -> None:
    await apply(school, export(1, 2))
    await apply(school, export(1, day=1))
    await post(school, "/pupils", json=APPRENTICE)
    known = {p["family_name"]: p["id"] for p in await learners(school)}
    asked = [
        (A, "990000002AA"),
        (A, "990000001 aa"),
        (B, "990000001AA"),
        (A, "none"),
        (A, "990000050AA"),
    ]
    body = {"learners": [{"uai": uai, "ine": ine} for uai, ine in asked]}
    async with importing.client("dossier", "siecle_import") as dossier:
        answer = await dossier.post("/pupils/resolve", json=body)
        names = ("NOM002", "NOM001", None, None, "N'Diaye")
        assert answer.json() == {"pupils": [known.get(str(name)) for name in names]}
        signer = Signer.from_file(service_key_file(importing.keys, "dossier"))
        resolved = await Resolver(importing.urls["siecle_import"], signer)(asked)
        assert [one and str(one) for one in resolved] == answer.json()["pupils"]
        many = {"learners": body["learners"][:1] * 501}
        assert (await dossier.post("/pupils/resolve", json=many)).status_code == 422
        keys = await dossier.post("/pupils/match-keys", json={"ine": "990000001AA"})
        assert keys.status_code == 403
    [event] = [e for e in await events(base, "%created%") if e["pupil_id"] == known["NOM001"]]
    async with importing.client("transfer", "siecle_import") as transfer:
        keys = await transfer.post("/pupils/match-keys", json={"ine": "990000001aa"})
        assert keys.json() == {"ine_keys": [event["keys"][0]["ine_key"]], "key_version": 1}
        wrong = await transfer.post("/pupils/match-keys", json={"ine": "1234"})
        assert (wrong.status_code, "1234" in wrong.text) == (422, False)
        assert (await transfer.post("/pupils/resolve", json=body)).status_code == 403
