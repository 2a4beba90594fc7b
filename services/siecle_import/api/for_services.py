"""What only other services ask: who has an INE, and the match keys of an INE.

An INE travels in a body, is never stored by these routes and never logged.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, Field

from services.siecle_import.identifiers import Ine, InvalidIne
from services.siecle_import.keys import KeyMaker
from services.siecle_import.store import pupils as store
from shared.events import Key
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may_as_service
from shared.service import RequestRuntime
from shared.web.app import RequestDatabase

AT_ONCE = 500
INE_LENGTH = 20
"""Characters of an INE with the blanks that someone may have typed into it."""

router = APIRouter(prefix="/pupils", tags=["services"])


def _ine(text: str) -> str:
    try:
        return Ine.parse(text).text
    except InvalidIne:
        raise ValueError("INE attendu : 11 caractères, chiffres puis lettres") from None


class Asked(BaseModel, extra="forbid"):
    """A learner of a school by his INE. One that is no INE is nobody's."""

    uai: Uai
    ine: Annotated[str, Field(max_length=INE_LENGTH)]


class Learners(BaseModel, extra="forbid"):
    """Learners to be found."""

    learners: Annotated[list[Asked], Field(max_length=AT_ONCE)]


class Found(BaseModel):
    """Their ids, in the order in which they were asked for; null: the school has no such one."""

    pupils: list[UUID | None]


class AskedKeys(BaseModel, extra="forbid"):
    """The INE whose match keys are asked for."""

    ine: Annotated[str, Field(max_length=INE_LENGTH), AfterValidator(_ine)]


class Keys(BaseModel):
    """The `ine_key` of a learner who holds this INE, under the secret number `key_version`."""

    ine_keys: list[Key]
    key_version: int


@router.post("/resolve", dependencies=[Depends(may_as_service(Action.RESOLVE_PUPILS))])
async def resolve(asked: Learners, database: RequestDatabase) -> Found:
    """The learners with these INE, those who have left included."""
    pairs = [(one.uai, "".join(one.ine.split()).upper()) for one in asked.learners]
    async with database.connection() as connection:
        return Found(pupils=await store.with_ines(connection, pairs))


@router.post("/match-keys", dependencies=[Depends(may_as_service(Action.MAKE_KEYS))])
async def make_keys(asked: AskedKeys, runtime: RequestRuntime) -> Keys:
    """The match keys of an INE, so that `transfer` finds out why a dossier has not come."""
    keys = KeyMaker.from_settings(runtime.settings)
    return Keys(ine_keys=[keys.ine_key(asked.ine)], key_version=keys.version)
