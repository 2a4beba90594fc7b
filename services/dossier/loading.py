"""Loads records that existed before this system: reads lines, finds their learners, writes batches.

A record's id follows from its learner and content, so that a line which comes again adds nothing.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Annotated, Any, Self
from uuid import UUID, uuid5

import httpx
from pydantic import Field, ValidationError, model_validator

from services.dossier.api.records import RecordContent
from services.dossier.store import loading as store
from services.dossier.store.loading import Holder, MergedMeanwhileError
from shared.database import Database, Transaction
from shared.identifiers import Uai
from shared.signing import Signer

BATCH_LINES = 1_000
BATCH_BYTES = 16 * 1024 * 1024
LINE_BYTES = 1024 * 1024
RESOLVED_AT_ONCE = 500
TRIES = 5
PAUSE_SECONDS = 0.5

_RECORDS = UUID("5b0a6d4e-2f0b-5a55-9f0a-0c7a1f5be2d1")
_NOT_CONTENT = {"pupil", "uai", "ine", "origin_uai"}

Learner = tuple[str, str]
"""(UAI, INE): how a line may name its learner."""
Resolve = Callable[[Sequence[Learner]], Awaitable[Sequence[UUID | None]]]
"""Finds learners, in the order in which they are asked for."""


class Reason(StrEnum):
    """Why a line is refused."""

    TOO_LONG = "ligne-trop-longue"
    UNREADABLE = "json-illisible"
    INVALID = "ligne-invalide"
    UNKNOWN_INE = "ine-inconnu"
    UNKNOWN_LEARNER = "apprenant-inconnu"
    MOVED = "dossier-transmis"


class LoadedRecord(RecordContent):
    """One line: a record as the API takes it, its learner, and the school that it was written in
    (his own, if none is given).
    """

    pupil: UUID | None = None
    uai: Uai | None = None
    ine: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    origin_uai: Uai | None = None

    @model_validator(mode="after")
    def _one_learner(self) -> Self:
        by_ine = self.uai is not None and self.ine is not None
        if by_ine == (self.pupil is not None) or (self.uai is None) != (self.ine is None):
            raise ValueError("pupil, ou uai et ine")
        return self

    @property
    def learner(self) -> Learner | None:
        """The learner, if the line names him by INE."""
        return (self.uai, self.ine) if self.uai is not None and self.ine is not None else None

    def record_id(self, pupil_id: UUID, origin_uai: str) -> UUID:
        """The id of this record of a learner."""
        content = self.model_dump(mode="json", exclude=_NOT_CONTENT)
        whole = {**content, "pupil": str(pupil_id), "origin_uai": origin_uai}
        return uuid5(_RECORDS, json.dumps(whole, sort_keys=True, separators=(",", ":")))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused line: its number from 1, why, and the names of the fields that are wrong."""

    line: int
    reason: Reason
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What became of the lines so far."""

    added: int = 0
    already: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)


@dataclass(slots=True)
class Lines:
    """A batch: what can be read, by the number of its line, and what is refused already."""

    read: dict[int, LoadedRecord] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


class NobodyToAskError(Exception):
    """Lines name learners by INE, and the settings do not say where `siecle_import` is."""


class CannotAskError(Exception):
    """`siecle_import` does not answer, or not what is expected."""


def batches(file: IO[bytes]) -> Iterator[Lines]:
    """The lines of a file, in batches of bounded number and size."""
    batch, taken, size = Lines(), 0, 0
    for number, line in _lines(file):
        _take(batch, number, line)
        taken, size = taken + 1, size + len(line or b"")
        if taken == BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, taken, size = Lines(), 0, 0
    yield batch


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Each line that is not blank, with its number; None for one that is too long."""
    number = 0
    while line := file.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(LINE_BYTES)
            yield number, None
        elif line := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield number, line


def _take(batch: Lines, number: int, line: bytes | None) -> None:
    if line is None:
        batch.refused.append(Refusal(number, Reason.TOO_LONG))
        return
    try:
        batch.read[number] = LoadedRecord.model_validate_json(line)
    except ValidationError as error:
        batch.refused.append(_refusal(number, error))


def _refusal(number: int, error: ValidationError) -> Refusal:
    """Why a line is not one, without anything that it says."""
    # Without input and context nothing of the line is copied.
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in found):
        return Refusal(number, Reason.UNREADABLE)
    named = {str(one["loc"][0]) for one in found if one["loc"]}
    return Refusal(number, Reason.INVALID, tuple(sorted(named & set(LoadedRecord.model_fields))))


class Resolver:
    """Asks `siecle_import` who a learner is; INE travel in bodies only."""

    def __init__(self, url: str, signer: Signer) -> None:
        self._url = url
        self._signer = signer

    async def __call__(self, learners: Sequence[Learner]) -> Sequence[UUID | None]:
        """The learners, in the order in which they are asked for.

        Raises:
            CannotAskError
        """
        body = {"learners": [{"uai": uai, "ine": ine} for uai, ine in learners]}
        for attempt in range(TRIES):
            try:
                async with self._signer.client(self._url) as client:
                    answer = await client.post("/pupils/resolve", json=body)
            except httpx.TransportError:
                answer = None
            if answer is not None and not answer.is_server_error:
                return _resolved(answer, len(learners))
            await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        raise CannotAskError


def _resolved(answer: httpx.Response, asked: int) -> Sequence[UUID | None]:
    try:
        found = [UUID(one) if one else None for one in answer.raise_for_status().json()["pupils"]]
    except (httpx.HTTPStatusError, KeyError, TypeError, ValueError):
        raise CannotAskError from None  # its message might repeat a value
    if len(found) != asked:
        raise CannotAskError
    return found


async def load(
    database: Database, batch: Lines, resolve: Resolve | None, outcome: Outcome
) -> list[Refusal]:
    """Write a batch in one transaction, count what became of it, and return what is refused.

    Raises:
        NobodyToAskError, CannotAskError
    """
    named = await _named(batch.read, resolve)
    refused = list(batch.refused)
    refused += [Refusal(n, Reason.UNKNOWN_INE) for n, pupil in named.items() if pupil is None]
    known = {n: pupil for n, pupil in named.items() if pupil is not None}
    while True:
        try:
            async with database.transaction() as transaction:
                added, more = await _write(transaction, batch.read, known)
            break
        except MergedMeanwhileError:
            continue
    refused += more
    outcome.added += added
    outcome.already += len(known) - len(more) - added
    outcome.refused.update(one.reason for one in refused)
    return sorted(refused, key=lambda one: one.line)


async def _named(lines: dict[int, LoadedRecord], resolve: Resolve | None) -> dict[int, UUID | None]:
    """The learner of each line."""
    asked = sorted({learner for one in lines.values() if (learner := one.learner) is not None})
    if resolve is None:
        if asked:
            raise NobodyToAskError
        return {number: one.pupil for number, one in lines.items()}
    found: dict[Learner | None, UUID | None] = {}
    for start in range(0, len(asked), RESOLVED_AT_ONCE):
        some = asked[start : start + RESOLVED_AT_ONCE]
        found |= zip(some, await resolve(some), strict=True)
    return {number: one.pupil or found[one.learner] for number, one in lines.items()}


async def _write(
    transaction: Transaction, lines: dict[int, LoadedRecord], pupils: dict[int, UUID]
) -> tuple[int, list[Refusal]]:
    """Write the lines whose learners hold records here; how many were new, and the refused ones."""
    connection = transaction.connection
    holders = await store.lock_holders(connection, set(pupils.values()))
    cards = await store.cards_of(connection, {holder.pupil_id for holder in holders.values()})
    refused, ids = [], {}
    for number, pupil_id in pupils.items():
        if pupil_id not in holders:
            refused.append(Refusal(number, Reason.UNKNOWN_LEARNER))
        else:
            ids[number] = _ids(lines[number], holders[pupil_id], cards)
    there = await store.existing(connection, {one for some in ids.values() for one in some})
    new: dict[UUID, dict[str, Any]] = {}
    for number, some in ids.items():
        holder = holders[pupils[number]]
        if not there.isdisjoint(some) or not new.keys().isdisjoint(some):
            continue
        if holder.moved:
            refused.append(Refusal(number, Reason.MOVED))
        else:
            new[some[0]] = _row(some[0], lines[number], holder)
    return await store.add_records(connection, list(new.values())), refused


def _ids(line: LoadedRecord, holder: Holder, cards: dict[UUID, list[UUID]]) -> list[UUID]:
    """The ids that the record of a line may have: first the one under its present holder, then
    those under learners who go on as him, because it may have been loaded before they were merged.
    """
    others = [card for card in cards[holder.pupil_id] if card != holder.pupil_id]
    origin = line.origin_uai or holder.uai
    return [line.record_id(card, origin) for card in (holder.pupil_id, *others)]


def _row(record_id: UUID, line: LoadedRecord, holder: Holder) -> dict[str, Any]:
    given = line.model_dump(exclude=_NOT_CONTENT)
    origin = line.origin_uai or holder.uai
    return {**given, "id": record_id, "pupil_id": holder.pupil_id, "origin_uai": origin}
