"""What a school notes about a learner stays with it, and is seen by it alone."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from shared.database import Database
from shared.events import PupilErased
from tests.integration.dossier.support import Learner, check, come, merge, move, take
from tests.support.pupils import A, B
from tests.support.system import System


async def noted(learner: Learner, text: str, **more: Any) -> Json:
    answer = await learner.call("POST", "/remarks", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    remark: Json = answer.json()
    return remark


async def remarks(learner: Learner, **asked: Any) -> list[Json]:
    answer = await learner.call("GET", "/remarks", params=asked)
    assert answer.status_code == 200, answer.text
    listed: list[Json] = answer.json()["remarks"]
    return listed


async def test_a_remark_is_kept_with_its_author_and_the_transfer_it_is_about(
    learner: Learner,
) -> None:
    transfer = str(uuid4())
    one = await noted(learner, " A appelé le lycée. ", transfer_id=transfer)
    other = await noted(learner, "Deux\nlignes")
    assert (one["text"], one["transfer_id"]) == ("A appelé le lycée.", transfer)
    assert (one["author"], one["pupil_id"]) == (f"direction-{A}", learner.id)
    assert await remarks(learner) == [one, other]
    assert await remarks(learner, transfer_id=transfer) == [one]
    assert await remarks(learner, limit=1) == [one]
    assert await remarks(learner, after=one["id"]) == [other]


async def test_a_remark_stays_in_its_school_when_the_dossier_moves(
    learner: Learner, b: School, base: Database
) -> None:
    one = await noted(learner, "avant")
    there = Learner(b, str(await come(base, B)))
    await move(base, learner.id, UUID(there.id))
    assert await remarks(there) == []
    later = await noted(learner, "après")
    assert await remarks(learner) == [one, later]
    for method, path in (("GET", ""), ("DELETE", f"/{one['id']}")):
        stranger = await Learner(b, learner.id).call(method, f"/remarks{path}")
        check(stranger, 404, "Apprenant inconnu")
    check(await there.call("DELETE", f"/remarks/{one['id']}"), 404, "Remarque inconnue")


async def test_remarks_on_a_merged_learner_are_read_with_those_on_whom_he_goes_on_as(
    learner: Learner, a: School, base: Database
) -> None:
    await noted(learner, "l'un")
    survivor = Learner(a, str(await come(base, A)))
    await merge(base, learner.id, survivor.id)
    await noted(learner, "l'autre")
    assert [(r["text"], r["pupil_id"]) for r in await remarks(survivor)] == [
        ("l'un", survivor.id),
        ("l'autre", survivor.id),
    ]


async def as_(
    dossier: System, role: str, sub: str, method: str, path: str, **options: Any
) -> httpx.Response:
    """Call a route of A as a person of this role."""
    token = dossier.sign({"sub": sub, "schools": {A: [role]}})
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    url = f"{dossier.urls['dossier']}/schools/{A}{path}"
    async with httpx.AsyncClient() as http:
        return await http.request(method, url, headers=headers, **options)


async def test_a_remark_is_removed_by_its_author_or_the_head(
    dossier: System, learner: Learner
) -> None:
    route = f"/pupils/{learner.id}/remarks"
    made = [
        await as_(dossier, "gestion", "Mme S", "POST", route, json={"text": text})
        for text in ("un", "deux")
    ]
    first, second = [answer.json()["id"] for answer in made]
    refused = await as_(dossier, "gestion", "M. T", "DELETE", f"{route}/{first}")
    check(refused, 403, "Droit manquant")
    for role, sub, one in (("gestion", "Mme S", first), ("direction", "M. D", second)):
        assert (await as_(dossier, role, sub, "DELETE", f"{route}/{one}")).status_code == 204
    assert await remarks(learner) == []
    gone = await as_(dossier, "gestion", "Mme S", "DELETE", f"{route}/{first}")
    check(gone, 404, "Remarque inconnue")


async def test_repeating_a_remark_notes_it_once(learner: Learner) -> None:
    options: Json = {"json": {"text": "une fois"}, "headers": {"Idempotency-Key": "one"}}
    first, second = [await learner.call("POST", "/remarks", **options) for _ in range(2)]
    assert first.json() == second.json()
    options["json"] = {"text": "autre"}
    reused = await learner.call("POST", "/remarks", **options)
    check(reused, 422, "Clé d'idempotence déjà utilisée")
    assert len(await remarks(learner)) == 1


@pytest.mark.parametrize(
    "content",
    [{}, {"text": " "}, {"text": "x" * 2001}, {"text": "nul \x00"}, {"text": "a", "more": 1},
     {"text": "a", "transfer_id": "x"}],
)  # fmt: skip
async def test_a_remark_that_is_not_one_is_refused(learner: Learner, content: Json) -> None:
    check(await learner.call("POST", "/remarks", json=content), 422, "Saisie invalide")
    assert await remarks(learner) == []


async def test_modules_write_no_remarks(learner: Learner) -> None:
    answer = await learner.call("POST", "/remarks", json={"text": "x"}, module=True)
    check(answer, 403, "Droit manquant")


async def test_who_is_erased_is_erased_with_the_remarks_on_him(
    learner: Learner, base: Database
) -> None:
    await noted(learner, "à oublier")
    await take(base, PupilErased(pupil_id=UUID(learner.id)))
    async with base.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM remark") == 0
