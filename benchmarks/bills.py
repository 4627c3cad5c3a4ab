"""Bills a minute: one by one over HTTP, and a month's run of the command line; and the compliance report over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import count
from time import perf_counter

from sqlalchemy import create_engine, text

from benchmarks.command import run
from benchmarks.databases import Place
from benchmarks.figures import Figure, Scale, interleaved
from benchmarks.jurisdiction import batches_of_events, contracts, founded
from benchmarks.raw import PAPER_COLUMNS, RawTable, paper_rows
from benchmarks.service import Request, Service, served
from pricing.period import Month
from store.settings import Settings
from tests.client import BASE

CLIENTS = 4
ROWS = 9
"""What a bill writes: itself, a line, its transaction with four entries, its line in the log, the kept answer."""
SIZE = 2000
ONE_BY_ONE = ("2025-03", "2025-04", "2025-05")
BY_RUN = ("2025-06", "2025-07", "2025-08")
DAYS = 184
EVENTS_A_DAY = 1


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure bills of contracts that have use on every day of half a year."""
    number = scale.of(40, 200)
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, number)
        world.clock("2025-09-01")
        key, regulator = world.operator.key or "", world.regulator.key or ""
    raw, runs = RawTable(place, PAPER_COLUMNS, 1), count()
    connections = 1 if place.kind == "sqlite" else CLIENTS

    def baseline(connections: int) -> float:
        return 60 * number / raw.seconds(paper_rows(number, ROWS, SIZE, next(runs) * number), connections)

    with served(settings) as service:
        _use(service, key, opened)
        months = iter(ONE_BY_ONE)
        posted = interleaved(
            lambda: baseline(connections), lambda: _one_by_one(service, key, opened, next(months)), len(ONE_BY_ONE)
        )
        months = iter(BY_RUN)
        ran = interleaved(lambda: baseline(1), lambda: _by_run(settings, number, next(months)), len(BY_RUN))
        report = _compliance(place, settings, service, regulator)
    against = f"{ROWS} rows inserted raw for each bill, a commit each, connections: "
    return [
        Figure(
            "bills over HTTP, one by one",
            place.kind,
            "bills/min",
            *posted,
            f"{against}{connections}",
            f"{CLIENTS} clients, {number} bills a run, each of a month with use on every day",
        ),
        Figure(
            "bills by `tariffbook invoice`",
            place.kind,
            "bills/min",
            *ran,
            f"{against}1",
            f"{number} bills a run, the start of the command included",
        ),
        report,
    ]


def _use(service: Service, key: str, opened: Sequence[str]) -> None:
    events = len(opened) * DAYS * EVENTS_A_DAY
    size = 2000
    batches = batches_of_events(
        opened, batches=-(-events // size), size=size, day=date(2025, 3, 1), days=DAYS, series="use"
    )
    service.call(key, batches, 1)


def _one_by_one(service: Service, key: str, opened: Sequence[str], month: str) -> float:
    requests = [
        Request("POST", f"{BASE}/invoices", json.dumps({"contract": contract, "month": month}).encode())
        for contract in opened
    ]
    answers = service.call(key, requests, CLIENTS)
    if any(json.loads(body)["net"] == "0.00" for body in answers.bodies):
        raise RuntimeError("a bill of a month with use came to nothing")
    return 60 * len(opened) / answers.seconds


def _by_run(settings: Settings, number: int, month: str) -> float:
    ran = run(settings, "invoice", "--operator", "operator", "--month", month)
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM invoice WHERE month = :month AND net > 0")
        issued = connection.execute(query, {"month": month}).scalar_one()
    engine.dispose()
    if issued != number:
        message = f"{issued} of {number} bills were issued: {ran.output[-1000:]}"
        raise RuntimeError(message)
    return 60 * number / ran.seconds


def _compliance(place: Place, settings: Settings, service: Service, key: str) -> Figure:
    """Time the cap-compliance report of half a year against the plain sums of the same lines."""
    engine = create_engine(settings.database_url)

    def baseline() -> float:
        start = perf_counter()
        with engine.connect() as connection:
            sums = "SELECT offering_id, service_month, sum(quantity), sum(net) FROM invoice_line GROUP BY 1, 2"
            connection.execute(text(sums)).all()
        return perf_counter() - start

    path = f"{BASE}/reports/cap-compliance?operator=operator&from=2025-03-01&until=2025-09-01"
    values, baselines = interleaved(baseline, lambda: service.call(key, [Request("GET", path)], 1).seconds)
    with engine.connect() as connection:
        lines = connection.execute(text("SELECT count(*) FROM invoice_line")).scalar_one()
    engine.dispose()
    return Figure(
        "cap-compliance report",
        place.kind,
        "s",
        values,
        baselines,
        "one GROUP BY over the same bill lines",
        f"half a year, {lines} bill lines, {Month.parse(BY_RUN[-1])} the last",
        less_is_better=True,
    )
