"""What the services of the compose system need before they start: `python -m
deploy.containers.prepare`, a one-shot job.

It makes the database and the two roles of each service on the server of `CPRO_POSTGRES_URL`, keeps
the keys in a volume that it alone sees, and puts into the secrets of each service what is its own;
what its migrations need, the owner's role in it, lies apart. It sets the one policy of the broker.
Done twice it changes nothing.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from deploy.local import kept
from deploy.local.servers import Servers, create_database, keep_dead_letters, run_url
from deploy.local.stack import SERVICES
from deploy.local.tokens import Signer, service_key_file, signer

KEYS = Path("/keys")
SECRETS, OWNERS = Path("/secrets"), Path("/owners")
"""Hold the volume of each service, by its name, and that of its migrations."""


async def main() -> None:
    """Prepare all services."""
    servers = Servers(
        os.environ["CPRO_POSTGRES_URL"],
        os.environ["CPRO_AMQP_URL"],
        os.environ["CPRO_RABBITMQ_API_URL"],
    )
    await keep_dead_letters(servers)
    keys = signer(KEYS, SERVICES)
    for service in SERVICES:
        owner = await create_database(servers, f"cpro_{service}")
        for folder, url in ((OWNERS, owner), (SECRETS, run_url(owner))):
            for name, content in _secrets(service, url, servers, keys).items():
                kept.write_private(folder / service / name, content)


def _secrets(service: str, url: str, servers: Servers, keys: Signer) -> Mapping[str, bytes]:
    """The files of a service: settings by the names of their variables, and its keys."""
    own = {
        "cpro_database_url": url.encode(),
        "cpro_amqp_url": servers.amqp_url.encode(),
        "jwks.json": keys.jwks_file.read_bytes(),
        "signing.jwk": service_key_file(KEYS, service).read_bytes(),
    }
    if service == "siecle_import":
        own["match.key"] = kept.secret(KEYS / "match.key", lambda: secrets.token_bytes(32))
    if service == "gateway":
        own["person.jwk"] = (KEYS / "signing.jwk").read_bytes()
    return own


if __name__ == "__main__":
    asyncio.run(main())
