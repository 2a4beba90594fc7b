"""The learners of the base, the lock of a school's base, and the import in force there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

from services.siecle_import.domain.imports import InForce
from services.siecle_import.domain.pupils import Change, Changed, Pupil
from services.siecle_import.folding import fold
from shared.database import Connection
from shared.identifiers import Uai

COLUMNS = ", ".join(Pupil._fields)
"""All columns of a learner, in the order in which `Pupil` takes them."""
_WRITTEN = [*Pupil._fields, "folded"]


async def lock_school(connection: Connection, uai: Uai) -> None:
    """Lock the school's base until the transaction ends."""
    await connection.execute("INSERT INTO school (uai) VALUES ($1) ON CONFLICT DO NOTHING", uai)
    await connection.execute("SELECT FROM school WHERE uai = $1 FOR UPDATE", uai)


async def in_force(connection: Connection, uai: Uai) -> InForce | None:
    """The import that the school's base follows, if there is one."""
    row = await connection.fetchrow(
        """
        SELECT horodatage, school_year, source FROM school
        WHERE uai = $1 AND horodatage IS NOT NULL
        """,
        uai,
    )
    return InForce(**row) if row else None


async def set_in_force(connection: Connection, uai: Uai, now_in_force: InForce | None) -> int:
    """Make an import the one in force, or none; returns the number of this act."""
    number: int = await connection.fetchval(
        """
        UPDATE school SET imports = imports + 1, horodatage = $2, school_year = $3,
            source = coalesce($4, source)
        WHERE uai = $1 RETURNING imports
        """,
        uai,
        now_in_force and now_in_force.horodatage,
        now_in_force and now_in_force.school_year,
        now_in_force and now_in_force.source,
    )
    return number


async def base_of(connection: Connection, uai: Uai) -> list[Pupil]:
    """Every learner of the school, those who left and those who were merged included; the active
    ones last, who are the first to be recognised by a key that several have.
    """
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM pupil WHERE uai = $1 ORDER BY active, id", uai
    )
    return [Pupil(*row) for row in rows]


async def pupils(connection: Connection, uai: Uai, ids: Collection[UUID]) -> dict[UUID, Pupil]:
    """These learners of the school, by id."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM pupil WHERE uai = $1 AND id = ANY($2::uuid[])", uai, sorted(ids)
    )
    return {row["id"]: Pupil(*row) for row in rows}


async def active_in(connection: Connection, uai: Uai) -> list[Pupil]:
    """The active learners of the school."""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM pupil WHERE uai = $1 AND active", uai)
    return [Pupil(*row) for row in rows]


async def with_ines(connection: Connection, asked: Sequence[tuple[Uai, str]]) -> list[UUID | None]:
    """The learners of schools with these INE, in the order of the question; None where a school has
    no such one. Of several, the one who is active and not merged.
    """
    rows = await connection.fetch(
        """
        SELECT (
            SELECT p.id FROM pupil p
            WHERE p.uai = a.uai AND (p.rnie = a.ine OR p.bea = a.ine OR p.ina = a.ine)
            ORDER BY p.merged_into IS NOT NULL, NOT p.active, p.id LIMIT 1
        ) AS id
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (uai, ine, place) ORDER BY place
        """,
        [uai for uai, _ in asked],
        [ine for _, ine in asked],
    )
    return [row["id"] for row in rows]


class StaleBaseError(Exception):
    """A learner is not at the version that his change started from: the base was not locked."""


async def write(connection: Connection, changes: Sequence[Changed]) -> None:
    """Write learners as they are after their changes: new ones by COPY, the others in one
    statement. The school's base is locked.

    Raises:
        StaleBaseError: nothing may be written.
    """
    created = [c.after for c in changes if c.kind is Change.CREATED]
    changed = [c.after for c in changes if c.kind is not Change.CREATED]
    if created:
        await _copy(connection, "pupil", created)
    if not changed:
        return
    await connection.execute("CREATE TEMP TABLE changed (LIKE pupil INCLUDING DEFAULTS)")
    await _copy(connection, "changed", changed)
    columns = [name for name in _WRITTEN if name not in ("id", "uai")]
    done = await connection.execute(
        f"""
        UPDATE pupil p SET ({", ".join(columns)}) = ({", ".join(f"c.{c}" for c in columns)})
        FROM changed c WHERE p.id = c.id AND p.version = c.version - 1
        """
    )
    await connection.execute("DROP TABLE changed")
    if done != f"UPDATE {len(changed)}":
        raise StaleBaseError


async def _copy(connection: Connection, table: str, people: Sequence[Pupil]) -> None:
    await connection.copy_records_to_table(
        table, columns=_WRITTEN, records=((*pupil, _folded(pupil)) for pupil in people)
    )


def _folded(pupil: Pupil) -> str:
    names = (pupil.family_name, pupil.usage_name, pupil.first_name)
    return " ".join(fold(name) for name in names if name)


class Order(StrEnum):
    """What learners are listed by; names come next."""

    NAME = "name"
    DIVISION = "division"
    STATE = "state"


_KEYS = {
    Order.NAME: ("folded", "id"),
    Order.DIVISION: ("coalesce(division, '')", "folded", "id"),
    Order.STATE: ("NOT active", "folded", "id"),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What learners are looked for by, None for what does not matter, and how they are listed.
    `name` is folded words.
    """

    name: Sequence[str] = ()
    ine: str | None = None
    mefs: Sequence[str] | None = None
    division: str | None = None
    active: bool | None = None
    source: str | None = None
    without_ine: bool = False
    order: Order = Order.NAME
    descending: bool = False


class UnknownCursorError(Exception):
    """The learner behind whom a page was to begin has been erased."""


async def search(
    connection: Connection, uai: Uai, wanted: Search, after: UUID | None, limit: int
) -> list[tuple[Pupil, bool]]:
    """The learners of a school that are looked for, those behind `after`; and whether a closed
    transfer names them.

    Raises:
        UnknownCursorError
    """
    keys = _KEYS[wanted.order]
    behind, way = ("<", "DESC") if wanted.descending else (">", "ASC")
    row, sorting = ", ".join(keys), ", ".join(f"{key} {way}" for key in keys)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}, EXISTS (SELECT FROM pupil_transfer t WHERE t.pupil_id = pupil.id)
            AS transferred
        FROM pupil
        WHERE uai = $1 AND merged_into IS NULL
            AND ($2::uuid IS NULL
                OR ({row}) {behind} (SELECT {row} FROM pupil WHERE id = $2 AND uai = $1))
            AND folded LIKE ALL ($3::text[])
            AND ($4::text IS NULL OR $4 IN (rnie, bea, ina))
            AND ($5::text[] IS NULL OR mef = ANY($5))
            AND ($6::text IS NULL OR division = $6)
            AND ($7::bool IS NULL OR active = $7)
            AND ($8::text IS NULL OR source = $8)
            AND (NOT $9::bool OR num_nonnulls(rnie, bea, ina) = 0)
        ORDER BY {sorting} LIMIT $10
        """,
        uai,
        after,
        [f"%{word}%" for word in wanted.name],
        wanted.ine,
        wanted.mefs,
        wanted.division,
        wanted.active,
        wanted.source,
        wanted.without_ine,
        limit,
    )
    if after is not None and not rows and not await pupils(connection, uai, [after]):
        raise UnknownCursorError
    return [(Pupil(**{n: row[n] for n in Pupil._fields}), row["transferred"]) for row in rows]


async def mark_transferred(
    connection: Connection, transfers: Sequence[tuple[UUID, UUID, Uai]]
) -> None:
    """Note that closed transfers name these learners: (transfer, learner, other school)."""
    await connection.execute(
        """
        INSERT INTO pupil_transfer (transfer_id, pupil_id, other_uai, after_import)
        SELECT t.transfer_id, p.id, t.other_uai, s.imports
        FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t (transfer_id, pupil_id, other_uai)
        JOIN pupil p ON p.id = t.pupil_id JOIN school s ON s.uai = p.uai
        ON CONFLICT DO NOTHING
        """,
        [transfer for transfer, _, _ in transfers],
        [pupil for _, pupil, _ in transfers],
        [other for _, _, other in transfers],
    )


async def transferred_since(
    connection: Connection, ids: Collection[UUID], number: int
) -> dict[UUID, Record]:
    """The transfers (transfer_id, other_uai) closed since import `number`, by learner."""
    rows = await connection.fetch(
        """
        SELECT pupil_id, transfer_id, other_uai FROM pupil_transfer
        WHERE pupil_id = ANY($1::uuid[]) AND after_import >= $2 ORDER BY transfer_id
        """,
        sorted(ids),
        number,
    )
    return {row["pupil_id"]: row for row in rows}


async def number_of_imports(connection: Connection, uai: Uai) -> int:
    """The number of the last thing that an import did to the school's base; 0: nothing yet."""
    number: int = await connection.fetchval("SELECT imports FROM school WHERE uai = $1", uai)
    return number


async def count(connection: Connection) -> int:
    """How many learners the base has, of all schools."""
    number: int = await connection.fetchval("SELECT count(*) FROM pupil")
    return number
