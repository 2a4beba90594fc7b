"""SQL: what has changed since the reconcile last decided, and how a rotation of keys goes on."""

import datetime as dt

from asyncpg import Record

from services.transfer.store.presences import keys_in_common, keys_of_pupils
from shared.database import Connection


async def keys_changed(connection: Connection, slice_size: int) -> set[bytes]:
    """The INE keys of the next changes that the reconcile has not decided again, and those that
    schools whose switch or import changed meanwhile have in common with others; moves its mark
    behind them.
    """
    [row] = await connection.fetch(
        """
        WITH mark AS (
            SELECT decided_until AS moment FROM reconcile
        ), slice AS (
            SELECT pupil_id, changed_at FROM presence
            WHERE changed_at > (SELECT moment FROM mark) -- joined, it would sort all that is behind
            ORDER BY changed_at FETCH FIRST $1 ROWS WITH TIES
        ), reached AS (
            SELECT CASE WHEN count(*) < $1 THEN clock_timestamp() ELSE max(changed_at) END AS moment
            FROM slice
        ), school AS (
            SELECT s.uai FROM mark, reached, (SELECT uai, changed_at FROM participation
                UNION ALL SELECT uai, changed_at FROM import_in_force) AS s
            WHERE s.changed_at > mark.moment AND s.changed_at <= reached.moment
        ), moved AS (
            UPDATE reconcile SET decided_until = reached.moment FROM reached
        )
        SELECT ARRAY(SELECT pupil_id FROM slice) AS pupils,
            ARRAY(SELECT DISTINCT uai FROM school) AS schools
        """,
        slice_size,
    )
    changed = await keys_of_pupils(connection, row["pupils"])
    return changed | await keys_in_common(connection, row["schools"])


async def has_changes(connection: Connection) -> bool:
    """Whether presences have changed behind the mark of the reconcile."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM presence WHERE changed_at > (SELECT decided_until FROM reconcile))
        """
    )
    return found


async def note_found(connection: Connection, number: int) -> None:
    """Note what a slice of the reconcile has found, if anything, beside what was found within a day
    before.
    """
    await connection.execute(
        """
        UPDATE reconcile SET found_at = now(), found = $1 + CASE
            WHEN found_at > now() - interval '1 day' THEN found ELSE 0 END
        WHERE $1 > 0
        """,
        number,
    )


async def begin_anew(connection: Connection) -> None:
    """Have the next pass decide over everything."""
    await connection.execute("UPDATE reconcile SET decided_until = '-infinity'")


async def set_aside(connection: Connection, patience: dt.timedelta) -> int:
    """While keys of two versions are present: take the keys from the learners who are still under
    an old one, if none under the newest has come for so long. Returns how many (rule 12).
    """
    found: int = await connection.fetchval(
        """
        WITH newest AS (
            SELECT key_version, changed_at FROM presence
            ORDER BY key_version DESC, changed_at DESC LIMIT 1
        ), late AS (
            UPDATE presence p SET changed_at = clock_timestamp(), key_version = CASE
                WHEN EXISTS (SELECT FROM match_key k WHERE k.pupil_id = p.pupil_id) THEN 0
                ELSE n.key_version END -- who has no INE has no keys to renew
            FROM newest n
            WHERE p.key_version > 0 AND p.key_version < n.key_version
                AND n.changed_at < clock_timestamp() - $1::interval
            RETURNING p.pupil_id, p.key_version
        ), keys AS (
            DELETE FROM match_key k USING late WHERE k.pupil_id = late.pupil_id
        )
        SELECT count(*) FROM late WHERE key_version = 0
        """,
        patience,
    )
    return found


async def rotation_ended(connection: Connection) -> bool:
    """Whether keys of two versions were present at the last pass, and no longer are."""
    ended: bool = await connection.fetchval(
        """
        WITH now AS (
            SELECT coalesce((SELECT min(key_version) FROM presence WHERE key_version > 0)
                <> (SELECT max(key_version) FROM presence), false) AS rotating
        ), was AS (
            SELECT rotating FROM reconcile
        ), noted AS (
            UPDATE reconcile SET rotating = now.rotating FROM now
        )
        SELECT was.rotating AND NOT now.rotating FROM was, now
        """
    )
    return ended


async def without_keys(connection: Connection) -> int:
    """How many learners were set aside in a rotation and have not been told of anew."""
    number: int = await connection.fetchval("SELECT count(*) FROM presence WHERE key_version = 0")
    return number


async def set_aside_by_school(connection: Connection) -> list[Record]:
    """Where the learners are who were set aside (rule 12, « listed »): uai, number."""
    return await connection.fetch(
        """
        SELECT uai, count(*) AS number FROM presence WHERE key_version = 0
        GROUP BY uai ORDER BY uai
        """
    )
