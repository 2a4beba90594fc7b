"""What a school notes about a learner, for itself: it never moves, and no other school sees it."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from asyncpg import Record as Row
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, StringConstraints
from uuid_utils.compat import uuid7

from services.dossier.api.held import holder_of
from services.dossier.api.records import PAGE, storable
from services.dossier.store import remarks as store
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import FORBIDDEN, Principal, may
from shared.web.app import RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

router = APIRouter(prefix="/schools/{uai}/pupils/{pupil_id}/remarks", tags=["remarques"])


class UnknownRemarkError(Exception):
    """The school has no such remark on this learner."""


PROBLEMS: dict[type[Exception], Problem] = {
    UnknownRemarkError: Problem(
        404,
        "remarque-inconnue",
        "Remarque inconnue",
        "L'établissement n'a pas (ou plus) cette remarque. Rechargez la page.",
    )
}


class RemarkContent(BaseModel, extra="forbid"):
    """What is noted, and the transfer that it is about, if any."""

    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
        AfterValidator(storable),
    ]  # fmt: skip
    transfer_id: UUID | None = None


class Remark(RemarkContent):
    """A remark, who wrote it and when."""

    id: UUID
    pupil_id: UUID
    author: str
    written_at: dt.datetime


class RemarkPage(BaseModel):
    """Remarks on a learner, oldest first; `next` is the cursor of the page that follows, if any."""

    remarks: list[Remark]
    next: UUID | None


def shown(row: Row | None) -> Remark:
    """A remark as it is answered; none is the error that it is unknown."""
    if row is None:
        raise UnknownRemarkError
    return Remark.model_validate(dict(row))


@router.post("", status_code=201)
async def write_remark(
    uai: Uai,
    pupil_id: UUID,
    content: RemarkContent,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
) -> Remark:
    """Note something about a learner of the school, also after his dossier has moved; repeating the
    request adds nothing.
    """
    remark_id = uuid7()
    fingerprint = f"{uai} {pupil_id} {content.model_dump_json()}".encode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        holder = await holder_of(connection, uai, pupil_id)
        before = await made_before(connection, caller.sub, key, fingerprint, remark_id)
        if before is None:
            await store.add(
                connection, remark_id, holder, uai,
                text=content.text, transfer_id=content.transfer_id, author=caller.sub,
            )  # fmt: skip
        return shown(await store.remark_on(connection, holder, uai, before or remark_id))


@router.get("", dependencies=[Depends(may(Action.READ_RECORDS))])
async def list_remarks(
    uai: Uai,
    pupil_id: UUID,
    database: RequestDatabase,
    transfer_id: UUID | None = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> RemarkPage:
    """The school's own remarks on one of its learners."""
    async with database.connection() as connection:
        holder = await holder_of(connection, uai, pupil_id)
        rows = await store.remarks_on(
            connection, holder, uai, transfer_id=transfer_id, after=after, limit=limit
        )
    remarks = [shown(row) for row in rows]
    return RemarkPage(remarks=remarks, next=remarks[-1].id if len(remarks) == limit else None)


@router.delete("/{remark_id}", status_code=204, response_class=Response)
async def remove_remark(
    uai: Uai,
    pupil_id: UUID,
    remark_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Remove a remark: its author does, or the head of the school."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        holder = await holder_of(connection, uai, pupil_id)
        remark = shown(await store.remark_on(connection, holder, uai, remark_id))
        if caller.sub != remark.author and not caller.may(Action.HANDLE_DATA, uai):
            raise ProblemError(FORBIDDEN)
        await store.remove(connection, remark_id)
