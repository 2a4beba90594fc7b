"""Doubt is shown to people: is this one person? (rule 7 of `docs/transfer.md`)"""

from collections.abc import Iterable
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.transfer import acting, matching
from services.transfer.domain.deciding import TO_REVIEW, Arrival, Decision, Same, Verdict
from services.transfer.store import presences
from shared.identifiers import Uai
from shared.rights import Action, Role
from shared.security import Principal, may
from shared.web.app import RequestDatabase

ADMINISTRATORS = frozenset({Role.ACADEMIE, Role.NATIONAL})

router = APIRouter(prefix="/schools/{uai}/reviews", tags=["rapprochements"])


class Review(BaseModel):
    """Two learners who may be one: the school's own, and of the other one the school and how each
    field compares, never the field itself. The ids of others are random and tell nothing.
    """

    side: Literal["origin", "destination"]
    why: str
    origin_pupil: UUID
    origin_uai: str
    destination_pupil: UUID
    destination_uai: str
    birth: Same
    family: Same
    first: Same
    verdict: Verdict | None


class Opinion(BaseModel, extra="forbid"):
    """Whether the two learners are one person. « Different » by either school is enough; « same »
    by the receiving school waits for the school of origin, or an administrator, to say so too.
    """

    origin_pupil: UUID
    destination_pupil: UUID
    same: bool


@router.get("", dependencies=[Depends(may(Action.REVIEW))])
async def list_reviews(uai: Uai, database: RequestDatabase) -> list[Review]:
    """The pairs that wait for an opinion of this school or of the other one."""
    async with database.connection() as connection:
        keys = await presences.keys_of_schools(connection, [uai])
        decisions = await matching.decisions(connection, keys)
    return reviews_of(uai, decisions)


def reviews_of(uai: Uai, decisions: Iterable[Decision]) -> list[Review]:
    """The pairs in doubt of which one is a learner of the school `uai`."""
    return [
        _review(decision, claim, uai)
        for decision in decisions
        if decision.missing in TO_REVIEW
        for claim in decision.claims
        if uai in (decision.departure.uai, claim.uai)
    ]


def _review(decision: Decision, claim: Arrival, uai: Uai) -> Review:
    return Review(
        side="origin" if decision.departure.uai == uai else "destination",
        why=str(decision.missing),
        origin_pupil=decision.departure.pupil_id,
        origin_uai=decision.departure.uai,
        destination_pupil=claim.pupil_id,
        destination_uai=claim.uai,
        birth=claim.comparison.birth,
        family=claim.comparison.family,
        first=claim.comparison.first,
        verdict=claim.verdict,
    )


@router.post("", status_code=204)
async def judge(
    uai: Uai,
    opinion: Opinion,
    caller: Annotated[Principal, Depends(may(Action.REVIEW))],
    database: RequestDatabase,
) -> None:
    """Give the school's opinion, or an administrator's; the last one given counts."""
    pair = opinion.origin_pupil, opinion.destination_pupil
    administrator = bool(caller.schools.get(uai, frozenset()) & ADMINISTRATORS)
    async with database.transaction() as transaction:
        await acting.judge(
            transaction, uai, pair, caller.sub, same=opinion.same, administrator=administrator
        )
