"""`python -m services.siecle_import republish`: tell every learner anew, at a higher version.

After a change of the key that match keys are made with (`CPRO_MATCH_KEY_FILE`, and a higher
`CPRO_MATCH_KEY_VERSION`): every learner, departed ones too, is told with his new keys. After a
restore of the database (`--restored`): versions and the numbers of imports go up by a million,
above all that was told before the loss, and later stays count from there (docs/imports.md). A
republication that was interrupted goes on where it stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import typer
from rich.progress import Progress
from uuid_utils.compat import uuid7

from services.siecle_import.announce import import_applied, merge_event, pupil_event
from services.siecle_import.domain.pupils import Change, Pupil
from services.siecle_import.keys import KeyMaker
from services.siecle_import.settings import ImportSettings
from services.siecle_import.store import pupils
from services.siecle_import.store import republications as store
from shared.database import Connection, Database, Transaction
from shared.events import PupilMerged
from shared.identifiers import Uai

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
            async for told in school_by_school(database, keys, restored=restored):
                progress.advance(task, told)
    finally:
        await database.close()


async def school_by_school(
    database: Database, keys: KeyMaker, *, restored: bool
) -> AsyncIterator[int]:
    """Go through all schools, each under its lock in a transaction of its own; gives the number of
    learners of each.
    """
    async with database.transaction() as transaction:
        begun = await store.begin(transaction.connection, uuid7(), keys.version, restored=restored)
    more = True
    while more:
        async with database.transaction() as transaction:
            uai = await store.next_school(transaction.connection, begun)
            told = await _tell(transaction, uai, keys, restored=restored) if uai else 0
            await store.advance(transaction.connection, begun, uai)
        more = uai is not None
        yield told


async def _tell(transaction: Transaction, uai: Uai, keys: KeyMaker, *, restored: bool) -> int:
    """Tell the learners of a school anew, its merges and its import in force. Of those a listener
    that holds them takes nothing; one that was restored to an earlier moment does.
    """
    connection = transaction.connection
    await pupils.lock_school(connection, uai)
    people = await store.raise_versions(connection, uai, RESTORED if restored else 1)
    transaction.publish(
        pupil_event(Change.UPDATED, pupil, keys) for pupil in people if pupil.merged_into is None
    )
    if restored:
        await store.raise_numbers(connection, uai, RESTORED)
    transaction.publish(await _merges(connection, uai, people))
    in_force = await pupils.in_force(connection, uai)
    number = await pupils.number_of_imports(connection, uai)
    transaction.publish([import_applied(uai, number, in_force, [])] if number else [])
    return len(people)


async def _merges(connection: Connection, uai: Uai, people: Sequence[Pupil]) -> list[PupilMerged]:
    """Who goes on as whom in a school, and who is himself again."""
    by_id = {pupil.id: pupil for pupil in people}
    undone = await store.undone_merges(connection, uai)
    now = [merge_event(by_id[p.merged_into], p) for p in people if p.merged_into in by_id]
    before = [
        merge_event(by_id[survivor], by_id[merged], undone=True)
        for merged, survivor in undone.items()
        if survivor in by_id
    ]
    return [*now, *before]
