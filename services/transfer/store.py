"""The SQL of `transfer`, over sets: each function is one question or one change."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from services.transfer.domain import Decision
from shared.database import Connection
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    ImportApplied,
    PupilEvent,
)
from shared.identifiers import Uai

SINGLE_FILE = 7_305_002
ERASED = 2**31 - 1
"""As the version of `gone`: no event of this learner counts any more."""


async def single_file(connection: Connection) -> None:
    """Wait until no other deciding transaction runs; each calls it before it reads anything.

    Its own statement, in READ COMMITTED: what follows sees all that was committed before. Without
    it, a departure and an arrival in two transactions would miss each other.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", SINGLE_FILE)


async def keep_presences(connection: Connection, pupils: Sequence[PupilEvent]) -> set[bytes]:
    """Keep the learners that are newer than what is held; returns the INE keys, old and new, of
    those that changed. `pupils` holds each learner once.
    """
    rows = await connection.fetch(
        """
        INSERT INTO presence (pupil_id, uai, version, stay, active, since, activated, reason,
            source, mef, last_year, previous_uai, has_birth_date, key_version, changed_at)
        SELECT *, clock_timestamp() FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[],
            $5::bool[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::text[],
            $11::bool[], $12::text[], $13::bool[], $14::int[]) AS p (pupil_id, uai, version)
        WHERE NOT EXISTS (
            SELECT FROM gone g WHERE g.pupil_id = p.pupil_id AND g.version >= p.version)
        ON CONFLICT (pupil_id) DO UPDATE SET
            uai = EXCLUDED.uai, version = EXCLUDED.version, stay = EXCLUDED.stay,
            active = EXCLUDED.active, since = EXCLUDED.since, activated = EXCLUDED.activated,
            reason = EXCLUDED.reason, source = EXCLUDED.source, mef = EXCLUDED.mef,
            last_year = EXCLUDED.last_year, previous_uai = EXCLUDED.previous_uai,
            has_birth_date = EXCLUDED.has_birth_date, key_version = EXCLUDED.key_version,
            changed_at = EXCLUDED.changed_at
        WHERE presence.version < EXCLUDED.version
        RETURNING pupil_id
        """,
        *_columns(
            (p.pupil_id, p.uai, p.version, p.stay, p.active, p.since, p.activated, p.reason,
             p.source, p.mef, p.last_year, p.previous_uai, p.has_birth_date, p.key_version)
            for p in pupils
        ),
    )  # fmt: skip
    changed = {row["pupil_id"] for row in rows}
    return await _replace_keys(connection, [p for p in pupils if p.pupil_id in changed])


async def _replace_keys(connection: Connection, pupils: Sequence[PupilEvent]) -> set[bytes]:
    if not pupils:
        return set()
    old = await connection.fetch(
        "DELETE FROM match_key WHERE pupil_id = ANY($1::uuid[]) RETURNING ine_key",
        [p.pupil_id for p in pupils],
    )
    new = [(p.pupil_id, k) for p in pupils for k in p.keys]
    await connection.execute(
        """
        INSERT INTO match_key (pupil_id, ine_key, birth_key, family_keys, first_keys)
        SELECT pupil_id, ine_key, birth_key, family_keys::bytea[], first_keys::bytea[]
        FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::text[], $5::text[])
            AS k (pupil_id, ine_key, birth_key, family_keys, first_keys)
        """,
        [pupil_id for pupil_id, _ in new],
        [k.ine_key for _, k in new],
        [k.birth_key for _, k in new],
        [_array_text(k.family_keys) for _, k in new],
        [_array_text(k.first_keys) for _, k in new],
    )
    return {row["ine_key"] for row in old} | {k.ine_key for _, k in new}


def _array_text(keys: Iterable[bytes]) -> str:
    # unnest would flatten arrays of arrays: the inner ones travel as text.
    return "{" + ",".join(f'"\\\\x{key.hex()}"' for key in keys) + "}"


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
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


async def withdraw_of_pupils(connection: Connection, pupils: Iterable[UUID]) -> list[UUID]:
    """Take back the requests about learners who are no longer known; returns them."""
    rows = await connection.fetch(
        """
        UPDATE transfer SET withdrawn_at = clock_timestamp(), asked_at = clock_timestamp()
        WHERE state = 'requested' AND withdrawn_at IS NULL AND id IN (
            SELECT t.id FROM transfer t, unnest($1::uuid[]) AS g (pupil_id)
            WHERE g.pupil_id IN (t.origin_pupil, t.destination_pupil) AND t.state = 'requested'
                AND NOT EXISTS (SELECT FROM presence p WHERE p.pupil_id = g.pupil_id))
        RETURNING id
        """,
        list(pupils),
    )
    return [row["id"] for row in rows]


async def keep_imports(connection: Connection, imports: Sequence[ImportApplied]) -> set[bytes]:
    """Keep each school's import with the highest number, and the departures that they announce;
    returns the INE keys of all learners of these schools.
    """
    newest = {i.uai: i for i in sorted(imports, key=lambda i: i.number)}
    await connection.execute(
        """
        INSERT INTO import_in_force (uai, number, horodatage, school_year, source, changed_at)
        SELECT *, clock_timestamp()
        FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::int[], $5::text[])
        ON CONFLICT (uai) DO UPDATE SET
            number = EXCLUDED.number, horodatage = EXCLUDED.horodatage,
            school_year = EXCLUDED.school_year, source = EXCLUDED.source,
            changed_at = EXCLUDED.changed_at
        WHERE import_in_force.number < EXCLUDED.number
        """,
        *_columns(
            (i.uai, i.number, i.horodatage, i.school_year, i.source) for i in newest.values()
        ),
    )
    announced: dict[UUID, int] = {}
    for pupil in (pupil for i in imports for pupil in i.deactivated):
        announced[pupil.pupil_id] = max(pupil.version, announced.get(pupil.pupil_id, 0))
    await _announce(connection, announced)
    return await keys_of_schools(connection, newest)


async def _announce(connection: Connection, versions: Mapping[UUID, int]) -> None:
    """Count learners as inactive until the version of their deactivation is held."""
    await connection.execute(
        """
        INSERT INTO announced_departure (pupil_id, version)
        SELECT a.pupil_id, a.version FROM unnest($1::uuid[], $2::int[]) AS a (pupil_id, version)
        WHERE NOT EXISTS (
            SELECT FROM presence p WHERE p.pupil_id = a.pupil_id AND p.version >= a.version)
            AND NOT EXISTS (
                SELECT FROM gone g WHERE g.pupil_id = a.pupil_id AND g.version >= a.version)
        ON CONFLICT (pupil_id) DO UPDATE SET version = EXCLUDED.version
        WHERE announced_departure.version < EXCLUDED.version
        """,
        list(versions),
        list(versions.values()),
    )


async def forget_announced(connection: Connection, pupils: Sequence[PupilEvent]) -> None:
    """Drop announcements that the newest versions have overtaken."""
    await connection.execute(
        """
        DELETE FROM announced_departure a
        USING unnest($1::uuid[], $2::int[]) AS p (pupil_id, version)
        WHERE a.pupil_id = p.pupil_id AND a.version <= p.version
        """,
        [p.pupil_id for p in pupils],
        [p.version for p in pupils],
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


async def open_transfers(connection: Connection, decisions: Sequence[Decision]) -> list[Record]:
    """Enter a requested transfer for each decision (with an arrival); returns the transfers."""
    pairs = [(d.departure, d.arrival) for d in decisions if d.arrival is not None]
    return await connection.fetch(
        """
        INSERT INTO transfer (id, state, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, names_differ, requested_at, asked_at)
        SELECT n.id, 'requested', n.origin_uai, n.origin_pupil, n.origin_stay, n.destination_uai,
            n.destination_pupil, n.names_differ, clock_timestamp(), clock_timestamp()
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::uuid[],
            $7::bool[]) AS n (id, origin_uai, origin_pupil, origin_stay, destination_uai,
            destination_pupil, names_differ)
        RETURNING id, origin_uai, origin_pupil, origin_stay, destination_uai, destination_pupil
        """,
        *_columns(
            (uuid7(), d.uai, d.pupil_id, d.stay, a.uai, a.pupil_id, a.names_differ)
            for d, a in pairs
        ),
    )


async def withdraw(connection: Connection, transfers: Sequence[UUID]) -> None:
    """Note that these requests are taken back; `dossier` says whether that came in time."""
    await connection.execute(
        """
        UPDATE transfer SET withdrawn_at = clock_timestamp(), asked_at = clock_timestamp()
        WHERE id = ANY($1::uuid[])
        """,
        transfers,
    )


async def close(connection: Connection, answers: Sequence[DossierTransferred]) -> list[Record]:
    """Close the requests whose records have moved; an answer given again changes nothing."""
    return await connection.fetch(
        """
        UPDATE transfer t SET state = 'closed', answered_at = clock_timestamp(), counts = a.counts
        FROM unnest($1::uuid[], $2::jsonb[]) AS a (id, counts)
        WHERE t.id = a.id AND t.state = 'requested'
        RETURNING t.id, origin_uai, origin_pupil, destination_uai, destination_pupil, t.counts
        """,
        [answer.transfer_id for answer in answers],
        [dict(answer.counts) for answer in answers],
    )


async def cancel(
    connection: Connection, refusals: Sequence[DossierTransferRefused]
) -> list[Record]:
    """End requests that `dossier` has refused; the departures are then decided anew."""
    return await connection.fetch(
        """
        UPDATE transfer t SET state = 'cancelled', answered_at = clock_timestamp(),
            refused_because = r.reason
        FROM unnest($1::uuid[], $2::text[]) AS r (id, reason)
        WHERE t.id = r.id AND state = 'requested'
        RETURNING t.id, origin_pupil, destination_pupil
        """,
        [refusal.transfer_id for refusal in refusals],
        [refusal.reason for refusal in refusals],
    )


async def keys_of_pupils(connection: Connection, pupils: Iterable[UUID]) -> set[bytes]:
    """The INE keys of these learners."""
    rows = await connection.fetch(
        "SELECT ine_key FROM match_key WHERE pupil_id = ANY($1::uuid[])", list(pupils)
    )
    return {row["ine_key"] for row in rows}


async def participation(connection: Connection, uai: Uai) -> Record | None:
    """The school's switch (active, version, changed_at), if it has ever been set."""
    return await connection.fetchrow(
        "SELECT active, version, changed_at FROM participation WHERE uai = $1", uai
    )


async def switch(
    connection: Connection, uai: Uai, version: int, changed_by: str, *, active: bool
) -> Record | None:
    """Set the school's switch and note who did; None if `version` is no longer the present one."""
    return await connection.fetchrow(
        """
        WITH switched AS (
            INSERT INTO participation (uai, active, version, changed_at)
            SELECT $1, $2, 1, clock_timestamp() WHERE $3 = 0
            ON CONFLICT DO NOTHING RETURNING active, version, changed_at
        ), again AS (
            UPDATE participation SET active = $2, version = version + 1,
                changed_at = clock_timestamp()
            WHERE uai = $1 AND version = $3 RETURNING active, version, changed_at
        ), noted AS (
            INSERT INTO participation_change (uai, version, active, changed_by, changed_at)
            SELECT $1, version, active, $4, changed_at
            FROM (SELECT * FROM switched UNION ALL SELECT * FROM again) AS s
        )
        SELECT * FROM switched UNION ALL SELECT * FROM again
        """,
        uai,
        active,
        version,
        changed_by,
    )


async def transfers_of(
    connection: Connection, uai: Uai, before: UUID | None, limit: int
) -> list[Record]:
    """The transfers from or to a school, newest first, those with an id below `before`."""
    return await connection.fetch(
        """
        SELECT id, state, origin_uai, origin_pupil, destination_uai, destination_pupil,
            names_differ, requested_at, answered_at, counts
        FROM transfer
        WHERE (origin_uai = $1 OR destination_uai = $1) AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def keys_changed(connection: Connection, slice_size: int) -> set[bytes]:
    """The INE keys of the next changes that the reconcile has not decided again, and of the schools
    whose switch or import changed meanwhile; moves its mark behind them.
    """
    rows = await connection.fetch(
        """
        WITH mark AS (
            SELECT decided_until AS moment FROM reconcile
        ), slice AS (
            SELECT p.pupil_id, p.changed_at FROM presence p, mark
            WHERE p.changed_at > mark.moment ORDER BY p.changed_at LIMIT $1
        ), reached AS (
            SELECT CASE WHEN count(*) < $1 THEN clock_timestamp() ELSE max(changed_at) END AS moment
            FROM slice
        ), school AS (
            SELECT s.uai FROM mark, reached, (SELECT uai, changed_at FROM participation
                UNION ALL SELECT uai, changed_at FROM import_in_force) AS s
            WHERE s.changed_at > mark.moment AND s.changed_at <= reached.moment
        ), pupil AS (
            SELECT pupil_id FROM slice UNION SELECT pupil_id FROM presence JOIN school USING (uai)
        ), moved AS (
            UPDATE reconcile SET decided_until = reached.moment FROM reached
        )
        SELECT DISTINCT ine_key FROM match_key JOIN pupil USING (pupil_id)
        """,
        slice_size,
    )
    return {row["ine_key"] for row in rows}


async def has_changes(connection: Connection) -> bool:
    """Whether presences have changed behind the mark of the reconcile."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM presence, reconcile WHERE changed_at > decided_until)"
    )
    return found


async def ask_again(connection: Connection, older_than: dt.timedelta) -> list[Record]:
    """The requests that `dossier` has not answered for so long, marked as asked now."""
    return await connection.fetch(
        """
        UPDATE transfer SET asked_at = clock_timestamp()
        WHERE state = 'requested' AND asked_at < clock_timestamp() - $1::interval
        RETURNING id, origin_uai, origin_pupil, origin_stay, destination_uai, destination_pupil,
            withdrawn_at
        """,
        older_than,
    )
