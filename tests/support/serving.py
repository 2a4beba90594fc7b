"""Small HTTP servers that stand in for another one in a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from deploy.local.client import eventually


@asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[None]:
    """Have `app` listen at a port of the loopback until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())  # without signal handlers

    async def started() -> bool:
        return server.started

    try:
        await eventually(started, "the server to listen")
        yield
    finally:
        server.should_exit = True
        await serving
