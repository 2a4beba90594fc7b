"""Mails leave encrypted and authenticated, or not at all."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from deploy.local.client import eventually
from tests.integration.notifier.support import AYMERICK, Ledger, toggled
from tests.support.mail import login, mail_server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate)
    return made


async def test_over_tls_from_the_first_byte(
    ledger: Ledger, context: ssl.SSLContext, certificate: Path
) -> None:
    async with mail_server(context) as server:
        ledger.server = server
        await ledger.take(toggled(AYMERICK))
        async with ledger.sending(smtp_security="tls", smtp_ca_file=certificate):
            await ledger.all_sent()
        assert len(server.copies) == 1


async def test_after_starttls_with_user_and_password(
    ledger: Ledger, context: ssl.SSLContext, certificate: Path
) -> None:
    async with mail_server(
        tls_context=context, require_starttls=True, auth_required=True, authenticator=login
    ) as server:
        ledger.server = server
        await ledger.take(toggled(AYMERICK))
        who = {"smtp_user": "cpro", "smtp_password": SecretStr("secret")}
        async with ledger.sending(smtp_security="starttls", smtp_ca_file=certificate, **who):
            await ledger.all_sent()
        assert len(server.copies) == 1


@pytest.mark.parametrize("why", ["no-starttls", "unknown-certificate", "wrong-password"])
async def test_nothing_leaves_when_the_server_cannot_be_trusted_or_does_not_let_us_in(
    ledger: Ledger, context: ssl.SSLContext, certificate: Path, why: str
) -> None:
    options: dict[str, Any] = {} if why == "no-starttls" else {"tls_context": context}
    more: dict[str, object] = {}
    if why == "wrong-password":
        options |= {"auth_required": True, "authenticator": login}
        more = {"smtp_user": "cpro", "smtp_password": SecretStr("other")}
    if why != "unknown-certificate":
        more["smtp_ca_file"] = certificate
    async with mail_server(**options) as server:
        ledger.server = server
        await ledger.take(toggled(AYMERICK))
        async with ledger.sending(smtp_security="starttls", smtp_seconds=1, **more) as sender:

            async def found_unusable() -> bool:
                return sender.failures >= 1

            await eventually(found_unusable, "the server to be found unusable")
        assert server.copies == []
    [mail] = await ledger.mails()
    assert (mail["state"], mail["attempts"]) == ("queued", 0)
