"""A mail server made of bare sockets, for answers that no proper one gives: cut, dripping, huge,
or no answer at all in the sense of RFC 5321.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CUT = b""
"""In the place of an answer: the connection ends."""

GREETING, END_OF_DATA = "greeting", "."
_USUAL = {
    GREETING: b"220 rough\r\n",
    "EHLO": b"250-rough\r\n250 SIZE 1000000\r\n",
    "DATA": b"354 go\r\n",
}


@dataclass
class RoughServer:
    """Gives the answers queued for a command, then the usual ones; each byte after `drip` seconds
    where that is set for the command.
    """

    port: int = 0
    answers: defaultdict[str, deque[bytes]] = field(default_factory=lambda: defaultdict(deque))
    drip: dict[str, float] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            going_on = await self._answer(writer, GREETING)
            while going_on and (line := await reader.readline()):
                command = line.split()[0].decode().upper()
                going_on = await self._answer(writer, command)
                if going_on and command == "DATA" and self._goes_on_to_content:
                    self.received.append(await reader.readuntil(b"\r\n.\r\n"))
                    going_on = await self._answer(writer, END_OF_DATA)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    _goes_on_to_content: bool = True

    async def _answer(self, writer: asyncio.StreamWriter, command: str) -> bool:
        """Answer; False if the connection is to end."""
        queued = self.answers[command]
        answer = queued.popleft() if queued else _USUAL.get(command, b"250 fine\r\n")
        if command == "DATA":
            self._goes_on_to_content = answer.startswith(b"354")
        pause = self.drip.get(command)
        for piece in [answer] if pause is None else [bytes([byte]) for byte in answer]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause or 0)
        return answer != CUT and command != "QUIT"


@asynccontextmanager
async def rough_server() -> AsyncIterator[RoughServer]:
    """A server for one test, on a free port."""
    rough = RoughServer()
    listening = await asyncio.start_server(rough.serve, "127.0.0.1", 0)
    rough.port = listening.sockets[0].getsockname()[1]
    yield rough
    listening.close()
