"""Diplomas, inspectors, referents, subscriptions of an académie: read, and sent as CSV.

Between the preview and its confirmation the file travels with the form: nothing is kept here.
"""

import datetime as dt
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from starlette.exceptions import HTTPException

from services.gateway.clients.services import Answer, RefusedError
from services.gateway.domain.french import count
from services.gateway.pages.administration import (
    PATH,
    TABLES,
    Administering,
    Posting,
    check_academie,
    is_national,
    path_of,
    service_path,
)
from services.gateway.web import downloads
from services.gateway.web.sorting import heading
from services.gateway.web.uploads import UnreadableFormError
from services.gateway.web.visit import Visit, uploading
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PAGE: Final = 50
MAX_BYTES: Final = 500_000
"""Of a CSV; it goes through a form of the page."""
NOMENCLATURE_BYTES: Final = 5 * 1024 * 1024
COLUMNS: Final = {
    "diplomes": ("code", "libelle", "mef"),
    "inspecteurs": ("adresse", "nom"),
    "referents": ("adresse", "diplome", "uai", "debut", "fin"),
    "abonnements": ("uai", "diplome", "debut", "fin"),
}
REMOVABLE: Final = ("referents", "abonnements")
"""Tables of which one line can be ended on the page."""

HEADINGS: Final = {
    "code": "Code", "libelle": "Libellé", "mef": "MEF", "adresse": "Adresse électronique",
    "nom": "Nom", "diplome": "Diplôme", "uai": "UAI", "debut": "Début", "fin": "Fin",
}  # fmt: skip
TEMPLATE: Final = "administration-table.html"

Sending = Annotated[
    Visit,
    Depends(uploading(Action.MANAGE_DIPLOMAS, anywhere=True, at_most=MAX_BYTES)),
]


def _place(academie: str, table: str) -> str:
    return f"{service_path(academie)}/tables/{table}"


async def _check(visit: Visit, academie: str, table: str) -> None:
    await check_academie(visit, academie)
    if table not in TABLES:
        raise HTTPException(404)


def _cell(line: Mapping[str, Any], column: str) -> str:
    """A cell as the CSV has it."""
    value = line.get(column) or ""
    if isinstance(value, list):
        return " ".join(value)
    if column in ("debut", "fin") and value:
        return f"{dt.date.fromisoformat(value):%d/%m/%Y}"
    return str(value)


async def _rows(visit: Visit, academie: str, table: str) -> list[list[str]]:
    found = await visit.calls.get("inspector_access", _place(academie, table))
    return [[_cell(line, column) for column in COLUMNS[table]] for line in found.json]


@router.get(f"{PATH}/{{academie}}/tables/{{table}}")
async def show(
    visit: Administering,
    academie: str,
    table: str,
    tri: Annotated[str, Query(max_length=20)] = "",
    debut: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """The lines that are held, sorted by `tri` (`-` before it: the other way round)."""
    await _check(visit, academie, table)
    return await visit.page(TEMPLATE, **await _beside(visit, academie, table, tri, debut))


async def _beside(
    visit: Visit, academie: str, table: str, tri: str = "", begin: int = 0
) -> dict[str, Any]:
    rows, columns = await _rows(visit, academie, table), COLUMNS[table]
    by = tri.removeprefix("-")
    if by in columns:
        rows.sort(key=lambda row: row[columns.index(by)].casefold(), reverse=tri.startswith("-"))
    base = f"{path_of(academie)}/tables/{table}"
    following = begin + PAGE
    more = f"{base}?tri={quote(tri)}&debut={following}" if following < len(rows) else ""
    return {
        "academie": academie, "base": path_of(academie), "here": base, "table": table,
        "label": TABLES[table], "rows": rows[begin:following], "count": len(rows),
        "columns": columns,
        "headings": [heading(HEADINGS[name], name, tri, base) for name in columns],
        "first": f"{base}?tri={quote(tri)}" if begin else "", "following": more,
        "editable": table != "diplomes" or is_national(visit),
        "removable": table in REMOVABLE,
    }  # fmt: skip


@router.get(f"{PATH}/{{academie}}/tables/{{table}}/table.csv")
async def download(visit: Administering, academie: str, table: str) -> Response:
    """The table as it can be sent again."""
    await _check(visit, academie, table)
    rows = await _rows(visit, academie, table)
    return downloads.table(f"{table}.csv", COLUMNS[table], rows)


@router.post(f"{PATH}/{{academie}}/tables/{{table}}/apercu")
async def preview(visit: Sending, academie: str, table: str) -> Response:
    """What a CSV would change, and each line that is wrong; nothing changes."""
    await _check(visit, academie, table)
    upload = visit.upload
    if upload is None or not upload.filename:
        errors = {"fichier": "choisissez un fichier CSV"}
        beside = await _beside(visit, academie, table)
        return await visit.page(TEMPLATE, 422, errors=errors, **beside)
    content = b"".join([piece async for piece in upload.chunks()])
    try:
        seen = await _send(visit, f"{_place(academie, table)}/preview", content, {})
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _beside(visit, academie, table))
    return await visit.page(
        "administration-apercu.html", effect=seen.json, version=seen.etag, academie=academie,
        here=f"{path_of(academie)}/tables/{table}", label=TABLES[table], headings=HEADINGS,
        content=b64encode(content).decode(), name=upload.filename,
    )  # fmt: skip


async def _send(visit: Visit, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
    async def once() -> AsyncIterator[bytes]:
        yield content

    told = {"Content-Type": "text/csv", **headers}
    return await visit.calls.send("inspector_access", "POST", path, once(), told)


@router.post(f"{PATH}/{{academie}}/tables/{{table}}")
async def apply(visit: Posting, academie: str, table: str) -> Response:
    """Take in the file of the preview."""
    await _check(visit, academie, table)
    try:
        content = b64decode(visit.text("contenu"), validate=True)
    except ValueError:
        raise UnreadableFormError from None
    told = {"If-Match": f'"{visit.text("version")}"'}
    try:
        done = await _send(visit, _place(academie, table), content, told)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _beside(visit, academie, table))
    effect = done.json
    text = (
        f"{count(effect['new'], 'ligne ajoutée', 'lignes ajoutées')}, "
        f"{count(effect['changed'], 'changée', 'changées')}, "
        f"{count(effect['refused'], 'refusée', 'refusées')} ; "
        f"{count(effect['opened'] + effect['closed'], 'mail envoyé', 'mails envoyés')}."
    )
    return await visit.redirect(f"{path_of(academie)}/tables/{table}", text)


@router.post(f"{PATH}/{{academie}}/tables/{{table}}/retrait")
async def remove(visit: Posting, academie: str, table: str) -> Response:
    """Ask whether a referent or a subscription is to end; then end it (`confirme`)."""
    await _check(visit, academie, table)
    if table not in REMOVABLE:
        raise HTTPException(404)
    line = {name: visit.text(name) for name in COLUMNS[table]}
    here = f"{path_of(academie)}/tables/{table}"
    if visit.text("confirme") != "oui":
        return await visit.page(
            "administration-retrait.html", line=line, here=here, table=table, label=TABLES[table]
        )
    await _remove(visit, service_path(academie), table, line)
    return await visit.redirect(here, "C'est retiré ; les inspecteurs concernés sont prévenus.")


async def _remove(visit: Visit, place: str, table: str, line: Mapping[str, str]) -> None:
    if table == "referents":
        body = {"email": line["adresse"], "diploma": line["diplome"], "uai": line["uai"] or None}
        await visit.calls.change("inspector_access", "POST", f"{place}/referents/removal", body)
    else:
        path = f"{place}/subscriptions/{quote(line['uai'], '')}/{quote(line['diplome'], '')}"
        await visit.calls.change("inspector_access", "DELETE", path)


@router.post(f"{PATH}/{{academie}}/nomenclature")
async def take_nomenclature(
    visit: Annotated[
        Visit,
        Depends(uploading(Action.MANAGE_DIPLOMAS, anywhere=True, at_most=NOMENCLATURE_BYTES)),
    ],
    academie: str,
) -> Response:
    """Learn MEF and diplomas from a Nomenclature of SIECLE."""
    await check_academie(visit, academie)
    upload, here = visit.upload, f"{path_of(academie)}/tables/diplomes"
    if upload is None or not upload.filename:
        return await _wrong(visit, academie, {"nomenclature": "choisissez un fichier"})
    try:
        found = await visit.calls.send(
            "inspector_access", "POST", f"{service_path(academie)}/nomenclature", upload.chunks(),
            {"Content-Type": "application/xml"},
        )  # fmt: skip
    except RefusedError as error:
        await upload.drain()
        beside = await _beside(visit, academie, "diplomes")
        return await visit.refused(TEMPLATE, error, **beside)
    text = (
        f"{count(found.json['courses'], 'formation lue', 'formations lues')}, "
        f"{count(found.json['new_diplomas'], 'nouveau diplôme', 'nouveaux diplômes')}."
    )
    return await visit.redirect(here, text)


async def _wrong(visit: Visit, academie: str, errors: Mapping[str, str]) -> Response:
    beside = await _beside(visit, academie, "diplomes")
    return await visit.page(TEMPLATE, 422, errors=errors, **beside)
