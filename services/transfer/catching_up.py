"""`python -m services.transfer catch-up`: what `dossier` has moved and a restored base has lost.

Run before the service starts (docs/restore.md). Nothing is decided here: learners are as they were
when the backup was made, and `siecle_import` tells them anew later.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import typer

from services.transfer.deciding import closed
from services.transfer.settings import TransferSettings
from services.transfer.store import restores, single_file, transfers
from shared.asking import CannotAskError, pages
from shared.database import UNAVAILABLE, Database
from shared.events import DossierTransferred, DossierTransferRefused

MARGIN = dt.timedelta(hours=1)
"""Between the clocks of two services, and between an answer and its arrival."""
LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Json = Mapping[str, Any]


def catch_up() -> None:
    """Reprend de dossier les transferts que la base restaurée ignore ; dit quoi ressaisir."""
    try:
        taken, until = asyncio.run(_catch_up())
    except CannotAskError:
        raise SystemExit(
            "dossier ne répond pas comme attendu (CPRO_DOSSIER_URL, CPRO_SIGNING_KEY_FILE) : "
            "relancez la commande, rien n'est repris deux fois."
        ) from None
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    typer.echo(f"{taken} transferts repris de dossier.")
    since = f"{until:%d/%m/%Y %H:%M} UTC" if until else "toujours"
    typer.echo(
        f"À ressaisir par les établissements, depuis {since} : activation des transferts, "
        "oppositions, avis sur les rapprochements, propositions à la main et leurs autorisations."
    )


async def _catch_up() -> tuple[int, dt.datetime | None]:
    settings = TransferSettings()
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        async with database.connection() as connection:
            until = await restores.last_change(connection)
            last = await restores.last_answer(connection)
        since = (last - MARGIN if last else LONG_AGO).isoformat()
        told = pages(settings, settings.dossier_url, "/restores/moves", since=since)
        return await take_over(database, told), until
    finally:
        await database.close()


async def take_over(database: Database, told: AsyncIterable[Sequence[Json]]) -> int:
    """Enter and close what `dossier` has moved, one by one in the order of its decisions, since one
    move may rest on another; returns how many this base did not know, or had not closed.
    """
    taken = 0
    async for page in told:
        for move in page:
            taken += await _take(database, move)
    return taken


async def _take(database: Database, move: Json) -> bool:
    async with database.transaction() as transaction:
        connection = transaction.connection
        await single_file(connection)
        transfer_id = UUID(move["id"])
        if move["outcome"] != "transferred":
            refused = DossierTransferRefused(transfer_id=transfer_id, reason=move["outcome"])
            return bool(await transfers.cancel(connection, [refused]))
        if move["origin_uai"] and move["destination_uai"]:  # moves of earlier versions lack them
            await restores.enter(connection, _typed(move))
        answer = DossierTransferred(
            transfer_id=transfer_id,
            counts=move["counts"],
            part=move["part"],
            left=move["left_behind"],
        )
        rows = await transfers.close(connection, [answer])
        transaction.publish(closed(row) for row in rows)
        return bool(rows)


def _typed(move: Json) -> Json:
    ids = ("id", "origin_pupil", "destination_pupil", "reverses")
    return {
        **move,
        **{name: move[name] and UUID(move[name]) for name in ids},
        "decided_at": dt.datetime.fromisoformat(move["decided_at"]),
    }
