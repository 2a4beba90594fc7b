"""The one question of matching: who has left, and who may be the same person elsewhere.

Set-based: it starts from the INE keys that something has touched and looks each up by index; the
cost follows the size of the batch, not that of the nation.
"""

from collections import defaultdict
from collections.abc import Collection

from asyncpg import Record

from services.transfer.domain import Arrival, Departure, Request
from shared.database import Connection
from shared.events import NO_DEPARTURE
from shared.identifiers import Uai


async def cases(
    connection: Connection, keys: Collection[bytes]
) -> list[tuple[Departure, list[Arrival]]]:
    """The departures that hold one of these INE keys, each with every active learner of another
    school that shares an INE; both sides from SIECLE.

    A departure is over once its transfer is closed, or the learner known to be back; who is
    inactive for another reason than having left (`NO_DEPARTURE`) has not departed. A learner with a
    request under way is in even if active again, so that the request can be taken back.
    """
    rows = await connection.fetch(_CASES, list(keys), list(NO_DEPARTURE))
    arrivals: defaultdict[Departure, list[Arrival]] = defaultdict(list)
    for row in rows:
        found = arrivals[_departure(row)]
        if row["arrival_pupil"] is not None:
            found.append(_arrival(row))
    return list(arrivals.items())


_CASES = """
WITH holder AS (
    SELECT DISTINCT pupil_id FROM match_key WHERE ine_key = ANY($1::bytea[])
), concerned AS (
    SELECT pupil_id FROM holder
    UNION
    SELECT t.origin_pupil FROM transfer t JOIN holder h ON h.pupil_id = t.destination_pupil
    WHERE t.state = 'requested'
), departure AS (
    SELECT p.pupil_id, p.uai, p.stay, p.since, p.activated, p.key_version,
        p.active AND a.pupil_id IS NULL AS active,
        t.id AS transfer_id, t.origin_stay, t.destination_pupil,
        t.withdrawn_at IS NOT NULL AS withdrawn
    FROM concerned JOIN presence p USING (pupil_id)
    LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
    LEFT JOIN transfer t ON t.origin_pupil = p.pupil_id AND t.state = 'requested'
    WHERE p.source = 'siecle'
        AND (t.id IS NOT NULL OR a.pupil_id IS NOT NULL
            OR (NOT p.active AND coalesce(p.reason <> ALL($2::text[]), true)))
        AND NOT EXISTS (SELECT FROM transfer c WHERE c.origin_pupil = p.pupil_id
            AND c.origin_stay = p.stay
            AND (c.state = 'closed' OR c.refused_because = 'returned'))
), pair AS (
    SELECT d.pupil_id AS departed, p.pupil_id AS arrived, p.uai,
        bool_or(dk.birth_key = ak.birth_key) IS TRUE AS same_birth,
        bool_or((dk.family_keys <> '{}' AND ak.family_keys <> '{}'
                AND NOT dk.family_keys && ak.family_keys)
            OR (dk.first_keys <> '{}' AND ak.first_keys <> '{}'
                AND NOT dk.first_keys && ak.first_keys)) AS names_differ
    FROM departure d
    JOIN match_key dk ON dk.pupil_id = d.pupil_id
    JOIN match_key ak ON ak.ine_key = dk.ine_key
    JOIN presence p ON p.pupil_id = ak.pupil_id
    LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
    WHERE p.active AND a.pupil_id IS NULL AND p.source = 'siecle' AND p.uai <> d.uai
        AND p.key_version = d.key_version
    GROUP BY d.pupil_id, p.pupil_id, p.uai
)
SELECT d.*, coalesce(o.active, false) AS origin_participates,
    pair.arrived AS arrival_pupil, pair.uai AS arrival_uai, pair.same_birth, pair.names_differ,
    i.horodatage, coalesce(r.active, false) AS destination_participates,
    EXISTS (SELECT FROM transfer t WHERE t.state = 'requested'
        AND t.id IS DISTINCT FROM d.transfer_id
        AND (t.destination_pupil IN (pair.arrived, d.pupil_id)
            OR t.origin_pupil IN (pair.arrived, d.pupil_id))) AS busy
FROM departure d
LEFT JOIN participation o ON o.uai = d.uai
LEFT JOIN pair ON pair.departed = d.pupil_id
LEFT JOIN import_in_force i ON i.uai = pair.uai AND i.source = 'siecle'
LEFT JOIN participation r ON r.uai = pair.uai
"""


def _departure(row: Record) -> Departure:
    request = row["transfer_id"] and Request(
        row["transfer_id"], row["origin_stay"], row["destination_pupil"], row["withdrawn"]
    )
    return Departure(
        row["pupil_id"],
        Uai(row["uai"]),
        row["stay"],
        row["active"],
        row["since"],
        row["activated"],
        row["origin_participates"],
        request,
    )


def _arrival(row: Record) -> Arrival:
    return Arrival(
        row["arrival_pupil"],
        Uai(row["arrival_uai"]),
        row["horodatage"],
        row["destination_participates"],
        row["same_birth"],
        row["names_differ"],
        row["busy"],
    )
