"""SQL: the schools, as `etablissement` tells them."""

from collections.abc import Collection, Iterable

from services.notifier.domain.mails import School
from services.notifier.store import columns
from shared.database import Connection
from shared.identifiers import Uai


async def keep(connection: Connection, schools: Iterable[tuple[School, int, bool]]) -> None:
    """Keep schools with their version and whether they want the digest, unless a newer version is
    held; each stands here once.
    """
    await connection.execute(
        """
        INSERT INTO school (uai, name, town, email, version, digest)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bool[])
        ON CONFLICT (uai) DO UPDATE SET name = EXCLUDED.name, town = EXCLUDED.town,
            email = EXCLUDED.email, version = EXCLUDED.version, digest = EXCLUDED.digest
        WHERE school.version < EXCLUDED.version
        """,
        *columns(
            (s.uai, s.name, s.town, s.email, version, digest) for s, version, digest in schools
        ),
    )


async def named(connection: Connection, codes: Collection[str]) -> dict[str, School]:
    """These schools; one that is not known has its code for a name."""
    rows = await connection.fetch(
        "SELECT uai, name, town, email FROM school WHERE uai = ANY($1::text[])", list(codes)
    )
    known = {
        row["uai"]: School(Uai(row["uai"]), row["name"], row["town"], row["email"]) for row in rows
    }
    return {code: known.get(code) or School.unknown(Uai(code)) for code in codes}
