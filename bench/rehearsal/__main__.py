"""`make rehearsal SCALE=0.01`: prepares, plays, measures, checks; ends with 1 if something does not
hold. `REPLICAS="siecle_import=2 dossier=2"` runs so many processes of these services. What it says
is kept below `.local/rehearsal`, and the files for the next time.
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.rehearsal import measuring
from bench.rehearsal.checking import Pools, found_by_reconcile, settled, violations
from bench.rehearsal.nation import PLACES, Nation
from bench.rehearsal.playing import Played, play
from bench.rehearsal.preparing import kept_nation, load_all, write_all
from bench.rehearsal.replicas import replicas
from deploy.local import LOCAL
from deploy.local.processes import stopping_on_signals
from deploy.local.stack import Stack, running_stack

FOLDER = LOCAL / "rehearsal"
CHAIN = ("siecle_import", "transfer", "dossier")
PATIENCE = 600.0
DEAREST = 12
_LATENCIES = """
SELECT extract(epoch FROM t.answered_at - greatest(o.since, d.since))::float FROM transfer t
JOIN presence o ON o.pupil_id = t.origin_pupil JOIN presence d ON d.pupil_id = t.destination_pupil
WHERE t.state = 'closed' AND o.uai <> ALL($1::text[]) AND d.uai <> ALL($1::text[])
"""


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal is about and what it has at hand."""

    nation: Nation
    files: Path
    stack: Stack
    console: Console
    urls: Mapping[str, str]

    @asynccontextmanager
    async def pools(self) -> AsyncIterator[Pools]:
        """Connections to the databases of the chain."""
        async with AsyncExitStack() as opened:
            yield {
                name: await opened.enter_async_context(
                    asyncpg.create_pool(url, min_size=1, max_size=2)
                )
                for name, url in self.urls.items()
            }


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)


def main() -> None:
    """Prepare, play, tell, check."""
    scale = float(os.environ.get("SCALE", "0.01"))
    asked = os.environ.get("REPLICAS", "").split()
    try:
        wanted = {name: int(count) for name, count in (one.split("=") for one in asked)}
    except ValueError:
        sys.exit('REPLICAS is a list of services: "siecle_import=2 dossier=2"')
    console = Console(record=True, width=110)
    files = FOLDER / "files" / f"{scale:g}"
    nation = kept_nation(files, scale)
    console.print(
        f"{nation.schools:,} schools, {nation.learners:,} learners, {nation.movers:,} who move"
    )
    with stopping_on_signals(), _progress(console) as progress:
        begun = time.perf_counter()
        size = write_all(nation, files, progress) / 1e9
        console.print(f"files: {size:.1f} GB of XML in {time.perf_counter() - begun:.0f} s")
        with running_stack(FOLDER / "stack", fresh=True, national=True) as stack:
            urls = {name: stack.databases[name] for name in CHAIN}
            key = Path(stack.environments["siecle_import"]["CPRO_MATCH_KEY_FILE"])
            begun = time.perf_counter()
            load_all(nation, urls, key, progress)
            console.print(f"base: {time.perf_counter() - begun:.0f} s")
            rehearsal = Rehearsal(nation, files, stack, console, urls)
            with replicas(stack, wanted, FOLDER / "stack"):
                wrong = uvloop.run(_rehearse(rehearsal, progress))
    (FOLDER / f"{' '.join([f'{scale:g}', *asked])}.txt").write_text(console.export_text())
    sys.exit(1 if wrong else 0)


async def _rehearse(rehearsal: Rehearsal, progress: Progress) -> bool:
    """Play and measure; whether something does not hold."""
    nation, stack, say = rehearsal.nation, rehearsal.stack, rehearsal.console.print
    pids = measuring.marked(FOLDER / "stack")
    at_rest = {name: measuring.resident(pid) for name, pid in pids.items()}
    memory = measuring.Memory()
    administrator = await asyncpg.connect(stack.servers.postgres_url)
    async with rehearsal.pools() as pools:
        await measuring.count_statements(administrator)
        looked_up = await measuring.lookups(pools)
        used = {name: measuring.processor(pid) for name, pid in pids.items()}
        begun, own = time.perf_counter(), time.process_time()
        task = progress.add_task("schools", total=len(nation.schedule()))
        with memory.watched():
            played = await play(nation, stack, rehearsal.files, lambda: progress.advance(task))
            sent = time.perf_counter() - begun
            await settled(pools, nation, stack.servers.rabbitmq_api_url, PATIENCE)
        taken = time.perf_counter() - begun
        _tell_play(rehearsal, played, sent, taken)
        own = 1000 * (time.process_time() - own) / (2 * nation.movers)
        say(f"sending took {own:.2f} ms of processor an event besides")
        late = [nation.uai(s) for s in range(nation.schools) if nation.switches_late(s)]
        rows = await pools["transfer"].fetch(_LATENCIES, late)
        say(f"second import to closing: {measuring.percentiles([row[0] for row in rows])}")
        statements = await measuring.statements(administrator)
        now = await measuring.lookups(pools)
        events = 2 * nation.movers
        for name in pools:
            say(
                f"{name}: {statements[name] / events:.3f} statements, "
                f"{(now[name] - looked_up[name]) / events:.1f} index look-ups an event"
            )
        for name, query, seconds, calls in await measuring.dearest(administrator, DEAREST):
            say(f"{name:14}{1000 * seconds / events:7.3f} ms an event, {calls:7,} × {query}")
        _tell_cost(rehearsal, pids, used, at_rest, memory)
        wrong = [*await violations(pools, nation, stack.servers.rabbitmq_api_url)]
    await administrator.close()
    found = await found_by_reconcile(rehearsal.urls["transfer"], stack.urls["transfer"])
    if found:
        wrong.append(f"found by the reconcile: {found:,}")
    for one in wrong:
        say(f"[red]does not hold: {one}[/red]")
    say("" if wrong else "all holds: each record once, one closed transfer each, nothing left over")
    return bool(wrong)


def _tell_play(rehearsal: Rehearsal, played: Played, sent: float, taken: float) -> None:
    nation, say = rehearsal.nation, rehearsal.console.print
    events, lines = 2 * nation.movers, len(played.read) * PLACES
    say(f"played in {taken:.0f} s, the last import after {sent:.0f} s: {dict(played.ended)}")
    say(
        f"{len(played.read) / sent:.1f} files/s, {lines / sent:,.0f} learners read a second, "
        f"{events / taken:,.0f} events/s"
    )
    say(f"upload to preview: {measuring.percentiles(played.read)}")
    say(f"confirmation to the end: {measuring.percentiles(played.applied)}")


def _tell_cost(
    rehearsal: Rehearsal,
    pids: Mapping[str, int],
    used: Mapping[str, float],
    at_rest: Mapping[str, float],
    memory: measuring.Memory,
) -> None:
    say, events, total = rehearsal.console.print, 2 * rehearsal.nation.movers, 0.0
    for name, pid in pids.items():
        seconds = measuring.processor(pid) - used[name]
        total += seconds
        say(
            f"{name:24}{1000 * seconds / events:6.2f} ms of processor an event, "
            f"{at_rest[name]:4.0f} MB at rest, {measuring.resident(pid, peak=True):4.0f} MB at most"
        )
    say(
        f"{1000 * total / events:.2f} ms of processor an event in all; {memory.most / 1e3:.1f} GB "
        f"of memory, {measuring.disk(FOLDER / 'stack'):.1f} GB of disk, "
        f"{measuring.disk(rehearsal.files):.1f} GB of files"
    )


if __name__ == "__main__":
    main()
