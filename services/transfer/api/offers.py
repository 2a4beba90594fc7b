"""Transfers by hand (guide, situation 2): offer, see and answer."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, StringConstraints
from uuid_utils.compat import uuid7

from services.transfer import acting
from services.transfer.api.problems import refusals_told
from services.transfer.domain import errors
from services.transfer.domain.offering import Collected, WhyRefused
from services.transfer.store import offers as store
from services.transfer.store.offers import NewOffer
from shared.events import Side
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.signing import Purpose, Signer, Ticket
from shared.web.app import RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import INVALID, ProblemError

PAGE = 50
AT_ONCE = 100

router = APIRouter(prefix="/schools/{uai}/offers", tags=["transferts à la main"])


class Authorisation(BaseModel, extra="forbid"):
    """What the school has collected: from whom, on which day, and where the paper is kept. The
    reference names a place, never a person.
    """

    collected_from: Collected
    collected_on: dt.date
    paper: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            max_length=40,
            pattern=r"^[A-Za-z ./_-]*[0-9][A-Za-z0-9 ./_-]*$",
        ),
    ]


class Wanted(BaseModel, extra="forbid"):
    """One learner to offer to one school. To send this is the school's own decision."""

    pupil_id: UUID
    destination: Uai
    authorisation: Authorisation


class Wishes(BaseModel, extra="forbid"):
    """Learners to offer: one, or a class at once."""

    offers: Annotated[list[Wanted], Field(min_length=1, max_length=AT_ONCE)]


class Offer(BaseModel):
    """An offer that waits for its answer. The offering school knows the learner by its own id; the
    other one asks for a ticket to see him. `matched`: the rule has found him elsewhere meanwhile,
    and the offering school must keep the offer or take it back.
    """

    id: UUID
    origin_uai: str
    destination_uai: str
    pupil_id: UUID | None
    offered_at: dt.datetime
    collected_from: Collected
    collected_on: dt.date
    matched: bool


class OfferPage(BaseModel):
    """Offers, oldest first; `next` is the cursor of the page that follows, if any."""

    offers: list[Offer]
    next: UUID | None


class Acceptance(BaseModel, extra="forbid"):
    """The learner of the receiving school to whom the records go."""

    pupil_id: UUID


class RefusedOffer(BaseModel, extra="forbid"):
    """Why the receiving school refuses."""

    because: WhyRefused


class Issued(BaseModel):
    """A ticket, to be sent in the header `Cpro-Ticket` for five minutes."""

    ticket: str


@router.post("", status_code=201)
async def make_offers(
    uai: Uai,
    wishes: Wishes,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    key: Annotated[str, Depends(creation_key)],
    runtime: RequestRuntime,
) -> list[Offer]:
    """Offer learners who have left to other schools, all of them or none."""
    now, batch = runtime.clock.now(), uuid7()
    _check_days(wishes, now.date())
    content = uai.encode() + wishes.model_dump_json().encode()
    wanted = [
        NewOffer(w.pupil_id, 0, w.destination, **w.authorisation.model_dump())
        for w in wishes.offers
    ]
    with refusals_told("body.offers.{}"):
        async with runtime.database.transaction() as transaction:
            connection = transaction.connection
            before = await made_before(connection, caller.sub, key, content, batch)
            if before is None:
                await acting.offer(transaction, uai, batch, caller.sub, wanted, now)
            rows = await store.of_batch(connection, before or batch)
    return [_offer(row, uai) for row in rows]


def _check_days(wishes: Wishes, today: dt.date) -> None:
    """Refuse authorisations that are to be collected later."""
    wrong = [
        {
            "field": f"body.offers.{at}.authorisation.collected_on",
            "message": "date impossible : au plus tard aujourd'hui",
        }
        for at, wanted in enumerate(wishes.offers)
        if wanted.authorisation.collected_on > today
    ]
    if wrong:
        raise ProblemError(replace(INVALID, errors=wrong))


@router.get("", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def list_made(
    uai: Uai,
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> OfferPage:
    """The school's own offers that wait for an answer."""
    async with database.connection() as connection:
        rows = await store.made_by(connection, uai, after, limit)
    return _page(rows, uai, limit)


@router.get("/received", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def list_received(
    uai: Uai,
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> OfferPage:
    """The offers that wait for this school's answer: its inbox."""
    async with database.connection() as connection:
        rows = await store.waiting_for(connection, uai, after, limit)
    return _page(rows, uai, limit)


@router.post("/{transfer_id}/ticket/{purpose}", status_code=201)
async def issue_ticket(
    uai: Uai,
    transfer_id: UUID,
    purpose: Purpose,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    runtime: RequestRuntime,
) -> Issued:
    """The right to see the learner of a received offer, for this caller and this purpose."""
    async with runtime.database.connection() as connection:
        row = await store.one(connection, transfer_id)
    if row is None or row["destination_uai"] != uai:
        raise errors.UnknownTransferError
    if row["state"] != "offered":
        raise errors.WrongStateError
    learner = Side(uai=Uai(row["origin_uai"]), pupil_id=row["origin_pupil"])
    ticket = Ticket(
        viewer=caller.sub, uai=uai, transfer_id=transfer_id, learner=learner, purpose=purpose
    )
    return Issued(ticket=Signer.from_settings(runtime.settings).ticket(ticket))


@router.post("/{transfer_id}/acceptance", status_code=202)
async def accept(
    uai: Uai,
    transfer_id: UUID,
    acceptance: Acceptance,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Attach a received offer to a learner of this school: the records move now."""
    with refusals_told("transfer_id"):
        async with database.transaction() as transaction:
            await acting.accept_offer(
                transaction, uai, transfer_id, caller.sub, acceptance.pupil_id
            )


@router.post("/{transfer_id}/refusal", status_code=204)
async def refuse(
    uai: Uai,
    transfer_id: UUID,
    refused: RefusedOffer,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Refuse a received offer."""
    async with database.transaction() as transaction:
        await acting.refuse_offer(transaction, uai, transfer_id, caller.sub, refused.because)


@router.delete("/{transfer_id}", status_code=204)
async def withdraw(
    uai: Uai,
    transfer_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Take an own offer back, with its authorisation, before it is accepted."""
    async with database.transaction() as transaction:
        await acting.withdraw_offer(transaction, uai, transfer_id, caller.sub)


@router.post("/{transfer_id}/keeping", status_code=204)
async def keep(
    uai: Uai,
    transfer_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.TRANSFER_BY_HAND))],
    database: RequestDatabase,
) -> None:
    """Keep an own offer although the rule has found the learner elsewhere."""
    async with database.transaction() as transaction:
        await acting.keep_offer(transaction, uai, transfer_id, caller.sub)


def _page(rows: Sequence[Record], uai: Uai, limit: int) -> OfferPage:
    offers = [_offer(row, uai) for row in rows]
    return OfferPage(offers=offers, next=offers[-1].id if len(offers) == limit else None)


def _offer(row: Record, uai: Uai) -> Offer:
    return Offer(
        id=row["id"],
        origin_uai=row["origin_uai"],
        destination_uai=row["destination_uai"],
        pupil_id=row["origin_pupil"] if row["origin_uai"] == uai else None,
        offered_at=row["requested_at"],
        collected_from=row["collected_from"],
        collected_on=row["collected_on"],
        matched=row["matched_pupil"] is not None and row["matched_pupil"] != row["kept_despite"],
    )
