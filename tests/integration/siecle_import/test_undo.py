"""Undoing the last applied import, while nothing later depends on it (docs/transfer.md, 13)."""

import asyncio
import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local.client import Json, School
from services.siecle_import.erasing import forget
from services.siecle_import.handlers import handle
from services.siecle_import.store import pupils
from shared.database import Database
from shared.events import Side, TransferClosed
from shared.identifiers import Uai
from shared.messaging.consumer import Batch
from shared.messaging.parked import park
from tests.integration.siecle_import.support import (
    apply,
    entries,
    erased,
    events,
    export,
    learners,
    post,
    send,
)

OTHER = Uai("9990002Y")


async def undo(school: School, done: Json) -> httpx.Response:
    return await post(school, f"/imports/{done['id']}/undo")


async def closed(base: Database, pupil: str, school: School) -> UUID:
    """A transfer of this learner to another school, which `transfer` tells of."""
    transfer_id = uuid4()
    event = TransferClosed(
        transfer_id=transfer_id,
        origin=Side(uai=Uai(school.uai), pupil_id=UUID(pupil)),
        destination=Side(uai=OTHER, pupil_id=uuid4()),
        counts={"bilan": 1},
    )
    async with base.transaction() as transaction:
        await handle(transaction, Batch([event]))
    return transfer_id


async def state(school: School) -> dict[str, tuple[bool, str | None, str | None]]:
    found = await learners(school)
    return {p["family_name"]: (p["active"], p["division"], p["reason"]) for p in found}


async def test_rule_13_an_import_is_taken_back_learner_by_learner(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2, 3))
    await apply(school, export(1, 2, day=1))
    before = await state(school)
    done = await apply(school, export(3, {"n": "1", "NOM_USAGE": "X"}, 4, day=2))
    assert (
        done["counts"] | {"created": 1, "updated": 1, "reactivated": 1, "deactivated": 1}
        == (done["counts"])
    )
    listed = (await school.call("siecle_import", "GET", "/imports")).json()["imports"]
    each = [await school.call("siecle_import", "GET", f"/imports/{one['id']}") for one in listed]
    assert [one.json()["undoable"] for one in each] == [True, False, False], "the last one only"
    versions = {p["id"]: p["version"] for p in await learners(school)}
    told = len(await events(base, "%pupil%"))
    preview = await school.call("siecle_import", "GET", f"/imports/{done['id']}/undoing")
    counts = {"created": 0, "updated": 1, "reactivated": 1, "deactivated": 2}
    assert preview.json() == {"counts": counts, "kept": []}
    undone = await undo(school, done)
    assert (undone.json()["state"], undone.json()["ended_by"]) == ("undone", "direction-9990001X")
    assert await state(school) == before | {"NOM004": (False, "2MELEC", "annule")}
    assert all(p["version"] == versions[p["id"]] + 1 for p in await learners(school))
    assert len(await events(base, "%pupil%")) == told + 4
    [*_, last] = await events(base, "%import.applied%")
    assert (last["number"], last["horodatage"]) == (4, "2025-09-16T16:02:31Z")
    assert len(last["deactivated"]) == 1, "who left again; who was never here has not left"


async def test_an_undo_gives_back_the_moment_from_which_a_stay_is_known(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2))
    done = await apply(school, export(1, day=5))
    assert (await undo(school, done)).status_code == 200
    [back] = await events(base, "%reactivated%")
    assert (back["activated"], back["stay"], back["version"]) == ("2025-09-15T16:02:31Z", 2, 3)


async def test_the_undoing_of_the_only_import_leaves_none_in_force(
    school: School, base: Database
) -> None:
    done = await apply(school, export(1, 2))
    assert (await undo(school, done)).status_code == 200
    [*_, last] = await events(base, "%import.applied%")
    assert (last["number"], last["horodatage"], last["school_year"]) == (
        2, "1970-01-01T00:00:00Z", 0,
    )  # fmt: skip
    assert {p["why"] for p in await learners(school)} == {"import annulé"}
    assert (await apply(school, export(1, 2, day=1)))["counts"]["reactivated"] == 2


async def test_only_the_last_applied_import_is_undone_and_once(school: School) -> None:
    first = await apply(school, export(1))
    second = await apply(school, export(1, 2, day=1))
    assert (await undo(school, first)).json()["title"] == "Import non annulable"
    assert (await undo(school, second)).status_code == 200
    for done in (first, second):
        assert (await undo(school, done)).status_code == 409
    assert (await post(school, f"/imports/{uuid4()}/undo")).status_code == 404


async def test_rule_13_learners_named_by_a_closed_transfer_stay_and_a_return_can_be_asked(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2, 3))
    done = await apply(school, export(1, day=1))
    gone = {p["family_name"]: p["id"] for p in await learners(school, active=False)}
    transfer_id = await closed(base, gone["NOM002"], school)
    preview = await school.call("siecle_import", "GET", f"/imports/{done['id']}/undoing")
    assert preview.json()["counts"]["reactivated"] == 1
    assert preview.json()["kept"] == [
        {
            "pupil_id": gone["NOM002"],
            "name": "NOM002 Éloi",
            "why": "transferred",
            "transfer_id": str(transfer_id),
            "other_uai": OTHER,
        }
    ]
    await undo(school, done)
    assert [p["id"] for p in await learners(school, active=False)] == [gone["NOM002"]]


async def test_a_transfer_that_was_closed_before_the_import_does_not_hinder_its_undoing(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2))
    for pupil in await learners(school):
        await closed(base, pupil["id"], school)
    done = await apply(school, export(1, day=1))
    assert (await undo(school, done)).status_code == 200
    assert len(await learners(school, active=True)) == 2


async def test_whoever_was_changed_since_stays_as_he_is(school: School) -> None:
    await apply(school, export(1, 2))
    done = await apply(school, export(1, day=1))
    [gone] = await learners(school, active=False)
    headers = {"If-Match": f'"{gone["version"]}"'}
    back = await post(school, f"/pupils/{gone['id']}/return", headers=headers)
    assert back.json()["source"] == "hand"
    preview = await school.call("siecle_import", "GET", f"/imports/{done['id']}/undoing")
    assert [kept["why"] for kept in preview.json()["kept"]] == ["changed-since"]


async def test_a_learner_whom_only_an_undone_import_had_created_is_erased_a_day_later(
    school: School, base: Database
) -> None:
    await apply(school, export(1))
    done = await apply(school, export(1, 2, 3, day=1))
    created = {p["family_name"]: p["id"] for p in await learners(school)}
    await undo(school, done)
    await closed(base, created["NOM003"], school)
    now = dt.datetime(2026, 1, 21, tzinfo=dt.UTC)
    assert await erased(base, now - dt.timedelta(days=1)) == 0, "not before"
    assert await erased(base, now + dt.timedelta(days=1)) == 1
    assert [e["pupil_id"] for e in await events(base, "%erased%")] == [created["NOM002"]]
    assert set(await state(school)) == {"NOM001", "NOM003"}
    async with base.connection() as connection:
        for table in ("import_entry", "import_finding", "import_run"):
            named = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%NOM002%'"
            assert await connection.fetchval(named) == 0, table


async def test_nobody_is_erased_while_an_event_is_parked(school: School, base: Database) -> None:
    done = await apply(school, export(1))
    await undo(school, done)
    later = dt.datetime(2026, 1, 25, tzinfo=dt.UTC)
    async with base.connection() as connection:
        await park(connection, uuid4(), "{}", "Error")
        assert await erased(base, later) == 0
        await connection.execute("DELETE FROM parked")
    assert await erased(base, later) == 1


async def test_an_erasure_during_an_import_ends_neither(
    school: School, base: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner that only an undone import had created comes back with the next file."""
    await apply(school, export(1))
    await undo(school, await apply(school, export(1, 2, day=1)))
    ready = await send(school, export(1, 2, day=2))
    asked, base_of = asyncio.Event(), pupils.base_of

    async def slowly(*given: Any) -> Any:
        found = await base_of(*given)
        asked.set()
        await asyncio.sleep(0.3)
        return found

    monkeypatch.setattr(pupils, "base_of", slowly)
    confirmed = asyncio.create_task(school.confirm(ready))
    await asked.wait()
    assert await erased(base, dt.datetime(2026, 1, 25, tzinfo=dt.UTC)) == 0, "he is back"
    assert (await confirmed)["state"] == "applied"
    assert len(await learners(school, active=True)) == 2


async def test_what_is_kept_for_a_time_only_is_erased_after_it(
    school: School, base: Database
) -> None:
    await apply(school, export(1, {"n": "2", "ID_NATIONAL": None}))
    waiting = await send(school, export(1, 3, day=1))
    await forget(base, dt.datetime(2026, 2, 10, tzinfo=dt.UTC))
    await school.wait_for_import(waiting["id"], {"ready"})
    await forget(base, dt.datetime(2026, 3, 10, tzinfo=dt.UTC))
    given_up = await school.wait_for_import(waiting["id"], {"cancelled"})
    assert await entries(school, given_up, "created") == []
    await forget(base, dt.datetime(2027, 3, 10, tzinfo=dt.UTC))
    answer = await school.call("siecle_import", "GET", "/imports")
    first = answer.json()["imports"][-1]
    assert (first["state"], first["findings"], first["file_name"]) == ("applied", [], None)
    assert first["counts"]["created"] == 2
    assert (await undo(school, first)).json()["title"] == "Import non annulable"
