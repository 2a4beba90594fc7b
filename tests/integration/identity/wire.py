"""What goes over the wire: the addresses that are asked for, and the spans that are exported."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

REQUEST = re.compile(rb"^(?:GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.[01]\r$", re.MULTILINE)
LEADS_TO = re.compile(rb"^location: (\S+)\r$", re.MULTILINE | re.IGNORECASE)
LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.MULTILINE | re.IGNORECASE)
LONGEST_LINE = 16 * 1024
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], "asyncio.Future[None]"]


@dataclass
class Wire(AsyncExitStack):
    """Listens between those who call and the services."""

    addresses: set[bytes] = field(default_factory=set)
    spans: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def before(self, port: int) -> str:
        """The URL of a proxy for the service at a port of the loopback."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(
                    self._pass(reader, inner_writer, REQUEST),
                    self._pass(inner_reader, writer, LEADS_TO),
                )
            writer.close()

        return await self._listen(serve)

    async def collector(self) -> str:
        """The URL of an OpenTelemetry collector (OTLP over HTTP), which keeps all it is sent."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = LENGTH.search(head)
                    assert length, head
                    self.spans.append(await reader.readexactly(int(length[1])))
                    writer.write(TAKEN)
                    await writer.drain()
            writer.close()

        return await self._listen(serve)

    async def _listen(self, serve: object) -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)  # type: ignore[arg-type]
        self.callback(server.close)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: re.Pattern[bytes],
    ) -> None:
        """Pass all on, keeping the addresses in it."""
        last = b""
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.addresses.update(address.findall(last + data))
                last = data[-LONGEST_LINE:]
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()
