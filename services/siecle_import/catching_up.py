"""`python -m services.siecle_import catch-up`: what the others know and a restored base has lost.

Run before `republish --restored`, and again once the schools have imported anew (docs/restore.md).
`transfer` holds no identity; but it tells match keys, and a learner of the same school who has an
equal one is the same person. Who is imported gets the lost id back (`domain/lost.py`); of who was
entered otherwise the lost card becomes another card, as after a merge, so that what `dossier` holds
under the lost id is his again.
"""

import asyncio
import datetime as dt
import getpass
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.siecle_import.announce import merge_event, pupil_events
from services.siecle_import.domain.lost import Lost as LostLearner
from services.siecle_import.domain.merging import lost_card
from services.siecle_import.domain.pupils import Change, Changed, Pupil, reactivated
from services.siecle_import.erase_command import TRACE
from services.siecle_import.files.rows import aliases
from services.siecle_import.keys import KeyMaker
from services.siecle_import.settings import ImportSettings
from services.siecle_import.store import erasures, pupils, republications
from services.siecle_import.store import lost as lost_store
from services.siecle_import.store.erasures import Erased
from shared.asking import CannotAskError, pages
from shared.clock import Clock
from shared.database import UNAVAILABLE, Database
from shared.identifiers import Uai

LOST_REASON = "restauration"
LONG_AGO = "1970-01-01T00:00:00Z"

Json = dict[str, Any]
Pages = Callable[[str], AsyncIterator[list[Json]]]
"""The pages of what `transfer` tells at a path below `/restores`."""


@dataclass
class Lost:
    """What the base has lost: imports (school, HORODATAGE), merges (school, who, as whom), learners
    (school, id, whether he was there); who is `doubtful`: entered by hand, here, and his dossier
    has gone; and how many lost learners it has found again.
    """

    imports: list[tuple[Uai, dt.datetime]] = field(default_factory=list)
    merges: list[tuple[Uai, UUID, UUID]] = field(default_factory=list)
    learners: list[tuple[Uai, UUID, bool]] = field(default_factory=list)
    doubtful: list[tuple[Uai, UUID]] = field(default_factory=list)
    found: int = 0


def catch_up(
    *,
    left: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Où écrire les apprenants perdus qui sont sortis, pour "
            "« erase --replay » (une ligne JSON chacun, sans identité)."),
    ] = None,
) -> None:  # fmt: skip
    """Après une restauration : demande à transfer ce que la base a perdu, et dit quoi refaire."""
    try:
        lost = asyncio.run(_catch_up())
    except CannotAskError:
        raise SystemExit(
            "transfer ne répond pas comme attendu (CPRO_TRANSFER_URL, CPRO_SIGNING_KEY_FILE) : "
            "relancez la commande, rien n'est fait deux fois."
        ) from None
    except UNAVAILABLE:
        raise SystemExit("La base de données ne répond pas.") from None
    for line in _lines(lost):
        typer.echo(line)
    if left is not None:
        now = dt.datetime.now(dt.UTC)
        traces = [
            Erased(pupil, uai, now, f"exploitation:{getpass.getuser()}", LOST_REASON)
            for uai, pupil, active in lost.learners
            if not active
        ]
        left.write_bytes(b"".join(TRACE.dump_json(one) + b"\n" for one in traces))


def _lines(lost: Lost) -> Iterable[str]:
    yield f"{lost.found} apprenants retrouvés."
    for uai, moment in lost.imports:
        yield f"À importer de nouveau : {uai}, export du {moment:%d/%m/%Y %H:%M} UTC ou après."
    for uai, merged, survivor in lost.merges:
        yield f"Fusion à refaire : {uai}, {merged} en {survivor}."
    for uai, pupil, active in lost.learners:
        state = "inscrit" if active else "sorti"
        yield f"Apprenant perdu ({state}) : {uai}, {pupil}."
    for uai, pupil in lost.doubtful:
        yield f"Inscription à vérifier, le dossier est parti : {uai}, {pupil}."
    if lost.learners:
        yield "Les apprenants perdus se retrouvent par leur INE : importez, puis relancez."


async def _catch_up() -> Lost:
    settings = ImportSettings()
    keys = KeyMaker.from_settings(settings)
    database = await Database.open(settings.database_url.get_secret_value(), 2)

    def told(path: str) -> AsyncIterator[list[Json]]:
        since = {"since": LONG_AGO} if path == "moves" else {}
        return pages(settings, settings.transfer_url, f"/restores/{path}", **since)

    try:
        return await find(database, keys, Clock(settings.today), told)
    finally:
        await database.close()


async def find(database: Database, keys: KeyMaker, clock: Clock, told: Pages) -> Lost:
    """Compare the base with all that `transfer` was told, find again who can be found, and say what
    is lost. Run twice, it does nothing twice.
    """
    lost = Lost()
    async for page in told("imports"):
        await _raise_numbers(database, page, lost)
    async for page in told("pupils"):
        await _find_learners(database, keys, page, lost)
    async for page in told("merges"):
        await _undo_merges(database, page, lost)
    async for page in told("moves"):
        await _take_closed(database, keys, clock, page, lost)
    return lost


async def _raise_numbers(database: Database, page: Sequence[Json], lost: Lost) -> None:
    """Count imports on from what was told; a school whose import in force is another one here has
    lost some.
    """
    told = [
        (Uai(one["uai"]), one["number"], dt.datetime.fromisoformat(one["horodatage"]))
        for one in page
    ]
    async with database.transaction() as transaction:
        schools = await republications.without_their_import(transaction.connection, told)
        await republications.raise_to(transaction.connection, told)
    lost.imports += [(uai, moment) for uai, _, moment in told if uai in schools]


async def _find_learners(
    database: Database, keys: KeyMaker, page: Sequence[Json], lost: Lost
) -> None:
    async with database.connection() as connection:
        known = await erasures.known(connection, [UUID(one["pupil_id"]) for one in page])
    unknown = [one for one in page if UUID(one["pupil_id"]) not in known]
    by_school = itemgetter("uai")
    for uai, some in groupby(sorted(unknown, key=by_school), key=by_school):
        await _find_in(database, keys, Uai(uai), list(some), lost)


async def _find_in(
    database: Database, keys: KeyMaker, uai: Uai, unknown: Sequence[Json], lost: Lost
) -> None:
    """Make lost learners of a school other cards of those who have an INE in common with them."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        present = _by_key(await pupils.base_of(connection, uai), keys)
        for one in unknown:
            same = {present[key] for key in _keys_of(one, keys) if key in present}
            if len(same) != 1:
                lost.learners.append((uai, UUID(one["pupil_id"]), one["active"]))
                await lost_store.keep(connection, [_as_told(one)])
                continue
            survivor = same.pop()
            card = lost_card(survivor, UUID(one["pupil_id"]), one["version"] + 1)
            await pupils.write(connection, [Changed(Change.CREATED, card)])
            await lost_store.forget(connection, [card.id])
            transaction.publish([merge_event(survivor, card)])
            lost.found += 1


def _by_key(base: Iterable[Pupil], keys: KeyMaker) -> dict[bytes, Pupil]:
    """The learners of a school by the keys of their INE, those who were merged left out."""
    return {keys.ine_key(ine): p for p in base if not p.merged_into for ine in aliases(p)}


def _keys_of(one: Json, keys: KeyMaker) -> list[bytes]:
    """The keys that a lost learner was told with; under another secret none compares."""
    return [b64decode(key) for key in one["ine_keys"]] if one["key_version"] == keys.version else []


def _as_told(one: Json) -> LostLearner:
    return LostLearner(
        UUID(one["pupil_id"]),
        Uai(one["uai"]),
        one["version"],
        one["stay"],
        one["active"],
        [b64decode(key) for key in one["ine_keys"]],
        one["key_version"],
    )


async def _undo_merges(database: Database, page: Sequence[Json], lost: Lost) -> None:
    """Tell that merges which the base has lost are not in force, until staff make them again; the
    lost card of someone who is here becomes his.
    """
    told = {UUID(one["pupil_id"]): one for one in page}
    named = [*told, *(UUID(one["goes_on_as"]) for one in page)]
    async with database.transaction() as transaction:
        connection = transaction.connection
        found = await republications.pupils_of(connection, named)
        erased = await erasures.known(connection, list(told)) - found.keys()
        for merged_id, one in told.items():
            survivor, card = found.get(UUID(one["goes_on_as"])), found.get(merged_id)
            if card is None and survivor is not None and merged_id not in erased:
                card = lost_card(survivor, merged_id, one["version"])
                await pupils.write(connection, [Changed(Change.CREATED, card)])
            elif card is not None and card.merged_into is None:
                event = merge_event(survivor or card, card, undone=True)
                version = {"merged_version": one["version"] + 1}
                transaction.publish([event.model_copy(update=version)])
                lost.merges.append((card.uai, merged_id, UUID(one["goes_on_as"])))


async def _take_closed(
    database: Database, keys: KeyMaker, clock: Clock, page: Sequence[Json], lost: Lost
) -> None:
    """Mark who is named by closed transfers, as when they were told; and begin a new stay of who
    has left by one of them and is here again.
    """
    closed = [one for one in page if one["state"] != "cancelled"]
    marks = [
        (UUID(one["id"]), UUID(one[f"{side}_pupil"]), Uai(one[f"{other}_uai"]))
        for one in closed
        for side, other in (("origin", "destination"), ("destination", "origin"))
    ]
    gone = {
        UUID(one["origin_pupil"]): one["origin_stay"]
        for one in closed
        if one["state"] == "closed" and one["reverses"] is None
    }
    async with database.transaction() as transaction:
        await pupils.mark_transferred(transaction.connection, marks)
        found = await republications.pupils_of(transaction.connection, gone)
    here = {p.uai for p in found.values() if p.active and p.stay == gone[p.id]}
    for uai in sorted(here):
        await _begin_stays(database, keys, clock, uai, gone, lost)


async def _begin_stays(
    database: Database,
    keys: KeyMaker,
    clock: Clock,
    uai: Uai,
    gone: Mapping[UUID, int],
    lost: Lost,
) -> None:
    """Who is active in a stay after which his dossier has gone has come back since, if an export
    read after the restore says so: what is written in his new stay would else never follow him.
    """
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        here = [p for p in await pupils.active_in(connection, uai) if p.stay == gone.get(p.id)]
        read = await republications.imported_since(connection, uai)
        in_force = await pupils.in_force(connection, uai)
        back = [p for p in here if read and in_force and p.source == "siecle"]
        lost.doubtful += [(uai, p.id) for p in here if read and p not in back]
        if in_force and back:
            activated, now = in_force.horodatage, clock.now()
            changes = [reactivated(p, p, activated=activated, now=now) for p in back]
            await pupils.write(connection, changes)
            transaction.publish(pupil_events(changes, keys))
