"""`make bench`: measures each stage beside the naive way.

All stages together are kept in `RESULTS.md` and `results.json`; stages that are named
(`make bench ARGS="relay chain"`) are only shown.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from bench.apply import apply
from bench.chain import chain
from bench.consume import consume
from bench.directory import directory_imports
from bench.mail import mail
from bench.match import match
from bench.pages import pages
from bench.parse import parse
from bench.relay import relay
from bench.results import Result, conditions, keep, table
from bench.system import servers
from deploy.local.servers import Servers

STAGES: dict[str, Callable[[Servers, Console], Sequence[Result]]] = {
    "parse": parse,
    "apply": apply,
    "relay": relay,
    "consume": consume,
    "match": match,
    "chain": chain,
    "directory": directory_imports,
    "mail": mail,
    "pages": pages,
}


def main() -> None:
    """Measure every stage, or those that are named."""
    console = Console(record=True, width=110)
    wanted = sys.argv[1:] or list(STAGES)
    results: list[Result] = []
    with servers() as running:
        for name in wanted:
            console.print(f"[bold]{name}[/bold]")
            results += STAGES[name](running, console)
        under = asyncio.run(conditions(running))
    said = console.export_text()
    console.print(table(results))
    if wanted == list(STAGES):
        keep(results, under, said)


if __name__ == "__main__":
    main()
