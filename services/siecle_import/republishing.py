"""`python -m services.siecle_import republish`: tell every learner anew, at a higher version.

After a change of the key that match keys are made with (`CPRO_MATCH_KEY_FILE`, and a higher
`CPRO_MATCH_KEY_VERSION`): every learner, departed ones too, is told with his new keys. After a
restore of the database (`--restored`): versions go up by a million, above all that was told before
the loss, and later stays count from there. A republication that was interrupted goes on where it
stopped.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from rich.progress import Progress
from uuid_utils.compat import uuid7

from services.siecle_import.announce import pupil_event
from services.siecle_import.domain.pupils import Change
from services.siecle_import.keys import KeyMaker
from services.siecle_import.settings import ImportSettings
from services.siecle_import.store import pupils
from services.siecle_import.store import republications as store
from shared.database import Database

BATCH = 1_000
RESTORED = 1_000_000


def republish(
    *,
    restored: Annotated[
        bool, typer.Option("--restored", help="Après une restauration de la base.")
    ] = False,
) -> None:
    """Annonce à nouveau tous les apprenants, avec des clés nouvelles ou après une restauration."""
    asyncio.run(_republish(restored=restored))


async def _republish(*, restored: bool) -> None:
    settings = ImportSettings()
    keys = KeyMaker.from_settings(settings)
    database = await Database.open(settings.database_url.get_secret_value(), 2)
    try:
        with Progress() as progress:
            async with database.connection() as connection:
                total = await pupils.count(connection)
            task = progress.add_task("Apprenants annoncés", total=total)
            async for done in batches(database, keys, restored=restored):
                progress.advance(task, done)
    finally:
        await database.close()


async def batches(database: Database, keys: KeyMaker, *, restored: bool) -> AsyncIterator[int]:
    """Go through all learners, a transaction a batch; gives the size of each."""
    async with database.transaction() as transaction:
        begun = await store.begin(transaction.connection, uuid7(), keys.version, restored=restored)
    more = True
    while more:
        async with database.transaction() as transaction:
            after = await store.lock(transaction.connection, begun)
            people = await pupils.next_to_republish(
                transaction.connection, after, BATCH, RESTORED if restored else 1
            )
            transaction.publish(
                pupil_event(Change.UPDATED, p, keys) for p in people if p.merged_into is None
            )
            more = len(people) == BATCH
            await store.advance(
                transaction.connection, begun, people[-1].id if people else after, ended=not more
            )
        yield len(people)
