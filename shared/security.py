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
    """What a person is in a school."""

    DIRECTION = "direction"
    GESTION = "gestion"


class Action(StrEnum):
    """What routes do; one row of the rights table each."""

    IMPORT = "import"
    READ_PUPILS = "read-pupils"
    EDIT_PUPILS = "edit-pupils"
    DECIDE = "decide"
    SEE_TRANSFERS = "see-transfers"
    SWITCH_TRANSFERS = "switch-transfers"
    READ_RECORDS = "read-records"
    WRITE_RECORDS = "write-records"


RIGHTS: Final[Mapping[Action, frozenset[Role]]] = {
    Action.IMPORT: frozenset(Role),
    Action.READ_PUPILS: frozenset(Role),
    Action.EDIT_PUPILS: frozenset(Role),
    Action.DECIDE: frozenset(Role),
    Action.SEE_TRANSFERS: frozenset(Role),
    Action.SWITCH_TRANSFERS: frozenset({Role.DIRECTION}),
    Action.READ_RECORDS: frozenset(Role),
    Action.WRITE_RECORDS: frozenset(),
}
"""Which roles perform which action in their own school. Records are written by other modules.
« Decide » is to merge learners and to undo an import."""

SCOPES: Final[Mapping[str, frozenset[Action]]] = {
    "records:write": frozenset({Action.READ_RECORDS, Action.WRITE_RECORDS}),
    "records:read": frozenset({Action.READ_RECORDS}),
    "pupils:read": frozenset({Action.READ_PUPILS}),
}
"""What the token of another module allows, in every school."""


class Principal(BaseModel, frozen=True, extra="ignore"):
    """Who calls: a person with roles by school, or another module with scopes."""

    sub: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,200}$")]
    schools: Mapping[Uai, frozenset[Role]] = {}
    scope: str = ""

    def may(self, action: Action, uai: Uai) -> bool:
        """Whether this caller performs `action` in the school `uai`."""
        if self.schools.get(uai, frozenset()) & RIGHTS[action]:
            return True
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
            claims = jwt.decode(token, self.keys, algorithms=[ALGORITHM]).claims
            _CLAIMS.validate(claims)
            return Principal.model_validate(claims)
        except Exception:  # noqa: BLE001 - a hostile header ends the library in many ways
            raise ProblemError(UNAUTHENTICATED) from None


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
