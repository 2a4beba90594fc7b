"""The event catalogue: every event that travels between services.

One class an event type; one without a listener is not published and does not stand here. Fields
may only be added, with a default: anything else is a new class with the next version in its type.
How it travels: `envelope.py`. The protocol: `docs/transfer.md`.
"""

import binascii
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import core_schema

from shared.identifiers import Uai

KEY_BYTES = 16
KEY_LENGTH = 24
"""Of the base64 of a key."""

UNDONE, UNMERGED = "annule", "fusionne"
NO_DEPARTURE = (UNDONE, UNMERGED)
"""`reason` of learners who are inactive without having left: one whom only an undone import had
created, and one whose merge was undone, until the next import tells of him.
"""

NO_IMPORT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""`horodatage` in ImportApplied of a school whose only import was undone: it claims nobody."""


def _key_schema(_source: object, _handler: object) -> core_schema.CoreSchema:
    """Bytes, which no function of ours looks at, or base64; JSON knows only the latter."""
    key = core_schema.bytes_schema(strict=True, min_length=KEY_BYTES, max_length=KEY_BYTES)
    decoded = core_schema.no_info_plain_validator_function(binascii.a2b_base64)
    written = core_schema.str_schema(strict=True, min_length=KEY_LENGTH, max_length=KEY_LENGTH)
    text = core_schema.chain_schema([written, decoded, key])
    either = core_schema.union_schema([key, text], mode="left_to_right")
    return core_schema.json_or_python_schema(json_schema=text, python_schema=either)


def _key_to_text(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


Key = Annotated[
    bytes,
    GetPydanticSchema(_key_schema),
    PlainSerializer(_key_to_text, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "minLength": KEY_LENGTH,
            "maxLength": KEY_LENGTH,
        }
    ),
]
"""16 bytes of a keyed digest, base64 in JSON. It can be compared, never read back."""


class Data(BaseModel):
    """A value inside an event; unknown fields are those of a newer version, and passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Data):
    """Something that has happened, as its owner tells it to the other services.

    A class's keywords are those below; `type` enters it in the catalogue, `about` names the field
    that is its subject (the id that operators search by).
    """

    type: ClassVar[str]
    owner: ClassVar[str]
    listeners: ClassVar[tuple[str, ...]]
    about: ClassVar[str]

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__()
        for name, value in keywords.items():
            setattr(cls, name, value)
        if "type" in keywords:
            CATALOGUE[cls.type] = cls


CATALOGUE: dict[str, type[Event]] = {}
"""Every event, by its type."""


class MatchKeys(Data):
    """The digests of one INE of a learner; equal digests mean equal values, under one key."""

    ine_key: Key
    birth_key: Key | None = None
    family_keys: tuple[Key, ...] = ()
    first_keys: tuple[Key, ...] = ()


class PupilEvent(Event, owner="siecle_import", listeners=("transfer", "dossier"), about="pupil_id"):
    """The whole state of a learner, so that the newest event alone is enough.

    `version` grows by one at each change, `stay` at each (re)activation. `activated` is the moment
    from which the school knows of this stay; `since` the moment of the last change of `active`.
    """

    pupil_id: UUID
    version: int = Field(ge=1)
    stay: int = Field(ge=1)
    uai: Uai
    previous_uai: str | None = None
    active: bool
    since: dt.datetime
    activated: dt.datetime
    reason: str | None = None
    source: Literal["siecle", "csv", "hand"]
    mef: str | None = None
    last_year: bool = False
    has_birth_date: bool
    keys: tuple[MatchKeys, ...] = ()
    key_version: int = Field(ge=1)


class PupilCreated(PupilEvent, type="fr.cpro.pupil.created.v1"):
    """A learner entered the pupil base of a school."""


class PupilUpdated(PupilEvent, type="fr.cpro.pupil.updated.v1"):
    """What a school knows of a learner changed."""


class PupilReactivated(PupilEvent, type="fr.cpro.pupil.reactivated.v1"):
    """A learner who had left is back in the school: a new stay begins."""


class PupilDeactivated(PupilEvent, type="fr.cpro.pupil.deactivated.v1"):
    """A learner left the school: a departure."""


class PupilMerged(
    Event,
    type="fr.cpro.pupil.merged.v1",
    owner="siecle_import",
    listeners=("transfer", "dossier"),
    about="surviving_id",
):
    """Two learners of the school `uai` were one person: `merged_id` goes on as `surviving_id`; or
    that was `undone`, and each is himself again. The versions are those after it.
    """

    uai: Uai
    surviving_id: UUID
    surviving_version: int = Field(ge=1)
    merged_id: UUID
    merged_version: int = Field(ge=1)
    undone: bool = False


class PupilErased(
    Event,
    type="fr.cpro.pupil.erased.v1",
    owner="siecle_import",
    listeners=("transfer", "dossier"),
    about="pupil_id",
):
    """A learner is to be forgotten, his keys and records included; wins over every version."""

    pupil_id: UUID


class PupilVersion(Data):
    """A learner at one of its versions."""

    pupil_id: UUID
    version: int = Field(ge=1)


class ImportApplied(
    Event,
    type="fr.cpro.import.applied.v1",
    owner="siecle_import",
    listeners=("transfer",),
    about="uai",
):
    """The pupil base of a school was brought up to an export; told even when nothing differed.

    `number` grows by one at each applied or undone import of the school; `horodatage`,
    `school_year` and `source` are those of the import now in force: `NO_IMPORT` and 0 where none is
    left, and one from SIECLE stays in force when a CSV is applied.
    """

    uai: Uai
    number: int = Field(ge=1)
    horodatage: dt.datetime
    school_year: int
    source: Literal["siecle", "csv"]
    deactivated: tuple[PupilVersion, ...] = ()


class Side(Data):
    """One end of a transfer: a learner in a school."""

    uai: Uai
    pupil_id: UUID


class TransferEvent(Event, about="transfer_id"):
    """Something about one transfer."""

    transfer_id: UUID


class TransferRequested(
    TransferEvent, type="fr.cpro.transfer.requested.v1", owner="transfer", listeners=("dossier",)
):
    """The records of `origin`, who has left after his stay number `origin_stay`, are to be moved
    to `destination`; or, with `reverses`, the records that this earlier transfer moved are to go
    back: the sides are swapped then.
    """

    origin: Side
    origin_stay: int = Field(ge=1)
    destination: Side
    reverses: UUID | None = None


class TransferWithdrawn(
    TransferEvent, type="fr.cpro.transfer.withdrawn.v1", owner="transfer", listeners=("dossier",)
):
    """The request is taken back, if the records have not moved yet."""


class DossierTransferred(
    TransferEvent, type="fr.cpro.dossier.transferred.v1", owner="dossier", listeners=("transfer",)
):
    """The records have moved; `counts` says how many of each kind, in all.

    `part` 0 is the answer to the request; each later part tells of records that the old school
    wrote afterwards and that followed. `left` are records that a reversal left behind: they have
    been changed since the move.
    """

    counts: Mapping[str, int]
    part: int = Field(default=0, ge=0)
    left: tuple[UUID, ...] = ()


class DossierTransferRefused(
    TransferEvent,
    type="fr.cpro.dossier.transfer_refused.v1",
    owner="dossier",
    listeners=("transfer",),
):
    """The records have not moved and never will under this transfer id: the request was taken
    back, the learner has begun a later stay in the school of origin or goes on there as another,
    one of the two was erased, or what a reversal was to bring back has moved on.
    """

    reason: Literal["withdrawn", "returned", "merged", "erased", "moved-on"]


class TransferClosed(
    TransferEvent,
    type="fr.cpro.transfer.closed.v1",
    owner="transfer",
    listeners=("siecle_import", "notifier"),
):
    """The records are in the new school, usable at once; or they are back where they came from,
    because the transfer was `reversed`.
    """

    origin: Side
    destination: Side
    outcome: Literal["closed", "reversed"] = "closed"
    counts: Mapping[str, int]


class TransferOffered(
    TransferEvent, type="fr.cpro.transfer.offered.v1", owner="transfer", listeners=("notifier",)
):
    """Arrivals by hand wait for the answer of the school `destination_uai`: the `count` learners
    that one request has offered to it, named by the first transfer. Told again after seven days of
    those that still wait (`reminder`).
    """

    origin_uai: Uai
    destination_uai: Uai
    count: int = Field(default=1, ge=1)
    reminder: bool = False


class SchoolUpdated(
    Event,
    type="fr.cpro.school.updated.v1",
    owner="etablissement",
    listeners=("siecle_import", "transfer", "inspector_access", "notifier"),
    about="uai",
):
    """The whole state of a school of the registry; `version` grows by one at each change.

    `successor` is the school that goes on with the learners and rights of a closed one. `email` is
    the school's own address; `digest` whether it wants the daily mail about closed transfers.
    """

    uai: Uai
    version: int = Field(ge=1)
    name: str
    email: str | None = None
    digest: bool = True
    town: str | None = None
    academie: str | None = None
    open: bool = True
    successor: Uai | None = None


class Recipient(Data):
    """Someone who is told by mail."""

    name: str
    email: str


class InspectorAccessToggled(
    Event,
    type="fr.cpro.inspector_access.toggled.v1",
    owner="inspector_access",
    listeners=("notifier",),
    about="uai",
):
    """Access to a diploma's data in the school `uai` is open or closed (`active`) to `recipients`,
    who are to be told: the referents concerned. They may be none.

    `version` is that of the switch; `because` says what has happened: the switch was set, a
    referent was named or removed while it was on, or the subscription ended. `by_name` and
    `by_function` say who did it, as the mail tells.
    """

    uai: Uai
    diploma: str
    diploma_label: str
    active: bool
    version: int = Field(ge=1)
    because: Literal["switched", "referent-named", "referent-removed", "subscription-ended"]
    by_name: str
    by_function: str
    at: dt.datetime
    recipients: tuple[Recipient, ...] = ()


def heard_by(service: str) -> tuple[str, ...]:
    """The types of the events that are delivered to `service`."""
    return tuple(kind for kind, event in CATALOGUE.items() if service in event.listeners)


def owned_by(service: str) -> tuple[str, ...]:
    """The types of the events that `service` publishes."""
    return tuple(kind for kind, event in CATALOGUE.items() if event.owner == service)
