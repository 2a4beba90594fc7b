"""Bringing a school's base up to a file, a transaction and an awaited publish a pupil."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from bench.naive.broker import Event, Pool, Publish, Told
from bench.naive.reading import Fields


async def apply(pool: "Pool[Any]", uai: str, pupils: Sequence[Fields], publish: Publish) -> None:
    """Enter or change each pupil of the file, then deactivate each one that it lacks."""
    for pupil in pupils:
        await _follow(pool, uai, pupil, publish)
    present = {pupil["ELEVE_ID"] for pupil in pupils}
    rows = await pool.fetch("SELECT * FROM pupil WHERE uai = $1 AND active", uai)
    for row in rows:
        if row["eleve_id"] not in present:
            async with pool.acquire() as connection, connection.transaction():
                gone = await connection.fetchrow(
                    """
                    UPDATE pupil SET active = false, version = version + 1 WHERE id = $1
                    RETURNING *
                    """,
                    row["id"],
                )
                await publish(connection, "pupil.deactivated", _event(gone))


async def _follow(pool: "Pool[Any]", uai: str, pupil: Fields, publish: Publish) -> None:
    values = (
        pupil["NOM_DE_FAMILLE"],
        pupil["PRENOM"],
        day(pupil["DATE_NAISS"]),
        pupil.get("ID_NATIONAL") or pupil.get("INE_RNIE"),
        pupil.get("CODE_MEF"),
        pupil.get("DIVISION"),
        True,
    )
    async with pool.acquire() as connection, connection.transaction():
        known = await connection.fetchrow(
            "SELECT * FROM pupil WHERE uai = $1 AND eleve_id = $2", uai, pupil["ELEVE_ID"]
        )
        if known is None:
            row = await connection.fetchrow(
                """
                INSERT INTO pupil (id, uai, eleve_id, family_name, first_name, birth_date, ine,
                    mef, division, active, version)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) RETURNING *
                """,
                uuid4(),
                uai,
                pupil["ELEVE_ID"],
                *values,
            )
            await publish(connection, "pupil.created", _event(row))
        elif values != tuple(known)[3:10]:
            row = await connection.fetchrow(
                """
                UPDATE pupil SET family_name = $2, first_name = $3, birth_date = $4, ine = $5,
                    mef = $6, division = $7, active = $8, version = version + 1
                WHERE id = $1 RETURNING *
                """,
                known["id"],
                *values,
            )
            await publish(connection, "pupil.updated", _event(row))


def day(text: str | None) -> dt.date:
    """A day as SIECLE writes it."""
    return dt.datetime.strptime(text or "", "%d/%m/%Y").date()  # noqa: DTZ007 - a day


def _event(row: Any) -> Event:
    fields = ("uai", "version", "active", "ine", "birth_date")
    return {"pupil_id": row["id"]} | {field: row[field] for field in fields}


async def mark(connection: Any, _: str, event: Event) -> Told:
    """Note that a closed transfer names both learners."""
    await connection.execute(
        "UPDATE pupil SET transferred = true WHERE id IN ($1, $2)",
        event["origin"],
        event["destination"],
    )
    return ()


async def note(connection: Any, kind: str, event: Event) -> None:
    """Tell an event by a row of the outbox, in the place of a publish."""
    await connection.execute(
        "INSERT INTO outbox (id, routing_key, body) VALUES ($1, $2, $3)",
        uuid4(),
        kind,
        json.dumps(event, default=str).encode(),
    )
