"""Checks of entitlement over HTTP: what a data gateway asks before every use."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.databases import Place
from benchmarks.figures import Figure, Scale, interleaved, percentile
from benchmarks.jurisdiction import OFFERING, contracts, founded
from benchmarks.service import Request, Service, served
from benchmarks.singles import TRIVIAL, trivial_a_second
from tests.client import BASE

CLIENTS = 8
CONTRACTS = 20


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure checks of several contracts at a graduated tariff, asked for by several clients at once."""
    checks = scale.of(200, 2000)
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, CONTRACTS)
        key = world.operator.key or ""
    requests = [_check(opened[number % CONTRACTS]) for number in range(checks)]
    latencies = list[float]()
    with served(settings) as service:
        _ask(service, key, requests[:CONTRACTS])

        def ours() -> float:
            taken, seconds = _ask(service, key, requests)
            latencies.extend(taken)
            return checks / seconds

        values, baselines = interleaved(lambda: trivial_a_second(service, key, checks, CLIENTS), ours)
    rate = Figure(
        "checks of entitlement over HTTP",
        place.kind,
        "checks/s",
        values,
        baselines,
        f"requests a second of {TRIVIAL.path}, {CLIENTS} clients",
        f"{CLIENTS} clients, {checks} checks a run, {CONTRACTS} contracts",
    )
    return [rate, *(_latency(place, latencies, percent) for percent in (50, 95))]


def _check(contract: str) -> Request:
    body = {"contract": contract, "offering": OFFERING, "quantity": "10"}
    return Request("POST", f"{BASE}/entitlements/check", json.dumps(body).encode())


def _ask(service: Service, key: str, requests: Sequence[Request]) -> tuple[list[float], float]:
    """Ask; return how long each check took, and all of them together."""
    answers = service.call(key, requests, CLIENTS)
    if not all(json.loads(body)["allowed"] for body in answers.bodies):
        message = f"a use was not allowed: {answers.bodies[0][:500]!r}"
        raise RuntimeError(message)
    return answers.latencies, answers.seconds


def _latency(place: Place, latencies: Sequence[float], percent: int) -> Figure:
    return Figure(
        f"time of a check, p{percent}",
        place.kind,
        "ms",
        (percentile(latencies, percent) * 1000,),
        note=f"{len(latencies)} checks, {CLIENTS} clients",
        less_is_better=True,
    )
