"""The school's card as inspectors read it: `inspector_access` alone asks (docs/inspectors.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.etablissement.domain.errors import UnknownSchoolError
from services.etablissement.store import schools
from shared.signing import Inspection, inspection
from shared.web.app import RequestDatabase

router = APIRouter(prefix="/inspection", tags=["inspection"])


class InspectedCard(BaseModel):
    """How to find the school, and whom to ask there."""

    name: str
    email: str | None
    address: list[str]
    postcode: str | None
    town: str | None
    phone: str | None
    head_name: str | None
    head_function: str | None


@router.get("/card")
async def read_inspected(
    read: Annotated[Inspection, Depends(inspection)], database: RequestDatabase
) -> InspectedCard:
    """The card of the school that the inspection is for."""
    async with database.connection() as connection:
        row = await schools.one(connection, read.uai)
    if row is None:
        raise UnknownSchoolError
    return InspectedCard.model_validate(dict(row))
