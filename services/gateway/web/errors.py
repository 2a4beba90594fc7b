"""Errors as people see them: a page in French that says what to do, in the frame."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from services.gateway.clients.services import RefusedError, ServiceDownError
from services.gateway.entering import UnknownPersonError
from services.gateway.oidc import ProviderDownError, SignInRefusedError
from services.gateway.web import frame
from services.gateway.web.limits import TooManyError
from services.gateway.web.uploads import UnreadableFormError
from services.gateway.web.visit import (
    ChoiceNeededError,
    NotAllowedError,
    OtherSchoolError,
    SignInNeededError,
    StaleFormError,
)
from shared.database import UNAVAILABLE

SIGN_IN: Final = "/connexion"
CHOICE: Final = "/choix-etablissement"

SERVICES: Final = {
    "etablissement": "fiche de l'établissement et utilisateurs",
    "siecle_import": "import SIECLE et apprenants",
    "transfer": "transferts",
    "dossier": "dossiers des apprenants",
    "inspector_access": "accès inspecteur",
    "notifier": "mails",
}
"""The part of the application that a service is, as staff know it."""


@dataclass(frozen=True, slots=True)
class Told:
    """An error page: status, title, what is the matter, what to do."""

    status: int
    title: str
    text: str
    advice: str = ""


NOT_FOUND = Told(
    404,
    "Page introuvable",
    "Cette adresse ne mène à rien, ou à quelque chose qui n'existe plus.",
    "Revenez à l'accueil et choisissez un onglet.",
)
FORBIDDEN = Told(
    403,
    "Droit manquant",
    "Vous n'avez pas le droit de voir cette page ou de faire cela dans cet établissement.",
    "Adressez-vous à la direction de l'établissement, qui donne les droits.",
)
SESSION_ENDED = Told(
    401,
    "Session terminée",
    "Votre session a pris fin : rien n'a été enregistré.",
    "Connectez-vous de nouveau, puis recommencez.",
)
UNEXPECTED = Told(
    500,
    "Erreur interne",
    "Quelque chose n'a pas fonctionné de notre côté.",
    "Vérifiez si votre saisie a été enregistrée, puis réessayez ; si l'erreur persiste, prévenez "
    "l'assistance.",
)
UNAVAILABLE_PAGE = Told(
    503,
    "Service momentanément indisponible",
    "L'application ne répond pas pour l'instant.",
    "Réessayez dans quelques minutes ; ce que vous avez enregistré n'est pas perdu.",
)
_PAGES: Final[dict[type[Exception], Told]] = {
    NotAllowedError: FORBIDDEN,
    StaleFormError: Told(
        403,
        "Formulaire périmé",
        "Ce formulaire date d'une session précédente : rien n'a été enregistré.",
        "Rouvrez la page, puis recommencez.",
    ),
    OtherSchoolError: Told(
        409,
        "Autre établissement",
        "Vous avez choisi un autre établissement depuis que cette page est ouverte, par exemple "
        "dans un autre onglet du navigateur : rien n'a été enregistré.",
        "Vérifiez l'établissement en haut de la page, puis recommencez.",
    ),
    UnreadableFormError: Told(
        400,
        "Envoi interrompu",
        "Le fichier n'est pas arrivé en entier : rien n'a été enregistré.",
        "Rouvrez la page, puis envoyez-le de nouveau.",
    ),
    SignInRefusedError: Told(
        400,
        "Connexion refusée",
        "La réponse du fournisseur d'identité ne correspond pas à votre demande : elle a peut-être "
        "attendu trop longtemps, ou vient d'une ancienne page.",
        "Recommencez la connexion depuis l'accueil.",
    ),
    ProviderDownError: Told(
        503,
        "Connexion momentanément impossible",
        "Le fournisseur d'identité ne répond pas.",
        "Réessayez dans quelques minutes ; si cela dure, prévenez l'assistance.",
    ),
}
_HTTP: Final = {
    400: Told(
        400,
        "Envoi illisible",
        "Ce formulaire n'a pas pu être lu : rien n'a été enregistré.",
        "Rouvrez la page, puis recommencez.",
    ),
    404: NOT_FOUND,
    405: NOT_FOUND,
    413: Told(
        413,
        "Envoi trop volumineux",
        "Le fichier dépasse la taille permise : rien n'a été enregistré.",
        "Envoyez un fichier plus petit.",
    ),
}


def told_by(error: Exception) -> Told:
    """The page that tells of an error."""
    match error:
        case UnknownPersonError():
            return Told(403, "Aucun accès pour ce compte", error.why)
        case ServiceDownError():
            return down(error.service)
        case RefusedError(status=404):
            return NOT_FOUND
        case RefusedError():
            return Told(error.status, error.title, error.detail)
        case TooManyError():
            return Told(
                429,
                "Trop d'essais",
                "Cela a été tenté trop souvent.",
                f"Réessayez dans {error.minutes} min.",
            )
    return _plainly_told(error)


def _plainly_told(error: Exception) -> Told:
    match error:
        case HTTPException(status_code=status):
            return _HTTP.get(status, NOT_FOUND)
        case RequestValidationError():
            return NOT_FOUND
        case _ if isinstance(error, UNAVAILABLE):
            return UNAVAILABLE_PAGE
    return _PAGES.get(type(error), UNEXPECTED)


def down(service: str) -> Told:
    """The page about a service that does not answer."""
    part = SERVICES.get(service, service)
    return Told(
        503,
        "Cette partie ne répond pas",
        f"La partie « {part} » ne répond pas pour l'instant ; le reste fonctionne.",
        "Réessayez dans quelques minutes. Si vous veniez d'enregistrer, vérifiez d'abord si cela a "
        "été pris en compte.",
    )


def redirected(request: Request, path: str) -> Response:
    """Send the browser elsewhere; htmx is told to load that page whole."""
    if frame.is_enhanced(request):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


async def _needs_sign_in(request: Request, _: Exception) -> Response:
    if request.method == "POST":  # what was typed is lost: that must be said
        return frame.answer(request, "erreur.html", SESSION_ENDED.status, told=SESSION_ENDED)
    return redirected(request, SIGN_IN)


async def _needs_choice(request: Request, _: Exception) -> Response:
    return redirected(request, CHOICE)


async def _page(request: Request, error: Exception) -> Response:
    told = told_by(error)
    response = frame.answer(request, "erreur.html", told.status, told=told)
    if told.status == UNAVAILABLE_PAGE.status:
        response.headers["Retry-After"] = "60"
    return response


def install(app: FastAPI) -> None:
    """Have errors answered as pages, except those of health, metrics and operations."""
    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        SignInNeededError: _needs_sign_in,
        ChoiceNeededError: _needs_choice,
    }
    told = (
        UnknownPersonError, ServiceDownError, RefusedError, TooManyError, HTTPException,
        RequestValidationError, *UNAVAILABLE, *_PAGES, Exception,
    )  # fmt: skip
    for kind in told:
        handlers[kind] = _page
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
