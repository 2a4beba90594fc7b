"""Two people, or one person twice: `If-Match` on changes, `Idempotency-Key` on creations."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import Header, Response

from shared.database import Connection
from shared.web.problems import Problem, ProblemError

CHANGED_MEANWHILE = Problem(
    412,
    "modifie-entre-temps",
    "Modifié entre-temps",
    "Quelqu'un d'autre vient d'enregistrer une modification ; la vôtre n'a pas été enregistrée. "
    "Rechargez la page, puis recommencez.",
)
VERSION_REQUIRED = Problem(
    428,
    "version-requise",
    "Version requise",
    "Envoyez l'en-tête If-Match avec la valeur ETag de la dernière lecture.",
)
KEY_REQUIRED = Problem(
    400,
    "cle-idempotence-requise",
    "Clé d'idempotence requise",
    "Envoyez l'en-tête Idempotency-Key : une valeur nouvelle pour chaque création, la même quand "
    "vous répétez un envoi.",
)
KEY_REUSED = Problem(
    422,
    "cle-idempotence-reutilisee",
    "Clé d'idempotence déjà utilisée",
    "Cette clé a servi à un autre envoi. Envoyez une clé nouvelle.",
)

KEY_LENGTH = 100
VERSION_DIGITS = 9  # fits an integer of PostgreSQL


def set_etag(response: Response, version: int) -> None:
    """Tell the version of what is answered."""
    response.headers["ETag"] = f'"{version}"'


async def expected_version(if_match: Annotated[str | None, Header()] = None) -> int:
    """The version that the caller has read, from `If-Match`: a dependency of changing routes."""
    if if_match is None:
        raise ProblemError(VERSION_REQUIRED)
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > VERSION_DIGITS:
        raise ProblemError(CHANGED_MEANWHILE)
    return int(text)


async def creation_key(idempotency_key: Annotated[str | None, Header()] = None) -> str:
    """The caller's `Idempotency-Key`: a dependency of creating routes."""
    if not idempotency_key or len(idempotency_key) > KEY_LENGTH:
        raise ProblemError(KEY_REQUIRED)
    return idempotency_key


async def made_before(
    connection: Connection, caller: str, key: str, content: bytes, resource: UUID
) -> UUID | None:
    """Claim `key` for the creation of `resource` in this transaction.

    Returns None when the key is new: go on and create. Otherwise the id of what the first request
    with this key created: answer with that. A request that comes while the first one runs waits
    here for its commit.

    Raises:
        ProblemError: 422, the key was used for another content.
    """
    fingerprint = hashlib.blake2b(content, digest_size=16).digest()
    statement = """
        INSERT INTO idempotency (caller, key, fingerprint, resource) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING true
        """
    if await connection.fetchval(statement, caller, key, fingerprint, resource):
        return None
    statement = "SELECT fingerprint, resource FROM idempotency WHERE caller = $1 AND key = $2"
    first = await connection.fetchrow(statement, caller, key)
    if first is None or first["fingerprint"] != fingerprint:
        raise ProblemError(KEY_REUSED)
    made: UUID = first["resource"]
    return made
