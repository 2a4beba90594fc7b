"""What the other services are told of the pupil base: states and match keys, never identities."""

from collections.abc import Iterable

from services.siecle_import.domain.imports import InForce
from services.siecle_import.domain.pupils import Change, Changed, Pupil
from services.siecle_import.files.rows import aliases
from services.siecle_import.identifiers import is_last_year
from services.siecle_import.keys import KeyMaker
from shared.events import (
    NO_IMPORT,
    ImportApplied,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
    PupilMerged,
    PupilReactivated,
    PupilUpdated,
    PupilVersion,
)
from shared.identifiers import Uai

_EVENTS: dict[Change, type[PupilEvent]] = {
    Change.CREATED: PupilCreated,
    Change.UPDATED: PupilUpdated,
    Change.REACTIVATED: PupilReactivated,
    Change.DEACTIVATED: PupilDeactivated,
}


def pupil_events(changes: Iterable[Changed], keys: KeyMaker) -> list[PupilEvent]:
    """The whole state of each learner after his change."""
    return [pupil_event(changed.kind, changed.after, keys) for changed in changes]


def pupil_event(change: Change, pupil: Pupil, keys: KeyMaker) -> PupilEvent:
    """The whole state of a learner after a change."""
    names = (pupil.family_name, pupil.usage_name or "")
    return _EVENTS[change](
        pupil_id=pupil.id,
        version=pupil.version,
        stay=pupil.stay,
        uai=pupil.uai,
        previous_uai=pupil.previous_uai,
        active=pupil.active,
        since=pupil.since,
        activated=pupil.activated,
        reason=pupil.reason,
        source=pupil.source,
        mef=pupil.mef,
        last_year=is_last_year(pupil.mef or ""),
        has_birth_date=True,
        keys=tuple(
            keys.keys(ine, pupil.birth_date, names, pupil.first_name) for ine in aliases(pupil)
        ),
        key_version=keys.version,
    )


def merge_event(survivor: Pupil, merged: Pupil, *, undone: bool = False) -> PupilMerged:
    """That two learners are one, or no longer."""
    return PupilMerged(
        uai=survivor.uai,
        surviving_id=survivor.id,
        surviving_version=survivor.version,
        merged_id=merged.id,
        merged_version=merged.version,
        undone=undone,
    )


def import_applied(
    uai: Uai, number: int, in_force: InForce | None, departed: Iterable[Pupil]
) -> ImportApplied:
    """That an import was applied or undone, which one is in force now, and who has left by it."""
    return ImportApplied(
        uai=uai,
        number=number,
        horodatage=in_force.horodatage if in_force else NO_IMPORT,
        school_year=in_force.school_year if in_force else 0,
        source="csv" if in_force and in_force.source == "csv" else "siecle",
        deactivated=tuple(PupilVersion(pupil_id=p.id, version=p.version) for p in departed),
    )
