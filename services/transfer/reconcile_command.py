"""`python -m services.transfer reconcile | set-aside`: the reconcile and its keys, by operations.

`reconcile --all` decides over everything, after a restore (docs/transfer.md, rule 11); `set-aside`
lists where the learners are who were set aside in a rotation of keys (rule 12).
"""

import asyncio
from typing import Annotated

import typer
from asyncpg import Record

from services.transfer.reconcile import reconcile
from services.transfer.settings import TransferSettings
from services.transfer.store import changes
from shared.database import UNAVAILABLE, Database


def reconcile_all(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Décider de nouveau de tout, après une restauration.")
    ] = False,
) -> None:
    """Décide de nouveau de ce qui a changé, et dit combien de transferts cela ouvre ou retire."""
    try:
        found = asyncio.run(_reconcile(everything=everything))
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    typer.echo(f"{found} transferts ouverts ou retirés.")


async def _reconcile(*, everything: bool) -> int:
    settings = TransferSettings()
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        if everything:
            async with database.connection() as connection:
                await changes.begin_anew(connection)
        return await reconcile(database)
    finally:
        await database.close()


def set_aside() -> None:
    """Liste, par établissement, les apprenants mis de côté lors d'un renouvellement des clés."""
    try:
        rows = asyncio.run(_set_aside())
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    for row in rows:
        typer.echo(f"{row['uai']} : {row['number']}")
    typer.echo(f"{sum(row['number'] for row in rows)} apprenants mis de côté.")


async def _set_aside() -> list[Record]:
    settings = TransferSettings()
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        async with database.connection() as connection:
            return await changes.set_aside_by_school(connection)
    finally:
        await database.close()
