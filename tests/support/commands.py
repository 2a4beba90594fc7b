"""Commands of `transfer`, run as operations run them."""

import os
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

from deploy.local import ROOT
from deploy.local.tokens import service_key_file
from tests.support.system import System


async def operate(system: System, *arguments: str, given: str = "") -> str:
    """What `python -m services.transfer ...` prints, with `given` on its standard input."""
    others = {f"CPRO_{name.upper()}_URL": url for name, url in system.urls.items()}
    settings = {
        **os.environ,
        **others,
        "CPRO_DATABASE_URL": system.database_urls["transfer"],
        "CPRO_AMQP_URL": system.amqp_url,
        "CPRO_SIGNING_KEY_FILE": str(service_key_file(system.keys, "transfer")),
    }
    command = (sys.executable, "-m", "services.transfer", *arguments)
    process = await create_subprocess_exec(
        *command, cwd=ROOT, env=settings, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(given.encode())
    assert process.returncode == 0, err.decode()
    return out.decode()
