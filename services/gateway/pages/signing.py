"""Signing in and out at the identity provider, and the choice of the school."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.gateway import entering
from services.gateway.domain.sessions import SIGN_IN, School, Session
from services.gateway.oidc import ProviderDownError, Secrets, SignInRefusedError
from services.gateway.parts import parts_of, runtime_of
from services.gateway.settings import GatewaySettings
from services.gateway.web import frame, limits
from services.gateway.web.visit import Visit, cookie_name, leaving, posting, visiting
from shared.identifiers import InvalidUai, Uai

router = APIRouter(include_in_schema=False)

UNDER_WAY = "-connexion"


@router.get("/connexion")
async def show_sign_in(request: Request) -> Response:
    """The page with the one button « Se connecter »."""
    return frame.answer(request, "connexion.html")


@router.get("/connexion/aller")
async def go_sign_in(request: Request) -> Response:
    """Send the browser to the provider."""
    parts, runtime = parts_of(request), runtime_of(request)
    place = limits.place_of(request.client.host if request.client else "")
    await limits.SIGN_IN.count(runtime.database, place, runtime.clock.now())
    bound = Secrets.new()
    url = await parts.provider.sign_in_url(bound)
    browser = await entering.begin(runtime.database, bound, runtime.clock.now())
    response = RedirectResponse(url, 303)
    _set_cookie(response, parts.settings, UNDER_WAY, browser, int(SIGN_IN.total_seconds()))
    return response


@router.get("/connexion/retour")
async def come_back(request: Request, state: str = "", code: str = "") -> Response:
    """Where the provider sends the browser back: the session begins."""
    parts, runtime = parts_of(request), runtime_of(request)
    now = runtime.clock.now()
    browser = request.cookies.get(cookie_name(parts.settings, UNDER_WAY), "")
    bound = await entering.taken(runtime.database, browser, state, now)
    if bound is None or not code:
        raise SignInRefusedError
    account = await parts.provider.account(code, bound)
    before = request.cookies.get(cookie_name(parts.settings), "")
    await entering.leave(runtime.database, entering.hashed(before))  # whoever was here has left
    visit = await entering.enter(runtime.database, parts.knowers, account, now)
    response = RedirectResponse("/", 303)
    _set_cookie(response, parts.settings, "", visit, None)
    response.delete_cookie(
        cookie_name(parts.settings, UNDER_WAY), secure=parts.settings.secure, httponly=True
    )
    return response


@router.post("/deconnexion")
async def sign_out(request: Request, session: Annotated[Session, Depends(leaving)]) -> Response:
    """End the session here, then at the provider."""
    parts, runtime = parts_of(request), runtime_of(request)
    token = await entering.leave(runtime.database, session.id_hash)
    url: str | None = None
    try:
        url = await parts.provider.sign_out_url(token) if token else None
    except ProviderDownError:
        url = None  # here the session has ended all the same
    response = frame.answer(request, "deconnexion.html", provider=url)
    if url:  # not a redirect: the policy keeps forms from leading to other sites
        response.headers["Refresh"] = f"0; url={url}"
    response.delete_cookie(
        cookie_name(parts.settings), secure=parts.settings.secure, httponly=True, samesite="lax"
    )
    return response


@router.get("/choix-etablissement")
async def show_choice(visit: Annotated[Visit, Depends(visiting())]) -> Response:
    """Which school the session is to be about."""
    return await visit.page("choix-etablissement.html", schools=_schools(visit))


@router.post("/choix-etablissement")
async def choose(visit: Annotated[Visit, Depends(posting())]) -> Response:
    """Let the session be about another school."""
    database = runtime_of(visit.request).database
    try:
        uai = Uai.parse(visit.text("uai"))
    except InvalidUai as error:
        return await _choose_again(visit, str(error))
    school = await entering.choose(database, visit.parts.knowers, visit.session, uai)
    if school is None:
        return await _choose_again(visit, "vous n'avez pas de droit dans cet établissement")
    return await visit.redirect("/")


async def _choose_again(visit: Visit, why: str) -> Response:
    return await visit.page(
        "choix-etablissement.html", 422, schools=_schools(visit), errors={"uai": why}
    )


def _schools(visit: Visit) -> Sequence[School]:
    return sorted(visit.session.rights.schools.values(), key=lambda one: one.name)


def _set_cookie(
    response: Response, settings: GatewaySettings, suffix: str, value: str, seconds: int | None
) -> None:
    response.set_cookie(
        cookie_name(settings, suffix),
        value,
        max_age=seconds,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )
