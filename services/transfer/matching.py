"""The one question of matching: who has left, and who may be the same person elsewhere.

Set-based: it starts from the INE keys that something has touched and looks each up by index; the
cost follows the size of the batch, not that of the nation. Look-ups stand in a subquery
with OFFSET 0, which the planner takes as it is: it knows nothing of the size of a batch or of how
many requests wait, and would else read a whole (partial) index for each learner.
"""

from collections import defaultdict
from collections.abc import Collection

from asyncpg import Record

from services.transfer.domain.deciding import (
    Arrival,
    Comparison,
    Decision,
    Departure,
    Offer,
    Request,
    Same,
    Verdict,
    decide,
)
from shared.database import Connection
from shared.events import NO_DEPARTURE
from shared.identifiers import Uai

Case = tuple[Departure, list[Arrival]]


async def cases(connection: Connection, keys: Collection[bytes]) -> list[Case]:
    """The departures that hold one of these INE keys, each with every active learner of another
    school that shares an INE; both sides from SIECLE.

    A departure is over once its transfer is closed, or the learner known to be back; who is
    inactive for another reason than having left (`NO_DEPARTURE`) has not departed. A learner with a
    request or an offer under way is in even if active again, so that it can be taken back; so is
    every request by hand, which may be of a learner without INE.
    """
    rows = await connection.fetch(_CASES, list(keys), list(NO_DEPARTURE))
    arrivals: defaultdict[Departure, list[Arrival]] = defaultdict(list)
    for row in rows:
        found = arrivals[_departure(row)]
        if row["arrival_pupil"] is not None:
            found.append(_arrival(row))
    return list(arrivals.items())


async def decisions(connection: Connection, keys: Collection[bytes]) -> list[Decision]:
    """What the rule says of these departures."""
    return [decide(departure, arrivals) for departure, arrivals in await cases(connection, keys)]


_CASES = """
WITH RECURSIVE holder AS (
    SELECT DISTINCT pupil_id FROM match_key WHERE ine_key = ANY($1::bytea[])
), concerned AS (
    SELECT pupil_id FROM holder
    UNION
    SELECT t.origin_pupil FROM holder h
    CROSS JOIN LATERAL (SELECT * FROM transfer WHERE destination_pupil = h.pupil_id OFFSET 0) t
    WHERE t.state = 'requested' AND t.kind <> 'reversal'
    UNION
    SELECT origin_pupil FROM transfer WHERE state = 'requested' AND kind = 'by-hand'
), departure AS (
    SELECT p.pupil_id, p.uai, p.stay, p.since, p.activated, p.key_version, p.source,
        p.active AND a.pupil_id IS NULL AS active,
        t.id AS transfer_id, t.origin_stay, t.destination_pupil, t.kind, t.destination_uai,
        t.withdrawn_at IS NOT NULL AS withdrawn,
        f.id AS offer_id, f.matched_pupil
    FROM concerned JOIN presence p USING (pupil_id)
    LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
    LEFT JOIN LATERAL (SELECT * FROM transfer WHERE origin_pupil = p.pupil_id OFFSET 0) t
        ON t.state = 'requested' AND t.kind <> 'reversal'
    LEFT JOIN LATERAL (SELECT * FROM transfer WHERE origin_pupil = p.pupil_id OFFSET 0) f
        ON f.state = 'offered'
    WHERE (t.id IS NOT NULL OR f.id IS NOT NULL OR (p.source = 'siecle' AND (a.pupil_id IS NOT NULL
            OR (NOT p.active AND coalesce(p.reason <> ALL($2::text[]), true)))))
        AND NOT EXISTS (
            SELECT FROM (SELECT * FROM transfer WHERE origin_pupil = p.pupil_id OFFSET 0) c
            WHERE c.origin_stay = p.stay AND c.kind <> 'reversal'
                AND (c.state = 'closed' OR c.refused_because = 'returned'))
), pair AS ( -- a row for each departure and arrival, one without an arrival if there is none
    SELECT d.*, c.arrival_pupil, c.arrival_uai, c.arrival_since,
        CASE WHEN births > 0 THEN 'same' WHEN other_births > 0 THEN 'different' ELSE 'unknown' END
            AS birth,
        CASE WHEN other_families > 0 THEN 'different' WHEN families > 0 THEN 'same'
            ELSE 'unknown' END AS family,
        CASE WHEN other_firsts > 0 THEN 'different' WHEN firsts > 0 THEN 'same'
            ELSE 'unknown' END AS first
    FROM departure d
    LEFT JOIN LATERAL (
        SELECT p.pupil_id AS arrival_pupil, p.uai AS arrival_uai, p.since AS arrival_since,
            count(*) FILTER (WHERE dk.birth_key = ak.birth_key) AS births,
            count(*) FILTER (WHERE dk.birth_key <> ak.birth_key) AS other_births,
            count(*) FILTER (WHERE dk.family_keys && ak.family_keys) AS families,
            count(*) FILTER (WHERE dk.family_keys <> '{}' AND ak.family_keys <> '{}'
                AND NOT dk.family_keys && ak.family_keys) AS other_families,
            count(*) FILTER (WHERE dk.first_keys && ak.first_keys) AS firsts,
            count(*) FILTER (WHERE dk.first_keys <> '{}' AND ak.first_keys <> '{}'
                AND NOT dk.first_keys && ak.first_keys) AS other_firsts
        FROM match_key dk
        JOIN match_key ak ON ak.ine_key = dk.ine_key
        JOIN presence p ON p.pupil_id = ak.pupil_id
        LEFT JOIN announced_departure a ON a.pupil_id = p.pupil_id AND a.version > p.version
        WHERE dk.pupil_id = d.pupil_id AND d.source = 'siecle'
            AND p.active AND a.pupil_id IS NULL AND p.source = 'siecle'
            AND p.uai <> d.uai AND p.key_version = d.key_version
        GROUP BY p.pupil_id
    ) c ON true
), card (holder, pupil_id) AS (
    SELECT pupil_id, pupil_id FROM departure
    UNION
    SELECT arrival_pupil, arrival_pupil FROM pair WHERE arrival_pupil IS NOT NULL
    UNION
    SELECT card.holder, m.pupil_id FROM card JOIN merged m ON m.goes_on_as = card.pupil_id
), opposed AS (
    SELECT DISTINCT holder FROM card JOIN opposition USING (pupil_id)
), rotation AS (
    SELECT (SELECT min(key_version) FROM presence WHERE key_version > 0)
        <> (SELECT max(key_version) FROM presence WHERE key_version > 0) AS rotating
)
SELECT pair.*, coalesce(o.active, false) AS origin_participates, o.changed_at AS origin_switched,
    coalesce(t.active, false) AS request_participates,
    pair.pupil_id IN (SELECT holder FROM opposed) AS origin_opposed,
    coalesce((SELECT rotating FROM rotation), false) AS rotating,
    i.horodatage,
    coalesce(r.active, false) AS destination_participates, r.changed_at AS destination_switched,
    pair.arrival_pupil IN (SELECT holder FROM opposed) AS arrival_opposed,
    v.verdict, n.one_pupil IS NOT NULL AS held,
    EXISTS (SELECT FROM (VALUES (pair.pupil_id), (pair.arrival_pupil)) AS one (id)
        CROSS JOIN LATERAL (
            SELECT * FROM (SELECT * FROM transfer WHERE origin_pupil = one.id OFFSET 0) t
            UNION ALL
            SELECT * FROM (SELECT * FROM transfer WHERE destination_pupil = one.id OFFSET 0) t
        ) other
        WHERE other.state = 'requested' AND other.id IS DISTINCT FROM pair.transfer_id) AS busy
FROM pair
LEFT JOIN LATERAL (SELECT * FROM participation WHERE uai = pair.uai OFFSET 0) o ON true
LEFT JOIN LATERAL (
    SELECT * FROM participation WHERE uai = pair.destination_uai OFFSET 0) t ON true
LEFT JOIN LATERAL (
    SELECT * FROM import_in_force WHERE uai = pair.arrival_uai AND source = 'siecle' OFFSET 0
) i ON true
LEFT JOIN LATERAL (SELECT * FROM participation WHERE uai = pair.arrival_uai OFFSET 0) r ON true
LEFT JOIN not_to_transfer n ON n.one_pupil = least(pair.pupil_id, pair.arrival_pupil)
    AND n.other_pupil = greatest(pair.pupil_id, pair.arrival_pupil)
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_or(NOT same) THEN 'different'
            WHEN bool_or(side = 'destination') AND bool_or(side <> 'destination') THEN 'same'
            WHEN bool_or(side = 'destination') THEN 'proposed' END AS verdict
    FROM opinion
    WHERE origin_pupil = pair.pupil_id AND destination_pupil = pair.arrival_pupil
        AND comparison = concat_ws('/', pair.birth, pair.family, pair.first)
) v ON true
"""


def _departure(row: Record) -> Departure:
    request = row["transfer_id"] and Request(
        row["transfer_id"],
        row["origin_stay"],
        row["destination_pupil"],
        row["withdrawn"],
        row["kind"] == "by-hand",
        row["request_participates"],
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
        row["offer_id"] and Offer(row["offer_id"], row["matched_pupil"]),
        row["origin_opposed"],
        row["origin_switched"],
        row["rotating"],
    )


def _arrival(row: Record) -> Arrival:
    return Arrival(
        row["arrival_pupil"],
        Uai(row["arrival_uai"]),
        row["horodatage"],
        row["destination_participates"],
        Comparison(Same(row["birth"]), Same(row["family"]), Same(row["first"])),
        row["busy"],
        row["verdict"] and Verdict(row["verdict"]),
        row["held"],
        row["arrival_opposed"],
        row["arrival_since"],
        row["destination_switched"],
    )
