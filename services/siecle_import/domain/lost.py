"""Learners whom a restore has lost: who is imported anew is the same learner again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.siecle_import.domain.pupils import Change, Changed, Pupil
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class Lost:
    """A learner as the others were told of him last."""

    pupil_id: UUID
    uai: Uai
    version: int
    stay: int
    active: bool
    ine_keys: Sequence[bytes]
    key_version: int


def regained(
    changes: Iterable[Changed], lost: Iterable[Lost], keys_of: Callable[[Pupil], Iterable[bytes]]
) -> list[Changed]:
    """The changes of an import, in which new learners who have the key of a lost one, and of one
    only, get his id back, above all that was told of him: what others keep about him is his at
    once. One who had left begins a new stay.
    """
    by_key = {key: one for one in lost for key in one.ine_keys}
    after, taken = [], set[UUID]()
    for changed in changes:
        same = {}
        if changed.kind is Change.CREATED and by_key:
            found = [by_key[key] for key in keys_of(changed.after) if key in by_key]
            same = {one.pupil_id: one for one in found if one.pupil_id not in taken}
        if len(same) == 1:
            [(pupil_id, one)] = same.items()
            taken.add(pupil_id)
            stay = one.stay if one.active else one.stay + 1
            again = changed.after._replace(id=pupil_id, version=one.version + 1, stay=stay)
            after.append(replace(changed, after=again))
        else:
            after.append(changed)
    return after
