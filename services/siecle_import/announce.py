"""What the other services are told of the pupil base: states and match keys, never identities."""

import datetime as dt

from services.siecle_import.domain import Change, Difference, Pupil
from services.siecle_import.files.rows import aliases
from services.siecle_import.identifiers import SchoolYear, is_last_year
from services.siecle_import.keys import KeyMaker
from shared.events import (
    ImportApplied,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
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


def import_applied(
    uai: Uai, number: int, horodatage: dt.datetime, school_year: SchoolYear, difference: Difference
) -> ImportApplied:
    """That an import was applied, and whom it deactivated."""
    return ImportApplied(
        uai=uai,
        number=number,
        horodatage=horodatage,
        school_year=school_year,
        source="siecle",
        deactivated=tuple(
            PupilVersion(pupil_id=p.id, version=p.version)
            for p in difference.of(Change.DEACTIVATED)
        ),
    )
