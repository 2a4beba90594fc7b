"""The life of an import: received, read, previewed, confirmed, applied; or otherwise ended."""

import asyncio
import io
import json
import secrets
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.client import Json, School, Sign, eventually
from services.siecle_import import importing, steps
from services.siecle_import.__main__ import service
from services.siecle_import.files.reading import read
from services.siecle_import.keys import KeyMaker
from services.siecle_import.store import imports, pupils
from shared.clock import Clock
from shared.database import Database
from shared.identifiers import Uai
from tests.integration.siecle_import.support import (
    apply,
    entries,
    events,
    export,
    learners,
    post,
    send,
)
from tests.support.system import running
from tests.unit.siecle_import.files import SAMPLES


async def test_a_file_is_previewed_and_nothing_changes_before_it_is_confirmed(
    school: School,
) -> None:
    ready = await send(school, export(1, 2))
    assert (ready["state"], ready["kind"], ready["progress"]) == ("ready", "eleves", 100)
    assert ready["counts"]["created"] == 2
    assert await learners(school) == []
    applied = await school.confirm(ready)
    assert (applied["state"], applied["number"]) == ("applied", 1)
    assert (applied["sent_by"], applied["confirmed_by"]) == (f"direction-{school.uai}",) * 2
    assert len(await learners(school)) == 2


async def followed(school: School, import_id: str) -> list[Json]:
    """All that the stream of an import says."""
    answer = await school.call("siecle_import", "GET", f"/imports/{import_id}/progress")
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in data]


async def test_an_import_is_followed_by_server_sent_events_until_it_waits_for_a_person(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:

    def later(*given: Any, **named: Any) -> Any:
        time.sleep(0.5)  # long enough for the stream to begin
        return read(*given, **named)

    monkeypatch.setattr(steps, "read", later)
    headers = {"Idempotency-Key": str(uuid4())}
    content = export(*range(1, 400))
    sent = await school.call("siecle_import", "POST", "/imports", content=content, headers=headers)
    told = await followed(school, sent.json()["id"])
    assert told[0]["state"] == "received"
    assert (told[-1]["state"], told[-1]["counts"]["created"]) == ("ready", 399)
    assert len(await followed(school, sent.json()["id"])) == 1


async def test_the_stream_of_an_unknown_import_is_a_problem(school: School) -> None:
    answer = await school.call("siecle_import", "GET", f"/imports/{uuid4()}/progress")
    assert (answer.status_code, answer.json()["title"]) == (404, "Import inconnu")


async def test_a_service_that_stops_ends_its_streams(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    reading = asyncio.Event()

    async def never(*_: Any) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(steps, "_read", never)
    async with running([service], database_urls, vhost, keys, sign) as system:
        school = system.school("9990001X")
        headers = {"Idempotency-Key": "x"}
        sent = await school.call(
            "siecle_import", "POST", "/imports", content=export(1), headers=headers
        )
        stream = asyncio.create_task(followed(school, sent.json()["id"]))
        await reading.wait()
    async with school:
        assert [one["state"] for one in await asyncio.wait_for(stream, 5)] == ["received"]


async def received(database: Database) -> UUID:
    """An import that nobody works on yet."""
    import_id = uuid4()
    async with database.transaction() as transaction:
        await importing.receive(
            transaction, Uai("9990001X"), io.BytesIO(export(1)), file_name=None,
            sent_by="direction", received_at=Clock().now(), import_id=import_id,
        )  # fmt: skip
    return import_id


@pytest.mark.parametrize("error", [pupils.StaleBaseError, asyncio.CancelledError])
@pytest.mark.parametrize("cut", [False, True])
async def test_an_import_whose_step_fails_is_left_to_whoever_comes_next(
    database_urls: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    cut: bool,
) -> None:
    database = await Database.open(database_urls[service.name], 4)
    another = await asyncpg.connect(database_urls[service.name])  # outside of the pool

    async def nobody_is_connected() -> bool:
        return not database.pool.get_size()

    async def fails(*_: Any) -> None:
        if cut:
            await another.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await eventually(nobody_is_connected, "the cut to be noticed")
        raise error

    monkeypatch.setattr(steps, "_read", fails)
    try:
        import_id = await received(database)
        with pytest.raises(error):
            await steps.work(database, Clock(), KeyMaker(secrets.token_bytes(32), 1))
        await eventually(partial(imports.try_to_own, another, import_id), "another owner")
    finally:
        await another.close()
        await database.close()


async def test_the_same_content_again_is_recognised_and_changes_nothing(
    school: School, base: Database
) -> None:
    first = await apply(school, export(1, 2))
    told = len(await events(base))
    again = await send(school, export(1, 2))
    assert (again["state"], again["same_as"]) == ("seen", first["id"])
    assert len(await events(base)) == told


async def test_the_same_content_is_applied_if_the_base_has_changed_since(school: School) -> None:
    await apply(school, export(1, 2))
    await apply(school, export(1, day=1))
    back = await send(school, export(1, 2))
    assert back["state"] == "ready"
    assert [one["code"] for one in back["confirmations"]] == ["older_file"]
    message = "Ce fichier date du 15/09/2025 18:02 : il est plus ancien que le dernier import "
    assert back["confirmations"][0]["message"].startswith(f"{message}(16/09/2025 18:02).")


async def test_another_file_without_difference_is_applied_and_told(
    school: School, base: Database
) -> None:
    await apply(school, export(1, 2))
    applied = await apply(school, export(1, 2, day=3))
    assert applied["number"] == 2
    [_, second] = await events(base, "%import.applied%")
    assert (second["number"], second["deactivated"]) == (2, [])
    assert second["horodatage"] == "2025-09-18T18:02:31+02:00"
    assert len(await events(base, "%pupil%")) == 2


async def test_an_import_can_be_given_up_and_a_new_one_sent(school: School) -> None:
    ready = await send(school, export(1))
    given_up = await post(school, f"/imports/{ready['id']}/cancel")
    assert given_up.json()["state"] == "cancelled"
    assert given_up.json()["ended_by"] == f"direction-{school.uai}"
    again = await post(school, f"/imports/{ready['id']}/confirm", json={})
    assert again.json()["title"] == "Import déjà traité"
    assert await entries(school, ready, "created") == []
    assert (await apply(school, export(1)))["number"] == 1


async def test_a_newer_file_supersedes_the_one_that_waits(school: School) -> None:
    first = await send(school, export(1))
    second = await send(school, export(1, 2, day=1))
    assert (await school.wait_for_import(first["id"], {"superseded"}))["counts"]["created"] == 1
    assert (await school.confirm(second))["counts"]["created"] == 2


async def test_a_school_may_want_that_what_needs_no_confirmation_is_applied_at_once(
    school: School,
) -> None:
    route = "/import-preferences"
    read = await school.call("siecle_import", "GET", route)
    assert read.json() == {"apply_at_once": False}
    headers = {"If-Match": read.headers["ETag"]}
    wanted = {"apply_at_once": True}
    put = await school.call("siecle_import", "PUT", route, json=wanted, headers=headers)
    assert put.json() == wanted
    again = await school.call("siecle_import", "PUT", route, json=wanted, headers=headers)
    assert again.status_code == 412
    first = await send(school, export(*range(1, 31)))
    applied = await school.wait_for_import(first["id"], {"applied"})
    assert applied["confirmed_by"] == f"direction-{school.uai}"
    many = await send(school, export(*range(1, 21), day=1))
    assert (many["state"], many["confirmations"][0]["number"]) == ("ready", 10)


async def test_more_to_confirm_than_was_shown_is_asked_for_again(
    school: School, base: Database
) -> None:
    """The base has moved between the preview and its application."""
    await apply(school, export(*range(1, 21)))
    ready = await send(school, export(*range(6, 21), day=1))
    assert ready["confirmations"] == []
    async with base.connection() as connection:
        await connection.execute(
            "UPDATE pupil SET rnie = NULL, eleve_id = NULL, family_name = 'AUTRE'"
            " WHERE eleve_id = '700006'"
        )
    await post(school, f"/imports/{ready['id']}/confirm", json={})
    asked = await school.wait_for_import(ready["id"], {"ready", "applied"})
    assert (asked["state"], asked["confirmations"][0]["number"]) == ("ready", 6)
    assert asked["confirmed_by"] is None
    assert (await school.confirm(asked))["counts"]["deactivated"] == 6


async def test_a_step_that_keeps_failing_ends_the_import_and_frees_the_school(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(steps, "read", broken)
        assert (await send(school, export(1)))["state"] == "failed"
    assert (await apply(school, export(1)))["number"] == 1


async def test_only_one_import_of_a_school_is_under_way(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def later(*_: Any) -> None:
        return

    with monkeypatch.context() as patched:
        patched.setattr(steps, "_read", later)
        answers = [
            await school.call(
                "siecle_import", "POST", "/imports", content=export(1),
                headers={"Idempotency-Key": str(number)},
            )
            for number in range(2)
        ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [202, 409]
    assert answers[1].json()["title"] == "Import en cours"
    await school.wait_for_import(answers[0].json()["id"], {"ready", "failed"})


async def test_a_nomenclature_is_refused_by_its_name_and_its_kind_is_told(school: School) -> None:
    content = (SAMPLES / "valides/10_Nomenclature.xml").read_bytes()
    refused = await send(school, content)
    assert (refused["state"], refused["kind"]) == ("refused", "nomenclature")
    [group] = refused["findings"]
    assert group["messages"][0].startswith("Ce fichier est un export Nomenclature : déposez ")


async def test_the_history_says_who_when_what_file_and_what_came_of_it(
    school: School, base: Database
) -> None:
    await apply(school, export(1))
    await send(school, b"<html></html>", "page.html")
    answer = await school.call("siecle_import", "GET", "/imports")
    [refused, applied] = answer.json()["imports"]
    assert (refused["state"], refused["file_name"]) == ("refused", "page.html")
    assert (applied["state"], applied["horodatage"]) == ("applied", "2025-09-15T16:02:31Z")
    async with base.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM import_chunk") == 0
        assert await connection.fetchval("SELECT count(reading) FROM import_run") == 0


async def test_an_import_that_loses_its_database_at_each_step_is_done_by_the_next_process(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Each step is left half done in one run of the service, and done by the next."""

    async def dies(*_: Any, **__: Any) -> None:
        raise OSError("as if the connection had been cut here")

    def running_system() -> Any:
        return running([service], database_urls, vhost, keys, sign)

    with monkeypatch.context() as patched:
        patched.setattr(imports, "keep_lists", dies)  # after the state was written
        async with running_system() as system, system.school("9990001X") as school:
            headers = {"Idempotency-Key": "x"}
            sent = await school.call(
                "siecle_import", "POST", "/imports", content=export(1, 2), headers=headers
            )
            await _attempted(database_urls)
    async with running_system() as system, system.school("9990001X") as school:
        ready = await school.wait_for_import(sent.json()["id"], {"ready"})
    with monkeypatch.context() as patched:
        patched.setattr(pupils, "set_in_force", dies)  # after the learners were written
        async with running_system() as system, system.school("9990001X") as school:
            await post(school, f"/imports/{ready['id']}/confirm", json={})
            await _attempted(database_urls)
            assert await learners(school) == []
    async with running_system() as system, system.school("9990001X") as school:
        await school.wait_for_import(ready["id"], {"applied"})
        assert len(await learners(school)) == 2


async def _attempted(database_urls: Mapping[str, str]) -> None:
    """Return when the step under way has been tried twice."""

    database = await Database.open(database_urls["siecle_import"], 2)

    async def probe() -> bool:
        async with database.connection() as connection:
            return bool(await connection.fetchval("SELECT bool_or(attempts > 1) FROM import_run"))

    await eventually(probe, "a second attempt")
    await database.close()
