"""Which mails follow from what has happened, to whom, and which are overtaken by others."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from services.notifier.domain.text import day_in_french, moment_in_french, one_line
from shared.events import InspectorAccessToggled, Recipient, SchoolUpdated, TransferOffered
from shared.identifiers import Uai

_MAILS = UUID("5d7f3a52-6a0e-5c8e-9d41-0c8f6a1b2e77")
PREFIX = "[CPro éducation]"
DIRECTIONS = ("received", "sent", "returned")
"""What a digest counts apart."""

REMINDED_AFTER = dt.timedelta(days=7)
"""When `transfer` tells an arrival by hand again, if it still waits."""


class Kind(StrEnum):
    """What a mail is about; each has its templates."""

    ACCESS = "access"
    ARRIVAL = "arrival"
    TO_DO = "to-do"
    DIGEST = "digest"


class State(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Reason(StrEnum):
    """Why a mail failed (the first five) or was suppressed."""

    REFUSED = "refused"
    EXPIRED = "expired"
    BAD_ADDRESS = "bad-address"
    NOT_SUPPORTED = "not-supported"
    RESTORED = "restored"
    OVERTAKEN = "overtaken"
    LISTED = "listed"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class School:
    """What mails say of a school; one that nobody has told of yet is called by its code."""

    uai: Uai
    name: str
    town: str | None = None
    email: str | None = None

    @classmethod
    def of(cls, event: SchoolUpdated) -> "School":
        """The school as its owner tells it."""
        town = one_line(event.town) if event.town else None
        email = _plain(event.email.strip()) if event.email else None
        return cls(event.uai, one_line(event.name), town, email)

    @classmethod
    def unknown(cls, uai: Uai) -> "School":
        """A school of which only the code is known."""
        return cls(uai, f"établissement {uai}")


@dataclass(frozen=True, slots=True)
class Topic:
    """What a mail tells the state of. A later one to the same recipient overtakes it."""

    name: str
    version: int
    happened_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient. Its id follows from what is told and to whom, so that the same
    thing told twice makes one mail, with one Message-ID.
    """

    id: UUID
    kind: Kind
    uai: Uai
    to: Recipient
    reply_to: str | None
    subject: str
    content: Mapping[str, Any]
    topic: Topic | None = None
    traces: tuple[str, ...] = ()
    """W3C trace contexts of what it tells of, where they are not that of its making."""


def mail_id(cause: str, address: str) -> UUID:
    """The id of the mail that tells `cause` to `address`."""
    return uuid5(_MAILS, f"{cause}\n{address.lower()}")


def recipient(name: str, email: str) -> Recipient:
    """A recipient whose name stays on one line."""
    return Recipient(name=one_line(name), email=_plain(email.strip()))


def access_mails(event: InspectorAccessToggled, school: School) -> list[Mail]:
    """One mail for each referent concerned (guide, « Un mail lui sera adressé… »)."""
    diploma = one_line(event.diploma_label)
    opened = "ouvert" if event.active else "fermé"
    cause = f"access {event.uai} {event.diploma} {event.version} {event.because} {event.at}"
    content = {
        **_about(school),
        "diploma": diploma,
        "active": event.active,
        "because": event.because,
        "by_name": one_line(event.by_name),
        "by_function": one_line(event.by_function),
        "when": moment_in_french(event.at),
    }
    topic = Topic(_plain(f"access {event.uai} {event.diploma}"), event.version, event.at)
    return [
        Mail(
            id=mail_id(cause, to.email),
            kind=Kind.ACCESS,
            uai=event.uai,
            to=to,
            reply_to=school.email,
            subject=f"{PREFIX} {school.name} : accès {opened} – {diploma}",
            content=content,
            topic=topic,
        )
        for to in _once_each(event.recipients)
    ]


def _plain(text: str) -> str:
    return text.replace("\x00", "?")


def _once_each(recipients: Iterable[Recipient]) -> list[Recipient]:
    """Recipients by address; one who is named twice is told once."""
    ours = [recipient(one.name, one.email) for one in recipients]
    return list({one.email.lower(): one for one in reversed(ours)}.values())


def arrival_mail(event: TransferOffered, school: School, origin: School, now: dt.datetime) -> Mail:
    """Arrivals by hand wait: to the school's own address, at once and once more after 7 days."""
    to = recipient(school.name, school.email or "")
    again = " (rappel)" if event.reminder else ""
    one = event.count == 1
    wait = "un dossier attend" if one else f"{event.count} dossiers attendent"
    return Mail(
        id=mail_id(f"arrival {event.transfer_id} {event.reminder}", event.destination_uai),
        kind=Kind.ARRIVAL,
        uai=event.destination_uai,
        to=to,
        reply_to=None,
        subject=f"{PREFIX} {school.name} : {wait} votre réponse{again}",
        content={
            **_about(school),
            "origin": origin.name,
            "origin_uai": origin.uai,
            "origin_town": origin.town,
            "reminder": event.reminder,
            "count": event.count,
        },
        topic=Topic(f"arrival {event.transfer_id}", int(event.reminder), now),
    )


def to_do_mails(
    week: str, school: School, counts: Mapping[str, int], holders: Sequence[Recipient]
) -> list[Mail]:
    """« À faire », to those who hold the right; nothing when nothing waits."""
    total = sum(counts.values())
    if total == 0:
        return []
    files = "dossiers attendent" if total > 1 else "dossier attend"
    return [
        Mail(
            id=mail_id(f"to-do {week} {school.uai}", to.email),
            kind=Kind.TO_DO,
            uai=school.uai,
            to=to,
            reply_to=None,
            subject=f"{PREFIX} {school.name} : à faire – {total} {files}",
            content={**_about(school), "counts": dict(counts)},
        )
        for to in _once_each(holders)
    ]


def digest_mail(
    day: dt.date, school: School, counts: Mapping[str, int], traces: Sequence[str] = ()
) -> Mail:
    """The transfers that closed since the last digest, to the school's own address; a direction
    that `counts` does not name had none.
    """
    return Mail(
        id=mail_id(f"digest {day}", school.uai),
        kind=Kind.DIGEST,
        uai=school.uai,
        to=recipient(school.name, school.email or ""),
        reply_to=None,
        subject=f"{PREFIX} {school.name} : transferts clos, {day_in_french(day)}",
        content={**_about(school), "counts": {**dict.fromkeys(DIRECTIONS, 0), **counts}},
        traces=tuple(traces),
    )


def _about(school: School) -> dict[str, Any]:
    return {"school": school.name, "uai": school.uai, "town": school.town}
