"""SQL: the logo and the cachet of each school, and who has changed them."""

import datetime as dt
import hashlib

from asyncpg import Record

from services.etablissement.domain.images import Kind, Picture
from shared.database import Connection
from shared.identifiers import Uai

_COLUMNS = "digest, width, height, length(png) AS size, changed_by, changed_at"


async def school_is_known(connection: Connection, uai: Uai) -> bool:
    """Whether the registry has this school."""
    return bool(await connection.fetchval("SELECT true FROM school WHERE uai = $1", uai))


async def about(connection: Connection, uai: Uai, kind: Kind) -> Record | None:
    """What there is to say of an image: digest, width, height, size (bytes), changed_by and
    changed_at.
    """
    return await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM image WHERE uai = $1 AND kind = $2", uai, kind
    )


async def digest(connection: Connection, uai: Uai, kind: Kind) -> bytes | None:
    """The digest of a school's present image."""
    found: bytes | None = await connection.fetchval(
        "SELECT digest FROM image WHERE uai = $1 AND kind = $2", uai, kind
    )
    return found


async def png(
    connection: Connection, uai: Uai, kind: Kind, wanted: bytes, *, thumbnail: bool
) -> bytes | None:
    """The bytes of the image with the digest `wanted`, if it is the present one."""
    column = "thumbnail" if thumbnail else "png"
    found: bytes | None = await connection.fetchval(
        f"SELECT {column} FROM image WHERE uai = $1 AND kind = $2 AND digest = $3",
        uai, kind, wanted,
    )  # fmt: skip
    return found


async def put(
    connection: Connection,
    uai: Uai,
    kind: Kind,
    expected: bytes | None,
    picture: Picture,
    *,
    by: str,
    at: dt.datetime,
) -> Record | None:
    """Add an image, or replace the one with the digest `expected`, and note who did; None if what
    is there is not what was expected, or is this image already.
    """
    return await connection.fetchrow(
        f"""
        WITH added AS (
            INSERT INTO image
                (uai, kind, digest, width, height, png, thumbnail, changed_by, changed_at)
            SELECT $1, $2, $4, $5, $6, $7, $8, $9, $10 WHERE $3::bytea IS NULL
            ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        ), replaced AS (
            UPDATE image SET digest = $4, width = $5, height = $6, png = $7, thumbnail = $8,
                changed_by = $9, changed_at = $10
            WHERE uai = $1 AND kind = $2 AND digest = $3 AND digest <> $4 RETURNING {_COLUMNS}
        ), noted AS (
            INSERT INTO image_change (uai, kind, act, digest, changed_by, changed_at)
            SELECT $1, $2, act, $4, $9, $10
            FROM (SELECT 'added' FROM added UNION ALL SELECT 'replaced' FROM replaced) AS s (act)
        )
        SELECT * FROM added UNION ALL SELECT * FROM replaced
        """,
        uai, kind, expected, hashlib.sha256(picture.png).digest(), picture.width, picture.height,
        picture.png, picture.thumbnail, by, at,
    )  # fmt: skip


async def the_same(connection: Connection, uai: Uai, kind: Kind, picture: Picture) -> Record | None:
    """What there is to say of the present image, if it is this one."""
    return await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM image WHERE uai = $1 AND kind = $2 AND digest = $3",
        uai, kind, hashlib.sha256(picture.png).digest(),
    )  # fmt: skip


async def remove(
    connection: Connection, uai: Uai, kind: Kind, expected: bytes, *, by: str, at: dt.datetime
) -> bool:
    """Delete the image with the digest `expected` and note who did; False if it is not there."""
    removed = await connection.fetchval(
        """
        WITH removed AS (
            DELETE FROM image WHERE uai = $1 AND kind = $2 AND digest = $3 RETURNING digest
        )
        INSERT INTO image_change (uai, kind, act, digest, changed_by, changed_at)
        SELECT $1, $2, 'deleted', digest, $4, $5 FROM removed RETURNING true
        """,
        uai, kind, expected, by, at,
    )  # fmt: skip
    return bool(removed)


async def history(
    connection: Connection, uai: Uai, kind: Kind, before: int | None, limit: int
) -> list[Record]:
    """Changes of an image: id, act, digest, changed_by, changed_at, and name and function of who it
    was if he is known here; newest first.
    """
    return await connection.fetch(
        """
        SELECT c.id, c.act, c.digest, c.changed_by, c.changed_at, p.name, p.function
        FROM image_change AS c LEFT JOIN person AS p ON p.account::text = c.changed_by
        WHERE c.uai = $1 AND c.kind = $2 AND ($3::bigint IS NULL OR c.id < $3)
        ORDER BY c.id DESC LIMIT $4
        """,
        uai, kind, before, limit,
    )  # fmt: skip


async def forget_history(connection: Connection, before: dt.datetime) -> None:
    """Forget the changes of the images of schools made earlier."""
    await connection.execute("DELETE FROM image_change WHERE changed_at < $1", before)
