"""What must hold when all is calm again, whatever has broken before (docs/faults.md)."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import httpx

from deploy.local.client import eventually
from services.transfer.reconcile import reconcile
from services.transfer.store import changes
from shared.envelope import Received
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    Event,
    ImportApplied,
    InspectorAccessToggled,
    PupilEvent,
    SchoolUpdated,
    TransferClosed,
    TransferRequested,
    TransferWithdrawn,
    heard_by,
)
from shared.messaging import topology
from tests.faults.mails import check_mails
from tests.faults.matrix import LISTENERS, TELLERS, Cell
from tests.faults.promises import BrokenPromiseError, nothing, promised
from tests.faults.stage import MAILER, Stage
from tests.faults.story import Story

CALM_SECONDS = 90.0
OVER = ("sent", "suppressed")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Heard:
    """The events of a seed, by what they are about."""

    events: Sequence[Event]

    def all(self, kind: type[E]) -> list[E]:
        """Those of one class, its subclasses included."""
        return [event for event in self.events if isinstance(event, kind)]

    def of(self, kind: type[Event], *fields: str) -> Counter[tuple[object, ...]]:
        """How often each value of these fields was told."""
        return Counter(tuple(getattr(event, name) for name in fields) for event in self.all(kind))


async def calm(stage: Stage) -> None:
    """Return when nothing is under way any more.

    Raises:
        BrokenPromiseError: something is still on its way after `CALM_SECONDS`.
    """
    said = ""

    async def still() -> bool:
        nonlocal said
        for _ in range(2):  # what was handled during the first look may have told something more
            await _hurry_mails(stage)
            said = ", ".join([what async for what in _under_way(stage)])
            if said:
                return False
        return True

    try:
        await eventually(still, "calm", seconds=CALM_SECONDS)
    except TimeoutError:
        raise BrokenPromiseError(f"not done after {CALM_SECONDS:g} s: {said}") from None


async def _hurry_mails(stage: Stage) -> None:
    """Have mails that wait for their next attempt, for a minute or more, be tried now."""
    await stage.rows(MAILER, "UPDATE mail SET next_try = now() WHERE state = 'deferred'")


async def _under_way(stage: Stage) -> AsyncIterator[str]:
    """What is still on its way."""
    async for what in _unpublished(stage):
        yield what
    await stage.tap.drain()
    for name in LISTENERS:
        if missing := await _not_received(stage, name):
            yield f"{len(missing)} events not received by {name} ({_kinds(stage, missing)})"
        if waiting := await stage.rows(name, "SELECT error, next_try FROM parked"):
            yield f"{len(waiting)} events parked in {name} ({waiting[0]['error']})"
    query = "SELECT state, count(*) AS n FROM mail WHERE state <> ALL($1) GROUP BY state"
    for row in await stage.rows(MAILER, query, OVER):
        yield f"{row['n']} mails {row['state']}"
    query = "SELECT id FROM transfer WHERE state = 'requested'"
    if rows := await stage.rows("transfer", query):
        yield f"{len(rows)} transfers without answer"


async def _unpublished(stage: Stage) -> AsyncIterator[str]:
    for name in TELLERS:
        if rows := await stage.rows(name, "SELECT id FROM outbox"):
            yield f"{len(rows)} events in the outbox of {name}"


def _kinds(stage: Stage, ids: Sequence[UUID]) -> str:
    kinds = Counter(stage.tap.events[one].event.type for one in ids)
    return ", ".join(f"{number} {kind}" for kind, number in kinds.items())


async def _not_received(stage: Stage, name: str) -> list[UUID]:
    """The events told to a service that its inbox does not hold."""
    rows = await stage.rows(name, "SELECT event_id FROM inbox")
    received = {row["event_id"] for row in rows}
    return [one for one in _told_to(stage, name) if one not in received]


def _told_to(stage: Stage, name: str) -> Mapping[UUID, Received]:
    kinds = set(heard_by(name))
    return {i: event for i, event in stage.tap.events.items() if event.event.type in kinds}


async def check_running(stage: Stage) -> None:
    """Check what only running services tell: the reconcile that `transfer` makes at its start has
    found nothing that events had not done.

    Raises:
        BrokenPromiseError
    """
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{stage.urls['transfer']}/metrics")).text
    [found] = re.findall(r"^cpro_reconcile_found_total (\S+)$", metrics, re.MULTILINE)
    promised(float(found) == 0, f"the reconcile has found {found} transfers while things broke")


async def check(stage: Stage, story: Story, cells: Sequence[Cell]) -> None:
    """Check all that is promised of a stage that is calm, and stopped.

    Raises:
        BrokenPromiseError
    """
    queues = [q(name) for name in LISTENERS for q in (topology.queue_of, topology.dead_letters_of)]
    nothing(await stage.tap.left(queues), "messages left in queues")
    nothing([what async for what in _unpublished(stage)], "not published")
    heard = Heard([received.event for received in stage.tap.events.values()])
    for name in LISTENERS:
        await _check_effects(stage, name)
    await _check_changes_are_told(stage, heard)
    await _check_departures(stage)
    await _check_records(stage, story)
    await check_mails(stage, heard.all(InspectorAccessToggled), cells)
    await _check_reconcile(stage)


async def _check_effects(stage: Stage, name: str) -> None:
    """Each event had its effect in each service that it was told to, once."""
    rows = await stage.rows(name, "SELECT event_id, count(*) AS n FROM effect GROUP BY event_id")
    effects = {row["event_id"]: row["n"] for row in rows}
    events = _told_to(stage, name)
    none = [one for one in events if one not in effects]
    twice = [one for one, number in effects.items() if number > 1]
    nothing(none and _kinds(stage, none), f"events without effect in {name}")
    nothing(twice and _kinds(stage, twice), f"events with more than one effect in {name}")
    promised(effects.keys() <= events.keys(), f"{name} has handled what nobody has told")


CHANGES: Sequence[tuple[str, str, type[Event], tuple[str, ...]]] = (
    (
        "siecle_import",
        "SELECT id, v FROM pupil, generate_series(1, version) v",
        PupilEvent,
        ("pupil_id", "version"),
    ),
    (
        "siecle_import",
        "SELECT uai, number FROM import_run WHERE state = 'applied'",
        ImportApplied,
        ("uai", "number"),
    ),
    ("transfer", "SELECT id FROM transfer", TransferRequested, ("transfer_id",)),
    (
        "transfer",
        "SELECT id FROM transfer WHERE withdrawn_at IS NOT NULL",
        TransferWithdrawn,
        ("transfer_id",),
    ),
    (
        "transfer",
        "SELECT id FROM transfer WHERE state = 'closed'",
        TransferClosed,
        ("transfer_id",),
    ),
    (
        "dossier",
        "SELECT transfer_id, p FROM move, generate_series(0, part) p WHERE outcome = 'transferred'",
        DossierTransferred,
        ("transfer_id", "part"),
    ),
    (
        "dossier",
        "SELECT transfer_id FROM move WHERE outcome <> 'transferred'",
        DossierTransferRefused,
        ("transfer_id",),
    ),
    (
        "inspector_access",
        "SELECT uai, diploma, version FROM switch_change",
        InspectorAccessToggled,
        ("uai", "diploma", "version"),
    ),
    (
        "etablissement",
        "SELECT uai, v FROM school, generate_series(1, version) v",
        SchoolUpdated,
        ("uai", "version"),
    ),
)
"""Of each service: what it has committed, and the event that says so."""

REPEATED = (TransferRequested, TransferWithdrawn, DossierTransferred, DossierTransferRefused)
"""A question is repeated when no answer comes, and the answer to each question and withdrawal."""


async def _check_changes_are_told(stage: Stage, heard: Heard) -> None:
    """Each committed change has its event, and each event its change."""
    for name, query, kind, fields in CHANGES:
        committed = Counter(tuple(row) for row in await stage.rows(name, query))
        events = heard.of(kind, *fields)
        lost = len(committed.keys() - events.keys())
        promised(not lost, f"{lost} changes of {name} without their {kind.__name__}")
        invented = len(events.keys() - committed.keys())
        promised(not invented, f"{invented} {kind.__name__} without a change of {name}")
        often = [key for key, number in events.items() if number > 1]
        if kind not in REPEATED:
            nothing(often, f"{kind.__name__} told more than once")


async def _check_departures(stage: Stage) -> None:
    query = """
        SELECT origin_pupil FROM transfer WHERE state = 'closed'
        GROUP BY origin_pupil, origin_stay HAVING count(*) > 1
    """
    nothing(await stage.rows("transfer", query), "departures transferred more than once")
    query = "SELECT pupil_id, uai, version, active FROM presence"
    presences = {tuple(row) for row in await stage.rows("transfer", query)}
    pupils = {
        tuple(row)
        for row in await stage.rows("siecle_import", "SELECT id, uai, version, active FROM pupil")
    }
    promised(presences == pupils, "transfer holds other presences than siecle_import has told")


async def _check_records(stage: Stage, story: Story) -> None:
    """Each record once, with the person it is about, in the school where he is now."""
    pupils = await stage.rows("siecle_import", "SELECT id, uai, eleve_id, active FROM pupil")
    active = Counter(row["eleve_id"] for row in pupils if row["active"])
    promised(set(active.values()) == {1}, "each learner is active in one school")
    cards = {row["id"]: row for row in pupils}
    rows = await stage.rows("dossier", "SELECT id::text, pupil_id FROM record")
    found = {row["id"]: cards[row["pupil_id"]] for row in rows}
    lost = story.records.keys() - found.keys()
    promised(not lost, f"{len(lost)} records that were acknowledged are lost")
    promised(found.keys() <= story.records.keys(), "records that nobody has written")
    for record, card in found.items():
        number = story.records[record]
        promised(card["eleve_id"] == str(number), f"a record of {number} is with another learner")
        right = card["active"] and card["uai"] == story.where[number]
        promised(right, f"a record of {number} has not followed him to {story.where[number]}")


async def _check_reconcile(stage: Stage) -> None:
    """`transfer reconcile --all` has nothing to add to what the events have done."""
    async with stage.databases["transfer"].connection() as connection:
        await changes.begin_anew(connection)
    found = await reconcile(stage.databases["transfer"])
    promised(found == 0, f"the reconcile of everything has found {found} transfers")
