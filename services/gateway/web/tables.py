"""A table to download: the answer that a spreadsheet opens."""

from collections.abc import Iterable, Sequence

from fastapi import Response

from services.gateway.domain.tables import csv_text
from services.gateway.web import frame


def download(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """The CSV `name`.csv of these rows."""
    headers = {**frame.HEADERS, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_text(headings, rows), media_type="text/csv; charset=utf-8", headers=headers)
