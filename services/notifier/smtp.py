"""One connection to the mail server: opened as the settings say, used again, always bounded."""

import asyncio
import ssl
from contextlib import suppress

import aiosmtplib
from aiosmtplib import SMTPException, SMTPHeloError, SMTPResponseException, SMTPSenderRefused

from services.notifier.domain.delivery import CLOSING, PERMANENT, Answer
from services.notifier.domain.message import Letter, message
from services.notifier.settings import NotifierSettings

MESSAGE_TOO_LARGE = 552
READABLE = range(200, 600)
"""The codes that an answer can have (RFC 5321, 4.2.1)."""

QUIT_SECONDS = 2.0
IDLE_SECONDS = 20.0
"""After which an unused connection is closed; servers do it after 5 minutes (RFC 5321, 4.5.3.2)."""


class ServerUnusableError(Exception):
    """The server can't be reached or takes no mail at all: it says nothing of any one mail."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class NotSupportedError(Exception):
    """The server can't take this mail: it offers no SMTPUTF8."""


class RefusedError(Exception):
    """The server has refused this mail, or gave no answer about it that can be read. After one
    that it is `closing` with (421), no other mail is to be tried for a while.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer
        self.closing = answer.code == CLOSING


class Mailbox:
    """A connection to the server, opened when first used and used again for the next mails."""

    def __init__(self, settings: NotifierSettings) -> None:
        self._settings = settings
        self._client: aiosmtplib.SMTP | None = None
        self._carried = 0

    @property
    def is_open(self) -> bool:
        """Whether a connection is there, as far as is known."""
        return self._client is not None

    async def send(self, letter: Letter) -> Answer:
        """Hand a letter over to the server; a connection that turns out to be gone before the
        letter was begun is opened anew once. All of it takes twice `smtp_seconds` at the most,
        however slowly the server answers.

        Raises:
            ServerUnusableError, NotSupportedError, RefusedError
        """
        until = asyncio.get_running_loop().time() + 2 * self._settings.smtp_seconds
        try:
            return await self._send(letter, until)
        except ServerUnusableError:
            if not self._carried:
                raise
            await self.close()
            return await self._send(letter, until)

    async def _send(self, letter: Letter, until: float) -> Answer:
        client = self._client or await self._open(until)
        options = ["SMTPUTF8"] if letter.needs_utf8 else []
        if letter.needs_utf8 and not client.supports_extension("smtputf8"):
            raise NotSupportedError
        content = message(letter)
        if client.supports_extension("size"):
            options.append(f"SIZE={len(content)}")
        encoding = "utf-8" if letter.needs_utf8 else "ascii"
        begun = False
        try:
            async with asyncio.timeout_at(until):
                await client.mail(letter.sender, options=options, encoding=encoding)
                begun = True  # what comes now may be this letter's doing
                await client.rcpt(letter.address, encoding=encoding)
                answer = await client.data(content)
        except (SMTPException, OSError, TimeoutError) as error:
            raise await self._meant(error, begun=begun) from None
        self._carried += 1
        return Answer(answer.code, answer.message)

    async def _open(self, until: float) -> aiosmtplib.SMTP:
        """Connect, encrypt, log in, in `smtp_seconds` at the most.

        Raises:
            ServerUnusableError
        """
        client = None
        try:
            client = _client(self._settings)
            async with asyncio.timeout_at(until), asyncio.timeout(self._settings.smtp_seconds):
                await client.connect()
                await _greet(client)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            if client is not None:
                client.close()
            raise ServerUnusableError(_met(error)) from None
        self._client, self._carried = client, 0
        return client

    async def _meant(self, error: Exception, *, begun: bool) -> Exception:
        """What an error says: of the letter, or of the server. The connection stays usable only
        after an answer about the letter. Once the letter was begun nothing is the server's fault
        alone: a letter that makes a server close would else be tried for ever.
        """
        met = _met(error)
        if met.code is None or met.code == CLOSING:
            await self.close()
            return (RefusedError if begun else ServerUnusableError)(met)
        if isinstance(error, SMTPSenderRefused) and _about_us(error):
            await self.close()
            return ServerUnusableError(met)
        await self._reset()
        return RefusedError(met)

    async def _reset(self) -> None:
        """Make the connection ready for another letter, or close it."""
        if self._client is None:
            return
        try:
            async with asyncio.timeout(QUIT_SECONDS):
                await self._client.rset()
        except (SMTPException, OSError, TimeoutError):
            await self.close()

    async def close(self) -> None:
        """Leave the server, politely if it still listens."""
        client, self._client, self._carried = self._client, None, 0
        if client is None:
            return
        with suppress(SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await client.quit()
        client.close()


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Learn what the server offers, unless encryption or the log-in has asked already."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()


def _client(settings: NotifierSettings) -> aiosmtplib.SMTP:
    context = None
    if settings.smtp_security != "none":
        context = ssl.create_default_context()
        if settings.smtp_ca_file is not None:
            context.load_verify_locations(settings.smtp_ca_file)
    password = settings.smtp_password
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user,
        password=password.get_secret_value() if password else None,
        # The name that the server is told; a look-up of our own could take its time.
        local_hostname=settings.mail_from.rpartition("@")[2],
        timeout=settings.smtp_seconds,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
        tls_context=context,
    )


def _about_us(error: SMTPSenderRefused) -> bool:
    """Whether an answer to MAIL refuses us (sender, authentication) and not this letter."""
    return error.code >= PERMANENT and error.code != MESSAGE_TOO_LARGE


def _met(error: Exception) -> Answer:
    """What an error tells: the server's answer, or what came instead of one that can be read."""
    if not isinstance(error, SMTPResponseException):
        return Answer(None, f"connexion interrompue ou sans réponse ({type(error).__name__})")
    if error.code not in READABLE:
        return Answer(None, "réponse illisible du serveur de courrier")
    return Answer(error.code, error.message)
