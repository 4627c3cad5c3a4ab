"""Single usage events over HTTP, a batch of one each, against the route that does nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import count

from benchmarks.databases import Place
from benchmarks.figures import Figure, Goal, Scale, interleaved, percentile
from benchmarks.jurisdiction import batches_of_events, contracts, founded
from benchmarks.service import Request, Service, served

CLIENTS = 16
CONTRACTS = 20
TRIVIAL = Request("GET", "/healthz")


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure events that are sent one by one by several clients at once."""
    events = scale.of(200, 3000)
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, CONTRACTS)
        world.clock("2025-06-01")
        key = world.operator.key or ""
    latencies, runs = list[float](), count()
    with served(settings) as service:
        _send(service, key, opened, events // 10, "warm")

        def ours() -> float:
            taken, seconds = _send(service, key, opened, events, f"run-{next(runs)}")
            latencies.extend(taken)
            return events / seconds

        values, baselines = interleaved(lambda: trivial_a_second(service, key, events, CLIENTS), ours)
    rate = Figure(
        "single events over HTTP",
        place.kind,
        "events/s",
        values,
        baselines,
        f"requests a second of {TRIVIAL.path}, {CLIENTS} clients",
        f"{CLIENTS} clients, {events} events a run, {CONTRACTS} contracts",
        goal=Goal(0.3, 0.5),
    )
    return [rate, *(_latency(place, latencies, percent) for percent in (50, 99))]


def trivial_a_second(service: Service, key: str, requests: int, clients: int) -> float:
    """Return how many requests a second the route answers that does nothing."""
    return requests / service.call(key, [TRIVIAL] * requests, clients).seconds


def _send(service: Service, key: str, opened: Sequence[str], events: int, series: str) -> tuple[list[float], float]:
    """Send events one by one; return how long each took, and all of them together."""
    requests = batches_of_events(opened, batches=events, size=1, day=date(2025, 3, 2), days=30, series=series)
    answers = service.call(key, requests, CLIENTS)
    if any(json.loads(body)["accepted"] != 1 for body in answers.bodies):
        message = f"an event was not accepted: {answers.bodies[0][:500]!r}"
        raise RuntimeError(message)
    return answers.latencies, answers.seconds


def _latency(place: Place, latencies: Sequence[float], percent: int) -> Figure:
    return Figure(
        f"time of a single event, p{percent}",
        place.kind,
        "ms",
        (percentile(latencies, percent) * 1000,),
        note=f"{len(latencies)} events, {CLIENTS} clients",
        less_is_better=True,
    )
