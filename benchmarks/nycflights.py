"""The departures through the whole job by the command line: seconds and memory of each stage, and every check.

Twice: as an operator lives, month by month while the clock moves, and all thirteen months in one import at the end.
``--quick`` takes three of the months.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pandas as pd

from app import create_app
from benchmarks.command import Ran, run
from benchmarks.databases import Place
from benchmarks.figures import Figure, Scale
from benchmarks.service import TARIFFBOOK
from pricing.period import Month
from store.settings import Settings
from tests.client import Client
from tests.departures import IMPORT, MONTHS, OPERATOR, SANDBOX_START, departures, found, write_events
from tests.departures_compared import differences

QUICK = ("2025-10", "2026-01", "2026-04")
START = datetime.fromisoformat(SANDBOX_START)


@dataclass
class Stages:
    """Seconds and memory by stage; a stage that is run thirteen times adds up its seconds."""

    settings: Settings
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    mebibytes: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def command(self, stage: str, *arguments: str, output: Path | None = None, program: Path = TARIFFBOOK) -> Ran:
        """Run a command as a part of a stage."""
        ran = run(self.settings, *arguments, output=output, program=program)
        self.seconds[stage] += ran.seconds
        self.mebibytes[stage] = max(self.mebibytes[stage], ran.mebibytes)
        return ran


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure both ways; an unexpected count, bill, report or book is an error."""
    stream = departures()
    taken = stream[stream["month"].isin(QUICK)] if scale is Scale.QUICK else stream
    return [
        *_figures(place, len(taken), "month by month", _lived(place, taken, by_month=True)),
        *_figures(place, len(taken), "in one import", _lived(place, taken, by_month=False)),
    ]


def _lived(place: Place, taken: pd.DataFrame, *, by_month: bool) -> Stages:
    settings = place.sandbox(START)
    stages = Stages(settings)
    app = create_app(settings)
    try:
        admin = Client.administrator(app)
        jurisdiction = found(admin, taken)
        with TemporaryDirectory() as folder:
            # An import moves to the first moment at which all of its departures lie in the past.
            parts = [(month, taken[taken["month"] == month]) for month in MONTHS] if by_month else [(MONTHS[-1], taken)]
            for month, departed in parts:
                path = Path(folder, f"{month}.csv")
                write_events(departed, jurisdiction, path)
                following = Month.parse(month).next
                stages.command("clock", "clock", f"{following}-01T00:00:00+08:00")
                imported = stages.command("usage import", *IMPORT, str(path))
                _require(f"{len(departed)} accepted, 0 duplicates, 0 conflicts, 0 refused" in imported.output, imported)
                stages.command("invoice", "invoice", "--operator", OPERATOR, "--month", month)
                if by_month:
                    stages.command("settle", "settle", "--operator", OPERATOR, "--month", month)
            last = Month.parse(MONTHS[-1]).next
            stages.command("clock", "clock", f"{last.next}-01T00:00:00+08:00")
            stages.command("settle", "settle", "--operator", OPERATOR, "--month", str(last))
            _report_and_check(stages, Path(folder))
        start = perf_counter()
        found_differences = differences(jurisdiction, admin.client_of("auditor"), taken, MONTHS)
        stages.seconds["comparison with the independent reckoning"] = perf_counter() - start
        _require(not found_differences, found_differences[:5])
    finally:
        app.extensions["tariffbook"].close()
    return stages


def _report_and_check(stages: Stages, folder: Path) -> None:
    until = f"{Month.parse(MONTHS[-1]).next}-01"
    period = ("--operator", OPERATOR, "--from", f"{MONTHS[0]}-01", "--until", until)
    stages.command("report cap-compliance", "report", "cap-compliance", *period, output=folder / "report.json")
    verified = stages.command("ledger verify", "ledger", "verify")
    _require(verified.output.endswith("passed\n"), verified)
    books = folder / "books.beancount"
    stages.command("ledger export", "ledger", "export", "--format", "beancount", output=books)
    stages.command("bean-check", str(books), program=TARIFFBOOK.with_name("bean-check"))


def _figures(place: Place, events: int, way: str, stages: Stages) -> list[Figure]:
    total = sum(stages.seconds.values())
    by_stage = [
        Figure(
            f"departures {way}: {stage}",
            place.kind,
            "s",
            (seconds,),
            note=f"at most {stages.mebibytes[stage]:.0f} MiB" if stage in stages.mebibytes else "",
            less_is_better=True,
        )
        for stage, seconds in stages.seconds.items()
    ]
    whole = Figure(
        f"departures {way}: everything",
        place.kind,
        "s",
        (total,),
        note=f"{events:,} departures, {events / stages.seconds['usage import']:,.0f} a second imported, "
        f"at most {max(stages.mebibytes.values()):.0f} MiB, all checks passed",
        less_is_better=True,
    )
    return [*by_stage, whole]


def _require(held: bool, what: object) -> None:  # noqa: FBT001 - what is required stands first, as with assert
    if not held:
        message = f"the departures did not come out right: {what}"
        raise RuntimeError(message)
