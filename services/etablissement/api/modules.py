"""The tab « Modules »: which modules of the application are on for a school, with their options."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StrictBool

from services.etablissement.api.fields import PAGE, Cursor, Limit
from services.etablissement.api.settings import Held, History, history, read, write
from services.etablissement.catalogue import CATALOGUE
from services.etablissement.domain.modules import (
    Chosen,
    Module,
    Option,
    RefusedChoicesError,
    in_force,
    kept,
)
from services.etablissement.store.settings import Subject
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import expected_version, set_etag
from shared.web.problems import INVALID, ProblemError

MAX_KEYS = 100

router = APIRouter(prefix="/schools/{uai}/modules", tags=["modules"])


class WantedModule(BaseModel, extra="forbid"):
    """What a school wants of one module; what is left out is as the catalogue says."""

    on: StrictBool | None = None
    options: Annotated[dict[str, Any], Field(max_length=MAX_KEYS)] = {}


class Wanted(BaseModel, extra="forbid"):
    """What a school wants, by the keys of the modules."""

    modules: Annotated[dict[str, WantedModule], Field(max_length=MAX_KEYS)]

    def chosen(self) -> dict[str, Chosen]:
        """The choices, to be checked against the catalogue."""
        return {key: Chosen(one.on, one.options) for key, one in self.modules.items()}


class OptionInForce(BaseModel):
    """The value of an option in the school, and what the catalogue says of the option."""

    value: bool | int | str
    about: Option


class ModuleInForce(BaseModel):
    """A module, whether it is on in the school (`default`: in a school that has not decided)."""

    label: str
    description: str
    on: bool
    default: bool
    options: dict[str, OptionInForce]


class Modules(BaseModel):
    """All modules of the catalogue, in its order, by their keys."""

    modules: dict[str, ModuleInForce]


def _shown(module: Module, chosen: Chosen) -> ModuleInForce:
    return ModuleInForce(
        label=module.label,
        description=module.description,
        on=bool(chosen.on),
        default=module.on,
        options={
            key: OptionInForce(value=chosen.options[key], about=option)
            for key, option in module.options.items()
        },
    )


def _answered(held: Held, response: Response) -> Modules:
    """What holds for the school, with its version."""
    set_etag(response, held.version)
    chosen = in_force(CATALOGUE, held.content)
    modules = CATALOGUE.modules.items()
    return Modules(modules={key: _shown(module, chosen[key]) for key, module in modules})


def _kept(wanted: Wanted) -> dict[str, Any]:
    """What is to be kept of what is wanted; all that is wrong with it is told at once."""
    try:
        return kept(CATALOGUE, wanted.chosen())
    except RefusedChoicesError as error:
        told = [{"field": f"body.{place}", "message": reason} for place, reason in error.reasons]
        raise ProblemError(replace(INVALID, errors=told)) from None


@router.get("", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_modules(uai: Uai, database: RequestDatabase, response: Response) -> Modules:
    """The modules of the application and what holds for the school, who has decided or not."""
    async with database.connection() as connection:
        held = await read(connection, uai, Subject.MODULES)
    return _answered(held, response)


@router.put("")
async def choose_modules(
    uai: Uai,
    wanted: Wanted,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Modules:
    """« Valider »: replace the school's choices; what is left out is as the catalogue says."""
    content = _kept(wanted)
    async with database.transaction() as transaction:
        new_version = await write(
            transaction.connection, uai, Subject.MODULES, version,
            before={}, content=content, by=caller.sub, at=clock.now(),
        )  # fmt: skip
    return _answered(Held(new_version, content), response)


@router.get("/history", dependencies=[Depends(may(Action.READ_SCHOOL))])
async def read_history(
    uai: Uai,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> History:
    """Who has changed which modules and options, newest first."""
    async with database.connection() as connection:
        return await history(connection, uai, Subject.MODULES, before, limit)
