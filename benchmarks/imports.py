"""`tariffbook usage import`: events of a file counted per second, and the memory that takes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import Ran, run
from benchmarks.databases import Place
from benchmarks.figures import Figure, Goal, Scale, interleaved
from benchmarks.jurisdiction import OFFERING, ZONE, contracts, founded
from benchmarks.raw import EVENT_COLUMNS, RawTable, event_rows
from cli.usage_import import BATCH_EVENTS
from store.settings import Settings

CONTRACTS = 20
COLUMNS = ("id", "source", "type", "time", "subject", "offering", "quantity")
FIRST_DAY = date(2025, 3, 2)
DAYS = 90
RAW_EVENTS_MAX = 200_000


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure imports of a large file each, and the memory of one against that of an import a tenth as large."""
    events = scale.of(10_000, 200_000, 1_000_000)
    compared = min(events, RAW_EVENTS_MAX)
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, CONTRACTS)
        world.clock("2025-06-01")
    raw, runs = RawTable(place, EVENT_COLUMNS, 3, answering=True), count()
    ran: list[Ran] = []

    def baseline() -> float:
        rows = event_rows(compared // BATCH_EVENTS, BATCH_EVENTS, next(runs) * compared)
        return compared / raw.seconds(rows, 1)

    def ours() -> float:
        ran.append(_imported(settings, opened, events, f"run-{next(runs)}"))
        return events / ran[-1].seconds

    small = _imported(settings, opened, events // 10, "small")
    values, baselines = interleaved(baseline, ours)
    size = f"a file of {events:,} events of {CONTRACTS} contracts"
    return [
        Figure(
            "events by `tariffbook usage import`",
            place.kind,
            "events/s",
            values,
            baselines,
            f"the same rows inserted without checks, {BATCH_EVENTS:,} a commit, connections: 1",
            f"{size}; the start of the command included",
            goal=Goal(0.5, 0.7),
        ),
        Figure(
            "memory of `tariffbook usage import`, peak",
            place.kind,
            "MiB",
            tuple(done.mebibytes for done in ran),
            (small.mebibytes,) * len(ran),
            "an import a tenth as large",
            size,
            less_is_better=True,
            goal=Goal(300, of="value"),
        ),
    ]


def _imported(settings: Settings, opened: Sequence[str], events: int, series: str) -> Ran:
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.csv")
        _write(path, opened, events, series)
        ran = run(settings, "usage", "import", "--operator", "operator", str(path))
    if f"{events} accepted, 0 duplicates, 0 conflicts, 0 refused" not in ran.output:
        message = f"not every event was accepted: {ran.output[-1000:]}"
        raise RuntimeError(message)
    return ran


def _write(path: Path, opened: Sequence[str], events: int, series: str) -> None:
    """Write a file of events of 1 call each, in the order of time; the contracts take turns."""
    start = datetime.combine(FIRST_DAY, time(), ZONE)
    step = timedelta(days=DAYS) / events
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(events):
            happened = (start + number * step).isoformat()
            subject = opened[number % len(opened)]
            writer.writerow((f"{series}-{number:09d}", "gateway", "usage", happened, subject, OFFERING, "1"))
