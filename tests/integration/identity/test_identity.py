"""No learner's identity leaves `siecle_import`: not into another database, not onto the broker."""

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from tests.integration.test_story import SAMPLES, A, B, check_moved, start
from tests.support.system import System

NAMES = ("MUTÉ", "Maëlys", "ABRIVARD", "BÉCŒUR", "DIAYE", "ŒUVRARD")
NUMBERS = ("990007919HH", "990015838BF", "990324679CC", "990166299AB", "990174218DG")
BIRTH_DATES = ("2009-03-14", "14/03/2009")
IDENTITIES = (*NAMES, *NUMBERS, *BIRTH_DATES)


def found_in(text: bytes) -> set[str]:
    """The identities that stand in `text`, in any encoding a program might choose."""
    lower = text.lower()
    return {
        identity
        for identity in IDENTITIES
        for encoding in ("utf-8", "iso-8859-15", "utf-16-le")
        for form in (identity, identity.lower())
        if form.encode(encoding) in text or form.encode(encoding) in lower
    }


async def dump(url: str) -> bytes:
    """Every row of every table of a database, as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        rows = [
            row[0]
            for table in tables
            for row in await connection.fetch(f'SELECT t::text FROM "{table[0]}" t')
        ]
    finally:
        await connection.close()
    return "\n".join(rows).encode()


@pytest.fixture
async def story(system: System) -> str:
    """The story played to its end; the id of the learner who moved."""
    async with system.school(A) as a, system.school(B) as b:
        old = await start(a, b)
        await a.switch(active=True)
        await b.switch(active=True)
        await a.import_file(SAMPLES / "A_import2_absent.xml")
        await b.import_file(SAMPLES / "B_import2_arrive.xml")
        await check_moved(a, b, old)
    return old


async def test_the_other_databases_hold_no_identity(
    story: str, database_urls: Mapping[str, str]
) -> None:
    base = await dump(database_urls["siecle_import"])
    assert found_in(base) >= {"MUTÉ", "990324679CC", "2009-03-14"}, "the search finds what is there"
    for service in ("transfer", "dossier"):
        text = await dump(database_urls[service])
        assert story.encode() in text, "the learner is there, by his id"
        assert found_in(text) == set(), service


async def test_the_brokers_disk_holds_no_identity(story: str, broker_folder: Path | None) -> None:
    if broker_folder is None:
        pytest.skip("the broker is not of this session's making: its disk is out of reach")
    files = [path for path in broker_folder.rglob("*") if path.is_file()]
    content = {path: path.read_bytes() for path in files}
    assert any(story.encode() in data for data in content.values()), "events are on the disk"
    for path, data in content.items():
        assert found_in(data) == set(), path.name
