"""`/version`: which version runs."""

from fastapi import APIRouter, Request

from services.gateway.parts import parts_of

router = APIRouter(tags=["exploitation"])


@router.get("/version")
async def read_version(request: Request) -> dict[str, str]:
    """The version that runs."""
    return {"version": parts_of(request).settings.version}
