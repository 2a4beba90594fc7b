"""What « Transferts » shows first, of one decision over all learners of the school: what setting
the switch would move, which dossiers wait elsewhere, how many pairs wait for an opinion.
"""

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.transfer import matching
from services.transfer.api.departures import Arrival, arrivals_at
from services.transfer.api.reviews import reviews_of
from services.transfer.domain import effect
from services.transfer.domain.deciding import decide
from services.transfer.store import presences
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may
from shared.web.app import RequestDatabase

router = APIRouter(prefix="/schools/{uai}", tags=["transferts"])


class Effect(BaseModel):
    """What would move at once if the switch were on: how many dossiers would leave, by the school
    year in which their learners left (2025: 2025-2026), and how many would come.
    """

    leaving: int
    leaving_by_year: dict[int, int]
    coming: int


class Overview(BaseModel):
    """The dossiers around a school at this moment."""

    effect: Effect
    arrivals: list[Arrival]
    reviews: int


@router.get("/overview", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def read_overview(uai: Uai, database: RequestDatabase) -> Overview:
    """What setting the switch would move at once (docs/transfer.md, rule 10), the dossiers that
    wait in other schools, and how many pairs wait for an opinion.
    """
    async with database.connection() as connection:
        keys = await presences.keys_of_schools(connection, [uai])
        cases = await matching.cases(connection, keys)
    leaving, coming = effect.if_on(uai, cases)
    decisions = [decide(departure, arrivals) for departure, arrivals in cases]
    return Overview(
        effect=Effect(leaving=len(leaving), leaving_by_year=effect.by_year(leaving), coming=coming),
        arrivals=arrivals_at(uai, decisions),
        reviews=len(reviews_of(uai, decisions)),
    )
