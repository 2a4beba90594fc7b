"""The commands of operations: `import` and `republish`."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.client import School
from services.siecle_import import republishing
from services.siecle_import.keys import KeyMaker
from shared.database import Database
from tests.integration.siecle_import.support import apply, events, export, learners
from tests.support.processes import command

UAI = "9990001X"


@pytest.fixture
def environment(database_urls: Mapping[str, str], keys: Path) -> dict[str, str]:
    return {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_TODAY": "2026-01-20",
        "CPRO_DATABASE_URL": database_urls["siecle_import"],
        "CPRO_AMQP_URL": "amqp://nowhere",
        "CPRO_MATCH_KEY_FILE": str(keys / "match.key"),
    }


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


async def test_after_a_change_of_key_every_learner_is_told_anew_departed_ones_too(
    school: School, base: Database, keys: Path
) -> None:
    await apply(school, export(1, 2, 3))
    await apply(school, export(1, 2, day=1))
    versions = {p["id"]: p["version"] for p in await learners(school)}
    told = len(await events(base, "%pupil%"))
    second = KeyMaker.from_file(keys / "match.key", 2)
    sizes = [size async for size in republishing.batches(base, second, restored=False)]
    assert sum(sizes) == 3
    assert {p["id"]: p["version"] - 1 for p in await learners(school)} == versions
    again = (await events(base, "%pupil%"))[told:]
    assert {e["pupil_id"] for e in again} == set(versions)
    assert {e["key_version"] for e in again} == {2}
    assert [e["active"] for e in sorted(again, key=lambda e: e["active"])] == [False, True, True]


async def test_a_republication_goes_on_where_it_was_interrupted(
    school: School, base: Database, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await apply(school, export(1, 2, 3))
    monkeypatch.setattr(republishing, "BATCH", 2)
    maker = KeyMaker.from_file(keys / "match.key", 2)
    async for _ in republishing.batches(base, maker, restored=False):
        break
    assert sorted(p["version"] for p in await learners(school)) == [1, 2, 2]
    assert [size async for size in republishing.batches(base, maker, restored=False)] == [1]
    assert [p["version"] for p in await learners(school)] == [2, 2, 2]


async def test_after_a_restore_versions_and_later_stays_are_above_all_that_was_told(
    school: School, base: Database, keys: Path
) -> None:
    await apply(school, export(1, 2))
    await apply(school, export(1, day=1))
    maker = KeyMaker.from_file(keys / "match.key", 1)
    assert [size async for size in republishing.batches(base, maker, restored=True)] == [2]
    assert sorted(p["version"] for p in await learners(school)) == [1_000_001, 1_000_002]
    await apply(school, export(1, 2, day=2))
    [back] = await events(base, "%reactivated%")
    assert (back["stay"], back["version"]) == (1_000_001, 1_000_003)
