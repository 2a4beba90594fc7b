"""The mails about a school, for its staff and administrators: what was told, and what failed."""

import datetime as dt
import re
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.notifier.domain.mails import Kind, Reason, State
from services.notifier.store import lists, unaddressed
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action, Role
from shared.security import Principal, may
from shared.web.app import RequestDatabase

PAGE = 50
STAFF = frozenset({Role.DIRECTION, Role.GESTION})

router = APIRouter(prefix="/schools/{uai}/mails", tags=["courriels"])


class Mail(BaseModel):
    """A mail about the school. `recipient` is named to the school's own staff only; `answer` is the
    mail server's last one, `next_try` stands while the mail is deferred.
    """

    id: UUID
    kind: Kind
    state: State
    reason: Reason | None
    subject: str
    recipient: str | None
    answer: str | None
    attempts: int
    created_at: dt.datetime
    next_try: dt.datetime | None
    ended_at: dt.datetime | None


class MailPage(BaseModel):
    """Mails, failed ones first, then newest first; `next` is the cursor of the page that follows,
    if any. `untold` counts what the school was not told because its e-mail is not known.
    """

    mails: list[Mail]
    next: str | None
    untold: int


Cursor = Annotated[str | None, Query(pattern=r"^(failed|other)-[0-9]{1,18}$")]
"""The part of the list that a page ended in, and the number of its last mail."""


@router.get("")
async def list_mails(
    uai: Uai,
    caller: Annotated[Principal, Depends(may(Action.READ_MAILS))],
    database: RequestDatabase,
    state: State | None = None,
    after: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> MailPage:
    """The mails about the school in the last 12 months, or those in one state."""
    async with database.connection() as connection:
        rows = await _page(connection, uai, state, after, limit)
        untold = await unaddressed.of_school(connection, uai)
    named = bool(caller.schools.get(uai, frozenset()) & STAFF)
    return MailPage(
        mails=[_mail(row, named=named) for row in rows],
        next=_cursor(rows[-1]) if len(rows) == limit else None,
        untold=untold,
    )


async def _page(
    connection: Connection, uai: Uai, state: State | None, after: str | None, limit: int
) -> list[Record]:
    """The failed ones up to their end, then the others."""
    part, number = _position(after)
    rows: list[Record] = []
    if part == "failed" and state in (None, State.FAILED):
        rows = await lists.failed(connection, uai, number, limit)
        number = None
    if len(rows) < limit and state is not State.FAILED:
        before = number if part == "other" else None
        rows += await lists.others(connection, uai, before, limit - len(rows), state)
    return rows


def _position(after: str | None) -> tuple[str, int | None]:
    found = re.fullmatch(r"(failed|other)-(\d+)", after or "")
    return (found[1], int(found[2])) if found else ("failed", None)


def _cursor(row: Record) -> str:
    part = "failed" if row["state"] == State.FAILED else "other"
    return f"{part}-{row['number']}"


def _mail(row: Record, *, named: bool) -> Mail:
    shown = dict(row)
    return Mail.model_validate(shown | {"recipient": row["recipient"] if named else None})
