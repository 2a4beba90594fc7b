"""Who calls, and what they may do: tokens, rights, and the school that a request is about.

Every route names its action (`may`); the rights table says which roles perform it. A token of staff
holds roles by school, one of another module holds scopes; signatures are checked with the published
keys: there is no trusted network.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import BaseModel, StringConstraints

from shared.identifiers import Uai
from shared.web.problems import Problem, ProblemError

AUDIENCE = "cpro"
ALGORITHM = "Ed25519"


class Role(StrEnum):
    """What a person is: in a school, or for it (administrators, support)."""

    DIRECTION = "direction"
    GESTION = "gestion"
    ACADEMIE = "admin-academique"
    NATIONAL = "admin-national"
    SUPPORT = "support"


class Action(StrEnum):
    """What routes do; one row of the rights table each."""

    IMPORT = "import"
    READ_PUPILS = "read-pupils"
    EDIT_PUPILS = "edit-pupils"
    DECIDE = "decide"
    SEE_TRANSFERS = "see-transfers"
    SWITCH_TRANSFERS = "switch-transfers"
    TRANSFER_BY_HAND = "transfer-by-hand"
    REVIEW = "review"
    EXPLAIN = "explain"
    READ_FIGURES = "read-figures"
    HANDLE_DATA = "handle-data"
    READ_RECORDS = "read-records"
    WRITE_RECORDS = "write-records"
    RESOLVE_PUPILS = "resolve-pupils"
    MAKE_KEYS = "make-keys"
    READ_UNDER_WAY = "read-under-way"


_STAFF = frozenset({Role.DIRECTION, Role.GESTION})
_ADMINISTRATORS = frozenset({Role.ACADEMIE, Role.NATIONAL})

RIGHTS: Final[Mapping[Action, frozenset[Role]]] = {
    Action.IMPORT: _STAFF,
    Action.READ_PUPILS: _STAFF | _ADMINISTRATORS,
    Action.EDIT_PUPILS: _STAFF,
    Action.DECIDE: _STAFF,
    Action.SEE_TRANSFERS: _STAFF,
    Action.SWITCH_TRANSFERS: frozenset({Role.DIRECTION}),
    Action.TRANSFER_BY_HAND: _STAFF,
    Action.REVIEW: _STAFF | _ADMINISTRATORS,
    Action.EXPLAIN: frozenset(Role),
    Action.READ_FIGURES: _ADMINISTRATORS,
    Action.HANDLE_DATA: frozenset({Role.DIRECTION}),
    Action.READ_RECORDS: _STAFF,
    Action.WRITE_RECORDS: frozenset(),
    Action.RESOLVE_PUPILS: frozenset(),
    Action.MAKE_KEYS: frozenset(),
    Action.READ_UNDER_WAY: frozenset(),
}
"""Which roles perform which action in their school, or the schools that they are in charge of.

Records are written by other modules. « Decide » is to merge learners and to undo an import,
« Review » to judge whether two learners are one and to reverse a transfer, « Handle data » what a
person may ask about his own: the looks at it, its export, its erasure.
"""

SCOPES: Final[Mapping[str, frozenset[Action]]] = {
    "records:write": frozenset({Action.READ_RECORDS, Action.WRITE_RECORDS}),
    "records:read": frozenset({Action.READ_RECORDS}),
    "pupils:read": frozenset({Action.READ_PUPILS}),
    "pupils:resolve": frozenset({Action.RESOLVE_PUPILS}),
    "keys:make": frozenset({Action.MAKE_KEYS}),
    "transfers:under-way": frozenset({Action.READ_UNDER_WAY}),
}
"""What the token of another module allows, in every school."""

SERVICE_SCOPES: Final[Mapping[str, str]] = {
    "dossier": "pupils:resolve",
    "siecle_import": "transfers:under-way",
    "transfer": "keys:make",
}
"""What each service may ask of the others. Its key signs nothing else: see `TokenVerifier`."""

_SERVICE_KEY = "service:"
"""Key ids of services begin so: `service:transfer`."""


class Principal(BaseModel, frozen=True, extra="ignore"):
    """Who calls: a person with roles by school or by académie, or a module with scopes."""

    sub: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,200}$")]
    schools: Mapping[Uai, frozenset[Role]] = {}
    academies: Mapping[str, frozenset[Role]] = {}
    scope: str = ""

    def may(self, action: Action, uai: Uai) -> bool:
        """Whether this caller performs `action` in the school `uai`."""
        return bool(self.schools.get(uai, frozenset()) & RIGHTS[action]) or self.allows(action)

    def allows(self, action: Action) -> bool:
        """Whether a scope of this caller allows `action` anywhere."""
        return any(action in SCOPES.get(scope, ()) for scope in self.scope.split())


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Checks tokens against a set of public keys."""

    keys: KeySet

    @classmethod
    def from_file(cls, path: Path) -> "TokenVerifier":
        """The keys of a JSON Web Key Set file."""
        return cls(KeySet.import_key_set(json.loads(path.read_text())))

    def principal(self, token: str) -> Principal:
        """The caller that `token` names.

        Raises:
            ProblemError: 401, whatever is wrong with the token.
        """
        try:
            decoded = jwt.decode(token, self.keys, algorithms=[ALGORITHM])
            _CLAIMS.validate(decoded.claims)
            return _limited(Principal.model_validate(decoded.claims), decoded.header["kid"])
        except Exception:  # noqa: BLE001 - a hostile header ends the library in many ways
            raise ProblemError(UNAUTHENTICATED) from None


def _limited(caller: Principal, key_id: str) -> Principal:
    """The caller; the key of a service makes no one but this service, with what it may ask."""
    if not key_id.startswith(_SERVICE_KEY):
        return caller
    service = key_id.removeprefix(_SERVICE_KEY)
    return Principal(sub=service, scope=SERVICE_SCOPES.get(service, ""))


_CLAIMS = jwt.JWTClaimsRegistry(
    exp={"essential": True}, aud={"essential": True, "value": AUDIENCE}, sub={"essential": True}
)

UNAUTHENTICATED = Problem(
    401,
    "authentification-requise",
    "Authentification requise",
    "La session a expiré ou l'appel n'est pas authentifié : reconnectez-vous.",
)
FORBIDDEN = Problem(
    403,
    "droit-manquant",
    "Droit manquant",
    "Vous n'avez pas le droit de faire cela dans cet établissement. "
    "Adressez-vous à la direction de l'établissement.",
)

_bearer = HTTPBearer(auto_error=False)


def principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """The caller of the request."""
    verifier: TokenVerifier | None = request.app.state.runtime.tokens
    if credentials is None or verifier is None:
        raise ProblemError(UNAUTHENTICATED)
    return verifier.principal(credentials.credentials)


def may(action: Action) -> Callable[..., Principal]:
    """A dependency for routes below `/schools/{uai}`: the caller, who may do `action` there."""

    def check(uai: Uai, caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.may(action, uai):
            raise ProblemError(FORBIDDEN)
        return caller

    return check


def may_in_academie(action: Action) -> Callable[..., Principal]:
    """The same for routes below `/academies/{academie}`."""

    def check(academie: str, caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.academies.get(academie, frozenset()) & RIGHTS[action]:
            raise ProblemError(FORBIDDEN)
        return caller

    return check


def may_as_service(action: Action) -> Callable[..., Principal]:
    """The same for routes that only other services call."""

    def check(caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.allows(action):
            raise ProblemError(FORBIDDEN)
        return caller

    return check
