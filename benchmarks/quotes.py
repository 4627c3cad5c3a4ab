"""Quotes per second over HTTP, and how long one takes: made, explained, frozen with its hash, answered."""

from __future__ import annotations

import json
from itertools import count

from benchmarks.databases import Place
from benchmarks.figures import Figure, Scale, interleaved, percentile
from benchmarks.jurisdiction import OFFERING, founded
from benchmarks.raw import PAPER_COLUMNS, RawTable, paper_rows
from benchmarks.service import Request, served
from tests.client import BASE

CLIENTS = 8
ROWS = 3
"""What a quote writes: itself, its line in the audit log, the answer under its idempotency key."""


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure quotes of one offering at a graduated tariff, asked for by several clients at once."""
    quotes = scale.of(100, 1000)
    settings = place.sandbox()
    with founded(settings) as world:
        key = world.operator.key or ""
    raw, runs, latencies = RawTable(place, PAPER_COLUMNS, 1), count(), list[float]()
    with served(settings) as service:
        size = len(service.call(key, _requests(CLIENTS * 4), CLIENTS).bodies[0])

        def baseline() -> float:
            return quotes / raw.seconds(paper_rows(quotes, ROWS, size, next(runs) * quotes), CLIENTS)

        def ours() -> float:
            answers = service.call(key, _requests(quotes), CLIENTS)
            latencies.extend(answers.latencies)
            return quotes / answers.seconds

        values, baselines = interleaved(baseline, ours)
    rate = Figure(
        "quotes over HTTP",
        place.kind,
        "quotes/s",
        values,
        baselines,
        f"{ROWS} rows of the same size inserted raw, a commit each, connections: {_connections(place)}",
        f"{CLIENTS} clients, {quotes} quotes a run",
    )
    return [rate, *(_latency(place, latencies, percent) for percent in (50, 95, 99))]


def _latency(place: Place, latencies: list[float], percent: int) -> Figure:
    milliseconds = percentile(latencies, percent) * 1000
    return Figure(
        f"time of a quote, p{percent}",
        place.kind,
        "ms",
        (milliseconds,),
        note=f"{len(latencies)} quotes, {CLIENTS} clients",
    )


def _requests(number: int) -> list[Request]:
    body = {
        "buyer": "buyer",
        "valid_until": "2025-03-31",
        "effective_from": "2025-03-01",
        "effective_until": "2027-03-01",
        "items": [{"offering": OFFERING, "quantity": "150000"}],
    }
    return [Request("POST", f"{BASE}/quotes", json.dumps(body).encode())] * number


def _connections(place: Place) -> int:
    return 1 if place.kind == "sqlite" else CLIENTS
