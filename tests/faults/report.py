"""Writes what the runs have shown into the tables of docs/faults.md; the words around them stay."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from deploy.local import ROOT
from tests.faults.matrix import ALL, CELLS, FAULTS, SERVERS, Cell
from tests.faults.play import Outcome

FILE = ROOT / "docs" / "faults.md"
COLUMNS = (*ALL, *SERVERS)


def matrix(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The table fault × service × seeds → outcome."""
    played = _by_cell(outcomes)
    yield _line(["fault", *COLUMNS, "promise"])
    yield _line(["---"] * (len(COLUMNS) + 2))
    for fault in FAULTS:
        cells = [
            _said(played[fault.name, name]) if name in fault.services else "" for name in COLUMNS
        ]
        yield _line([fault.name, *cells, fault.promise])
    broken = sum(bool(outcome.failed) for outcome in outcomes)
    missed = sum(not any(met for _, met in cells) for cells in played.values())
    seeds = [outcome.seed for outcome in outcomes]
    yield ""
    yield (
        f"Seeds {min(seeds)} to {max(seeds)}: {len(seeds) - broken} kept every promise, "
        f"{broken} did not. {missed} of {len(CELLS)} cells have met nothing."
    )


def _by_cell(outcomes: Iterable[Outcome]) -> Mapping[tuple[str, str], list[tuple[Outcome, bool]]]:
    """The seeds that have drawn each fault with each service, and whether it met something."""
    found = defaultdict(list)
    for outcome in outcomes:
        missed = {_key(cell) for cell in outcome.missed}
        for cell in outcome.cells:
            found[_key(cell)].append((outcome, _key(cell) not in missed))
    return found


def _key(cell: Cell) -> tuple[str, str]:
    return cell.fault.name, cell.service


def _said(outcomes: Sequence[tuple[Outcome, bool]]) -> str:
    """What became of a cell: the seeds that failed; else those in which the fault met something
    (✓), and those in which it met nothing (–).
    """
    broken = [str(outcome.seed) for outcome, _ in outcomes if outcome.failed]
    if broken:
        return f"✗ {', '.join(broken)}"
    marked = {
        mark: ", ".join(str(outcome.seed) for outcome, met in outcomes if met is wanted)
        for mark, wanted in (("✓", True), ("–", False))
    }
    return " ".join(f"{mark} {seeds}" for mark, seeds in marked.items() if seeds) or "not played"


def builds(noticed: Mapping[str, Outcome | None]) -> Iterator[str]:
    """The table of broken builds: how many seeds it took, and what was noticed."""
    yield _line(["broken build", "noticed by seed", "what was noticed"])
    yield _line(["---"] * 3)
    for build, outcome in noticed.items():
        yield _line([build, *((str(outcome.seed), outcome.broken) if outcome else ("none", ""))])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(table: str, lines: Iterable[str]) -> None:
    """Put lines in the place of a table, which stands between two comments of its name."""
    before, begin, rest = FILE.read_text().partition(f"<!-- {table} -->\n")
    _, end, after = rest.partition(f"<!-- /{table} -->\n")
    FILE.write_text("".join([before, begin, *(f"{line}\n" for line in lines), end, after]))
