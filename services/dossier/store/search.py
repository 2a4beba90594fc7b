"""SQL: records of all learners of a school, by what they are."""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from services.dossier.domain import Kind
from services.dossier.store.records import COLUMNS
from shared.database import Connection
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Search:
    """What records are looked for by; what is not given (None, no word) does not matter.

    `title` and `author` are words, each of which must occur, whatever their case and accents.
    `here` is whether the record was written in the school that asks.
    """

    kind: Kind | None
    diploma: str | None
    written_from: dt.date | None
    written_to: dt.date | None
    title: tuple[str, ...]
    author: tuple[str, ...]
    here: bool | None


_COMBINING = "\u0300-\u036f"
_LIGATURES = {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"}


def fold(text: str) -> str:
    """A text as it is compared: as `_folded` does."""
    plain = re.sub(f"[{_COMBINING}]", "", unicodedata.normalize("NFD", text))
    for sign, letters in _LIGATURES.items():
        plain = plain.replace(sign, letters)
    return plain.lower()


def _folded(column: str) -> str:
    # Lowered last: a database whose collation is C lowers no letter with an accent.
    plain = f"regexp_replace(normalize({column}, NFD), '[{_COMBINING}]', '', 'g')"
    for sign, letters in _LIGATURES.items():
        plain = f"replace({plain}, '{sign}', '{letters}')"
    return f"lower({plain})"


def _has_all(words: str, column: str) -> str:
    """Whether each of `words` occurs in `column`, which is folded only if there are any."""
    return f"""(cardinality({words}::text[]) = 0 OR NOT EXISTS (
            SELECT FROM unnest({words}::text[]) AS w (word)
            WHERE position(word IN {_folded(column)}) = 0))"""


_SEARCH = f"""
    WITH RECURSIVE card (holder, pupil_id) AS (
        SELECT pupil_id, pupil_id FROM learner
        WHERE uai = $1 AND merged_into IS NULL AND ($2::uuid[] IS NULL OR pupil_id = ANY($2))
        UNION
        SELECT card.holder, l.pupil_id FROM card JOIN learner l ON l.merged_into = card.pupil_id
    ), found AS (
        SELECT one.id, holder FROM card CROSS JOIN LATERAL (
            SELECT id FROM record WHERE record.pupil_id = card.pupil_id
                AND ($3::uuid IS NULL OR id > $3)
                AND ($5::text IS NULL OR kind = $5)
                AND ($6::text IS NULL OR diploma = $6)
                AND ($7::date IS NULL OR written_on >= $7)
                AND ($8::date IS NULL OR written_on <= $8)
                AND ($9::bool IS NULL OR (origin_uai = $1) = $9)
                AND {_has_all("$10", "title")}
                AND {_has_all("$11", "author")}
            ORDER BY id LIMIT $4
        ) AS one
        ORDER BY one.id LIMIT $4
    )
    SELECT holder AS pupil_id, {COLUMNS} FROM found JOIN record USING (id) ORDER BY id
"""
"""Learner by learner, so that the index `record_of_learner` leads whatever the planner guesses of
the school's share in all records; bodies are read last, of the records of the page alone.
"""


async def search(
    connection: Connection,
    uai: Uai,
    wanted: Search,
    *,
    pupils: Collection[UUID] | None,
    after: UUID | None,
    limit: int,
) -> list[Record]:
    """Records held by learners of the school (by some of them, if `pupils` are given: the ids that
    they go on as), in the order of their ids, those above `after`.
    """
    return await connection.fetch(
        _SEARCH,
        uai,
        None if pupils is None else sorted(pupils),
        after,
        limit,
        wanted.kind,
        wanted.diploma,
        wanted.written_from,
        wanted.written_to,
        wanted.here,
        [fold(word) for word in wanted.title],
        [fold(word) for word in wanted.author],
    )
