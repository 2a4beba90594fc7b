"""The rules of PARAMETRES: whose file it is, of which year, made when."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.siecle_import.files.findings import Finding, finding
from services.siecle_import.identifiers import SchoolYear, school_timezone
from shared.identifiers import InvalidUai, Uai

_YEAR = re.compile(r"[0-9]{4}")
_TIMESTAMP = re.compile(
    r"([0-9]{2})/([0-9]{2})/([0-9]{4})\s+([0-9]{2}):([0-9]{2}):([0-9]{2})", re.ASCII
)
_FIRST_YEAR = 2000  # SIECLE is younger: an earlier moment is a clock that was never set


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file is compared with: the school that imports, the day, the moment of reception."""

    uai: Uai | None
    today: dt.date
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Header:
    """What PARAMETRES says; None for what it does not say, or not in a readable way."""

    uai: str | None
    school_year: SchoolYear | None
    horodatage: dt.datetime
    findings: tuple[Finding, ...]


def judge_header(parameters: Mapping[str, str], expected: Expected, *, complete: bool) -> Header:
    """Apply the rules of PARAMETRES; what is missing counts only when the file was read whole."""
    findings: list[Finding] = []
    uai = parameters.get("UAJ", "").upper() or None
    if uai is not None:
        findings += _judge_uai(uai, expected.uai)
    elif complete:
        findings.append(finding("uai_missing"))
    year = _school_year(parameters.get("ANNEE_SCOLAIRE"))
    if year is not None:
        findings += _judge_year(year, expected.today)
    elif complete:
        findings.append(_no_year(parameters.get("ANNEE_SCOLAIRE")))
    moment = _horodatage(parameters.get("HORODATAGE"), uai, expected, findings)
    return Header(uai, year, moment, tuple(findings))


def _judge_uai(uai: str, expected: Uai | None) -> list[Finding]:
    """The right school is compared as text: its key was checked where it was registered."""
    if uai == expected:
        return []
    try:
        Uai.parse(uai)
    except InvalidUai:
        return [finding("uai_invalid", value=uai)]
    return [finding("other_school", value=uai, other=expected)] if expected else []


def _school_year(text: str | None) -> SchoolYear | None:
    return SchoolYear(text) if text and _YEAR.fullmatch(text) else None


def _no_year(text: str | None) -> Finding:
    return finding("school_year_unreadable", value=text) if text else finding("school_year_missing")


def _judge_year(year: SchoolYear, today: dt.date) -> list[Finding]:
    if year.contains(today):
        return []
    current = SchoolYear.for_day(today)
    return [finding("other_school_year", value=_spoken(year), other=_spoken(current))]


def _spoken(year: int) -> str:
    return f"{year}-{year + 1}"


def _horodatage(
    text: str | None, uai: str | None, expected: Expected, findings: list[Finding]
) -> dt.datetime:
    """The moment of the export, in the school's time zone; that of reception when unusable."""
    zone = school_timezone(expected.uai or uai or "")
    received = expected.received_at.astimezone(zone)
    if text is None:
        return received
    moment = _moment(text)
    if moment is None or moment.replace(tzinfo=zone) > received:
        findings.append(finding("timestamp_unusable", value=text))
        return received
    return moment.replace(tzinfo=zone)


def _moment(text: str) -> dt.datetime | None:
    found = _TIMESTAMP.fullmatch(text)
    if found is None or int(found[3]) < _FIRST_YEAR:
        return None
    day, month, year, hour, minute, second = map(int, found.groups())
    try:
        return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zone added later
    except ValueError:
        return None
