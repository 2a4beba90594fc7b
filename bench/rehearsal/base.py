"""The base that is there before September: every school's learners, by COPY, in the tables of
`siecle_import`, `transfer` and `dossier`; with records of those who will move.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import asyncpg

from bench.rehearsal.nation import MOVERS, PLACES, Nation
from bench.rehearsal.people import known_since, pupil
from services.siecle_import.announce import pupil_event
from services.siecle_import.domain.pupils import Change, Changed, Pupil
from services.siecle_import.identifiers import SchoolYear
from services.siecle_import.keys import KeyMaker
from services.siecle_import.store import pupils
from shared.database import Connection, Database
from shared.events import PupilEvent

BODY = {"texte": "Compétence acquise au cours de la période en entreprise. " * 8}
_KINDS = ("bilan", "fiche", "evaluation", "fiche", "bilan")
_PRESENCE = (
    "pupil_id", "uai", "version", "stay", "active", "since", "activated", "reason", "source", "mef",
    "last_year", "previous_uai", "has_birth_date", "key_version",
)  # fmt: skip


def load(nation: Nation, schools: Sequence[int], urls: Mapping[str, str], key: Path) -> int:
    """Enter these schools into the databases of the three services; how many learners that is."""
    asyncio.run(_load(nation, schools, urls, KeyMaker.from_file(key, 1)))
    return len(schools) * PLACES


async def _load(
    nation: Nation, schools: Sequence[int], urls: Mapping[str, str], keys: KeyMaker
) -> None:
    opened = [await Database.open(url, 1) for url in urls.values()]
    try:
        for database, fill in zip(opened, (_siecle_import, _transfer, _dossier), strict=True):
            async with database.connection() as connection, connection.transaction():
                for school in schools:
                    learners = [pupil(nation, school, place) for place in range(PLACES)]
                    await fill(connection, nation, school, learners, keys)
    finally:
        for database in opened:
            await database.close()


async def _siecle_import(
    connection: Connection, nation: Nation, school: int, learners: Sequence[Pupil], _: KeyMaker
) -> None:
    await pupils.write(connection, [Changed(Change.CREATED, one) for one in learners])
    since, year = known_since(nation), SchoolYear.for_day(nation.day)
    await connection.execute(
        "INSERT INTO school (uai, imports, horodatage, school_year) VALUES ($1, 1, $2, $3)",
        nation.uai(school),
        since,
        year,
    )


async def _transfer(
    connection: Connection, nation: Nation, school: int, learners: Sequence[Pupil], keys: KeyMaker
) -> None:
    events = [pupil_event(Change.CREATED, one, keys) for one in learners]
    since, uai = known_since(nation), nation.uai(school)
    await connection.copy_records_to_table(
        "presence",
        columns=[*_PRESENCE, "changed_at"],
        records=[(*(getattr(e, name) for name in _PRESENCE), since) for e in events],
    )
    await connection.copy_records_to_table("match_key", records=map(_keys, events))
    await connection.execute(
        "INSERT INTO import_in_force VALUES ($1, 1, $2, $3, 'siecle', $2)",
        uai,
        since,
        SchoolYear.for_day(nation.day),
    )
    if not nation.switches_late(school):
        await connection.execute("INSERT INTO participation VALUES ($1, true, 1, $2)", uai, since)


def _keys(event: PupilEvent) -> tuple[object, ...]:
    [keys] = event.keys
    return (
        event.pupil_id, keys.ine_key, keys.birth_key, list(keys.family_keys), list(keys.first_keys),
    )  # fmt: skip


async def _dossier(
    connection: Connection, nation: Nation, _: int, learners: Sequence[Pupil], __: KeyMaker
) -> None:
    since = known_since(nation)
    await connection.copy_records_to_table(
        "learner",
        columns=["pupil_id", "uai", "version", "stay", "active", "mef"],
        records=[(one.id, one.uai, 1, 1, True, one.mef) for one in learners],
    )
    await connection.copy_records_to_table(
        "record",
        columns=["id", "pupil_id", "kind", "title", "diploma", "body", "author", "origin_uai",
                 "written_on", "created_at", "updated_at"],
        records=[
            (uuid4(), one.id, kind, f"Document {i}", "Bac Pro MELEC", BODY, "M. Professeur",
             one.uai, since.date(), since, since)
            for one in learners[:MOVERS]
            for i, kind in enumerate(_KINDS)
        ],
    )  # fmt: skip


async def settle(urls: Mapping[str, str]) -> None:
    """Give the databases the statistics that grown ones have."""
    for url in urls.values():
        connection = await asyncpg.connect(url)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
