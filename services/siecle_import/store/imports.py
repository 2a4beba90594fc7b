"""The imports of a school: the file, its state, what was said of it, and its lists."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.siecle_import.domain.imports import AT_WORK, InForce, State
from services.siecle_import.files.findings import Finding
from services.siecle_import.preview import Entry
from shared.database import Connection
from shared.identifiers import Uai
from shared.telemetry import current_traceparent

_RUN = """id, uai, state, kind, file_name, sent_by, received_at, progress, horodatage, school_year,
    counts, confirmations, findings, confirmed_by, number, same_as, ended_by, ended_at, sha256"""


async def receive(
    connection: Connection,
    import_id: UUID,
    uai: Uai,
    *,
    file_name: str | None,
    sent_by: str,
    received_at: dt.datetime,
) -> None:
    """Enter an import whose file follows, with the trace of whoever brings it; an earlier one that
    waits for a person is superseded.
    """
    superseded = await connection.fetch(
        """
        UPDATE import_run SET state = 'superseded', reading = NULL, ended_at = $2
        WHERE uai = $1 AND state = 'ready' RETURNING id
        """,
        uai,
        received_at,
    )
    for row in superseded:
        await delete_lists(connection, row["id"])
    await connection.execute(
        """
        INSERT INTO import_run (id, uai, state, file_name, sent_by, received_at, traceparent)
        VALUES ($1, $2, 'received', $3, $4, $5, $6)
        """,
        import_id,
        uai,
        file_name,
        sent_by,
        received_at,
        current_traceparent(),
    )


async def is_under_way(connection: Connection, uai: Uai) -> bool:
    """Whether an import of the school is being read or applied."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM import_run WHERE uai = $1 AND state = ANY($2::text[]))",
        uai,
        sorted(AT_WORK),
    )
    return found


async def refuse_under_way(
    connection: Connection, uai: Uai, findings: Sequence[Mapping[str, Any]], now: dt.datetime
) -> list[UUID]:
    """End the imports of a school that are not over as refused, for these grouped findings;
    returns their ids.
    """
    rows = await connection.fetch(
        """
        UPDATE import_run SET state = 'refused', reading = NULL, confirmations = NULL,
            findings = $2, ended_at = $3
        WHERE uai = $1 AND state IN ('received', 'ready', 'confirmed') RETURNING id
        """,
        uai,
        findings,
        now,
    )
    return [row["id"] for row in rows]


async def delete_findings(connection: Connection, import_id: UUID) -> None:
    """Forget all that was said about a file."""
    await connection.execute("DELETE FROM import_finding WHERE import_id = $1", import_id)


async def add_chunk(connection: Connection, import_id: UUID, position: int, data: bytes) -> None:
    """Keep a piece of the file."""
    await connection.execute(
        "INSERT INTO import_chunk (import_id, position, content) VALUES ($1, $2, $3)",
        import_id,
        position,
        data,
    )


async def chunk(connection: Connection, import_id: UUID, position: int) -> bytes | None:
    """A piece of the file; None behind the last."""
    data: bytes | None = await connection.fetchval(
        "SELECT content FROM import_chunk WHERE import_id = $1 AND position = $2",
        import_id,
        position,
    )
    return data


async def delete_file(connection: Connection, import_id: UUID) -> None:
    """Forget the file as it was sent."""
    await connection.execute("DELETE FROM import_chunk WHERE import_id = $1", import_id)


async def at_work(connection: Connection) -> list[Record]:
    """The imports to be read or applied, oldest first: id, uai, state, sent_by, received_at,
    traceparent.
    """
    return await connection.fetch(
        """
        SELECT id, uai, state, sent_by, received_at, traceparent FROM import_run
        WHERE state IN ('received', 'confirmed') ORDER BY received_at
        """
    )


async def try_to_own(connection: Connection, import_id: UUID) -> bool:
    """Be the one worker on an import, as long as this connection is held."""
    owned: bool = await connection.fetchval(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", str(import_id)
    )
    return owned


async def disown(connection: Connection, import_id: UUID) -> None:
    """Let other workers have the import."""
    await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", str(import_id))


async def begin_attempt(connection: Connection, import_id: UUID, state: str) -> int | None:
    """Count a try of the step that begins at `state`; None if the import has left that state."""
    attempts: int | None = await connection.fetchval(
        """
        UPDATE import_run SET attempts = attempts + 1 WHERE id = $1 AND state = $2
        RETURNING attempts
        """,
        import_id,
        state,
    )
    return attempts


async def set_progress(connection: Connection, import_id: UUID, percent: int) -> None:
    """Note how much of the file has been read."""
    await connection.execute(
        "UPDATE import_run SET progress = $2 WHERE id = $1", import_id, percent
    )


async def set_state(
    connection: Connection,
    import_id: UUID,
    *,
    expected: State,
    state: State,
    values: Mapping[str, Any],
) -> Record | None:
    """Move an import from state `expected` to `state` with new values; None if it has moved on.

    The names in `values` are columns, written in the code of this service.
    """
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(values, start=4))
    return await connection.fetchrow(
        f"""
        UPDATE import_run SET state = $3, attempts = 0, entered_at = now(){assignments}
        WHERE id = $1 AND state = $2 RETURNING {_RUN}
        """,
        import_id,
        expected,
        state,
        *values.values(),
    )


async def import_run(connection: Connection, uai: Uai, import_id: UUID) -> Record | None:
    """One import of the school."""
    return await connection.fetchrow(
        f"SELECT {_RUN} FROM import_run WHERE id = $1 AND uai = $2", import_id, uai
    )


async def imports_of(
    connection: Connection, uai: Uai, before: UUID | None, limit: int
) -> list[Record]:
    """The imports of a school, newest first, those with an id below `before`."""
    return await connection.fetch(
        f"""
        SELECT {_RUN} FROM import_run
        WHERE uai = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """,
        uai,
        before,
        limit,
    )


async def last_applied(connection: Connection, uai: Uai) -> Record | None:
    """The last import of the school that is applied and not undone: id, number, sha256, and
    whether nothing was applied or undone since (`undoable`).
    """
    return await connection.fetchrow(
        """
        SELECT r.id, r.number, r.sha256, r.number = s.imports AS undoable
        FROM import_run r JOIN school s USING (uai)
        WHERE uai = $1 AND state = 'applied' ORDER BY number DESC LIMIT 1
        """,
        uai,
    )


async def in_force_without(connection: Connection, uai: Uai, import_id: UUID) -> InForce | None:
    """What is in force when this import is not: the last other one; one from SIECLE goes before a
    CSV.
    """
    row = await connection.fetchrow(
        """
        SELECT horodatage, school_year, CASE kind WHEN 'csv' THEN 'csv' ELSE 'siecle' END AS source
        FROM import_run WHERE uai = $1 AND state = 'applied' AND id <> $2
        ORDER BY kind IS NOT DISTINCT FROM 'csv', number DESC LIMIT 1
        """,
        uai,
        import_id,
    )
    return InForce(**row) if row else None


async def confirmed(connection: Connection, import_id: UUID) -> Record | None:
    """What the file of a confirmed import says, as it was kept, and the consent given; None if the
    import is no longer confirmed.
    """
    return await connection.fetchrow(
        "SELECT reading, consent FROM import_run WHERE id = $1 AND state = 'confirmed'", import_id
    )


async def keep_findings(
    connection: Connection, import_id: UUID, findings: Sequence[Finding]
) -> None:
    """Keep all that was said about a file, for the report."""
    await connection.copy_records_to_table(
        "import_finding",
        columns=["import_id", "position", "level", "code", "pupil", "name", "ine", "value", "line",
            "message"],
        records=(
            (import_id, i, f.level, f.code, f.pupil, f.name, f.ine, f.value, f.line, f.message)
            for i, f in enumerate(findings)
        ),
    )  # fmt: skip


async def findings_of(
    connection: Connection, import_id: UUID, after: int, limit: int, code: str | None = None
) -> list[Record]:
    """What was said about a file (of one kind, if `code`), the gravest first, from a position
    on.
    """
    return await connection.fetch(
        """
        SELECT position, level, code, pupil, name, ine, value, line, message
        FROM import_finding
        WHERE import_id = $1 AND position > $2 AND ($4::text IS NULL OR code = $4)
        ORDER BY position LIMIT $3
        """,
        import_id,
        after,
        limit,
        code,
    )


async def keep_lists(connection: Connection, import_id: UUID, entries: Iterable[Entry]) -> None:
    """Keep the lists of an import, in the order given."""
    await connection.copy_records_to_table(
        "import_entry",
        columns=["import_id", "list", "position", "pupil_id", "shown", "before", "version"],
        records=(
            (import_id, e.list.value, i, e.pupil_id, e.shown, e.before, e.version)
            for i, e in enumerate(entries)
        ),
    )


async def delete_lists(connection: Connection, import_id: UUID) -> None:
    """Forget the lists of an import: it is over, or they are made anew."""
    await connection.execute("DELETE FROM import_entry WHERE import_id = $1", import_id)


async def list_of(
    connection: Connection, import_id: UUID, name: str, after: int, limit: int
) -> list[Record]:
    """A list of an import, from a position on."""
    return await connection.fetch(
        """
        SELECT position, pupil_id, shown FROM import_entry
        WHERE import_id = $1 AND list = $2 AND position > $3 ORDER BY position LIMIT $4
        """,
        import_id,
        name,
        after,
        limit,
    )


async def changes_of(connection: Connection, import_id: UUID) -> list[Record]:
    """What an applied import has changed: list, pupil_id, before, version."""
    return await connection.fetch(
        """
        SELECT list, pupil_id, before, version FROM import_entry
        WHERE import_id = $1 AND version IS NOT NULL ORDER BY position
        """,
        import_id,
    )


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a school wants its imports, and the version of that."""

    apply_at_once: bool
    version: int


async def preferences(connection: Connection, uai: Uai) -> Preferences:
    """The school's preferences, or what holds for a school that has set none."""
    row = await connection.fetchrow(
        "SELECT apply_at_once, settings_version AS version FROM school WHERE uai = $1", uai
    )
    return Preferences(**row) if row else Preferences(apply_at_once=False, version=0)


async def set_preferences(connection: Connection, uai: Uai, wanted: Preferences) -> bool:
    """Set the preferences of a school whose row is locked; False if `version` is not the present
    one.
    """
    changed = await connection.fetchval(
        """
        UPDATE school SET apply_at_once = $2, settings_version = settings_version + 1
        WHERE uai = $1 AND settings_version = $3 RETURNING true
        """,
        uai,
        wanted.apply_at_once,
        wanted.version,
    )
    return bool(changed)


async def forget_reports(
    connection: Connection, before: dt.datetime, *, undone_before: dt.datetime
) -> None:
    """Erase findings and lists of imports that ended or were undone before these moments, and the
    names of their files; the counts stay.
    """
    await connection.execute(
        """
        WITH old AS (
            UPDATE import_run SET findings = '[]', file_name = NULL
            WHERE (ended_at < $1 OR (state = 'undone' AND ended_at < $2))
                AND (findings <> '[]' OR file_name IS NOT NULL)
            RETURNING id
        ), entries AS (
            DELETE FROM import_entry e USING old WHERE e.import_id = old.id
        )
        DELETE FROM import_finding f USING old WHERE f.import_id = old.id
        """,
        before,
        undone_before,
    )


async def give_up(connection: Connection, before: dt.datetime, now: dt.datetime) -> None:
    """Cancel imports received before that moment that nobody has confirmed."""
    await connection.execute(
        """
        WITH old AS (
            UPDATE import_run SET state = 'cancelled', reading = NULL, ended_at = $2
            WHERE state = 'ready' AND received_at < $1 RETURNING id
        )
        DELETE FROM import_entry e USING old WHERE e.import_id = old.id
        """,
        before,
        now,
    )
