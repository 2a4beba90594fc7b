"""The naive services as processes: `python -m bench.naive ROLE DATABASE_URL AMQP_URL [UAI FILE]...`

The role `import` applies each file, told with its school, once a line comes on its standard input.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.naive import broker, importing, transfer
from bench.naive.reading import read

PUPIL_KINDS = ("pupil.created", "pupil.updated", "pupil.deactivated")
HEARD: dict[str, tuple[Sequence[str], broker.Handle]] = {
    "import": (("transfer.closed",), importing.mark),
    "transfer": ((*PUPIL_KINDS, "dossier.transferred"), transfer.handle),
    "dossier": (("transfer.requested",), transfer.move),
}


async def _import(pool: "broker.Pool[Any]", amqp_url: str, files: Sequence[str]) -> None:
    async with broker.opened(amqp_url) as channel:
        publish = broker.publisher(await broker.exchange_of(channel))
        await asyncio.to_thread(sys.stdin.readline)
        for uai, file in zip(files[::2], files[1::2], strict=True):
            await importing.apply(pool, uai, read(Path(file)), publish)


async def main(role: str, database_url: str, amqp_url: str, *files: str) -> None:
    """Run one of the three until it is killed."""
    async with asyncpg.create_pool(database_url) as pool, broker.opened(amqp_url) as channel:
        kinds, handle = HEARD[role]
        queue = await broker.declare(channel, f"naive.{role}", kinds)
        print("ready", flush=True)
        work = [broker.consume(channel, queue, pool, handle)]
        if files:
            work.append(_import(pool, amqp_url, files))
        await asyncio.gather(*work)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
