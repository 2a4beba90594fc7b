"""A real SMTP server that tests steer: it refuses, delays, and cuts connections when told to."""

import asyncio
import email
import email.policy
import ssl
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, syntax

ACCEPTED = "250 2.0.0 accepted"


@dataclass
class Copy:
    """A mail that the server has taken whole, whatever it answered."""

    recipient: str
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        """The mail as its reader sees it."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def id(self) -> str:
        """Its Message-ID."""
        return str(self.mail["Message-ID"])


@dataclass
class MailServer:
    """What the server has received, and how it is to behave.

    At RCPT and at the end of DATA it gives the answers queued for a recipient (`at_rcpt`,
    `at_data`), then accepts. An answer « drop » cuts the connection instead; « drop » at RCPT does
    it in the middle of DATA. `gate`, when it is cleared, holds the answers to DATA back.
    """

    port: int = 0
    copies: list[Copy] = field(default_factory=list)
    at_rcpt: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    at_mail: deque[str] = field(default_factory=deque)
    at_data: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    greeted: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None
    connections: set[asyncio.BaseTransport] = field(default_factory=set)

    def ids(self, recipient: str | None = None) -> list[str]:
        """The Message-IDs of what was received, in that order."""
        return [copy.id for copy in self.copies if recipient in (None, copy.recipient)]

    async def handle_MAIL(  # noqa: N802 - the names that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL FROM."""
        if self.at_mail:
            return self.at_mail.popleft()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return ACCEPTED

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        self.asked[address] += 1
        answer = self.at_rcpt[address].popleft() if self.at_rcpt[address] else ACCEPTED
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "drop":
            assert isinstance(server, _Server)
            server.cut_in_data = True
            answer = ACCEPTED
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Answer the end of DATA."""
        [recipient] = envelope.rcpt_tos
        queued = self.at_data[recipient]
        answer = queued.popleft() if queued else ACCEPTED
        if answer.startswith(("2", "drop")):
            assert isinstance(envelope.content, bytes)
            self.copies.append(Copy(recipient, envelope.content))
        await self.gate.wait()
        if answer == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer

    async def stop(self) -> None:
        """Refuse connections and cut those that are open."""
        assert self.server is not None
        self.server.close()
        for transport in list(self.connections):
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    async def start(self, context: ssl.SSLContext | None = None, **options: Any) -> None:
        """Listen, at the same port as before if there was one."""

        def protocol() -> SMTP:
            return _Server(self, enable_SMTPUTF8=options.pop("utf8", True), **options)

        self.server = await asyncio.get_running_loop().create_server(
            protocol, "127.0.0.1", self.port, ssl=context
        )
        self.port = self.server.sockets[0].getsockname()[1]


class _Server(SMTP):
    """One connection."""

    cut_in_data = False

    def __init__(self, told: MailServer, **options: Any) -> None:
        super().__init__(told, hostname="mail.test", **options)
        self._told = told

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._told.greeted += 1
        self._told.connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._told.connections.discard(self.transport)
        super().connection_lost(error)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not self.cut_in_data:
            await super().smtp_DATA(arg)
            return
        await self.push("354 go on")
        await self._reader.readuntil(b"\r\n")
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.abort()


def login(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
) -> AuthResult:
    """Let in who knows the password « secret »."""
    known = isinstance(data, LoginPassword) and data.password == b"secret"
    return AuthResult(success=known)


@asynccontextmanager
async def mail_server(
    context: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    """A server for one test, on a free port; `context` makes it TLS from the first byte."""
    server = MailServer()
    server.gate.set()
    await server.start(context, **options)
    try:
        yield server
    finally:
        server.gate.set()
        await server.stop()
