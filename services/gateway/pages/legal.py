"""What the law wants told, from the settings; what machines look for at known places."""

import datetime as dt
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from services.gateway.domain.sessions import AT_MOST, IDLE, SIGN_IN
from services.gateway.parts import parts_of, runtime_of
from services.gateway.web import frame
from services.gateway.web.visit import Visit, cookie_name, perhaps_signed_in

router = APIRouter(include_in_schema=False)

SECURITY_DAYS: Final = 180
"""How long what security.txt tells may be relied on (RFC 9116: less than a year)."""

Perhaps = Annotated[Visit | None, Depends(perhaps_signed_in)]


@router.get("/accessibilite")
async def show_accessibility(request: Request, _: Perhaps) -> Response:
    """State, contact, means of redress (RGAA 4; decree 2019-768)."""
    return frame.answer(request, "accessibilite.html")


@router.get("/mentions-legales")
async def show_legal(request: Request, _: Perhaps) -> Response:
    """Who publishes, who hosts (law 2004-575, art. 1-1)."""
    return frame.answer(request, "mentions-legales.html")


@router.get("/donnees-personnelles")
async def show_privacy(request: Request, _: Perhaps) -> Response:
    """Whose data, why, how long, which rights (GDPR, art. 13 and 14)."""
    return frame.answer(request, "donnees-personnelles.html")


@router.get("/cookies")
async def show_cookies(request: Request, _: Perhaps) -> Response:
    """Two cookies, both needed: nothing to agree to."""
    settings = parts_of(request).settings
    return frame.answer(
        request,
        "cookies.html",
        session=cookie_name(settings),
        sign_in=cookie_name(settings, "-connexion"),
        idle_hours=IDLE // dt.timedelta(hours=1),
        most_hours=AT_MOST // dt.timedelta(hours=1),
        sign_in_minutes=SIGN_IN // dt.timedelta(minutes=1),
    )


@router.get("/robots.txt")
async def read_robots() -> Response:
    """Nothing here is for search engines."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


@router.get("/.well-known/security.txt")
async def read_security(request: Request) -> Response:
    """Whom to tell of a weakness (RFC 9116)."""
    settings = parts_of(request).settings
    until = runtime_of(request).clock.now() + dt.timedelta(days=SECURITY_DAYS)
    contact = settings.security_contact or settings.contact
    lines = [
        *([f"Contact: mailto:{contact}"] if contact else []),
        f"Expires: {until.astimezone(dt.UTC):%Y-%m-%dT00:00:00Z}",
        "Preferred-Languages: fr, en",
        f"Canonical: {settings.address}/.well-known/security.txt",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")
