"""`python -m services.etablissement.imaging.child`: one file in, one image out, within limits.

Reads the file from standard input. Writes a line of JSON, which says why it is refused, or the
dimensions and the length of the PNG that follows, and of its thumbnail after it.
"""

import json
import resource
import sys

from services.etablissement.domain.images import RefusedImageError
from services.etablissement.imaging.rendering import render

MEMORY_BYTES = 200 * 1000 * 1000
"""Of addresses, the interpreter's included: what is really used is less."""

CPU_SECONDS = 2


def limit(cpu_seconds: int = CPU_SECONDS) -> None:
    """Have the system end or refuse whatever goes beyond; no file can be written either."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most + (what == resource.RLIMIT_CPU)))


def answer(data: bytes) -> bytes:
    """What is written of the file `data`."""
    try:
        made = render(data)
    except RefusedImageError as error:
        return json.dumps({"refusal": error.refusal}).encode()
    told = {"width": made.width, "height": made.height, "size": len(made.png)}
    return json.dumps(told).encode() + b"\n" + made.png + made.thumbnail


if __name__ == "__main__":
    limit()
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
