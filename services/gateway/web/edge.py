"""Around everything that the gateway answers, the page about an error of ours included."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAINED: Final = 64 * 1024 * 1024
"""Bytes that are still read of a body that was refused: a browser that can't send on shows that the
connection broke off, and not the answer. More than that would serve who sends without end.
"""

DRAINING: Final = 20.0
"""Seconds for the same."""

QUIET: Final = 3.0
"""Seconds without a byte after which nobody is heard out: he has broken off, or stands still."""

ONLY_HTTPS: Final = "max-age=31536000; includeSubDomains"


class Edge:
    """Answers HEAD as GET (the server leaves the body out), tells browsers to stay with https where
    the gateway is `secure`, and hears a refused body out before it answers.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on."""
        body = _Body(scope, receive)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if self._secure:
                    MutableHeaders(scope=message)["Strict-Transport-Security"] = ONLY_HTTPS
                await body.drain()
            await send(message)

        read = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        await self._app(read, body.receive, answer)


class _Body:
    """The body of a request, and whether there is more of it to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        self._receive = receive
        self._waits = "expect" in headers  # sends nothing before it is asked to
        self._comes = "content-length" in headers or "transfer-encoding" in headers

    async def receive(self) -> Message:
        """What comes next."""
        self._waits = False
        message = await self._receive()
        self._comes = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left, within bounds."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINING):
                while self._comes and not self._waits and size < DRAINED:
                    async with asyncio.timeout(QUIET):
                        size += len((await self.receive()).get("body", b""))
