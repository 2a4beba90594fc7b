"""Takes in the tables of an académie: first to see what a file would change, then to do it.

The preview is the application itself, taken back at the end: what it says is what happens.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from services.inspector_access.domain.cells import lines_of
from services.inspector_access.domain.lines import Judged, judge
from services.inspector_access.domain.tables import Table, read
from services.inspector_access.settling import By, settle
from services.inspector_access.store import registry, single_file
from shared.database import Database, Transaction
from shared.events import InspectorAccessToggled
from shared.web.preconditions import CHANGED_MEANWHILE, VERSION_DIGITS
from shared.web.problems import ProblemError

_OPENS = (Table.REFERENTS, Table.SUBSCRIPTIONS)
"""The tables that open and close accesses."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a file changes, and how many mails that sends; `version` is a number that differs when
    the file or its effect does.
    """

    judged: Judged
    opened: int
    closed: int
    version: int


class _TakenBack(Exception):  # noqa: N818 - never leaves the module
    """Ends the transaction of a preview."""


async def preview(
    database: Database, table: Table, academie: str, content: bytes, by: By
) -> Effect:
    """What a file would change.

    Raises:
        UnreadableFileError
    """
    with suppress(_TakenBack):
        async with database.transaction() as transaction:
            effect = await _take(transaction, table, academie, content, by)
            raise _TakenBack
    return effect


async def apply(
    database: Database, table: Table, academie: str, content: bytes, expected: int, by: By
) -> Effect:
    """Take a file in. Lines that are wrong change nothing; the others are taken.

    Raises:
        UnreadableFileError
        ProblemError: 412, it would not do what its preview said (`expected`).
    """
    async with database.transaction() as transaction:
        effect = await _take(transaction, table, academie, content, by)
        if effect.version != expected:
            raise ProblemError(CHANGED_MEANWHILE)
    return effect


async def _take(
    transaction: Transaction, table: Table, academie: str, content: bytes, by: By
) -> Effect:
    rows, unreadable = read(table, content)
    connection = transaction.connection
    await single_file(connection)
    facts = await registry.facts(connection, academie)
    lines, wrong = lines_of(table, rows, facts)
    known = await registry.present(connection, table, academie)
    judged = judge(lines, [*unreadable, *wrong], known, facts.mefs, by.today)
    await registry.keep(connection, academie, [*judged.new, *judged.changed])
    if table in _OPENS:
        await settle(transaction, by)
    return _effect(transaction, judged, f"{table} {academie} ".encode() + content)


def _effect(transaction: Transaction, judged: Judged, sent: bytes) -> Effect:
    events = [e for e in transaction.events if isinstance(e, InspectorAccessToggled)]
    opened = sum(len(event.recipients) for event in events if event.active)
    closed = sum(len(event.recipients) for event in events if not event.active)
    whole = sent + repr((judged, opened, closed)).encode()
    digest = hashlib.blake2b(whole, digest_size=8).digest()
    version = int.from_bytes(digest) % 10**VERSION_DIGITS
    return Effect(judged, opened, closed, version)
