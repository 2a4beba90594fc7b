"""What a restored service asks of the others comes whole, page by page."""

import datetime as dt
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.system import System

SINCE = dt.datetime(2026, 1, 20, 8, tzinfo=dt.UTC)
ENTER = {
    "transfer": """
        INSERT INTO transfer (id, state, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, names_differ, requested_at, asked_at, answered_at)
        VALUES ($1, 'closed', '9990001X', gen_random_uuid(), 1, '9990002Y', gen_random_uuid(),
            false, $2, $2, $2)
    """,
    "dossier": """
        INSERT INTO move (transfer_id, outcome, counts, decided_at)
        VALUES ($1, 'transferred', '{}', $2)
    """,
}
FORGET = {
    "transfer": "DELETE FROM transfer WHERE id = $1",
    "dossier": "DELETE FROM move WHERE transfer_id = $1",
}


@pytest.mark.parametrize(("asking", "asked"), [("dossier", "transfer"), ("transfer", "dossier")])
async def test_moves_of_one_moment_come_once_each_even_if_the_last_of_a_page_is_forgotten(
    system: System, asking: str, asked: str
) -> None:
    moments = (SINCE, SINCE, SINCE, SINCE + dt.timedelta(microseconds=1), SINCE, SINCE)
    moves = [(uuid4(), moment) for moment in moments]
    connection = await asyncpg.connect(system.database_urls[asked])
    await connection.executemany(ENTER[asked], moves)
    wanted = [one for one, _ in sorted(moves, key=lambda move: (move[1], move[0]))]
    found: list[UUID] = []
    cursor: dict[str, str] | None = {}
    async with system.client(asking, asked) as client:
        while cursor is not None:
            params = {"since": SINCE.isoformat(), "limit": "2"} | cursor
            page = (await client.get("/restores/moves", params=params)).raise_for_status().json()
            found += [UUID(row["id"]) for row in page["rows"]]
            await connection.execute(FORGET[asked], found[-1])
            cursor = page["next"]
    await connection.close()
    assert found == wanted
