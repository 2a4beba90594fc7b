"""A school that closes: its learners have left, and nothing is changed there any more (rule 9)."""

from pathlib import Path
from typing import Any

from deploy.local.client import Json, School, eventually
from services.siecle_import import closing
from services.siecle_import.handlers import handle
from services.siecle_import.keys import KeyMaker
from shared.clock import Clock
from shared.database import Database
from shared.events import SchoolUpdated
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from tests.integration.siecle_import.support import (
    apply,
    events,
    export,
    learners,
    post,
    send,
)
from tests.integration.siecle_import.test_learners import APPRENTICE, change
from tests.support.processes import command
from tests.support.system import TODAY

A, SUCCESSOR = Uai("9990001X"), Uai("9990002Y")


async def told(base: Database, version: int, **fields: Any) -> None:
    """The registry tells of the school, and of the one that follows it."""
    schools = [
        SchoolUpdated(uai=A, version=version, name="Lycée des Essarts", **fields),
        SchoolUpdated(uai=SUCCESSOR, version=1, name="Lycée Jean-Zay"),
    ]
    async with base.transaction() as transaction:
        await handle(transaction, Batch(schools))


async def all_left(school: School) -> bool:
    return await learners(school, active=True) == []


async def test_learners_of_a_closed_school_have_left_and_it_takes_in_no_change(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2, 3))
    await apply(school, export(1, 2, day=1))
    apprentice = (await post(school, "/pupils", json=APPRENTICE)).json()
    waiting = await send(school, export(1, 2, 4, day=2))
    imports = len(await events(base, "%import.applied%"))
    await told(base, 5, open=False, successor=SUCCESSOR)
    await eventually(lambda: all_left(school), "the learners of the closed school to leave")
    why = {p["family_name"]: p["why"] for p in await learners(school)}
    left, before = "établissement fermé", "absent du fichier"
    assert why == {"NOM001": left, "NOM002": left, "NOM003": before, "N'Diaye": left}
    departures = [e for e in await events(base, "%deactivated%") if e["reason"] == "ferme"]
    assert len(departures) == 3
    assert len(await events(base, "%import.applied%")) == imports, "nothing was imported"
    ended = await school.wait_for_import(waiting["id"], {"refused"})
    assert ended["findings"][0]["messages"] == [
        "Cet établissement a fermé avant que l'import soit appliqué : refaites l'export pour "
        "l'établissement qui lui succède (Lycée Jean-Zay, 9990002Y)."
    ]
    for answer in (
        await post(school, "/imports", content=export(1, day=3)),
        await post(school, f"/imports/{waiting['id']}/confirm", json={}),
        await post(school, "/pupils", json={**APPRENTICE, "family_name": "Autre", "ine": []}),
        await change(school, await reread(school, apprentice), "/return"),
    ):
        assert answer.status_code == 409
        assert answer.json()["title"] == "Établissement fermé"
        assert "lui succède : Lycée Jean-Zay, 9990002Y." in answer.json()["detail"]
    await told(base, 4, open=True)
    assert (await post(school, "/imports", content=export(1, day=3))).status_code == 409, "late"
    await told(base, 6, open=True)
    await apply(school, export(1, 2, day=3))
    assert len(await learners(school, active=True)) == 2, "it has opened again"


async def reread(school: School, pupil: Json) -> Json:
    answer = await school.call("siecle_import", "GET", f"/pupils/{pupil['id']}")
    found: Json = answer.json()
    return found


async def test_a_school_that_opens_again_at_once_keeps_its_learners(
    school: School, base: Database, keys: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The registry corrects itself before the job has come to the school; and closing twice tells
    nothing twice.
    """
    await apply(school, export(1, 2))
    maker, now = KeyMaker.from_file(keys / "match.key", 1), Clock(TODAY).now()
    async with base.transaction() as transaction:
        shut = SchoolUpdated(uai=A, version=2, name="A", open=False)
        await handle(transaction, Batch([shut, SchoolUpdated(uai=A, version=3, name="A")]))
    assert not await closing.close_one(base, maker, now)
    assert len(await learners(school, active=True)) == 2
    for version in (4, 5):
        await told(base, version, open=False)
        await closing.close_one(base, maker, now)
    await eventually(lambda: all_left(school), "the learners to leave")
    assert len(await events(base, "%deactivated%")) == 2
    answer = await post(school, "/imports", content=export(1, day=3))
    assert "Adressez-vous à l'académie" in answer.json()["detail"], "no school follows it"
    file = tmp_path / "eleves.xml"
    file.write_bytes(export(1, day=3))
    asked = ("siecle_import", "import", str(file), "--uai", A, "--yes")
    status, said = await command(*asked, environment=environment)
    assert (status, "Cet établissement est fermé" in said) == (1, True), said
