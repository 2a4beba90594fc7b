"""Decodes image after image, each within the limits of one: `python -m ...fuzzed`, for the fuzzing.

Reads a length of 4 bytes and a file, again and again; answers a line of JSON to each. One process
for all, where the service starts one a file: what would end that one ends this one.
"""

import json
import math
import resource
import sys
import time
from pathlib import Path

from services.etablissement.imaging.child import CPU_SECONDS, answer, limit
from tests.support.pictures import opened

DAY = 86_400


def most_memory() -> int:
    """The most memory that this process has taken, in bytes."""
    status = Path("/proc/self/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def decode(data: bytes) -> dict[str, object]:
    """What became of a file: why it was refused, or the size of what was made of it."""
    begun = time.process_time()
    line, _, images = answer(data).partition(b"\n")
    taken = {"seconds": time.process_time() - begun, "memory": most_memory()}
    told: dict[str, object] = json.loads(line)
    size = told.get("size")
    if isinstance(size, int):
        told["png"] = opened(images[:size]).size
        told["thumbnail"] = opened(images[size:]).size
    return told | taken


def main() -> None:
    """Answer until nothing more comes."""
    limit(cpu_seconds=DAY)
    files = sys.stdin.buffer
    while head := files.read(4):
        used = time.process_time()
        soon = math.ceil(used) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (soon, DAY))
        print(json.dumps(decode(files.read(int.from_bytes(head)))), flush=True)


if __name__ == "__main__":
    main()
