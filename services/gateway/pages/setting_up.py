"""« Mise en service »: the steps, each with its state and its link, until all are done."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import Answer
from services.gateway.domain.setting_up import STEPS, finished, standing
from services.gateway.web.visit import Down, Visit, posting, visiting
from shared.rights import Action

Asked = asyncio.Task[Answer | Down]
router = APIRouter(include_in_schema=False)

PATH: Final = "/mise-en-service"
OF_SERVICE: Final = "etablissement"
IMPORTS: Final = "imports"
HERE: Final = ("card", "logo", "cachet", "users", "contacts")
"""The steps on which the service that keeps the declared ones tells."""

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


async def steps_of(visit: Visit, imports: Asked | None = None) -> dict[str, Any]:
    """Each step with its standing; `finished` when nothing is left to do. `imports`: the newest
    ones, if the page asks for them anyway.
    """
    held, answers = await asyncio.gather(
        ask(visit, OF_SERVICE, "setting-up"),
        asyncio.gather(
            *(_seen(visit, one, imports) for one in SOURCES if visit.may(one.right)),
        ),
    )
    seen = {key: value for answer in answers for key, value in answer.items()} | _here(held)
    declared = () if isinstance(held, Down) else held.json["declared"]
    if not visit.may(Action.READ_USERS):
        seen.pop("users")  # who can't open the tab can't do it
    shown = [step for step in STEPS if step.key in seen or step.key == NOTICE]
    steps = [(step, standing(step, seen, declared)) for step in shown]
    return {
        "steps": steps, "finished": finished([state for _, state in steps]),
        "editable": visit.may(Action.EDIT_SCHOOL), "served": visit.request.app.state.served,
    }  # fmt: skip


async def ask(visit: Visit, service: str, path: str, **params: Any) -> Answer | Down:
    """One of the many questions of a page."""
    path = f"{visit.school}/{path}"
    return await visit.part(visit.calls.get(service, path, params=params))


@dataclass(frozen=True, slots=True)
class Source:
    """A question to another service and the steps on which its answer tells; who may not ask it is
    not shown them.
    """

    right: Action
    service: str
    path: str
    tells: Mapping[str, Callable[[Any], bool]]


def _here(held: Answer | Down) -> dict[str, bool | None]:
    """What the service that keeps the declared steps tells of its own data."""
    if isinstance(held, Down):
        return dict.fromkeys(HERE)
    return {key: key in held.json["done"] for key in HERE}


async def _seen(visit: Visit, source: Source, imports: Asked | None) -> Mapping[str, bool | None]:
    """What a service tells of its steps; None if it does not answer."""
    if source.path == IMPORTS and imports is not None:
        answer = await imports
    else:
        answer = await ask(visit, source.service, source.path)
    if isinstance(answer, Down):
        return dict.fromkeys(source.tells)
    return {key: tell(answer.json) for key, tell in source.tells.items()}


SOURCES: Final = (
    Source(
        Action.READ_IMPORTS, "siecle_import", IMPORTS,
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
)  # fmt: skip
