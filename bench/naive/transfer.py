"""Who is where, and which transfer that opens: an event at a time."""

import datetime as dt
from typing import Any
from uuid import uuid4

from bench.naive.broker import Event, Told


async def handle(connection: Any, kind: str, event: Event) -> Told:
    """Keep a learner's state and open the transfer that it completes; or close one."""
    if kind == "dossier.transferred":
        return await _close(connection, event)
    birth_date = dt.date.fromisoformat(event["birth_date"])
    kept = await connection.execute(
        """
        INSERT INTO presence (pupil_id, uai, version, active, ine, birth_date)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (pupil_id) DO UPDATE SET uai = EXCLUDED.uai, version = EXCLUDED.version,
            active = EXCLUDED.active, ine = EXCLUDED.ine, birth_date = EXCLUDED.birth_date
        WHERE presence.version < EXCLUDED.version
        """,
        event["pupil_id"],
        event["uai"],
        event["version"],
        event["active"],
        event["ine"],
        birth_date,
    )
    if kept == "INSERT 0 0" or event["ine"] is None:
        return ()
    other = await connection.fetchrow(
        """
        SELECT pupil_id FROM presence
        WHERE ine = $1 AND birth_date = $2 AND active <> $3 AND uai <> $4
        """,
        event["ine"],
        birth_date,
        event["active"],
        event["uai"],
    )
    return await _open(connection, event, str(other["pupil_id"])) if other else ()


async def _open(connection: Any, event: Event, other: str) -> Told:
    pupil = event["pupil_id"]
    origin, destination = (other, pupil) if event["active"] else (pupil, other)
    transfer = await connection.fetchval(
        """
        INSERT INTO transfer (id, state, origin, destination) VALUES ($1, 'requested', $2, $3)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        uuid4(),
        origin,
        destination,
    )
    if transfer is None:
        return ()
    told = {"transfer_id": transfer, "origin": origin, "destination": destination}
    return [("transfer.requested", told)]


async def _close(connection: Any, event: Event) -> Told:
    row = await connection.fetchrow(
        """
        UPDATE transfer SET state = 'closed' WHERE id = $1 AND state = 'requested' RETURNING *
        """,
        event["transfer_id"],
    )
    if row is None:
        return ()
    told = {"transfer_id": row["id"], "origin": row["origin"], "destination": row["destination"]}
    return [("transfer.closed", told)]


async def move(connection: Any, _: str, event: Event) -> Told:
    """Move the records of a transfer: what `dossier` does."""
    await connection.execute(
        "UPDATE record SET pupil_id = $2 WHERE pupil_id = $1", event["origin"], event["destination"]
    )
    return [("dossier.transferred", {"transfer_id": event["transfer_id"]})]
