"""Learners entered and changed by hand: in schools without SIECLE, or outside of it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.siecle_import.domain.difference import goes_on_as
from services.siecle_import.domain.pupils import (
    Changed,
    Pupil,
    Reason,
    created,
    deactivated,
    reactivated,
    updated,
)
from services.siecle_import.files.rows import aliases, name_keys
from shared.identifiers import Uai


class UnknownPupilError(Exception):
    """The school has no such learner."""


class FromSiecleError(Exception):
    """SIECLE tells of this learner: he is corrected there."""


class AlreadyThereError(Exception):
    """The school has a learner with this INE, or with this name and birth date: `pupil`."""

    def __init__(self, pupil: Pupil) -> None:
        super().__init__()
        self.pupil = pupil


class WrongStateError(Exception):
    """The learner is active, or is not, or goes on as another one."""


def enter(
    base: Iterable[Pupil], uai: Uai, pupil_id: UUID, told: Mapping[str, Any], now: dt.datetime
) -> Changed:
    """A learner entered by hand, under a new id.

    Raises:
        AlreadyThereError
    """
    unsaid = {"eleve_id": None, "previous_uai": None, "exit_date": None, "exit_reason": None}
    new = created(uai, {**unsaid, **told}, source="hand", activated=now, now=now)
    new = replace(new, after=new.after._replace(id=pupil_id))
    _check_new(base, new.after)
    return new


def enter_offered(
    base: Sequence[Pupil], uai: Uai, pupil_id: UUID, offered: Pupil, now: dt.datetime
) -> Changed:
    """The learner whom another school offers, under a new id in this one: his identity and where he
    comes from; his class and course are for this school to say.

    Raises:
        AlreadyThereError: with the learner to whom the offer is to be attached.
    """
    told = {name: getattr(offered, name) for name in _IDENTITY}
    unsaid = dict.fromkeys(("status", "mef", "division", "entry_date"))
    try:
        return enter(base, uai, pupil_id, {**unsaid, **told, "previous_uai": offered.uai}, now)
    except AlreadyThereError as error:
        people = {pupil.id: pupil for pupil in base}
        raise AlreadyThereError(goes_on_as(error.pupil, people)) from None


_IDENTITY = (
    "family_name", "usage_name", "first_name", "birth_date", "sex", "rnie", "bea", "ina",
)  # fmt: skip


def _check_new(base: Iterable[Pupil], pupil: Pupil) -> None:
    same = [other for other in base if other.id != pupil.id and _is_same(other, pupil)]
    if same:
        raise AlreadyThereError(max(same, key=lambda other: (not other.merged_into, other.active)))


def _is_same(one: Pupil, other: Pupil) -> bool:
    return any(not set(way(one)).isdisjoint(way(other)) for way in (aliases, name_keys))


def change(pupil: Pupil, base: Iterable[Pupil], told: Mapping[str, Any]) -> Changed | None:
    """A learner described anew by hand; of a learner from SIECLE who has left, the INE only. None
    where nothing differs.

    Raises:
        FromSiecleError, AlreadyThereError, WrongStateError
    """
    _check_not_merged(pupil)
    after = pupil._replace(**told)
    if pupil.source == "siecle":
        ines_only = pupil._replace(rnie=after.rnie, bea=after.bea, ina=after.ina)
        if pupil.active or after != ines_only:
            raise FromSiecleError
    _check_new((other for other in base if other.merged_into is None), after)
    return updated(pupil, after) if after != pupil else None


def leave(
    pupil: Pupil, _base: Iterable[Pupil], on: dt.date, reason: str | None, now: dt.datetime
) -> Changed:
    """A learner outside SIECLE who leaves the school.

    Raises:
        FromSiecleError, WrongStateError
    """
    _check_not_merged(pupil)
    if pupil.source == "siecle":
        raise FromSiecleError
    if not pupil.active:
        raise WrongStateError
    after = pupil._replace(exit_date=on, exit_reason=reason)
    return deactivated(pupil, after, Reason.BY_HAND, now)


def come_back(pupil: Pupil, base: Iterable[Pupil], now: dt.datetime) -> Changed:
    """A learner who has left and is back, outside SIECLE: often as an apprentice.

    Raises:
        WrongStateError: he is active.
        AlreadyThereError: he is already back under another card.
    """
    _check_not_merged(pupil)
    if pupil.active:
        raise WrongStateError
    _check_new((other for other in base if other.active), pupil)
    after = pupil._replace(source="hand", exit_date=None, exit_reason=None)
    return reactivated(pupil, after, activated=now, now=now)


def _check_not_merged(pupil: Pupil) -> None:
    if pupil.merged_into is not None:
        raise WrongStateError
