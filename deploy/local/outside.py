"""What stands outside of the system, played on this machine: the mail server of the relay, and
the identity provider with the people of the demonstration.
"""

import datetime as dt
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from deploy.local import ROOT, kept
from deploy.local.processes import Process, Program, start, wait_until

READY_SECONDS = 30


def settings(service: str, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What a service is told of both; `CPRO_SMTP_HOST` may name another mail server."""
    if service == "notifier" and _mails_are_caught([service]):
        return {
            "CPRO_SMTP_HOST": "127.0.0.1",
            "CPRO_SMTP_PORT": str(kept.port(folder, "mail")),
            "CPRO_SMTP_SECURITY": "none",
            "CPRO_MAIL_FROM": "ne-pas-repondre@cpro.example",
            "CPRO_CONSOLE_URL": urls.get("gateway", "http://localhost"),
        }
    if service == "gateway":
        return {
            "CPRO_OIDC_ISSUER": f"http://127.0.0.1:{kept.port(folder, 'provider')}",
            "CPRO_OIDC_CLIENT_SECRET": "local",
            "CPRO_PERSON_KEY_FILE": str(folder / "keys" / "signing.jwk"),
            "CPRO_PUBLISHER": "Démonstration (aucun éditeur)",
            "CPRO_CONTACT": "aide@demo.example",
        }
    return {}


def started(services: Collection[str], folder: Path) -> Iterator[Process]:
    """Start what these services need of both."""
    if _mails_are_caught(services):
        yield _mail_catcher(folder)
    if "gateway" in services:
        yield _provider(folder)


def _mails_are_caught(services: Collection[str]) -> bool:
    return "notifier" in services and "CPRO_SMTP_HOST" not in os.environ


def _mail_catcher(folder: Path) -> Process:
    """The mails of each run are in a folder of their own."""
    mails = folder / "mails" / f"{dt.datetime.now():%Y-%m-%d-%H%M%S}"  # noqa: DTZ005 - for people
    return _program("mail catcher", "mail_catcher", kept.port(folder, "mail"), folder, str(mails))


def _provider(folder: Path) -> Process:
    return _program("provider", "provider", kept.port(folder, "provider"), folder)


def _program(name: str, module: str, port: int, folder: Path, *arguments: str) -> Process:
    run = [sys.executable, "-m", f"deploy.local.{module}", str(port), *arguments]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
    program = Program(name, run, folder / "logs" / f"{module}.log", environment, ROOT)
    process = start(program)
    wait_until(partial(kept.listening, port), process, within=READY_SECONDS)
    return process
