"""Usage events accepted per second over HTTP, in batches of 1,000, by a served process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

from benchmarks.databases import Place
from benchmarks.figures import RUNS, Figure, Goal, Scale, interleaved, percentile
from benchmarks.jurisdiction import batches_of_events, contracts, founded
from benchmarks.machine import peak_mebibytes
from benchmarks.raw import EVENT_COLUMNS, RawTable, event_rows
from benchmarks.service import Request, Service, served

BATCH = 1000
GROUPS_FEW = 20
CLIENTS = {"sqlite": 2, "postgresql": 4}
CLIENTS_TIMED = 2
RAW_CONNECTIONS = 2
BATCHES_A_DAY = 2
_FEW, _MANY, _IN_TIME = Goal(0.45, 0.60), Goal(0.25, 0.35), Goal(150, of="value")


@dataclass(frozen=True)
class _Served:
    """A service to send events to, with the operator's key."""

    place: Place
    service: Service
    key: str
    batches: int

    def requests(self, subjects: Sequence[str], series: str) -> list[Request]:
        """Return the batches of one run."""
        days = self.batches // BATCHES_A_DAY
        return batches_of_events(
            subjects, batches=self.batches, size=BATCH, day=date(2025, 3, 2), days=days, series=series
        )


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure events of few contracts, of many, and of one alone; and how long a batch takes."""
    many = scale.of(90, 900)
    settings = place.sandbox()
    with founded(settings) as world:
        few, crowd, hot = contracts(world, GROUPS_FEW), contracts(world, many), contracts(world, 1)
        world.clock("2025-06-01")
        key = world.operator.key or ""
    with served(settings) as service:
        at = _Served(place, service, key, scale.of(10, 60))
        _accepted_a_second(at, at.requests(hot, "warm")[:4], CLIENTS[place.kind])
        return [
            _rate(at, f"of {GROUPS_FEW} contracts", few, _FEW),
            _rate(at, f"of {many} contracts", crowd, _MANY if place.kind == "postgresql" else None),
            _rate(at, "of one contract", hot, None),
            _time(at, few),
            Figure("memory of the service, peak", place.kind, "MiB", (peak_mebibytes(service.pid),)),
        ]


def _rate(at: _Served, which: str, subjects: Sequence[str], goal: Goal | None) -> Figure:
    place, batches = at.place, at.batches
    raw, clients, runs = RawTable(place, EVENT_COLUMNS, 3, answering=True), CLIENTS[place.kind], count()
    sqlite = place.kind == "sqlite"
    connections = 1 if sqlite else RAW_CONNECTIONS

    def baseline() -> float:
        rows = event_rows(batches, BATCH, next(runs) * batches * BATCH)
        return batches * BATCH / raw.seconds(rows, connections)

    def ours() -> float:
        return _accepted_a_second(at, at.requests(subjects, f"{which}-{next(runs)}"), clients)

    values, baselines = interleaved(baseline, ours)
    how = "executemany" if sqlite else "INSERT … SELECT unnest … ON CONFLICT DO NOTHING RETURNING"
    return Figure(
        f"events accepted over HTTP, {which}",
        place.kind,
        "events/s",
        values,
        baselines,
        f"{how} of the same rows, {BATCH:,} a commit, connections: {connections}",
        f"{clients} clients, batches of {BATCH:,}, {batches} batches a run, {BATCHES_A_DAY} a business day",
        goal=goal,
    )


def _time(at: _Served, subjects: Sequence[str]) -> Figure:
    """Time batches that few clients send."""
    latencies: list[float] = []
    for run in range(RUNS):
        latencies += at.service.call(at.key, at.requests(subjects, f"timed-{run}"), CLIENTS_TIMED).latencies
    return Figure(
        f"time of a batch of {BATCH:,} events, p99",
        at.place.kind,
        "ms",
        (percentile(latencies, 99) * 1000,),
        note=f"{len(latencies)} batches of {GROUPS_FEW} contracts, {CLIENTS_TIMED} clients",
        less_is_better=True,
        goal=_IN_TIME if at.place.kind == "postgresql" else None,
    )


def _accepted_a_second(at: _Served, requests: Sequence[Request], clients: int) -> float:
    answers = at.service.call(at.key, requests, clients)
    accepted: int = sum(json.loads(body)["accepted"] for body in answers.bodies)
    if accepted != len(requests) * BATCH:
        message = f"{accepted} of {len(requests) * BATCH} events were accepted: {answers.bodies[0][:500]!r}"
        raise RuntimeError(message)
    return accepted / answers.seconds
