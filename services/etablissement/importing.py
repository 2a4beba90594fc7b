"""The import of the public directory: receive a file, say what it would change, apply it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import IO
from uuid import UUID

from services.etablissement import directory
from services.etablissement.domain.cards import TOLD
from services.etablissement.domain.errors import UnknownDirectoryImportError
from services.etablissement.registry import By, told
from services.etablissement.store import directory as store
from shared.database import Transaction

AT_ONCE = 2_000
"""Lines that are read, and events that are made, before others may go on."""


async def receive(transaction: Transaction, import_id: UUID, source: IO[bytes], by: By) -> None:
    """Read a file and note what it would change; nothing changes yet.

    Raises:
        UnreadableDirectoryError: it is no directory of schools; nothing is kept.
    """
    connection, report = transaction.connection, directory.Report()
    await store.keep(connection, import_id, by.who, by.at)
    await store.add(connection, _lines(import_id, directory.lines(source, report)))
    counts = await store.preview(connection, import_id)
    counts |= {"read": report.read, "refused": report.refused}
    counts |= {f"left_out_{name}": count for name, count in report.left_out.items()}
    await store.report(connection, import_id, counts, report.listed)


async def _lines(
    import_id: UUID, lines: Iterator[directory.Line]
) -> AsyncIterator[tuple[object, ...]]:
    """The lines of a file with its import, read beside what else the service does."""
    while batch := await asyncio.to_thread(lambda: list(islice(lines, AT_ONCE))):
        for line in batch:
            yield (import_id, *line)


async def apply(transaction: Transaction, import_id: UUID, by: By) -> None:
    """Write what a file says into the registry, and tell of the schools that are new or whose
    change matters to others. Nothing happens to one that was applied.

    Raises:
        UnknownDirectoryImportError: there is none, or it was forgotten.
    """
    connection = transaction.connection
    state = await store.lock(connection, import_id)
    if state is None:
        raise UnknownDirectoryImportError
    if state == "applied":
        return
    rows = await store.apply(connection, import_id, by.who, by.at)
    await store.close(connection, import_id, by.who, by.at)
    for place, row in enumerate(rows):
        if not row["fields"] or TOLD.intersection(row["fields"]):
            transaction.publish([told(dict(row))])
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
