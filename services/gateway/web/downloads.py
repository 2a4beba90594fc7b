"""Files that staff download: tables as CSV, as spreadsheets open them without asking."""

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi import Response

from services.gateway.web.frame import HEADERS
from shared.web.tables import harmless


def table(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A table as the file `name`: `;` between cells, UTF-8 with BOM, lines ending in CRLF."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(headings)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)
