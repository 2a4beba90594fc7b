"""What a service signs with its own key: its calls to other services, tickets, inspections.

A ticket lets one person see one learner of another school, for one purpose and five minutes
(docs/transfer.md, rule 14). `transfer` makes them; the owner of the identity checks them. An
inspection lets an inspector read one diploma of one school for a minute: `inspector_access` makes
it, and the owners accept inspectors no other way.
"""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Self, TypeVar
from uuid import UUID, uuid5

import httpx
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials
from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import BaseModel

from shared.events import Side
from shared.identifiers import Uai
from shared.security import (
    ALGORITHM,
    AUDIENCE,
    UNAUTHENTICATED,
    Principal,
    TokenVerifier,
    bearer,
    principal,
)
from shared.settings import Settings
from shared.telemetry import trace_headers
from shared.web.problems import Problem, ProblemError

CALL_SECONDS = 10.0
LIFETIME_SECONDS = 300
TICKET_AUDIENCE = "cpro-ticket"
TICKET_KEY = "service:transfer"
INSPECTION_SECONDS = 60
INSPECTION_AUDIENCE = "cpro-inspection"
INSPECTION_KEY = "service:inspector_access"

TICKET_REFUSED = Problem(
    403,
    "billet-refuse",
    "Billet refusé",
    "Le droit de voir cet apprenant a expiré ou ne vaut pas pour cette action : rouvrez la "
    "demande de transfert.",
)


class NoSigningKeyError(Exception):
    """The settings name no key to sign with (`CPRO_SIGNING_KEY_FILE`)."""


class Purpose(StrEnum):
    """What a ticket is for."""

    IDENTITY = "identity"
    SUGGEST = "suggest"
    CREATE = "create"


class Ticket(BaseModel, frozen=True, extra="ignore"):
    """The right of `viewer`, of the school `uai`, to see the learner whom `transfer_id` offers."""

    viewer: str
    uai: Uai
    transfer_id: UUID
    learner: Side
    purpose: Purpose


class Inspection(BaseModel, frozen=True, extra="ignore"):
    """The right of the inspector `viewer` to read, in the school `uai`, the learners whose MEF is
    among `mefs` (those of `diploma`), and their records written there.
    """

    viewer: str
    uai: Uai
    diploma: str
    mefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signer:
    """The private key of a service."""

    key: OKPKey

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The key that the settings name.

        Raises:
            NoSigningKeyError
        """
        if settings.signing_key_file is None:
            raise NoSigningKeyError
        return cls.from_file(settings.signing_key_file)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key of a JSON Web Key file."""
        return cls(OKPKey.import_key(json.loads(path.read_text())))

    def _sign(
        self, audience: str, claims: Mapping[str, object], lifetime: int = LIFETIME_SECONDS
    ) -> str:
        now = int(time.time())
        usual = {"aud": audience, "iat": now, "exp": now + lifetime}
        header = {"alg": ALGORITHM, "kid": self.key.kid}
        return jwt.encode(header, {**claims, **usual}, self.key, algorithms=[ALGORITHM])

    def ticket(self, ticket: Ticket) -> str:
        """The text of a ticket, for the header `Cpro-Ticket`."""
        return self._sign(TICKET_AUDIENCE, ticket.model_dump(mode="json"))

    def inspection(self, inspection: Inspection) -> str:
        """The bearer token with which an inspector's read is passed on to an owner."""
        claims = inspection.model_dump(mode="json")
        return self._sign(INSPECTION_AUDIENCE, claims, INSPECTION_SECONDS)

    def client(self, base_url: str) -> httpx.AsyncClient:
        """A client that calls another service in the name of this one, for five minutes."""
        token = self._sign(AUDIENCE, {"sub": self.key.kid})
        headers = {"Authorization": f"Bearer {token}", **trace_headers()}
        return httpx.AsyncClient(
            base_url=base_url, headers=headers, timeout=CALL_SECONDS, verify=certificates()
        )


@cache
def certificates() -> ssl.SSLContext:
    """Whom clients trust, read once: the certificates to trust take more time than a call."""
    return httpx.create_ssl_context()


Signed = TypeVar("Signed", Ticket, Inspection)


def _checked(
    request: Request, text: str, kind: type[Signed], audience: str, key: str, refused: Problem
) -> Signed:
    """What a text says that a service has signed with `key` for this audience."""
    verifier: TokenVerifier = request.app.state.runtime.tokens
    claims = jwt.JWTClaimsRegistry(
        exp={"essential": True}, aud={"essential": True, "value": audience}
    )
    try:
        decoded = jwt.decode(text, verifier.keys, algorithms=[ALGORITHM])
        claims.validate(decoded.claims)
        said = kind.model_validate(decoded.claims)
    except Exception:  # noqa: BLE001 - a hostile header ends the library in many ways
        raise ProblemError(refused) from None
    if decoded.header["kid"] != key:
        raise ProblemError(refused)
    return said


def ticket_for(purpose: Purpose) -> object:
    """A dependency for routes below `/schools/{uai}`: the ticket that the caller shows.

    It must be for this caller, this school and `purpose`, and signed by `transfer`.
    """

    async def check(
        request: Request,
        uai: Uai,
        caller: Annotated[Principal, Depends(principal)],
        cpro_ticket: Annotated[str, Header(max_length=2000)],
    ) -> Ticket:
        refused = TICKET_REFUSED
        ticket = _checked(request, cpro_ticket, Ticket, TICKET_AUDIENCE, TICKET_KEY, refused)
        if (ticket.viewer, ticket.uai, ticket.purpose) != (caller.sub, uai, purpose):
            raise ProblemError(refused)
        return ticket

    return Depends(check)


async def inspection(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Inspection:
    """A dependency for the routes that owners keep for inspectors: what may be read."""
    text = credentials.credentials if credentials else ""
    wanted = INSPECTION_AUDIENCE, INSPECTION_KEY, UNAUTHENTICATED
    return _checked(request, text, Inspection, *wanted)


_CREATED = UUID("9b1c6c0e-6a0f-5d0e-8f57-2f3f0c6a4d11")


def learner_created_for(transfer_id: UUID) -> UUID:
    """The id of the learner whom the receiving school creates for an offer.

    It follows from the transfer's (random) id, so that creating twice makes one learner, and
    `transfer` can accept him before it has heard of him.
    """
    return uuid5(_CREATED, str(transfer_id))
