"""The rules of one line: from the text of an ELEVE to a pupil, or to a line in error.

A line in error keeps what it says about who it is about, and gets its warnings too, so that staff
correct a pupil's card once.
"""

import datetime as dt
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from services.siecle_import.files.findings import Finding, Subject, finding
from services.siecle_import.files.reader import MAX_VALUE, ROW_TAGS, PupilRow
from services.siecle_import.files.rows import Absence, LineInError, PupilLine, Sex
from services.siecle_import.identifiers import Ine, IneShape, InvalidIne

_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_UAI = re.compile(r"[0-9]{7}[A-Z]")
_DAYS_KEPT = 4096  # the birth dates of a school are of fewer days: a date is made once
_SEXES: dict[str, Sex] = {"1": "M", "2": "F"}
_INACTIVE_DIVISION = "inactifs"

# No alphabet has letters there: what stands in their place was a letter of another encoding.
_LOST = re.compile("[\x80-\x9f]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


class Judged(NamedTuple):
    """A line, whom it is about, and what is to be said of it."""

    line: PupilLine | LineInError
    subject: Subject
    findings: Sequence[Finding]


class _Note(NamedTuple):
    """A finding before it is known whom to name in it."""

    code: str
    value: str | None = None
    other: str | None = None


class _Person(NamedTuple):
    family_name: str | None
    usage_name: str | None
    first_name: str | None
    birth_date: dt.date | None
    ines: dict[IneShape, str]


class _Stay(NamedTuple):
    entry_date: dt.date | None
    exit_date: dt.date | None
    absence: Absence | None


def judge(row: PupilRow, divisions: Sequence[str], today: dt.date) -> Judged:
    """Apply the rules of a line; `divisions` are the pupil's, in the order of the file."""
    notes: list[_Note] = []
    person = _person(row, today, notes)
    stay = _stay(row, divisions, today, notes)
    sex = _sex(row, notes)
    _check_course(row, divisions, notes, present=stay.absence is None)
    _check_lengths((*row[1:], *divisions), notes)
    subject = _subject(row, person)
    findings = [finding(note.code, subject, value=note.value, other=note.other) for note in notes]
    if any(one.level == "line" for one in findings):
        return Judged(_in_error(row, person), subject, findings)
    return Judged(_pupil(row, person, stay, sex, divisions), subject, findings)


def _person(row: PupilRow, today: dt.date, notes: list[_Note]) -> _Person:
    person = _Person(
        clean_name(row.family_name or row.older_name),
        clean_name(row.usage_name),
        clean_name(row.first_name),
        _birth_date(row.birth_date, today, notes),
        _ines(row, notes),
    )
    if row.eleve_id is None:
        notes.append(_Note("eleve_id_missing"))
    if person.family_name is None:
        notes.append(_Note("family_name_missing"))
    if person.first_name is None:
        notes.append(_Note("first_name_missing"))
    if any(name and "?" in name for name in person[:3]):
        notes.append(_Note("name_question_mark"))
    return person


def clean_name(text: str | None) -> str | None:
    """A name on one line, without what cannot be seen; a lost letter is `?`, as in SIECLE."""
    if text is None:
        return None
    if not text.isprintable():  # what is printable has nothing lost or unseen
        text = _UNSEEN.sub("", _LOST.sub("?", text))
    return " ".join(text.split()) or None


def _birth_date(text: str | None, today: dt.date, notes: list[_Note]) -> dt.date | None:
    if text is None:
        notes.append(_Note("birth_date_missing"))
        return None
    day = _date(text)
    if day is None:
        notes.append(_Note("birth_date_unreadable", text))
    elif day > today:
        notes.append(_Note("birth_date_future", text))
    return day


@lru_cache(maxsize=_DAYS_KEPT)
def _date(text: str) -> dt.date | None:
    """A day written JJ/MM/AAAA, or None when it is anything else."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return dt.date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        return None


def _ines(row: PupilRow, notes: list[_Note]) -> dict[IneShape, str]:
    """The INE by shape, whatever their tags; the tag that names a shape goes before ID_NATIONAL."""
    kept: dict[IneShape, str] = {}
    texts = [text for text in dict.fromkeys((row.ine_rnie, row.ine_bea, row.id_national)) if text]
    if not texts:
        notes.append(_Note("ine_missing"))
    for text in texts:
        try:
            ine = Ine.parse(text)
        except InvalidIne:
            notes.append(_Note("ine_shape", text))
            continue
        if ine.shape not in kept:
            kept[ine.shape] = ine.text
            if ine.key_is_right is False:
                notes.append(_Note("ine_key", ine.text))
        elif kept[ine.shape] != ine.text:
            notes.append(_Note("ine_conflict", kept[ine.shape], ine.text))
    return kept


def _stay(row: PupilRow, divisions: Sequence[str], today: dt.date, notes: list[_Note]) -> _Stay:
    """When the pupil came and left; a date of exit in the future is a planned departure."""
    entry = _date(row.entry_date) if row.entry_date else None
    if row.entry_date and entry is None:
        notes.append(_Note("entry_date_unreadable", row.entry_date))
    leaving = _date(row.exit_date) if row.exit_date else None
    if row.exit_date and leaving is None:
        notes.append(_Note("exit_date_unreadable", row.exit_date))
    if entry and leaving and leaving < entry:
        notes.append(_Note("exit_before_entry", row.exit_date, row.entry_date))
    if leaving and leaving <= today:
        return _Stay(entry, leaving, "exit")
    if divisions and divisions[0].casefold() == _INACTIVE_DIVISION:
        return _Stay(entry, leaving, "inactive_division")
    return _Stay(entry, leaving, None)


def _sex(row: PupilRow, notes: list[_Note]) -> Sex | None:
    if row.sex is None:
        notes.append(_Note("sex_missing"))
        return None
    if row.sex not in _SEXES:
        notes.append(_Note("sex_unknown", row.sex))
    return _SEXES.get(row.sex)


def _check_course(
    row: PupilRow, divisions: Sequence[str], notes: list[_Note], *, present: bool
) -> None:
    """A present pupil should have a class and a course; in September half a school lacks it."""
    if len(divisions) > 1:
        notes.append(_Note("divisions_several", divisions[0], divisions[1]))
    if present and not divisions and row.eleve_id:  # without which no class can be found
        notes.append(_Note("division_missing"))
    if present and row.mef is None:
        notes.append(_Note("mef_missing"))


def _check_lengths(texts: Sequence[str | None], notes: list[_Note]) -> None:
    if max(map(len, filter(None, texts)), default=0) <= MAX_VALUE:
        return
    for position, text in enumerate(texts):
        if text and len(text) > MAX_VALUE:
            tag = ROW_TAGS[position] if position < len(ROW_TAGS) else "CODE_STRUCTURE"
            notes.append(_Note("value_too_long", text, tag))


def _subject(row: PupilRow, person: _Person) -> Subject:
    names = (person.family_name or person.usage_name, person.first_name)
    ine = next(iter(person.ines.values()), None)
    return Subject(
        row.eleve_id,
        " ".join(name for name in names if name) or None,
        ine or row.ine_rnie or row.ine_bea or row.id_national,
        row.line,
    )


def _in_error(row: PupilRow, person: _Person) -> LineInError:
    return LineInError(
        line=row.line,
        eleve_id=row.eleve_id,
        family_name=person.family_name,
        usage_name=person.usage_name,
        first_name=person.first_name,
        birth_date=person.birth_date,
        rnie=person.ines.get("rnie"),
        bea=person.ines.get("bea"),
        ina=person.ines.get("ina"),
    )


def _pupil(
    row: PupilRow, person: _Person, stay: _Stay, sex: Sex | None, divisions: Sequence[str]
) -> PupilLine | LineInError:
    """The pupil of a line without error, which has a number, both names and a birth date."""
    if not (row.eleve_id and person.family_name and person.first_name and person.birth_date):
        return _in_error(row, person)
    return PupilLine(
        line=row.line,
        eleve_id=row.eleve_id,
        family_name=person.family_name,
        usage_name=person.usage_name,
        first_name=person.first_name,
        birth_date=person.birth_date,
        sex=sex,
        rnie=person.ines.get("rnie"),
        bea=person.ines.get("bea"),
        ina=person.ines.get("ina"),
        status=row.status,
        mef=row.mef,
        division=divisions[0] if divisions else None,
        previous_uai=_previous_uai(row.previous_uai),
        entry_date=stay.entry_date,
        exit_date=stay.exit_date,
        exit_reason=row.exit_reason,
        absence=stay.absence,
    )


def _previous_uai(text: str | None) -> str | None:
    """Last year's school, compared as text later: a code of another shape says nothing."""
    code = text.upper() if text else ""
    return code if _UAI.fullmatch(code) else None
