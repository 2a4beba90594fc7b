"""Files of the services, handed on to the browser that saves them."""

from typing import Final

from fastapi import Response

from services.gateway.clients.services import Answer
from services.gateway.web.frame import HEADERS

PDF: Final = "application/pdf"
_TOLD: Final = ("content-disposition", "content-type")


def passed_on(answer: Answer) -> Response:
    """A file of a service, under its own name and type."""
    told = {name: value for name, value in answer.headers.items() if name.lower() in _TOLD}
    return Response(answer.json, headers={**HEADERS, **told})


def saved(name: str, media_type: str, content: bytes) -> Response:
    """A file of this name (ASCII)."""
    told = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers={**HEADERS, **told})
