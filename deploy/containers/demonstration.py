"""Fills the compose system with the demonstration, so that someone can sign in: `python -m
deploy.containers.demonstration`, a one-shot job. Done twice it changes nothing.
"""

import asyncio
import logging
import os

from deploy.containers.prepare import KEYS
from deploy.local.seeds.filling import fill
from deploy.local.stack import SERVICES
from deploy.local.tokens import signer


async def main() -> None:
    """Fill the services that the variables name."""
    urls = {name: os.environ[f"CPRO_{name.upper()}_URL"] for name in SERVICES if name != "gateway"}
    await fill(urls, signer(KEYS, SERVICES).token, os.environ)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    asyncio.run(main())
