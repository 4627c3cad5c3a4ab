"""A year of an operator: the cap-compliance report, a what-if over it, and the prices of many items in one call."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter

from sqlalchemy import create_engine, text

from benchmarks.books import acquaint
from benchmarks.databases import Place
from benchmarks.figures import RUNS, Figure, Goal, Scale, interleaved
from benchmarks.machine import peak_mebibytes
from benchmarks.operated_year import FIRST, UNTIL, Size, operated
from benchmarks.service import Request, Service, served
from tests.client import BASE

_SECONDS = Goal(10, of="value")
_MEBIBYTES = Goal(1024, of="value")
OFFERING = "offering-0000"


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure what a regulator and an operator ask of a year that is over, billed and folded."""
    size = Size(scale.of(10, 100, 1000), 10)
    items = scale.of(1_000, 100_000)
    settings = place.sandbox()
    keys = operated(settings, size)
    acquaint(place, settings)
    contracts = size.offerings * size.contracts
    note = f"{size.offerings:,} offerings, {contracts:,} contracts, 12 months, {size.events:,} events"
    with served(settings) as service:
        lines = _plain_sums(settings.database_url)
        query = f"operator=operator&from={FIRST}&until={UNTIL}"
        report = Request("GET", f"{BASE}/reports/cap-compliance?{query}")
        reported = interleaved(lines, lambda: service.call(keys["regulator"], [report], 1).seconds)
        peak = peak_mebibytes(service.pid)
        tried = interleaved(lines, _asked(service, keys["operator"], "/tariffs/what-if", _tariff()))
        rated = [_asked(service, keys["operator"], "/quotes/rate", _items(items))() for _ in range(RUNS)]

    def goal(wanted: Goal) -> Goal | None:
        return wanted if scale is Scale.FULL else None  # what is due is due of the whole year

    against = "one GROUP BY over the year's bill lines"
    return [
        Figure(
            "cap-compliance report", place.kind, "s", *reported, against, note, less_is_better=True, goal=goal(_SECONDS)
        ),
        Figure(
            "memory of the service, peak",
            place.kind,
            "MiB",
            (peak,),
            note=note,
            less_is_better=True,
            goal=goal(_MEBIBYTES),
        ),
        Figure(
            "what-if of a tariff over the year",
            place.kind,
            "s",
            *tried,
            against,
            note,
            less_is_better=True,
            goal=goal(_SECONDS),
        ),
        Figure(
            "items rated in one call",
            place.kind,
            "items/s",
            tuple(items / seconds for seconds in rated),
            note=f"{items:,} items, graduated in three tiers under a ceiling",
        ),
    ]


def _plain_sums(url: str) -> Callable[[], float]:
    """Return what times the plain sums of the year's bill lines."""
    sums = "SELECT offering_id, service_month, sum(quantity), sum(net) FROM invoice_line GROUP BY 1, 2"

    def timed() -> float:
        engine = create_engine(url)
        with engine.connect() as connection:
            start = perf_counter()
            connection.execute(text(sums)).all()
            seconds = perf_counter() - start
        engine.dispose()
        return seconds

    return timed


def _asked(service: Service, key: str, path: str, body: object) -> Callable[[], float]:
    request = Request("POST", f"{BASE}{path}", json.dumps(body).encode())
    return lambda: service.call(key, [request], 1).seconds


def _tariff() -> dict[str, object]:
    return {
        "offering": OFFERING,
        "effective_from": FIRST,
        "until": UNTIL,
        "price_basis": "tax_exclusive",
        "model": "per_unit",
        "unit_price": "0.09",
    }


def _items(number: int) -> dict[str, object]:
    return {"items": [{"offering": OFFERING, "quantity": str(3 * index)} for index in range(number)]}
