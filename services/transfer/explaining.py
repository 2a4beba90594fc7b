"""Why a dossier has not arrived: the facts from the base, and the answer of `domain.explaining`."""

from collections.abc import Collection, Sequence
from uuid import UUID

import httpx
from asyncpg import Record

from services.transfer import matching
from services.transfer.domain import explaining
from services.transfer.domain.deciding import Decision
from services.transfer.domain.explaining import Answer, Facts, Parked, Passed, Related
from services.transfer.settings import TransferSettings
from services.transfer.store import explaining as store
from shared.database import Connection
from shared.identifiers import Uai
from shared.messaging import parked
from shared.signing import NoSigningKeyError, Signer


async def explain(
    connection: Connection, settings: TransferSettings, uai: Uai, pupil_id: UUID
) -> Answer:
    """Why the dossier of this learner has not come to the school `uai`, or that it has."""
    found = await store.learner(connection, uai, pupil_id)
    if found is None:
        # Of an event about a learner of another school nothing is told here.
        of_school = {row["event_id"] for row in await parked.about(connection, [uai])}
        waiting = await parked.about(connection, [str(pupil_id)])
        told = tuple(_parked("transfer", row) for row in waiting if row["event_id"] in of_school)
        return explaining.explain_unknown(told)
    return explaining.explain(await _facts(connection, settings, uai, found))


async def _facts(
    connection: Connection, settings: TransferSettings, uai: Uai, found: Record
) -> Facts:
    pupil_id, ine_keys = found["pupil_id"], found["ine_keys"]
    received = await store.received(connection, pupil_id)
    others = await store.related(connection, uai, ine_keys)
    decisions = await matching.decisions(connection, ine_keys) if ine_keys else []
    subjects = [str(pupil_id), *(str(received["transfer_id"]) for _ in (1,) if received)]
    return Facts(
        found["since"],
        found["active"],
        bool(ine_keys),
        found["source"] == "siecle",
        _passed(received),
        [Related(Uai(row["uai"]), row["active"], row["since"], _passed(row)) for row in others],
        _about(decisions, pupil_id),
        await _all_parked(connection, settings, subjects),
    )


def _about(decisions: Sequence[Decision], pupil_id: UUID) -> list[Decision]:
    """The decisions in which the learner comes into question, the last departure first."""
    concerned = [d for d in decisions if any(claim.pupil_id == pupil_id for claim in d.claims)]
    return sorted(concerned, key=lambda d: d.departure.since, reverse=True)


def _passed(row: Record | None) -> Passed | None:
    if row is None or row["transfer_id"] is None:
        return None
    return Passed(
        row["transfer_id"],
        row["state"],
        Uai(row["to_uai"]),
        row["moment"],
        row["here"],
        row["counts"] == {},
        row["asked"],
        row["refused_because"],
    )


async def _all_parked(
    connection: Connection, settings: TransferSettings, subjects: Collection[str]
) -> list[Parked]:
    """What is parked about these here and in `dossier`; who does not answer is passed over: the
    question is about the transfer, and another cause may be known.
    """
    here = [_parked("transfer", row) for row in await parked.about(connection, subjects)]
    return here + await _parked_in_dossier(settings, subjects)


async def _parked_in_dossier(settings: TransferSettings, subjects: Collection[str]) -> list[Parked]:
    if settings.dossier_url is None:
        return []
    try:
        async with Signer.from_settings(settings).client(settings.dossier_url) as client:
            body = {"subjects": list(subjects)}
            answer = await client.post("/operations/parked/search", json=body)
        answer.raise_for_status()
        return [_parked("dossier", row) for row in answer.json()]
    except (NoSigningKeyError, httpx.HTTPError):
        return []


def _parked(service: str, row: Record | dict[str, object]) -> Parked:
    return Parked(
        UUID(str(row["event_id"])),
        service,
        int(str(row["attempts"])),
        str(row["error"]),
        row["next_try"] is None,
    )
