"""A mail server that keeps what it gets: `python -m deploy.local.mail_catcher PORT FOLDER [HOST]`.

Stands in the place of a relay on a developer's machine. Each mail is a file that any mail program
opens (`.eml`); its name begins with a number, in the order of arrival.
"""

import asyncio
import itertools
import re
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 1024 * 1024
"""Bytes of a mail; ours take a few thousand."""


class Catcher:
    """Writes each mail to a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = itertools.count(1 + len(list(folder.glob("*.eml"))))

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        recipient = re.sub(r"[^\w.@+-]", "_", envelope.rcpt_tos[0])[:80]
        file = self._folder / f"{next(self._numbers):05d}-{recipient}.eml"
        content = envelope.content or b""
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return "250 2.0.0 kept"


async def catch(port: int, folder: Path, host: str = "127.0.0.1") -> None:
    """Keep mails that come to a port, until the process ends."""
    catcher = Catcher(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            catcher, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=SIZE_LIMIT
        ),
        host,
        port,
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(catch(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
