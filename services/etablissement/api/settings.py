"""What contacts and modules have in common: read and replaced as a whole, with a history."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from services.etablissement.domain.differences import changed
from services.etablissement.domain.errors import StaleVersionError, UnknownSchoolError
from services.etablissement.store import settings as store
from services.etablissement.store.settings import Subject
from shared.database import Connection
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Held:
    """What a school has set, and its version; 0 and nothing until someone writes it."""

    version: int
    content: dict[str, Any]


class Change(BaseModel):
    """One change. `fields` says where, never what; `name` and `function` are those of who did it,
    while the person is known here.
    """

    id: int
    version: int
    fields: list[str]
    changed_by: str
    changed_at: dt.datetime
    name: str | None
    function: str | None


class History(BaseModel):
    """Changes, newest first; `next` is the cursor of the page that follows, if any."""

    changes: list[Change]
    next: int | None


async def read(connection: Connection, uai: Uai, subject: Subject) -> Held:
    """What a school has set.

    Raises:
        UnknownSchoolError
    """
    row = await store.one(connection, uai, subject)
    if row is None:
        raise UnknownSchoolError
    return Held(row["version"], row["content"] or {})


async def write(
    connection: Connection,
    uai: Uai,
    subject: Subject,
    version: int,
    *,
    before: dict[str, Any],
    content: dict[str, Any],
    by: str,
    at: dt.datetime,
) -> int:
    """Replace what a school has set; the new version, or the present one if nothing differs.
    `before` is what holds where nothing has been set.

    Raises:
        UnknownSchoolError
        StaleVersionError: someone else has changed it since `version` was read.
    """
    held = await read(connection, uai, subject)
    fields = changed(before | held.content, content)
    if held.version == version and not fields:
        return version
    written = await store.put(
        connection, uai, subject, version, content, fields=fields, by=by, at=at
    )
    if written is None:
        raise StaleVersionError
    return written


async def history(
    connection: Connection, uai: Uai, subject: Subject, before: int | None, limit: int
) -> History:
    """A page of changes.

    Raises:
        UnknownSchoolError
    """
    await read(connection, uai, subject)
    rows = await store.history(connection, uai, subject, before, limit)
    changes = [Change.model_validate(dict(row)) for row in rows]
    return History(changes=changes, next=changes[-1].id if len(changes) == limit else None)
