"""Pages of a school with 3,000 learners: time at the server and weight of a first visit, beside the
same calls one after the other on connections of their own, and assets as they are.
"""

import asyncio
import datetime as dt
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from rich.console import Console

from bench.results import Result
from deploy.local.client import School
from deploy.local.people import HEAD, A
from deploy.local.seed import Seed
from deploy.local.seeds.learners import Learner, export
from deploy.local.servers import Servers
from deploy.local.stack import Stack, running_stack
from services.gateway.web import assets, templates

PUPILS = 3_000
ROUNDS = 25
AT_MOST_MS = 100
AT_MOST_KB = 120
CALLS = ("card", "card/history", "readiness")
"""What « Etablissement » asks for."""


async def _enter(http: httpx.AsyncClient) -> None:
    """Sign in at the provider of the local stack."""
    gone = await http.get("/connexion/aller")
    back = await http.post(gone.headers["location"], data={"sub": HEAD.subject})
    await http.get(back.headers["location"])


async def _fill(stack: Stack) -> None:
    await Seed(stack.urls, stack.token).everything(stack.environments["etablissement"])
    learners = [Learner(number, f"NOM{number}", "Prénom", number % 4) for number in range(PUPILS)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ElevesSansAdresses.xml"
        now = dt.datetime.now().replace(microsecond=0)  # noqa: DTZ005 - as SIECLE writes it
        file.write_bytes(export(A, now - dt.timedelta(hours=1), learners))
        async with School(A, stack.urls, stack.token) as school:
            await school.import_file(file)


async def _median(http: httpx.AsyncClient, path: str) -> float:
    """Milliseconds of a page, warm."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = await http.get(path)
        taken.append(1000 * (time.perf_counter() - begun))
        if not answer.is_success:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return statistics.median(taken[ROUNDS // 5 :])


async def _weight(http: httpx.AsyncClient, path: str, encodings: str) -> int:
    """Bytes of a first visit: the page, its styles and scripts, as they come over the wire."""
    page = await http.get(path)
    total = len(page.content)
    for url in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        async with http.stream("GET", url, headers={"Accept-Encoding": encodings}) as answer:
            total += sum([len(part) async for part in answer.aiter_raw()])
    return total


async def _naively(stack: Stack) -> float:
    """Milliseconds of the calls of one page, one after the other, each on a connection of its own,
    and of its template read anew: no less than a page made so would take.
    """
    taken = []
    token = stack.token({"sub": "bench", "schools": {A: ["direction"]}})
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for call in CALLS:
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
                await http.get(f"{stack.urls['etablissement']}/schools/{A}/{call}")
        templates.environment.cache_clear()
        for name in ("etablissement.html", "base.html", "components.html"):
            templates.environment().get_template(name)
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken[ROUNDS // 5 :])


async def _measured(stack: Stack, console: Console) -> Sequence[Result]:
    await _fill(stack)
    slowest, heaviest = 0.0, 0
    async with httpx.AsyncClient(base_url=stack.urls["gateway"], timeout=30) as http:
        await _enter(http)
        home = await http.get("/")
        tabs = re.search(r'<nav class="tabs.*?</nav>', home.text, re.DOTALL)
        for path in re.findall(r'href="([^"]+)"', tabs[0] if tabs else ""):
            median, weight = await _median(http, path), await _weight(http, path, "br, gzip")
            console.print(f"{path:22}{median:6.1f} ms {weight / 1000:7.1f} kB on a first visit")
            slowest, heaviest = max(slowest, median), max(heaviest, weight)
        plain = await _weight(http, "/etablissement", "identity")
        light = await _weight(http, "/etablissement", "br, gzip")
        card = await _median(http, "/etablissement")
        naive = await _naively(stack)
    verdict = "held" if slowest < AT_MOST_MS and heaviest < 1000 * AT_MOST_KB else "NOT HELD"
    console.print(
        f"under {AT_MOST_MS} ms and {AT_MOST_KB} kB: {verdict}; {len(assets.manifest())} assets"
    )
    return [
        Result("pages", "pages/s", 1000 / card, 1000 / naive),
        Result("first visit", "visits/10 MB", 1e7 / light, 1e7 / plain),
    ]


def pages(_: Servers, console: Console) -> Sequence[Result]:
    """The stages « pages » and « first visit »; each tab's median is printed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder, "stack"), fresh=True) as stack,
    ):
        return asyncio.run(_measured(stack, console))
