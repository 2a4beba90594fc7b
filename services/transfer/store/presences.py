"""SQL: who is where, and what the schools have imported."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from shared.database import Connection
from shared.events import (
    ImportApplied,
    PupilEvent,
    PupilMerged,
)
from shared.identifiers import Uai

ERASED = 2**31 - 1
"""As the version of `gone`: no event of this learner counts any more."""


async def keep_presences(connection: Connection, pupils: Sequence[PupilEvent]) -> set[bytes]:
    """Keep the learners that are newer than what is held, and their keys; returns the INE keys, old
    and new, of those that changed. `pupils` holds each learner once.
    """
    new = [(p.pupil_id, k) for p in pupils for k in p.keys]
    rows = await connection.fetch(
        """
        WITH kept AS (
            INSERT INTO presence (pupil_id, uai, version, stay, active, since, activated, reason,
                source, mef, last_year, previous_uai, has_birth_date, key_version, changed_at)
            SELECT *, clock_timestamp() FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[],
                $5::bool[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[],
                $10::text[], $11::bool[], $12::text[], $13::bool[], $14::int[])
                AS p (pupil_id, uai, version)
            WHERE NOT EXISTS (
                SELECT FROM gone WHERE pupil_id = p.pupil_id AND version >= p.version OFFSET 0)
            ON CONFLICT (pupil_id) DO UPDATE SET
                uai = EXCLUDED.uai, version = EXCLUDED.version, stay = EXCLUDED.stay,
                active = EXCLUDED.active, since = EXCLUDED.since, activated = EXCLUDED.activated,
                reason = EXCLUDED.reason, source = EXCLUDED.source, mef = EXCLUDED.mef,
                last_year = EXCLUDED.last_year, previous_uai = EXCLUDED.previous_uai,
                has_birth_date = EXCLUDED.has_birth_date, key_version = EXCLUDED.key_version,
                changed_at = EXCLUDED.changed_at
            WHERE presence.version < EXCLUDED.version
            RETURNING pupil_id
        ), told AS (
            SELECT pupil_id, ine_key, birth_key, family_keys::bytea[], first_keys::bytea[]
            FROM unnest($15::uuid[], $16::bytea[], $17::bytea[], $18::text[], $19::text[])
                AS k (pupil_id, ine_key, birth_key, family_keys, first_keys)
            JOIN kept USING (pupil_id)
        ), entered AS (
            INSERT INTO match_key (pupil_id, ine_key, birth_key, family_keys, first_keys)
            SELECT * FROM told
            ON CONFLICT (pupil_id, ine_key) DO UPDATE SET birth_key = EXCLUDED.birth_key,
                family_keys = EXCLUDED.family_keys, first_keys = EXCLUDED.first_keys
        ), dropped AS (
            DELETE FROM match_key k USING kept
            WHERE k.pupil_id = kept.pupil_id AND k.pupil_id = ANY($1::uuid[])
                AND (k.pupil_id, k.ine_key) NOT IN ( -- is hashed; no key is NULL
                    SELECT pupil_id, ine_key FROM told)
            RETURNING k.ine_key
        )
        SELECT ine_key FROM told UNION SELECT ine_key FROM dropped
        """,
        *columns(
            (p.pupil_id, p.uai, p.version, p.stay, p.active, p.since, p.activated, p.reason,
             p.source, p.mef, p.last_year, p.previous_uai, p.has_birth_date, p.key_version)
            for p in pupils
        ),
        [pupil_id for pupil_id, _ in new],
        [k.ine_key for _, k in new],
        [k.birth_key for _, k in new],
        [_array_text(k.family_keys) for _, k in new],
        [_array_text(k.first_keys) for _, k in new],
    )  # fmt: skip
    return {row["ine_key"] for row in rows}


def _array_text(keys: Iterable[bytes]) -> str:
    # unnest would flatten arrays of arrays: the inner ones travel as text.
    return "{" + ",".join(f'"\\\\x{key.hex()}"' for key in keys) + "}"


def columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Rows turned into columns, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]


async def forget(connection: Connection, gone: Mapping[UUID, int]) -> set[bytes]:
    """Forget learners of whom nothing up to these versions counts any more; returns the INE keys
    that they had.
    """
    await connection.execute(
        """
        INSERT INTO gone (pupil_id, version) SELECT * FROM unnest($1::uuid[], $2::int[])
        ON CONFLICT (pupil_id) DO UPDATE SET version = EXCLUDED.version
        WHERE gone.version < EXCLUDED.version
        """,
        list(gone),
        list(gone.values()),
    )
    rows = await connection.fetch(
        """
        WITH over AS (
            SELECT p.pupil_id FROM presence p JOIN gone g USING (pupil_id)
            WHERE p.pupil_id = ANY($1::uuid[]) AND p.version <= g.version
        ), announced AS (
            DELETE FROM announced_departure a USING gone g
            WHERE a.pupil_id = ANY($1::uuid[]) AND g.pupil_id = a.pupil_id
                AND a.version <= g.version
        ), keys AS (
            DELETE FROM match_key k USING over WHERE k.pupil_id = over.pupil_id RETURNING ine_key
        ), presences AS (
            DELETE FROM presence p USING over WHERE p.pupil_id = over.pupil_id
        )
        SELECT ine_key FROM keys
        """,
        list(gone),
    )
    return {row["ine_key"] for row in rows}


async def keep_imports(connection: Connection, imports: Sequence[ImportApplied]) -> set[bytes]:
    """Keep each school's import with the highest number, and the departures that they announce:
    these learners count as inactive until the version of their deactivation is held. Returns the
    INE keys that learners of these schools have in common with someone else.
    """
    newest = {i.uai: i for i in sorted(imports, key=lambda i: i.number)}
    announced: dict[UUID, int] = {}
    for pupil in (pupil for i in imports for pupil in i.deactivated):
        announced[pupil.pupil_id] = max(pupil.version, announced.get(pupil.pupil_id, 0))
    await connection.execute(
        """
        WITH announced AS (
            INSERT INTO announced_departure (pupil_id, version)
            SELECT a.pupil_id, a.version
            FROM unnest($6::uuid[], $7::int[]) AS a (pupil_id, version)
            WHERE NOT EXISTS (
                SELECT FROM presence WHERE pupil_id = a.pupil_id AND version >= a.version OFFSET 0)
                AND NOT EXISTS (SELECT FROM gone
                    WHERE pupil_id = a.pupil_id AND version >= a.version OFFSET 0)
            ON CONFLICT (pupil_id) DO UPDATE SET version = EXCLUDED.version,
                announced_at = EXCLUDED.announced_at
            WHERE announced_departure.version < EXCLUDED.version
        )
        INSERT INTO import_in_force (uai, number, horodatage, school_year, source, changed_at)
        SELECT *, clock_timestamp()
        FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::int[], $5::text[])
        ON CONFLICT (uai) DO UPDATE SET
            number = EXCLUDED.number, horodatage = EXCLUDED.horodatage,
            school_year = EXCLUDED.school_year, source = EXCLUDED.source,
            changed_at = EXCLUDED.changed_at
        WHERE import_in_force.number < EXCLUDED.number
        """,
        *columns((i.uai, i.number, i.horodatage, i.school_year, i.source) for i in newest.values()),
        list(announced),
        list(announced.values()),
    )
    return await keys_in_common(connection, newest)


async def keys_in_common(connection: Connection, schools: Iterable[Uai]) -> set[bytes]:
    """The INE keys of learners of `schools` that someone else holds as well.

    An import or a switch decides nothing about the others, five learners of six: they can be
    matched with nobody, and requests by hand, which need no INE, are decided again each time.
    """
    rows = await connection.fetch(
        """
        SELECT DISTINCT k.ine_key FROM presence p
        CROSS JOIN LATERAL (SELECT * FROM match_key WHERE pupil_id = p.pupil_id OFFSET 0) k
        CROSS JOIN LATERAL (
            SELECT FROM match_key o WHERE o.ine_key = k.ine_key AND o.pupil_id <> k.pupil_id
            LIMIT 1 OFFSET 0
        ) other
        WHERE p.uai = ANY($1::text[])
        """,
        list(schools),
    )
    return {row["ine_key"] for row in rows}


async def settle_newest(connection: Connection, pupils: Sequence[PupilEvent]) -> None:
    """Drop announcements that the newest versions have overtaken, and end the offers of learners
    who are back in the school that offers them. (Whoever changes offers is in single file.)
    """
    await connection.execute(
        """
        WITH newest AS (
            SELECT * FROM unnest($1::uuid[], $2::int[]) AS p (pupil_id, version)
        ), back AS (
            SELECT t.id FROM newest n
            CROSS JOIN LATERAL (SELECT * FROM transfer WHERE origin_pupil = n.pupil_id OFFSET 0) t
            CROSS JOIN LATERAL (SELECT * FROM presence WHERE pupil_id = n.pupil_id OFFSET 0) p
            WHERE t.state = 'offered' AND (p.active OR p.stay > t.origin_stay)
        ), ended AS (
            UPDATE transfer SET state = 'cancelled', answered_at = clock_timestamp(),
                refused_because = 'returned'
            WHERE id = ANY(ARRAY(SELECT id FROM back))
        )
        DELETE FROM announced_departure a USING newest n
        WHERE a.pupil_id = n.pupil_id AND a.pupil_id = ANY($1::uuid[]) AND a.version <= n.version
        """,
        [p.pupil_id for p in pupils],
        [p.version for p in pupils],
    )


async def keep_merges(connection: Connection, merges: Sequence[PupilMerged]) -> None:
    """Note who goes on as whom, or is himself again; what is older changes nothing."""
    newest = {m.merged_id: m for m in sorted(merges, key=lambda m: m.merged_version)}
    await connection.execute(
        """
        INSERT INTO merged (pupil_id, goes_on_as, version)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[])
        ON CONFLICT (pupil_id) DO UPDATE SET goes_on_as = EXCLUDED.goes_on_as,
            version = EXCLUDED.version
        WHERE merged.version < EXCLUDED.version
        """,
        list(newest),
        [None if m.undone else m.surviving_id for m in newest.values()],
        [m.merged_version for m in newest.values()],
    )


async def keys_of_schools(connection: Connection, schools: Iterable[Uai]) -> set[bytes]:
    """The INE keys of all learners of `schools`, departed ones included."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT k.ine_key FROM presence p JOIN match_key k USING (pupil_id)
        WHERE p.uai = ANY($1::text[])
        """,
        list(schools),
    )
    return {row["ine_key"] for row in rows}


async def keys_of_pupils(connection: Connection, pupils: Iterable[UUID]) -> set[bytes]:
    """The INE keys of these learners."""
    rows = await connection.fetch(
        "SELECT ine_key FROM match_key WHERE pupil_id = ANY($1::uuid[])", list(pupils)
    )
    return {row["ine_key"] for row in rows}
