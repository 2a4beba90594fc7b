"""Persons of `etablissement`, entered as they stand there once someone has given them rights."""

from collections.abc import Iterable
from uuid import uuid4

from shared.database import Database


async def invited(
    registry: Database, email: str, rights: Iterable[tuple[str, str | None, str | None]]
) -> None:
    """Invite a person; a right is a role with its school or its académie."""
    person = uuid4()
    await registry.pool.execute(
        "INSERT INTO person (id, email, invited_at) VALUES ($1, $2, now())", person, email
    )
    for role, uai, academie in rights:
        await registry.pool.execute(
            """
            INSERT INTO held_right
                (id, person, role, uai, academie, valid_from, given_by, given_at)
            VALUES (gen_random_uuid(), $1, $2, $3, $4, '2020-01-01', 'x', now())
            """,
            person, role, uai, academie,
        )  # fmt: skip
