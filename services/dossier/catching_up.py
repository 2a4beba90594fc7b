"""`python -m services.dossier catch-up`: make the moves again that a restored base has lost.

Run before the service starts (docs/restore.md), that is before it hears of later stays, merges and
erasures: a move that was made before one of them must be made again before it.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import typer

from services.dossier.handlers import handle
from services.dossier.settings import DossierSettings
from services.dossier.store import moves, restores
from shared.asking import CannotAskError, pages
from shared.database import UNAVAILABLE, Database
from shared.events import Side, TransferRequested, TransferWithdrawn
from shared.identifiers import Uai
from shared.messaging.consumer import Batch

MARGIN = dt.timedelta(hours=1)
"""Between the clocks of two services."""
LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Json = Mapping[str, Any]


@dataclass
class Outcome:
    """How many transfers were decided again, and what these and others have brought too few of:
    records by kind, by transfer.
    """

    again: int = 0
    missing: dict[str, dict[str, int]] = field(default_factory=dict)


def catch_up() -> None:
    """Refait les transferts que la base restaurée ne connaît pas ; dit quels documents manquent."""
    try:
        outcome, until = asyncio.run(_catch_up())
    except CannotAskError:
        raise SystemExit(
            "transfer ne répond pas comme attendu (CPRO_TRANSFER_URL, CPRO_SIGNING_KEY_FILE) : "
            "relancez la commande, rien n'est fait deux fois."
        ) from None
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    typer.echo(f"{outcome.again} décisions reprises de transfer.")
    for named, kinds in outcome.missing.items():
        lost = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        typer.echo(f"Documents perdus, transfert {named} : {lost}.")
    since = f"{until:%d/%m/%Y %H:%M} UTC" if until else "toujours"
    typer.echo(
        f"À renvoyer par les modules, depuis la sauvegarde (dernier transfert connu : {since}) : "
        "documents, pièces jointes, modifications ; par les établissements : remarques."
    )


async def _catch_up() -> tuple[Outcome, dt.datetime | None]:
    settings = DossierSettings()
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        async with database.connection() as connection:
            last = await restores.last_decision(connection)
        since = (last - MARGIN if last else LONG_AGO).isoformat()
        told = pages(settings, settings.transfer_url, "/restores/moves", since=since)
        return await decide_again(database, told), last
    finally:
        await database.close()


async def decide_again(database: Database, told: AsyncIterable[Sequence[Json]]) -> Outcome:
    """Decide again what this base does not know, one by one in the order of the former answers: a
    move may rest on another.
    """
    outcome = Outcome()
    async for page in told:
        async with database.connection() as connection:
            rows = await moves.decisions(connection, [UUID(one["id"]) for one in page])
        known = {str(row["transfer_id"]) for row in rows}
        for one in page:
            if one["id"] not in known:
                await _decide(database, one)
                outcome.again += 1
        outcome.missing |= await _compare(database, page)
    return outcome


async def _decide(database: Database, told: Json) -> None:
    event = TransferWithdrawn(transfer_id=told["id"])
    async with database.transaction() as transaction:
        request = None if told["state"] == "cancelled" else _request(told)
        await handle(transaction, Batch([request or event]))


def _request(told: Json) -> TransferRequested:
    return TransferRequested(
        transfer_id=told["id"],
        origin=Side(uai=Uai(told["origin_uai"]), pupil_id=told["origin_pupil"]),
        origin_stay=told["origin_stay"],
        destination=Side(uai=Uai(told["destination_uai"]), pupil_id=told["destination_pupil"]),
        reverses=told["reverses"],
    )


async def _compare(database: Database, page: Sequence[Json]) -> dict[str, dict[str, int]]:
    """What each transfer had brought and has not brought now, by kind; later parts count on."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        rows = await moves.decisions(connection, [UUID(one["id"]) for one in page])
        await restores.raise_parts(connection, {UUID(one["id"]): one["part"] for one in page})
    brought = {str(row["transfer_id"]): row["counts"] or {} for row in rows}
    found = {}
    for one in page:
        now = brought.get(one["id"], {})
        fewer = {
            k: n - now.get(k, 0) for k, n in (one["counts"] or {}).items() if n > now.get(k, 0)
        }
        if fewer:
            found[f"{one['id']} ({one['origin_uai']} → {one['destination_uai']})"] = fewer
    return found
