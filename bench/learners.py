"""A base of whole numbers in the tables of `transfer` and `dossier`: learners of many schools, one
INE each, one in twenty gone; and the events of those who move.
"""

import datetime as dt
from collections.abc import Iterable
from hashlib import md5
from uuid import UUID, uuid4

from shared.database import Connection
from shared.events import MatchKeys, PupilCreated, PupilDeactivated, PupilEvent, PupilUpdated
from shared.identifiers import KEY_LETTERS, Uai

SCHOOLS = 11_000
GONE_ONE_IN = 20
RECORDS = 5
BEFORE = dt.datetime(2025, 9, 15, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 1, 13, tzinfo=dt.UTC)
HOUR = 3600

_UAI = f"""lpad((1000000 + n % {SCHOOLS})::text, 7, '0')
    || substr('{KEY_LETTERS}', ((1000000 + n % {SCHOOLS}) % 23)::int + 1, 1)"""


async def fill(connection: Connection, learners: int) -> None:
    """The base of `transfer`: learners, their keys, an import in force and a switch of each
    school.
    """
    await connection.execute(
        f"""
        INSERT INTO presence (pupil_id, uai, version, stay, active, since, activated, reason,
            source, last_year, has_birth_date, key_version, changed_at)
        SELECT md5('p' || n)::uuid, {_UAI}, 1, 1, n % {GONE_ONE_IN} <> 0, $2, $2,
            CASE WHEN n % {GONE_ONE_IN} = 0 THEN 'absent' END, 'siecle', false, true, 1, $2
        FROM generate_series(1, $1::int) AS n
        """,
        learners,
        BEFORE,
        timeout=HOUR,
    )
    await connection.execute(
        """
        INSERT INTO match_key (pupil_id, ine_key, birth_key, family_keys, first_keys)
        SELECT md5('p' || n)::uuid, decode(md5('i' || n), 'hex'), decode(md5('b' || n), 'hex'),
            ARRAY[decode(md5('f' || n), 'hex')], ARRAY[decode(md5('g' || n), 'hex')]
        FROM generate_series(1, $1::int) AS n
        """,
        learners,
        timeout=HOUR,
    )
    await connection.execute(
        f"""
        INSERT INTO import_in_force SELECT {_UAI}, 1, $1, 2025, 'siecle', $1
        FROM generate_series(0, {SCHOOLS - 1}) AS n;
        """,
        NOW,
    )
    await connection.execute(
        "INSERT INTO participation SELECT uai, true, 1, changed_at FROM import_in_force"
    )
    await connection.execute("VACUUM ANALYZE", timeout=HOUR)


async def fill_records(connection: Connection, learners: int) -> None:
    """The base of `dossier`: the same learners, with five records each."""
    await connection.execute(
        f"""
        INSERT INTO learner (pupil_id, uai, version, stay, active)
        SELECT md5('p' || n)::uuid, {_UAI}, 1, 1, true FROM generate_series(1, $1::int) AS n
        """,
        learners,
        timeout=HOUR,
    )
    await connection.execute(
        f"""
        INSERT INTO record (id, pupil_id, kind, title, body, author, origin_uai, written_on,
            created_at, updated_at)
        SELECT gen_random_uuid(), md5('p' || n)::uuid, 'bilan', 'Bilan ' || r,
            jsonb_build_object('texte', repeat('Compétence acquise. ', 20)), 'M. Professeur',
            {_UAI}, '2025-11-20', $2, $2
        FROM generate_series(1, $1::int) AS n, generate_series(1, {RECORDS}) AS r
        """,
        learners,
        BEFORE,
        timeout=HOUR,
    )
    await connection.execute("VACUUM ANALYZE", timeout=HOUR)


def leaves(number: int) -> PupilEvent:
    """Learner `number` leaves his school."""
    return _event(PupilDeactivated, number, UUID(bytes=_digest("p", number)), version=2)


def comes(number: int) -> PupilEvent:
    """Learner `number` comes to the next school."""
    return _event(PupilCreated, number, uuid4(), version=1)


def changes(number: int, version: int) -> PupilEvent:
    """Something about learner `number` changes."""
    return _event(PupilUpdated, number, UUID(bytes=_digest("p", number)), version=version)


def moves(numbers: Iterable[int]) -> list[PupilEvent]:
    """These learners leave their schools and come to the next ones."""
    return [event for number in numbers for event in (leaves(number), comes(number))]


def _event(kind: type[PupilEvent], number: int, pupil_id: UUID, *, version: int) -> PupilEvent:
    keys = MatchKeys(
        ine_key=_digest("i", number),
        birth_key=_digest("b", number),
        family_keys=(_digest("f", number),),
        first_keys=(_digest("g", number),),
    )
    return kind(
        pupil_id=pupil_id,
        version=version,
        stay=1,
        uai=_uai(number + (kind is PupilCreated)),
        active=kind is not PupilDeactivated,
        since=NOW if kind is PupilDeactivated else BEFORE,
        activated=NOW if kind is PupilCreated else BEFORE,
        source="siecle",
        mef="24723332031",
        has_birth_date=True,
        keys=(keys,),
        key_version=1,
    )


def _digest(letter: str, number: int) -> bytes:
    return md5(f"{letter}{number}".encode(), usedforsecurity=False).digest()


def _uai(number: int) -> Uai:
    digits = 1_000_000 + number % SCHOOLS
    return Uai(f"{digits:07d}{KEY_LETTERS[digits % 23]}")
