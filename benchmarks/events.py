"""Usage events accepted per second over HTTP, in batches of 1,000, by a served process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import count

from benchmarks.databases import Place
from benchmarks.figures import Figure, interleaved
from benchmarks.jurisdiction import batches_of_events, contracts, founded
from benchmarks.machine import peak_mebibytes
from benchmarks.raw import EVENT_COLUMNS, RawTable, event_rows
from benchmarks.service import Request, Service, served

BATCH = 1000
CONTRACTS = 50
CLIENTS = {"sqlite": 2, "postgresql": 4}
RAW_CONNECTIONS = 2
BATCHES_A_DAY = 2


def measure(place: Place, *, quick: bool) -> list[Figure]:
    """Measure events that are spread over contracts, and events of one contract alone."""
    batches = 10 if quick else 60
    settings = place.sandbox()
    with founded(settings) as world:
        spread, hot = contracts(world, CONTRACTS), contracts(world, 1)
        world.clock("2025-06-01")
        key = world.operator.key or ""
    with served(settings) as service:
        warm = batches_of_events(hot, batches=4, size=BATCH, day=date(2025, 3, 2), days=1, series="warm")
        _accepted_a_second(service, key, warm, CLIENTS[place.kind])
        return [
            _figure(place, service, key, f"spread over {CONTRACTS} contracts", spread, batches),
            _figure(place, service, key, "of one contract", hot, batches),
            Figure("memory of the service, peak", place.kind, "MiB", (peak_mebibytes(service.pid),)),
        ]


def _figure(place: Place, service: Service, key: str, which: str, subjects: Sequence[str], batches: int) -> Figure:
    raw, clients, runs = RawTable(place, EVENT_COLUMNS, 3), CLIENTS[place.kind], count()
    connections = 1 if place.kind == "sqlite" else RAW_CONNECTIONS

    def baseline() -> float:
        rows = event_rows(batches, BATCH, next(runs) * batches * BATCH)
        return batches * BATCH / raw.seconds(rows, connections)

    def ours() -> float:
        series = f"{which}-{next(runs)}"
        requests = batches_of_events(
            subjects, batches=batches, size=BATCH, day=date(2025, 3, 2), days=batches // BATCHES_A_DAY, series=series
        )
        return _accepted_a_second(service, key, requests, clients)

    values, baselines = interleaved(baseline, ours)
    return Figure(
        f"events accepted over HTTP, {which}",
        place.kind,
        "events/s",
        values,
        baselines,
        f"the same rows inserted raw, {BATCH:,} a commit, connections: {connections}",
        f"{clients} clients, batches of {BATCH:,}, {batches} batches a run, {BATCHES_A_DAY} a business day",
    )


def _accepted_a_second(service: Service, key: str, requests: Sequence[Request], clients: int) -> float:
    answers = service.call(key, requests, clients)
    accepted: int = sum(json.loads(body)["accepted"] for body in answers.bodies)
    if accepted != len(requests) * BATCH:
        message = f"{accepted} of {len(requests) * BATCH} events were accepted: {answers.bodies[0][:500]!r}"
        raise RuntimeError(message)
    return accepted / answers.seconds
