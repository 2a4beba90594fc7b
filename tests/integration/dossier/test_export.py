"""Who asks what is held about him gets all of it, as one document."""

import base64
from uuid import UUID

from deploy.local.client import Json, School
from shared.database import Database
from tests.integration.dossier.support import PDF, Learner, check, come, merge, move
from tests.support.pupils import A, B


async def exported(learner: Learner, **asked: str) -> Json:
    answer = await learner.call("GET", "/export", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    document: Json = answer.json()
    return document


async def test_an_export_holds_records_attachments_remarks_and_looks(
    learner: Learner, b: School, base: Database
) -> None:
    record = await learner.write(title="Bilan de Maëlys")
    made = (await learner.attach(record["id"])).json()
    await learner.call("POST", "/remarks", json={"text": "de l'autre établissement"})
    there = Learner(b, str(await come(base, B)))
    await move(base, learner.id, UUID(there.id))
    own = await there.write()
    remark = (await there.call("POST", "/remarks", json={"text": "d'ici"})).json()
    document = await exported(there)
    assert (document["uai"], document["pupil_id"]) == (B, there.id)
    assert [(r["id"], r["origin_uai"]) for r in document["records"]] == [
        (record["id"], A),
        (own["id"], B),
    ]
    assert document["records"][0]["title"] == "Bilan de Maëlys"
    assert document["attachments"] == [{**made, "content": None}]
    assert document["remarks"] == [remark]
    assert [look["what"] for look in document["looks"]] == ["export"]


async def test_an_export_holds_the_content_of_attachments_if_asked_for(learner: Learner) -> None:
    record = await learner.write()
    for content in (PDF, PDF + b"2"):
        await learner.attach(record["id"], content)
    document = await exported(learner, attachments="true")
    contents = [base64.b64decode(one["content"]) for one in document["attachments"]]
    assert contents == [PDF, PDF + b"2"]


async def test_an_export_of_thousands_of_records_is_whole(learner: Learner, base: Database) -> None:
    async with base.connection() as connection:
        await connection.execute(
            """
            INSERT INTO record (id, pupil_id, kind, title, body, author, origin_uai, written_on,
                created_at, updated_at)
            SELECT gen_random_uuid(), $1, 'fiche', n::text, '{}', 'x', $2, '2025-01-01',
                now(), now()
            FROM generate_series(1, 3001) AS n
            """,
            UUID(learner.id),
            A,
        )
    records = (await exported(learner))["records"]
    assert {int(record["title"]) for record in records} == set(range(1, 3002))


async def test_an_export_of_who_has_nothing_is_empty_but_for_itself(learner: Learner) -> None:
    document = await exported(learner)
    assert (document["records"], document["attachments"], document["remarks"]) == ([], [], [])
    assert len(document["looks"]) == 1


async def test_a_merged_learner_is_exported_as_the_one_he_goes_on_as(
    learner: Learner, a: School, base: Database
) -> None:
    await learner.write()
    survivor = Learner(a, str(await come(base, A)))
    await merge(base, learner.id, survivor.id)
    assert (await exported(learner))["records"] == (await exported(survivor))["records"]


async def test_only_the_head_of_the_learners_school_exports(learner: Learner, b: School) -> None:
    check(await learner.call("GET", "/export", module=True), 403, "Droit manquant")
    check(await Learner(b, learner.id).call("GET", "/export"), 404, "Apprenant inconnu")
    bad = await learner.call("GET", "/export", params={"attachments": "perhaps"})
    check(bad, 422, "Saisie invalide")
