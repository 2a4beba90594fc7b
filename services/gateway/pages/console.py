"""The inspector's console: what schools have opened to him. Each look is noted for the school."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from services.gateway.domain.names import full_name
from services.gateway.domain.transfers import records
from services.gateway.web.visit import Visit, visiting
from shared.identifiers import Uai
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/console"
SERVICE: Final = "inspector_access"
ONE: Final = f"{PATH}/{{uai}}/{{diploma}}"
Diploma = Annotated[str, Path(max_length=30, pattern=r"^[A-Z0-9][A-Z0-9._-]*$")]
Inspector = Annotated[Visit, Depends(visiting(Action.INSPECT, anywhere=True))]
After = Annotated[UUID | None, Query()]


@router.get(PATH)
async def show(visit: Inspector) -> Response:
    """The schools and diplomas that are open."""
    found = (await visit.calls.get(SERVICE, PATH)).json
    schools = [
        (next(iter(lines)), lines)
        for lines in (list(group) for _, group in groupby(found, key=lambda one: one["uai"]))
    ]
    return await visit.page("console.html", schools=schools)


@router.get(ONE)
async def show_diploma(
    visit: Inspector,
    uai: Uai,
    diploma: Diploma,
    after: After = None,
    mef: Annotated[str | None, Query(max_length=11)] = None,
    *,
    partis: bool = False,
) -> Response:
    """The school's card, and the learners of the diploma with how many records each has."""
    path = _path(uai, diploma)
    params: dict[str, Any] = {"active": not partis}
    params |= {name: str(value) for name, value in (("after", after), ("mef", mef)) if value}
    card, learners = await asyncio.gather(
        visit.calls.get(SERVICE, path),
        visit.part(visit.calls.get(SERVICE, f"{path}/learners", params=params)),
    )
    listed = getattr(learners, "json", {"learners": [], "next": None})
    counts = await visit.part(_counts(visit, path, listed["learners"]))
    return await visit.page(
        "console-diplome.html",
        card=card.json, learners=learners, listed=listed["learners"], next=listed["next"],
        counts=counts, after=after, mef=mef, left=partis, here=_here(uai, diploma),
        full_name=full_name, records=records,
    )  # fmt: skip


async def _counts(
    visit: Visit, path: str, learners: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    if not learners:
        return {}
    asked = {"pupils": [one["id"] for one in learners]}
    told = await visit.calls.search(SERVICE, f"{path}/record-counts", asked)
    return {one["pupil_id"]: one for one in told.json}


@router.get(f"{ONE}/{{pupil_id}}")
async def show_learner(
    visit: Inspector, uai: Uai, diploma: Diploma, pupil_id: UUID, after: After = None
) -> Response:
    """One learner, and his records written in this school; those from elsewhere are counted."""
    path = f"{_path(uai, diploma)}/learners/{pupil_id}"
    params = {"after": str(after)} if after else {}
    learner, found, labels = await asyncio.gather(
        visit.calls.get(SERVICE, path),
        visit.part(visit.calls.get(SERVICE, f"{path}/records", params=params)),
        _label(visit, uai, diploma),
    )
    return await visit.page(
        "console-apprenant.html",
        learner=learner.json, found=found, after=after, label=labels,
        here=_here(uai, diploma), full_name=full_name,
    )  # fmt: skip


@router.get(f"{ONE}/{{pupil_id}}/{{record_id}}")
async def show_record(
    visit: Inspector, uai: Uai, diploma: Diploma, pupil_id: UUID, record_id: UUID
) -> Response:
    """One record with its body."""
    path = f"{_path(uai, diploma)}/learners/{pupil_id}"
    learner, record = await asyncio.gather(
        visit.calls.get(SERVICE, path), visit.calls.get(SERVICE, f"{path}/records/{record_id}")
    )
    return await visit.page(
        "console-element.html",
        learner=learner.json, record=record.json,
        here=_here(uai, diploma), full_name=full_name,
    )  # fmt: skip


async def _label(visit: Visit, uai: str, diploma: str) -> Mapping[str, Any]:
    """The line of the list that is about this: its school and its diploma in words."""
    found = (await visit.calls.get(SERVICE, PATH)).json
    fits = (one for one in found if (one["uai"], one["diploma"]) == (uai, diploma))
    return next(fits, {"school": uai, "label": diploma})


def _path(uai: str, diploma: str) -> str:
    return f"{PATH}/schools/{uai}/diplomas/{diploma}"


def _here(uai: str, diploma: str) -> str:
    return f"{PATH}/{uai}/{diploma}"
