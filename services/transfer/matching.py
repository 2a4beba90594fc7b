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
    inactive for another reason than having left (`NO_DEPARTURE`) has not departed, unless a dossier
    has reached him all the same: it must be able to go on. A learner with a request or an offer
    under way is in even if active again, so that it can be taken back; so is every request by hand,
    which may be of a learner without INE. A pair that `dossier` has refused because one of the two
    was merged or erased is not asked for again until something of them has changed.
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
    SELECT p.pupil_id, p.uai, p.stay, coalesce(a.announced_at, p.since) AS since, p.activated,
        p.key_version, p.source, p.changed_at,
        p.active AND a.pupil_id IS NULL AS active,
        t.id AS transfer_id, t.origin_stay, t.destination_pupil, t.kind, t.destination_uai,
        t.withdrawn_at IS NOT NULL AS withdrawn,
        f.id AS offer_id, f.matched_pupil
    FROM concerned
    CROSS JOIN LATERAL (SELECT * FROM presence WHERE pupil_id = concerned.pupil_id OFFSET 0) p
    LEFT JOIN LATERAL (SELECT * FROM announced_departure WHERE pupil_id = p.pupil_id OFFSET 0) a
        ON a.version > p.version
    LEFT JOIN LATERAL (SELECT * FROM transfer WHERE origin_pupil = p.pupil_id OFFSET 0) t
        ON t.state = 'requested' AND t.kind <> 'reversal'
    LEFT JOIN LATERAL (SELECT * FROM transfer WHERE origin_pupil = p.pupil_id OFFSET 0) f
        ON f.state = 'offered'
    WHERE (t.id IS NOT NULL OR f.id IS NOT NULL OR (p.source = 'siecle' AND (a.pupil_id IS NOT NULL
            OR (NOT p.active AND (coalesce(p.reason <> ALL($2::text[]), true) OR EXISTS (
                SELECT FROM (SELECT * FROM transfer WHERE destination_pupil = p.pupil_id OFFSET 0) r
                WHERE r.state = 'closed' AND r.kind <> 'reversal'))))))
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
        CROSS JOIN LATERAL (SELECT * FROM match_key WHERE ine_key = dk.ine_key OFFSET 0) ak
        CROSS JOIN LATERAL (SELECT * FROM presence WHERE pupil_id = ak.pupil_id OFFSET 0) p
        LEFT JOIN LATERAL (
            SELECT * FROM announced_departure WHERE pupil_id = p.pupil_id OFFSET 0
        ) a ON a.version > p.version
        WHERE dk.pupil_id = d.pupil_id AND d.source = 'siecle'
            AND p.active AND a.pupil_id IS NULL AND p.source = 'siecle'
            AND p.uai <> d.uai AND p.key_version = d.key_version
            AND NOT EXISTS (
                SELECT FROM (SELECT * FROM transfer WHERE origin_pupil = d.pupil_id OFFSET 0) t
                WHERE t.destination_pupil = p.pupil_id
                    AND t.refused_because IN ('erased', 'merged')
                    AND t.answered_at > greatest(p.changed_at, d.changed_at))
        GROUP BY p.pupil_id, p.uai, p.since
    ) c ON true
), card (holder, pupil_id) AS ( -- what was decided about a double holds for whom he goes on as
    SELECT pupil_id, pupil_id FROM departure
    UNION
    SELECT destination_pupil, destination_pupil FROM departure WHERE destination_pupil IS NOT NULL
    UNION
    SELECT arrival_pupil, arrival_pupil FROM pair WHERE arrival_pupil IS NOT NULL
    UNION
    SELECT card.holder, m.pupil_id FROM card
    CROSS JOIN LATERAL (SELECT pupil_id FROM merged WHERE goes_on_as = card.pupil_id OFFSET 0) m
), opposed AS (
    SELECT DISTINCT holder FROM card
    CROSS JOIN LATERAL (SELECT FROM opposition WHERE pupil_id = card.pupil_id OFFSET 0) o
), held AS MATERIALIZED ( -- once for the batch, not once for each pair
    SELECT c.holder AS one, d.holder AS other FROM card c
    CROSS JOIN LATERAL (SELECT * FROM not_to_transfer WHERE one_pupil = c.pupil_id OFFSET 0) n
    JOIN card d ON d.pupil_id = n.other_pupil
), said AS MATERIALIZED (
    SELECT c.holder AS origin, d.holder AS destination, o.side, o.same, o.comparison FROM card c
    CROSS JOIN LATERAL (SELECT * FROM opinion WHERE origin_pupil = c.pupil_id OFFSET 0) o
    JOIN card d ON d.pupil_id = o.destination_pupil
), rotation AS (
    SELECT (SELECT min(key_version) FROM presence WHERE key_version > 0)
        <> (SELECT max(key_version) FROM presence WHERE key_version > 0) AS rotating
)
SELECT pair.*, coalesce(o.active, false) AS origin_participates, o.changed_at AS origin_switched,
    coalesce(t.active, false) AS request_participates,
    pair.destination_pupil IN (SELECT holder FROM opposed) AS request_opposed,
    coalesce(g.gone, false) AS request_gone,
    pair.pupil_id IN (SELECT holder FROM opposed) AS origin_opposed,
    coalesce((SELECT rotating FROM rotation), false) AS rotating,
    i.horodatage,
    coalesce(r.active, false) AS destination_participates, r.changed_at AS destination_switched,
    pair.arrival_pupil IN (SELECT holder FROM opposed) AS arrival_opposed,
    v.verdict,
    EXISTS (SELECT FROM held WHERE (one, other)
        IN ((pair.pupil_id, pair.arrival_pupil), (pair.arrival_pupil, pair.pupil_id))) AS held,
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
    SELECT NOT p.active OR a.pupil_id IS NOT NULL AS gone
    FROM (SELECT * FROM presence WHERE pupil_id = pair.destination_pupil OFFSET 0) p
    LEFT JOIN LATERAL (SELECT * FROM announced_departure WHERE pupil_id = p.pupil_id OFFSET 0) a
        ON a.version > p.version
) g ON true
LEFT JOIN LATERAL (
    SELECT * FROM import_in_force WHERE uai = pair.arrival_uai AND source = 'siecle' OFFSET 0
) i ON true
LEFT JOIN LATERAL (SELECT * FROM participation WHERE uai = pair.arrival_uai OFFSET 0) r ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_or(NOT same) THEN 'different'
            WHEN bool_or(side = 'destination') AND bool_or(side <> 'destination') THEN 'same'
            WHEN bool_or(side = 'destination') THEN 'proposed' END AS verdict
    FROM said
    WHERE origin = pair.pupil_id AND destination = pair.arrival_pupil
        AND comparison = concat_ws('/', pair.birth, pair.family, pair.first)
) v ON true
"""


def _departure(row: Record) -> Departure:
    request = row["transfer_id"] and Request(
        transfer_id=row["transfer_id"],
        stay=row["origin_stay"],
        destination=row["destination_pupil"],
        withdrawn=row["withdrawn"],
        by_hand=row["kind"] == "by-hand",
        destination_participates=row["request_participates"],
        destination_opposed=row["request_opposed"],
        destination_gone=row["request_gone"],
    )
    return Departure(
        pupil_id=row["pupil_id"],
        uai=Uai(row["uai"]),
        stay=row["stay"],
        active=row["active"],
        since=row["since"],
        activated=row["activated"],
        participates=row["origin_participates"],
        request=request,
        offer=row["offer_id"] and Offer(row["offer_id"], row["matched_pupil"]),
        opposed=row["origin_opposed"],
        switched=row["origin_switched"],
        rotating=row["rotating"],
    )


def _arrival(row: Record) -> Arrival:
    return Arrival(
        pupil_id=row["arrival_pupil"],
        uai=Uai(row["arrival_uai"]),
        horodatage=row["horodatage"],
        participates=row["destination_participates"],
        comparison=Comparison(Same(row["birth"]), Same(row["family"]), Same(row["first"])),
        busy=row["busy"],
        verdict=row["verdict"] and Verdict(row["verdict"]),
        held=row["held"],
        opposed=row["arrival_opposed"],
        since=row["arrival_since"],
        switched=row["destination_switched"],
    )
