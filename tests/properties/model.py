"""What must hold when no event is left (docs/transfer.md), said in the simplest way.

The same presences; each record exactly once, where the ledger has it; both services of one mind
about each transfer, its counts included; no departure transferred twice; and the rule finds nothing
to do.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from services.transfer.reconcile import reconcile
from shared.events import NO_DEPARTURE
from tests.properties.country import OUTSIDE, Person
from tests.properties.world import World


async def check(world: World) -> Counter[str]:
    """Fail if a promise is broken; returns how many transfers came to which end."""
    transfers = await _all(world, "transfer", "SELECT * FROM transfer")
    moves = await _all(world, "dossier", "SELECT * FROM move")
    await _check_presences(world)
    await _check_records(world)
    _check_moves(world, moves)
    _check_same_mind(transfers, moves)
    _check_once(transfers)
    _check_nobody_forgotten(world, transfers, await _said(world))
    assert await reconcile(world.databases["transfer"]) == 0, "nothing is left to do"
    return Counter(f"{row['kind']} {row['state']}" for row in transfers)


@dataclass(frozen=True)
class Said:
    """What people have said, as `transfer` keeps it: the switches that are on, who is opposed, and
    each opinion (origin, destination, side, same, whether the birth dates were the same).
    """

    on: frozenset[str]
    opposed: frozenset[UUID]
    opinions: Sequence[tuple[UUID, UUID, str, bool, bool]]


async def _said(world: World) -> Said:
    on = await _all(world, "transfer", "SELECT uai FROM participation WHERE active")
    opposed = await _all(world, "transfer", "SELECT pupil_id FROM opposition")
    opinions = await _all(world, "transfer", "SELECT * FROM opinion")
    return Said(
        frozenset(row["uai"] for row in on),
        frozenset(world.survivor(row["pupil_id"]) for row in opposed),
        [
            (
                world.survivor(row["origin_pupil"]),
                world.survivor(row["destination_pupil"]),
                row["side"],
                row["same"],
                row["comparison"].startswith("same/"),
            )
            for row in opinions
        ],
    )


async def _all(world: World, service: str, query: str) -> list[Record]:
    async with world.databases[service].connection() as connection:
        return await connection.fetch(query)


async def _check_presences(world: World) -> None:
    rows = await _all(world, "transfer", "SELECT pupil_id, version, active FROM presence")
    assert {(r["pupil_id"], r["version"], r["active"]) for r in rows} == {
        (p.id, p.version, p.active) for p in world.present_cards()
    }


async def _check_records(world: World) -> None:
    """Each record once, where the ledger has it: with the person it is about, and with the others
    of his dossier.
    """
    rows = await _all(world, "dossier", "SELECT id, pupil_id FROM record")
    assert {row["id"]: row["pupil_id"] for row in rows} == {
        record_id: kept.card for record_id, kept in world.ledger.records.items()
    }
    moved = {
        row["pupil_id"]: row["moved_to"]
        for row in await _all(world, "dossier", "SELECT pupil_id, moved_to FROM learner")
    }
    for row in rows:
        holder = world.survivor(row["pupil_id"])
        assert world.cards[holder].number == world.written[row["id"]]
        to = moved[holder]
        assert to is None or to in world.erased, "left behind where the dossier has gone on"


def _check_moves(world: World, moves: list[Record]) -> None:
    """Each move is counted as the ledger has it, and what a reversal has left behind."""
    ledger = world.ledger
    done = {row["transfer_id"]: row for row in moves if row["outcome"] == "transferred"}
    assert done.keys() == ledger.counts.keys()
    for transfer, row in done.items():
        assert row["counts"] == dict(ledger.counts[transfer])
        assert row["left_behind"] == sorted(ledger.left.get(transfer, []))
        assert row["reversed"] == (transfer in ledger.reversed)


def _check_same_mind(transfers: list[Record], moves: list[Record]) -> None:
    """What `transfer` says of each request is what `dossier` has decided, late additions too."""
    decided = {row["transfer_id"]: row for row in moves}
    for row in transfers:
        assert row["state"] != "requested", "every request has an answer"
        move = decided.get(row["id"])
        if row["state"] in {"closed", "reversed"}:
            assert move is not None
            assert move["outcome"] == "transferred"
            assert (move["counts"], move["part"]) == (row["counts"], row["part"])
            assert move["reversed"] == (row["state"] == "reversed")
        else:
            assert move is None or move["outcome"] != "transferred", "not moved behind our back"
    assert {row["transfer_id"] for row in moves} <= {row["id"] for row in transfers}


def _check_once(transfers: list[Record]) -> None:
    standing = [
        (r["origin_pupil"], r["origin_stay"])
        for r in transfers
        if r["state"] in {"offered", "closed"} and r["kind"] != "reversal"
    ]
    assert len(standing) == len(set(standing)), "a departure is transferred once"


def _check_nobody_forgotten(world: World, transfers: list[Record], said: Said) -> None:
    """The rule finds nothing to do: no departure has all that it needs."""
    over = {
        (r["origin_pupil"], r["origin_stay"])
        for r in transfers
        if r["kind"] != "reversal"
        and (r["state"] in {"offered", "closed"} or r["refused_because"] == "returned")
    }
    held = {
        frozenset((world.survivor(r["origin_pupil"]), world.survivor(r["destination_pupil"])))
        for r in transfers
        if r["state"] == "reversed" and r["id"] not in world.lifted
    } | {  # not asked for again until something of them changes
        frozenset((r["origin_pupil"], r["destination_pupil"]))
        for r in transfers
        if r["refused_because"] in {"erased", "merged"} and r["destination_pupil"]
    }
    received = {
        r["destination_pupil"]
        for r in transfers
        if r["state"] == "closed" and r["kind"] != "reversal"
    }
    for person in world.present_cards():
        has_left = person.reason not in NO_DEPARTURE or person.id in received
        departed = not person.active and has_left
        if departed and (person.id, person.stay) not in over:
            to = _only_claim(world, person, held, said)
            assert to is None or not _moves(person, to, said), f"{person} is owed to {to}"


def _only_claim(
    world: World, left: Person, held: set[frozenset[UUID]], said: Said
) -> Person | None:
    """The one learner who claims a departure, unless people must look."""
    claims = [
        other
        for other in world.present_cards()
        if other.number == left.number != OUTSIDE
        and other.uai != left.uai
        and other.active
        and world.last_import[other.uai] > left.activated
        and _verdict(left, other, said) is not False
        and frozenset((left.id, other.id)) not in held
    ]
    named = [other for other in claims if _verdict(left, other, said)] or claims
    return named[0] if len(named) == 1 else None


def _verdict(left: Person, came: Person, said: Said) -> bool | None:
    """What people have said of the pair as it is now: False by either, True by both."""
    alike = left.born == came.born
    heard = {
        (side, same)
        for one, other, side, same, over in said.opinions
        if (one, other, over) == (left.id, came.id, alike)
    }
    if any(not same for _, same in heard):
        return False
    return True if len(heard) == len(("origin", "destination")) else None


def _moves(left: Person, to: Person, said: Said) -> bool:
    certain = left.born == to.born or _verdict(left, to, said)
    return bool(certain) and not {left.id, to.id} & said.opposed and {left.uai, to.uai} <= said.on
