"""What a Nomenclature says of diplomas.

SIECLE lists courses (MEF), one a year of study, and no diplomas. The first eight of the eleven
characters of a MEF are its kind of course and its speciality, the last three the length, the year
and the variant (SIECLE specification, code MEF): MEF that share the eight lead to one diploma.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MEF_LENGTH = 11
SHARED_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Course:
    """A MEF of the file."""

    mef: str
    label: str


@dataclass(frozen=True, slots=True)
class Found:
    """A diploma that the file speaks of, with the MEF that are new to it."""

    code: str
    label: str
    mefs: tuple[str, ...]


def is_mef(text: str) -> bool:
    """Whether a text has the shape of a MEF."""
    return len(text) == MEF_LENGTH and text.isascii() and text.isalnum()


def diplomas(courses: Iterable[Course], known: Mapping[str, str | None]) -> list[Found]:
    """The diplomas of the courses that have none; `known` says which diploma each known MEF has.

    A course joins the diploma of those that share its first characters, if they have one and the
    same; if they have none, the shared characters are the code of a new one, named as its last
    year. Where they have several, people must say which: the course is left without.
    """
    taken: dict[str, set[str]] = defaultdict(set)
    for mef, diploma in known.items():
        if diploma is not None:
            taken[mef[:SHARED_CHARACTERS]].add(diploma)
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for course in courses:
        if known.get(course.mef) is None:
            groups[course.mef[:SHARED_CHARACTERS]][course.mef] = course.label
    return [
        Found(min(taken[shared] or {shared}), group[max(group)], tuple(sorted(group)))
        for shared, group in sorted(groups.items())
        if len(taken[shared]) <= 1
    ]
