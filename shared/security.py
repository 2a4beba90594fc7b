"""Who calls, and what they may do: tokens, rights, and the school that a request is about.

Every route names its action (`may`); the rights table says which roles perform it. A token of staff
holds roles by school, one of another module holds scopes; signatures are checked with the published
keys: there is no trusted network.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import BaseModel, StringConstraints

from shared.identifiers import Uai
from shared.rights import RIGHTS, SCOPES, SERVICE_SCOPES, Action, Role
from shared.web.problems import Problem, ProblemError

AUDIENCE = "cpro"
EVERYWHERE = "*"
"""Among the académies of a person: the roles that hold in all of them."""

ALGORITHM = "Ed25519"

_SERVICE_KEY = "service:"
"""Key ids of services begin so: `service:transfer`."""

_Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]{0,200}$")]


class Learner(BaseModel, frozen=True, extra="forbid"):
    """The learner whose own token it is."""

    uai: Uai
    pupil: UUID


class Principal(BaseModel, frozen=True, extra="ignore"):
    """Who calls: a person with roles by school or by académie, a module with scopes, or a learner.

    `sub` is the same in every service and goes into trails; `name` and `function` are for those who
    are told of what the person has done, and go nowhere else.
    """

    sub: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,200}$")]
    name: _Text = ""
    function: _Text = ""
    schools: Mapping[Uai, frozenset[Role]] = {}
    academies: Mapping[str, frozenset[Role]] = {}
    scope: str = ""
    learner: Learner | None = None

    def may(self, action: Action, uai: Uai) -> bool:
        """Whether this caller performs `action` in the school `uai`."""
        return bool(self.schools.get(uai, frozenset()) & RIGHTS[action]) or self.allows(action)

    def may_in(self, action: Action, academie: str) -> bool:
        """Whether this caller performs `action` in this académie, as its administrator or the
        national one.
        """
        roles = (self.academies.get(place, frozenset()) for place in (academie, EVERYWHERE))
        return any(held & RIGHTS[action] for held in roles)

    def may_somewhere(self, action: Action) -> bool:
        """Whether this caller performs `action` in some school or académie."""
        held = (*self.schools.values(), *self.academies.values())
        return any(roles & RIGHTS[action] for roles in held) or self.allows(action)

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

Check = Callable[..., Awaitable[Principal]]
"""A dependency: the caller, once it is sure that he may."""

bearer = HTTPBearer(auto_error=False)


async def principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """The caller of the request."""
    verifier: TokenVerifier | None = request.app.state.runtime.tokens
    if credentials is None or verifier is None:
        raise ProblemError(UNAUTHENTICATED)
    return verifier.principal(credentials.credentials)


def may(action: Action) -> Check:
    """A dependency for routes below `/schools/{uai}`: the caller, who may do `action` there."""

    async def check(uai: Uai, caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.may(action, uai):
            raise ProblemError(FORBIDDEN)
        return caller

    return check


def may_in_academie(action: Action) -> Check:
    """The same for routes below `/academies/{academie}`."""

    async def check(academie: str, caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.may_in(action, academie):
            raise ProblemError(FORBIDDEN)
        return caller

    return check


def may_somewhere(action: Action) -> Check:
    """The same for routes that belong to no school: the caller's roles may be anywhere."""

    async def check(caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.may_somewhere(action):
            raise ProblemError(FORBIDDEN)
        return caller

    return check


def may_as_service(action: Action) -> Check:
    """The same for routes that only other services call."""

    async def check(caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if not caller.allows(action):
            raise ProblemError(FORBIDDEN)
        return caller

    return check
