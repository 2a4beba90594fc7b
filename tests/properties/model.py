"""What must hold when no event is left (docs/transfer.md), said in the simplest way.

The same presences; each record exactly once, where the ledger has it; both services of one mind
about each transfer, its counts included; no departure transferred twice; and the rule finds nothing
to do.
"""

from collections import Counter
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
    on = {
        r["uai"]
        for r in await _all(world, "transfer", "SELECT * FROM participation")
        if r["active"]
    }
    _check_nobody_forgotten(world, transfers, on)
    assert await reconcile(world.databases["transfer"]) == 0, "nothing is left to do"
    return Counter(f"{row['kind']} {row['state']}" for row in transfers)


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


def _check_nobody_forgotten(world: World, transfers: list[Record], on: set[str]) -> None:
    """The rule finds nothing to do: no departure has all that it needs."""
    over = {
        (r["origin_pupil"], r["origin_stay"])
        for r in transfers
        if r["kind"] != "reversal"
        and (r["state"] in {"offered", "closed"} or r["refused_because"] == "returned")
    }
    held = {
        frozenset((r["origin_pupil"], r["destination_pupil"]))
        for r in transfers
        if r["state"] == "reversed" and r["id"] not in world.lifted
    }
    for person in world.present_cards():
        departed = not person.active and person.reason not in NO_DEPARTURE
        if departed and (person.id, person.stay) not in over:
            to = _only_claim(world, person, held)
            assert to is None or not _moves(world, person, to, on), f"{person} is owed to {to}"


def _only_claim(world: World, left: Person, held: set[frozenset[UUID]]) -> Person | None:
    """The one learner who claims a departure, unless people must look."""
    claims = [
        other
        for other in world.present_cards()
        if other.number == left.number != OUTSIDE
        and other.uai != left.uai
        and other.active
        and world.last_import[other.uai] > left.activated
        and _verdict(world, left, other) is not False
        and frozenset((left.id, other.id)) not in held
    ]
    named = [other for other in claims if _verdict(world, left, other)] or claims
    return named[0] if len(named) == 1 else None


def _verdict(world: World, left: Person, came: Person) -> bool | None:
    """What people have said of the pair as it is now: False by either, True by both."""
    alike = left.born == came.born
    said = [
        same for same, over in world.opinions.get((left.id, came.id), {}).values() if over == alike
    ]
    if False in said:
        return False
    return True if len(said) == len(("origin", "destination")) else None


def _moves(world: World, left: Person, to: Person, on: set[str]) -> bool:
    certain = left.born == to.born or _verdict(world, left, to)
    opposed = {world.survivor(one) for one in world.opposed}
    return bool(certain) and not {left.id, to.id} & opposed and {left.uai, to.uai} <= on
