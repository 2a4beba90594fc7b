"""All that is held of one learner, as one JSON document, in pieces as they are read."""

import base64
import json
from collections.abc import AsyncIterator
from uuid import UUID

from pydantic import BaseModel

from services.dossier.api import attachments, looks, records, remarks
from services.dossier.store import attachments as attachments_store
from services.dossier.store import looks as looks_store
from services.dossier.store import records as records_store
from services.dossier.store import remarks as remarks_store
from shared.database import Connection, Database
from shared.identifiers import Uai

STEP = 200
"""Rows read at once."""


class ExportedAttachment(attachments.Attachment):
    """An attachment and, if asked for, its content in base64."""

    content: str | None = None


async def document(
    database: Database, uai: Uai, pupil_id: UUID, *, contents: bool
) -> AsyncIterator[str]:
    """The document about a learner of the school, all of it from one moment."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield f'{{"uai": {json.dumps(uai)}, "pupil_id": "{pupil_id}"'
        for name, items in (
            ("records", _records(connection, pupil_id)),
            ("attachments", _attachments(connection, pupil_id, contents=contents)),
            ("remarks", _remarks(connection, uai, pupil_id)),
            ("looks", _looks(connection, pupil_id)),
        ):
            yield f',\n"{name}": ['
            separator = "\n"
            async for item in items:
                yield separator + item.model_dump_json()
                separator = ",\n"
            yield "]"
        yield "}\n"


async def _records(connection: Connection, pupil_id: UUID) -> AsyncIterator[BaseModel]:
    after = None
    while rows := await records_store.records_of(connection, pupil_id, after, STEP):
        for row in rows:
            yield records.Record.model_validate(dict(row))
        after = rows[-1]["id"]


async def _attachments(
    connection: Connection, pupil_id: UUID, *, contents: bool
) -> AsyncIterator[BaseModel]:
    after = None
    while ids := await records_store.ids_of(connection, pupil_id, after, STEP):
        for row in await attachments_store.of_records(connection, ids):
            content = None
            if contents:
                data = await attachments_store.content(connection, row["id"])
                content = base64.b64encode(data or b"").decode()
            described = attachments.shown(row).model_dump()
            yield ExportedAttachment(**described, content=content)
        after = ids[-1]


async def _remarks(connection: Connection, uai: Uai, pupil_id: UUID) -> AsyncIterator[BaseModel]:
    after = None
    while rows := await remarks_store.remarks_on(
        connection, pupil_id, uai, after=after, limit=STEP
    ):
        for row in rows:
            yield remarks.shown(row)
        after = rows[-1]["id"]


async def _looks(connection: Connection, pupil_id: UUID) -> AsyncIterator[BaseModel]:
    before = None
    while rows := await looks_store.looks_at(connection, pupil_id, before, STEP):
        for row in rows:
            yield looks.Look(**dict(row))
        before = rows[-1]["id"]
