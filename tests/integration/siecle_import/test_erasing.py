"""Learners are erased when they were kept long enough, or on request, and stay erased."""

import datetime as dt
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from deploy.local.kept import free_port
from services.siecle_import.__main__ import service
from services.siecle_import.erasing import erase, forget
from services.siecle_import.transfers import CannotAskError, under_way_by
from shared.database import Database
from shared.messaging.parked import park
from tests.integration.siecle_import.support import (
    apply,
    entries,
    erased,
    events,
    export,
    learners,
    post,
)
from tests.support.databases import let_histories_go
from tests.support.processes import command
from tests.support.system import System, settings_of

A = "9990001X"
PERSONAL = ("pupil", "import_entry", "import_finding", "import_run", "merge")


async def named(base: Database, name: str) -> list[str]:
    """The tables in which a name stands."""
    found = []
    async with base.connection() as connection:
        for table in PERSONAL:
            rows = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE $1"
            if await connection.fetchval(rows, f"%{name}%"):
                found.append(table)
    return found


async def trace(base: Database) -> dict[str, tuple[str, str]]:
    async with base.connection() as connection:
        rows = await connection.fetch("SELECT * FROM erasure")
    return {str(row["pupil_id"]): (row["by_whom"], row["reason"]) for row in rows}


async def left_on(base: Database, day: str, *names: str) -> None:
    """Have learners of these names left on that day."""
    async with base.connection() as connection:
        await connection.execute(
            "UPDATE pupil SET since = $1 WHERE family_name = ANY($2)",
            dt.datetime.fromisoformat(f"{day}T12:00:00+00:00"),
            names,
        )


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}T13:00:00+00:00")


async def gone_two(school: School) -> dict[str, str]:
    """Learners 1 to 4; 2, 3 and 4 have left. Returns their ids by name."""
    await apply(school, export(1, 2, 3, {"n": "4", "ID_NATIONAL": None}))
    await apply(school, export(1, day=1))
    return {p["family_name"]: p["id"] for p in await learners(school)}


async def test_who_left_24_months_ago_is_listed_then_erased_unless_a_transfer_is_under_way(
    school: School, base: Database
) -> None:
    ids = await gone_two(school)
    pair = {"survivor": ids["NOM002"], "merged": ids["NOM004"], "reason": "double-siecle"}
    assert (await post(school, "/merges", json=pair)).status_code == 201
    assert set(await named(base, "NOM004")) == set(PERSONAL), "before: in lists and messages too"
    await left_on(base, "2024-02-10", "NOM002", "NOM004")
    await left_on(base, "2024-03-10", "NOM003")
    planned = await school.call("siecle_import", "GET", "/erasures/planned")
    assert [(one["family_name"], one["erased_from"][:10]) for one in planned.json()["planned"]] == [
        ("NOM002", "2026-02-10")
    ], "30 days before; the merged card goes with him"
    assert await erased(base, day("2026-02-09")) == 0
    assert await erased(base, day("2026-02-11"), under_way=[ids["NOM004"]]) == 0, "on its way"
    async with base.connection() as connection:
        await park(connection, uuid4(), "{}", "Error")
        assert await erased(base, day("2026-02-11")) == 0, "an event waits"
        await connection.execute("DELETE FROM parked")
    assert await erased(base, day("2026-02-11"), months=36) == 0, "a setting"
    assert await erased(base, day("2026-02-11")) == 2
    assert {e["pupil_id"] for e in await events(base, "%erased%")} == {
        ids["NOM002"],
        ids["NOM004"],
    }
    assert await trace(base) == dict.fromkeys(
        (ids["NOM002"], ids["NOM004"]), ("siecle_import", "duree-conservation")
    )
    assert await named(base, "NOM002") == await named(base, "NOM004") == []
    assert [p["family_name"] for p in await learners(school)] == ["NOM001", "NOM003"]


async def test_nobody_is_erased_when_transfer_does_not_answer(
    school: School, importing: System, base: Database
) -> None:
    await gone_two(school)
    later = day("2028-06-01")
    for urls in ({}, {"transfer": f"http://127.0.0.1:{free_port()}"}):
        everyone = {**importing.urls, **urls}
        settings = settings_of(service, base.url, importing.amqp_url, importing.keys, everyone)
        with pytest.raises(CannotAskError):
            await erase(base, later, under_way_by(settings), months=24)
    assert len(await learners(school)) == 4
    assert await erased(base, later) == 3


async def test_looks_are_kept_for_a_year_and_traces_for_three(
    school: School, base: Database
) -> None:
    ids = await gone_two(school)
    await school.call("siecle_import", "GET", f"/pupils/{ids['NOM001']}")
    await left_on(base, "2023-01-10", "NOM002")
    await erased(base, day("2026-01-20"))

    async def kept() -> tuple[int, int, int]:
        async with base.connection() as connection:
            tables = ("look", "erasure", "idempotency")
            counts = [await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables]
            return counts[0], counts[1], min(1, counts[2])

    assert await kept() == (1, 1, 1)
    await forget(base, day("2027-01-18"))
    assert (await kept())[:2] == (1, 1)
    await forget(base, day("2027-01-22"))
    assert (await kept())[:2] == (0, 1)
    await let_histories_go(base)
    await forget(base, day("2029-01-25"))
    assert await kept() == (0, 0, 0)


async def erase_by_head(
    school: School, pupil: str, *, version: int, reason: str = "demande-responsable"
) -> httpx.Response:
    return await post(
        school,
        f"/pupils/{pupil}/erasure",
        json={"reason": reason},
        headers={"If-Match": f'"{version}"'},
    )


async def test_what_stands_against_an_erasure_is_told(
    importing: System, school: School, base: Database
) -> None:
    ids = await gone_two(school)
    office = importing.sign({"sub": "secretariat", "schools": {A: ["gestion"]}})
    async with httpx.AsyncClient(base_url=importing.urls["siecle_import"]) as http:
        for method, path in (("GET", "looks"), ("GET", "export"), ("POST", "erasure")):
            route = f"/schools/{A}/pupils/{ids['NOM002']}/{path}"
            headers = {"Authorization": f"Bearer {office}"}
            answer = await http.request(method, route, headers=headers)
            assert answer.status_code == 403, "this is for the head"
    for pupil, version, status, title in (
        (ids["NOM001"], 1, 409, "Apprenant inscrit"),
        (ids["NOM002"], 1, 412, "Modifié entre-temps"),
        (str(uuid4()), 1, 404, "Apprenant inconnu"),
        (ids["NOM002"], 2, 503, "Effacement impossible pour le moment"),
    ):
        answer = await erase_by_head(school, pupil, version=version)
        assert (answer.status_code, answer.json()["title"]) == (status, title)
    unknown = await erase_by_head(school, ids["NOM002"], version=2, reason="demande")
    assert unknown.status_code == 422, "a reason of the list"
    blind = await post(school, f"/pupils/{ids['NOM002']}/erasure", json={"reason": "fiche-erronee"})
    assert blind.status_code == 428, "over the version that was read"
    assert await events(base, "%erased%") == []


async def test_erasures_are_replayed_after_a_restore_and_by_command(
    school: School, base: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    ids = await gone_two(school)
    last = (await school.call("siecle_import", "GET", "/imports")).json()["imports"][0]
    asked = ("siecle_import", "erase", "--uai", A, "--pupil", ids["NOM002"])
    status, said = await command(*asked, environment=environment)
    assert (status, "ne répond pas" in said) == (1, True), said
    await left_on(base, "2023-01-10", "NOM002")
    async with base.connection() as connection:
        backup = await connection.fetch("SELECT * FROM pupil WHERE family_name = 'NOM002'")
        assert await erased(base, day("2026-01-20")) == 1
        file = tmp_path / "trace.jsonl"
        arguments = ("siecle_import", "erase", "--export-trace", str(file))
        status, said = await command(*arguments, environment=environment)
        assert (status, said.strip()) == (0, "Effacements écrits : 1."), said
        [line] = [json.loads(one) for one in file.read_text().splitlines()]
        assert (line["pupil_id"], line["uai"]) == (ids["NOM002"], A)
        assert await entries(school, last, "deactivated") != [], "the others are still listed"
        await let_histories_go(base)
        await connection.execute("DELETE FROM erasure")
        await connection.copy_records_to_table("pupil", records=[tuple(r) for r in backup])
    assert "NOM002" in {p["family_name"] for p in await learners(school)}, "restored"
    arguments = ("siecle_import", "erase", "--replay", str(file))
    status, said = await command(*arguments, environment=environment)
    assert (status, said.strip()) == (0, "Effacements rejoués : 1."), said
    assert await named(base, "NOM002") == []
    assert [e["pupil_id"] for e in await events(base, "%erased%")] == [ids["NOM002"]] * 2
    assert set(await trace(base)) == {ids["NOM002"]}
    assert len(await learners(school, active=True)) == 1
    undone = await post(school, f"/imports/{last['id']}/undo")
    assert undone.status_code == 200, "for the others, the last import can still be undone"
    assert len(await learners(school, active=True)) == 3


async def test_the_export_of_a_learner_holds_all_that_is_known_of_him_and_of_nobody_else(
    school: School, base: Database
) -> None:
    ids = await gone_two(school)
    await school.call("siecle_import", "GET", f"/pupils/{ids['NOM004']}")
    for _ in range(2):
        answer = await school.call("siecle_import", "GET", f"/pupils/{ids['NOM004']}/export")
    held: Json = answer.json()
    [card] = held["cards"]
    assert (card["Nom de famille"], card["why"]) == ("NOM004", "absent du fichier")
    lists: set[Any] = {one["list"] or one["code"] for one in held["imports"]}
    assert {"created", "without_ine", "deactivated"} <= lists
    assert [one["what"] for one in held["looks"]] == ["export", "page"]
    assert not any(f"NOM00{other}" in answer.text for other in (1, 2, 3))
    unknown = await school.call("siecle_import", "GET", f"/pupils/{uuid4()}/export")
    assert unknown.status_code == 404
