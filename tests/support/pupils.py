"""Pupil events as `siecle_import` would publish them, for tests of the other services."""

import datetime as dt
from uuid import UUID, uuid4

from shared.events import (
    ImportApplied,
    MatchKeys,
    PupilCreated,
    PupilDeactivated,
    PupilEvent,
    PupilVersion,
)
from shared.identifiers import Uai

A, B, C = Uai("9990001X"), Uai("9990002Y"), Uai("9990003Z")
SEPTEMBER = dt.datetime(2025, 9, 15, 16, 2, 31, tzinfo=dt.UTC)
JANUARY = dt.datetime(2026, 1, 13, 9, 15, tzinfo=dt.UTC)


def keys(ine: int, *, born: int = 1, named: int = 1) -> MatchKeys:
    """Match keys that are equal for equal numbers."""

    def key(*parts: int) -> bytes:
        return bytes(parts).rjust(16, b"k")

    return MatchKeys(
        ine_key=key(ine),
        birth_key=key(ine, born),
        family_keys=(key(ine, named, 1),),
        first_keys=(key(ine, named, 2),),
    )


def pupil(
    kind: type[PupilEvent],
    uai: Uai,
    *match_keys: MatchKeys,
    pupil_id: UUID | None = None,
    version: int = 1,
    stay: int = 1,
    activated: dt.datetime = SEPTEMBER,
) -> PupilEvent:
    """A pupil event of `kind`, with the state that goes with it."""
    return kind(
        pupil_id=pupil_id or uuid4(),
        version=version,
        stay=stay,
        uai=uai,
        active=kind is not PupilDeactivated,
        since=activated,
        activated=activated,
        reason="absent" if kind is PupilDeactivated else None,
        source="siecle",
        has_birth_date=True,
        keys=match_keys,
        key_version=1,
    )


def departure(uai: Uai, *match_keys: MatchKeys, pupil_id: UUID | None = None) -> PupilEvent:
    """A learner who has left `uai`."""
    return pupil(PupilDeactivated, uai, *match_keys, pupil_id=pupil_id, version=2)


def arrival(uai: Uai, *match_keys: MatchKeys, pupil_id: UUID | None = None) -> PupilEvent:
    """A learner who has come to `uai` with the import of January."""
    return pupil(PupilCreated, uai, *match_keys, pupil_id=pupil_id, activated=JANUARY)


def imported(
    uai: Uai, number: int = 2, horodatage: dt.datetime = JANUARY, *deactivated: PupilEvent
) -> ImportApplied:
    """That `uai` has applied an import."""
    return ImportApplied(
        uai=uai,
        number=number,
        horodatage=horodatage,
        school_year=2025,
        source="siecle",
        deactivated=tuple(
            PupilVersion(pupil_id=p.pupil_id, version=p.version) for p in deactivated
        ),
    )
