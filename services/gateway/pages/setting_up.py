"""« Mise en service »: the steps, each with its state and its link, until all are done."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.setting_up import STEPS, finished, standing
from services.gateway.web.visit import Down, Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/mise-en-service"
OF_SERVICE: Final = "etablissement"
PATIENCE: Final = 3.0
"""Seconds that a page of many parts gives each of its questions, which are asked twice."""

NOTICE: Final = "notice"
"""The step that no service sees: staff declare it."""


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]) -> Response:
    """The steps, those that are done too."""
    return await visit.page("mise-en-service.html", **await steps_of(visit))


@router.post(PATH)
async def declare(visit: Annotated[Visit, Depends(posting(Action.EDIT_SCHOOL))]) -> Response:
    """Say that a step is done or does not concern the school, or take that back."""
    path, step = f"{visit.school}/setting-up", visit.text("etape")
    held = await visit.calls.get(OF_SERVICE, path)
    declared = [one for one in held.json["declared"] if one != step]
    if visit.text("actif") == "oui":
        declared.append(step)
    body = {"declared": declared}
    await visit.calls.change(OF_SERVICE, "PUT", path, body, etag=held.etag)
    return await visit.redirect(PATH if visit.text("retour") == PATH else "/")


async def steps_of(visit: Visit) -> dict[str, Any]:
    """Each step with its standing; `finished` when nothing is left to do."""
    held, answers = await asyncio.gather(
        visit.part(visit.calls.get(OF_SERVICE, f"{visit.school}/setting-up", timeout=PATIENCE)),
        asyncio.gather(*(_seen(visit, one) for one in SOURCES if visit.may(one.right))),
    )
    seen = {key: value for answer in answers for key, value in answer.items()}
    declared = () if isinstance(held, Down) else held.json["declared"]
    shown = [step for step in STEPS if step.key in seen or step.key == NOTICE]
    steps = [(step, standing(step, seen, declared)) for step in shown]
    done = not isinstance(held, Down) and finished([state for _, state in steps])
    return {
        "steps": steps, "finished": done, "editable": visit.may(Action.EDIT_SCHOOL),
        "served": visit.request.app.state.served,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One question to a service and the steps on which its answer tells; who may not ask it is not
    shown them.
    """

    right: Action
    service: str
    path: str
    tells: Mapping[str, Callable[[Any], bool]]
    missing: str = ""
    """The problem that is an answer too: there is none yet."""


async def _seen(visit: Visit, source: Source) -> Mapping[str, bool | None]:
    """What a service tells of its steps; None if it does not answer."""
    try:
        path = f"{visit.school}/{source.path}"
        answer = await visit.part(visit.calls.get(source.service, path, timeout=PATIENCE))
    except RefusedError as error:
        if error.type != source.missing:
            raise
        return dict.fromkeys(source.tells, False)
    if isinstance(answer, Down):
        return dict.fromkeys(source.tells)
    return {key: tell(answer.json) for key, tell in source.tells.items()}


def _has_contacts(held: Any) -> bool:
    single = (held[key].values() for key in ("school", "dreets", "mcpfa"))
    return bool(held["centres"]) or any(value for values in single for value in values)


SOURCES: Final = (
    Source(Action.READ_SCHOOL, OF_SERVICE, "readiness", {"card": lambda a: bool(a["ready"])}),
    Source(Action.READ_SCHOOL, OF_SERVICE, "logo/about", {"logo": bool}, "image-absente"),
    Source(Action.USE_STAMP, OF_SERVICE, "cachet/about", {"cachet": bool}, "image-absente"),
    Source(Action.READ_USERS, OF_SERVICE, "users", {"users": lambda a: len(a) > 1}),
    Source(
        Action.IMPORT, "siecle_import", "imports",
        {"import": lambda a: any(one["state"] == "applied" for one in a["imports"])},
    ),
    Source(
        Action.SEE_INSPECTORS, "inspector_access", "inspector-access",
        {
            "diplomas": lambda a: bool(a["lines"]) and a["other_mefs"] == [],
            "inspectors": lambda a: any(line["active"] for line in a["lines"]),
        },
    ),
    Source(
        Action.SEE_TRANSFERS, "transfer", "participation",
        {"transfers": lambda a: bool(a["active"])},
    ),
    Source(Action.READ_SCHOOL, OF_SERVICE, "contacts", {"contacts": _has_contacts}),
)  # fmt: skip
