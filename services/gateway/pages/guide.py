"""« Aide »: the guide's text for each tab, what to set first, the words."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from services.gateway.web import frame
from services.gateway.web.tabs import TABS, Tab, help_of
from services.gateway.web.visit import Visit, perhaps_signed_in

router = APIRouter(include_in_schema=False)

SETTING_UP: Final = "mise-en-service"
GLOSSARY: Final = "glossaire"

Perhaps = Annotated[Visit | None, Depends(perhaps_signed_in)]

_TABS: Final[dict[str, Tab]] = {help_of(tab.path).rpartition("/")[2]: tab for tab in TABS}


@router.get("/aide")
async def show(request: Request, _: Perhaps) -> Response:
    """What there is help for."""
    return frame.answer(request, "aide/sommaire.html", topics=_TABS)


@router.get(f"/aide/{SETTING_UP}")
async def show_setting_up(request: Request, _: Perhaps) -> Response:
    """« Mise en service »: what a school sets first, in which order, and why."""
    return frame.answer(request, f"aide/{SETTING_UP}.html")


@router.get(f"/aide/{GLOSSARY}")
async def show_glossary(request: Request, _: Perhaps) -> Response:
    """The words."""
    return frame.answer(request, f"aide/{GLOSSARY}.html")


@router.get("/aide/{topic}")
async def show_topic(topic: str, request: Request, _: Perhaps) -> Response:
    """The help of one tab."""
    tab = _TABS.get(topic)
    if tab is None:
        raise HTTPException(404)
    return frame.answer(request, f"aide/{topic}.html", topic=tab)
