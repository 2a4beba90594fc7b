"""The commands of operations: `import` and `republish`."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.client import Json, School
from services.siecle_import import republishing
from services.siecle_import.keys import KeyMaker
from shared.database import Database
from tests.integration.siecle_import.support import (
    apply,
    events,
    export,
    learners,
    post,
    send,
)
from tests.support.processes import command
from tests.support.system import System

UAI = "9990001X"


async def imported(
    environment: Mapping[str, str], tmp_path: Path, content: bytes, *options: str, answers: str = ""
) -> tuple[int, str]:
    file = tmp_path / "eleves.xml"
    file.write_bytes(content)
    arguments = ("siecle_import", "import", str(file), "--uai", UAI, *options)
    return await command(*arguments, environment=environment, answers=answers)


async def test_operations_import_a_file_whether_the_service_runs_or_not(
    environment: dict[str, str], tmp_path: Path, database_urls: Mapping[str, str]
) -> None:
    status, said = await imported(environment, tmp_path, export(*range(1, 31)), "--yes")
    assert status == 0, said
    assert "nouveaux" in said
    assert said.rstrip().endswith("eleves.xml : appliqué.")
    status, said = await imported(environment, tmp_path, export(*range(1, 31)), "--yes")
    assert (status, "déjà importé" in said) == (0, True)
    many = export(*range(1, 11), day=1)
    status, said = await imported(environment, tmp_path, many, answers="n\n")
    assert status == 1
    status, said = await imported(environment, tmp_path, many, "--yes", "--deactivations", "19")
    assert (status, "n'est pas celui" in said) == (1, True)
    status, said = await imported(environment, tmp_path, many, "--yes", answers="20\n")
    assert (status, "20 élèves sur 30 seraient désactivés" in said) == (0, True), said
    status, said = await imported(environment, tmp_path, b"no file", "--yes")
    assert (status, "REFUSÉ" in said) == (1, True)


async def test_the_command_and_the_service_work_on_one_base(
    school: School, environment: dict[str, str], tmp_path: Path
) -> None:
    status, said = await imported(environment, tmp_path, export(1, 2), "--yes")
    assert status == 0, said
    assert len(await learners(school)) == 2


async def told_anew(base: Database, keys: KeyMaker, *, restored: bool) -> int:
    sizes = republishing.school_by_school(base, keys, restored=restored)
    return sum([size async for size in sizes])


@pytest.fixture
def second_key(tmp_path: Path) -> KeyMaker:
    (tmp_path / "second.key").write_bytes(b"s" * 32)
    return KeyMaker.from_file(tmp_path / "second.key", 2)


async def test_rule_12_after_a_change_of_key_every_learner_is_told_anew_departed_ones_too(
    school: School, base: Database, second_key: KeyMaker
) -> None:
    await apply(school, export(1, 2, 3))
    await apply(school, export(1, 2, day=1))
    versions = {p["id"]: p["version"] for p in await learners(school)}
    before = {e["pupil_id"]: e for e in await events(base, "%pupil%")}
    assert await told_anew(base, second_key, restored=False) == 3
    assert {p["id"]: p["version"] - 1 for p in await learners(school)} == versions
    again = (await events(base, "%pupil%"))[-3:]
    assert {e["pupil_id"] for e in again} == set(versions)
    for event in again:
        old = before[event["pupil_id"]]
        assert (event["key_version"], event["active"]) == (2, old["active"])
        assert event["keys"][0]["ine_key"] != old["keys"][0]["ine_key"]


async def test_a_republication_goes_on_where_it_was_interrupted(
    importing: System, base: Database, second_key: KeyMaker
) -> None:
    other = "9990002Y"
    async with importing.school(UAI) as a, importing.school(other) as b:
        await apply(a, export(1))
        await apply(b, export(2).replace(UAI.encode(), other.encode()))
        async for _ in republishing.school_by_school(base, second_key, restored=False):
            break
        told = [(await learners(school))[0]["version"] for school in (a, b)]
        assert told == [2, 1]
        assert await told_anew(base, second_key, restored=False) == 1
        assert [(await learners(school))[0]["version"] for school in (a, b)] == [2, 2]


async def test_the_last_import_can_still_be_undone_after_a_republication(
    school: School, base: Database, second_key: KeyMaker
) -> None:
    await apply(school, export(1, 2))
    done = await apply(school, export(1, day=1))
    for restored in (False, True):
        await told_anew(base, second_key, restored=restored)
    undone = await post(school, f"/imports/{done['id']}/undo")
    assert undone.status_code == 200
    assert len(await learners(school, active=True)) == 2


async def test_learners_are_told_anew_while_their_school_imports(
    school: School, base: Database, second_key: KeyMaker
) -> None:
    """Whichever comes first, the newest version is the last state."""
    await apply(school, export(*range(1, 60)))
    ready = await send(school, export(*range(1, 60), day=1, division="AUTRE"))
    await asyncio.gather(
        school.confirm(ready), *(told_anew(base, second_key, restored=False) for _ in range(3))
    )
    newest: dict[str, Json] = {}
    for event in await events(base, "%pupil%"):
        seen = newest.get(event["pupil_id"])
        assert seen is None or seen["version"] != event["version"], "one version, told twice"
        if seen is None or seen["version"] < event["version"]:
            newest[event["pupil_id"]] = event
    assert {p["id"]: p["version"] for p in await all_learners(school)} == {
        pupil: event["version"] for pupil, event in newest.items()
    }


async def all_learners(school: School) -> list[Json]:
    found = await learners(school)
    return found + await learners(school, after=found[-1]["id"])


async def test_rule_12_after_a_restore_versions_stays_and_numbers_are_above_all_that_was_told(
    school: School, base: Database, keys: Path
) -> None:
    await apply(school, export(1, 2))
    await apply(school, export(1, day=1))
    maker = KeyMaker.from_file(keys / "match.key", 1)
    assert await told_anew(base, maker, restored=True) == 2
    assert sorted(p["version"] for p in await learners(school)) == [1_000_001, 1_000_002]
    [*_, in_force] = await events(base, "%import.applied%")
    assert (in_force["number"], in_force["horodatage"][:10]) == (1_000_002, "2025-09-16")
    assert (await apply(school, export(1, 2, day=2)))["number"] == 1_000_003
    [back] = await events(base, "%reactivated%")
    assert (back["stay"], back["version"]) == (1_000_001, 1_000_003)
