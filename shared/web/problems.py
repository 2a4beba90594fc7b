"""Errors as clients see them: RFC 9457 problem details, in French, with a stable type.

A message says what is the matter and what to do. It never repeats what was sent: that may be a
learner's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

# What PostgreSQL says of a text with U+0000, wherever one was let through.
from asyncpg.exceptions import CharacterNotInRepertoireError as UnstorableTextError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.database import UNAVAILABLE

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error: HTTP status, last part of its type's URN, title and advice."""

    status: int
    type: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """The HTTP answer; one that says « not now » says when to ask again (RFC 9110, 15.6.4)."""
        again = {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 503 else {}
        body: dict[str, Any] = {
            "type": f"urn:cpro:probleme:{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return JSONResponse(body, self.status, {**again, **self.headers}, MEDIA_TYPE)


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.type)
        self.problem = problem


INVALID = Problem(
    422, "saisie-invalide", "Saisie invalide", "Corrigez les champs indiqués, puis recommencez."
)
UNAVAILABLE_PROBLEM = Problem(
    503,
    "service-indisponible",
    "Service momentanément indisponible",
    "Réessayez dans quelques secondes.",
)
UNEXPECTED = Problem(
    500,
    "erreur-interne",
    "Erreur interne",
    "Vérifiez si votre saisie a été enregistrée, puis réessayez ; si l'erreur persiste, prévenez "
    "l'assistance.",
)
_HTTP = {
    400: Problem(400, "requete-illisible", "Requête illisible", "Envoyez du JSON en UTF-8."),
    404: Problem(404, "introuvable", "Introuvable", "Cette adresse ne mène à rien."),
    405: Problem(405, "methode-refusee", "Méthode refusée", "Cette adresse refuse cette méthode."),
    413: Problem(413, "trop-volumineux", "Envoi trop volumineux", "Envoyez un contenu plus petit."),
}

_FRENCH = {
    "missing": "champ obligatoire",
    "extra_forbidden": "champ inconnu : retirez-le",
    "string_too_short": "texte trop court",
    "string_too_long": "texte trop long",
    "string_type": "texte attendu",
    "too_long": "liste trop longue",
    "int_parsing": "nombre attendu",
    "greater_than_equal": "nombre trop petit",
    "less_than_equal": "nombre trop grand",
    "json_invalid": "JSON illisible",
    "enum": "valeur inconnue",
    "literal_error": "valeur inconnue",
    "uuid_parsing": "identifiant illisible",
    "bool_parsing": "répondez par true ou false",
    "bool_type": "répondez par true ou false",
    "date_from_datetime_parsing": "date attendue : AAAA-MM-JJ",
    "date_parsing": "date attendue : AAAA-MM-JJ",
}


def _field_errors(error: RequestValidationError) -> list[dict[str, str]]:
    return [
        {
            "field": ".".join(map(str, _known_part(item))),
            "message": _FRENCH.get(item["type"]) or _own_message(item) or "valeur refusée",
        }
        for item in error.errors()
    ]


def _known_part(item: Mapping[str, Any]) -> Sequence[str | int]:
    """Where the error is, without the name of an unknown field: the caller chose it."""
    loc: Sequence[str | int] = item["loc"]
    return loc[:-1] if item["type"] == "extra_forbidden" else loc


def _own_message(item: Mapping[str, Any]) -> str | None:
    """The message of a type of ours, which is French already and holds no personal value."""
    cause = item.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ValueError) else None


def problem_of(error: Exception, known: Mapping[type[Exception], Problem]) -> Problem:
    """The problem that tells of `error`; `known` are those of the service's own exceptions."""
    match error:
        case ProblemError():
            return error.problem
        case RequestValidationError():
            return replace(INVALID, errors=_field_errors(error))
        case UnstorableTextError():
            return INVALID
        case HTTPException(status_code=status):
            plain = Problem(status, "requete-refusee", "Requête refusée", "Corrigez la requête.")
            return replace(_HTTP.get(status, plain), headers=error.headers or {})
        case _ if type(error) in known:
            return known[type(error)]
        case _ if isinstance(error, UNAVAILABLE):
            return UNAVAILABLE_PROBLEM
    return UNEXPECTED


def install(app: FastAPI, known: Mapping[type[Exception], Problem]) -> None:
    """Have every error answered as a problem."""

    async def answer(_: Request, error: Exception) -> JSONResponse:
        return problem_of(error, known).response()

    ours = (
        ProblemError, RequestValidationError, UnstorableTextError, HTTPException, *UNAVAILABLE,
        *known, Exception,
    )  # fmt: skip
    for kind in ours:
        app.add_exception_handler(kind, answer)
