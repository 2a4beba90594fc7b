"""Fills the compose system with the demonstration, so that someone can sign in: `python -m
deploy.containers.demonstration`, a one-shot job. Done twice it changes nothing.
"""

import asyncio
import json
import logging
import os
from pathlib import Path

from joserfc.jwk import OKPKey

from deploy.local.seeds.filling import fill
from deploy.local.stack import SERVICES
from deploy.local.tokens import Signer

KEY, PUBLIC = Path("/run/person/person.jwk"), Path("/run/cpro/jwks.json")
"""With which the gateway signs for persons, and the public halves."""


def main() -> None:
    """Fill the services that the variables name."""
    urls = {name: os.environ[f"CPRO_{name.upper()}_URL"] for name in SERVICES if name != "gateway"}
    key = OKPKey.import_key(json.loads(KEY.read_text()))
    asyncio.run(fill(urls, Signer(key, PUBLIC).token, os.environ))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    main()
