"""A TCP proxy that does what networks do: it cuts, stalls, and loses the answer that matters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.clock import pause

CHUNK = 65536
MORE_SECONDS = 8.0
HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
"""Of AMQP 0-9-1: nothing is asked or told by it."""
LOOPBACK = "127.0.0.1"


@dataclass
class Proxy:
    """Passes bytes between clients and the server at `port` of `host`, until told otherwise. `met`
    counts what the last fault has met, `meeting` is set with the first.
    """

    port: int
    host: str = LOOPBACK
    listens_at: int = 0
    refusing: bool = False
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    met: int = 0
    meeting: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    last_words: bytes | None = None
    left_to_lose: int = 0
    all_lost: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.writers) // 2  # one to each side

    def through(self, url: str) -> str:
        """The URL of the server, by way of this proxy."""
        parts = urlsplit(url)
        credentials = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{credentials}@{LOOPBACK}:{self.listens_at}").geturl()

    def meet(self, number: int = 1) -> None:
        """Note that a fault has met something."""
        self.met += number
        if number:
            self.meeting.set()

    def cut(self) -> None:
        """Reset every connection."""
        self.meet(self.connections)
        for writer in self.writers:
            writer.transport.abort()

    async def go_away(self, seconds: float, within: float) -> int:
        """Reset every connection, and refuse new ones for a while, which begins when there is one;
        that is awaited for so many seconds. How many were reset or refused.
        """
        self._begin()
        self.refusing = True
        self.cut()
        await self._last(seconds, within)
        self.refusing = False
        return self.met

    async def stall(self, seconds: float, within: float) -> int:
        """Let nothing through for a while, which begins when there is something to hold up; that is
        awaited for so many seconds. Nobody is told. How many pieces were held up.
        """
        self._begin()
        self.flowing.clear()
        await self._last(seconds, within)
        self.flowing.set()
        return self.met

    def _begin(self) -> None:
        self.met = 0
        self.meeting.clear()

    async def _last(self, seconds: float, within: float) -> None:
        await pause(self.meeting, within)
        if self.met:
            await asyncio.sleep(seconds)

    async def lose_answers(self, words: bytes, count: int, within: float) -> int:
        """Pass on what holds `words`, then cut before its answer: the server has done it, and the
        client does not know. Once within so many seconds, and up to so many times in the
        `MORE_SECONDS` that follow; how often it was.
        """
        self._begin()
        self.last_words, self.left_to_lose = words, count
        self.all_lost.clear()
        await pause(self.meeting, within)
        await pause(self.all_lost, MORE_SECONDS if self.met else 0)
        self.last_words = None
        return self.met

    def lose(self) -> None:
        """Note that an answer was lost."""
        self.meet()
        self.left_to_lose -= 1
        if self.left_to_lose == 0:
            self.last_words = None
            self.all_lost.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        if self.refusing:
            self.meet()
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self)
        self.writers |= {writer, back}
        try:
            await asyncio.gather(link.carry(reader, back, asks=True), link.carry(there, writer))
        finally:
            for one in (writer, back):
                self.writers.discard(one)
                one.transport.abort()


@dataclass
class _Link:
    """One connection through a proxy."""

    proxy: Proxy
    doomed: bool = False

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool = False
    ) -> None:
        """Pass bytes on, one way; the end of one side is the end of the other."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not self.proxy.flowing.is_set() and data != HEARTBEAT:
                    self.proxy.meet()
                await self.proxy.flowing.wait()
                if asks and self.proxy.last_words is not None and data != HEARTBEAT:
                    self.doomed |= self.proxy.last_words in data
                elif self.doomed and not asks:
                    self.proxy.lose()
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(port: int, host: str = LOOPBACK) -> AsyncIterator[Proxy]:
    """A proxy of the server at a port, which need not run yet."""
    proxy = Proxy(port, host)
    proxy.flowing.set()
    server = await asyncio.start_server(proxy.serve, LOOPBACK, 0)
    proxy.listens_at = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.flowing.set()
        proxy.cut()


@asynccontextmanager
async def through_proxy(url: str) -> AsyncIterator[tuple[str, Proxy]]:
    """The same URL, of a database or a virtual host, by way of a proxy."""
    parts = urlsplit(url)
    assert parts.port is not None
    assert parts.hostname is not None
    async with proxied(parts.port, parts.hostname) as proxy:
        yield proxy.through(url), proxy
