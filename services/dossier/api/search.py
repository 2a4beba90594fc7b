"""Search among the records of all learners of a school, for staff and for other modules."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.dossier import domain
from services.dossier.api.records import PAGE, Record, RecordPage, Text, page
from services.dossier.store import learners, looks
from services.dossier.store import search as store
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestDatabase

PUPILS = 500

router = APIRouter(prefix="/schools/{uai}/records", tags=["dossier"])


class Search(BaseModel, extra="forbid"):
    """What records are looked for by; what is not given does not matter.

    `title` and `author` hold parts of words, without regard to case and accents; `diploma` is
    compared whole. `origin` says where a record was written: « here » in this school, « elsewhere »
    in another one. `pupils` are learners of the school; others hold nothing here.
    """

    kind: domain.Kind | None = None
    diploma: Text | None = None
    author: Text | None = None
    written_from: dt.date | None = None
    written_to: dt.date | None = None
    title: Text | None = None
    pupils: Annotated[list[UUID], Field(max_length=PUPILS)] | None = None
    origin: Literal["here", "elsewhere"] | None = None
    after: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE

    def wanted(self) -> store.Search:
        """The question to the base."""
        return store.Search(
            kind=self.kind,
            diploma=self.diploma,
            written_from=self.written_from,
            written_to=self.written_to,
            title=tuple((self.title or "").split()),
            author=tuple((self.author or "").split()),
            here=None if self.origin is None else self.origin == "here",
        )


@router.post("/search")
async def search(
    uai: Uai,
    wanted: Search,
    caller: Annotated[Principal, Depends(may(Action.READ_RECORDS))],
    database: RequestDatabase,
) -> RecordPage:
    """The records that learners of the school hold, in the order of their ids. (A POST: what is
    looked for may be personal, and stays out of addresses and logs.)
    """
    async with database.connection() as connection:
        pupils = None
        if wanted.pupils is not None:
            pupils = set((await learners.goes_on_as(connection, wanted.pupils)).values())
        rows = await store.search(
            connection, uai, wanted.wanted(), pupils=pupils, after=wanted.after, limit=wanted.limit
        )
        records = [Record.model_validate(dict(row)) for row in rows]
        seen = {record.pupil_id for record in records}
        await looks.note(connection, uai, caller.sub, looks.What.SEARCH, seen)
    return page(records, wanted.limit)
