"""Styles and scripts: built by `make assets`, named by their content, compressed beforehand."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

STATIC: Final = Path(__file__).parents[1] / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
YEAR: Final = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@cache
def manifest() -> dict[str, str]:
    """The name that each asset was given (`cpro.css` → `cpro.3f9c….css`)."""
    found: dict[str, str] = json.loads((STATIC / "manifest.json").read_text())
    return found


def url(name: str) -> str:
    """Where the asset is.

    Raises:
        KeyError: there is none of this name.
    """
    return f"/static/{manifest()[name]}"


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix != ".json"}


@router.get("/static/{name}")
async def read_asset(name: str, request: Request) -> Response:
    """An asset, in the smallest form that the browser reads; kept for good, as its name changes
    with its content.
    """
    if name not in manifest().values():
        raise HTTPException(404)
    headers = {"Cache-Control": YEAR, "Vary": "Accept-Encoding"}
    accepted = request.headers.get("accept-encoding", "")
    body = _files()[name]
    for encoding, suffix in ENCODINGS:
        if encoding in accepted and name + suffix in _files():
            body = _files()[name + suffix]
            headers["Content-Encoding"] = encoding
            break
    return Response(body, media_type=TYPES[Path(name).suffix], headers=headers)
