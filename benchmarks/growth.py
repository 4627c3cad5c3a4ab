"""What things cost once there is ten times the history: nothing may become dearer by what lies behind it.

Events and bills are single acts, so their cost has to stay what it was. A report and a verification read everything,
so it is their cost for one bill or transaction that has to stay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from time import perf_counter

from sqlalchemy import create_engine, text

from benchmarks.databases import Place
from benchmarks.events import BATCHES_A_DAY, CLIENTS
from benchmarks.figures import RUNS, Figure, Scale
from benchmarks.grown_books import one_more_batch
from benchmarks.jurisdiction import batches_of_events, contracts, founded
from benchmarks.service import Request, Service, served
from reports.verification import findings
from store.settings import Settings
from store.unit import Call, Principal, Store
from tests.client import BASE

BATCH = 1000
MONTHS = (*(f"2025-{month:02d}" for month in range(3, 13)), "2026-01", "2026-02")
DAYS = 365


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure events, bills, the compliance report and the verification, early and after ten times as much."""
    return [
        one_more_batch(place, scale),
        _events(place, batches=scale.of(2, 10)),
        *_bills(place, number=scale.of(10, 60)),
    ]


def _events(place: Place, batches: int) -> Figure:
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, 20)
        world.clock("2025-09-01")
        key = world.operator.key or ""
    series = 0

    def seconds() -> float:
        nonlocal series
        series += 1
        requests = batches_of_events(
            opened,
            batches=batches,
            size=BATCH,
            day=date(2025, 3, 2),
            days=batches // BATCHES_A_DAY,
            series=str(series),
        )
        return service.call(key, requests, CLIENTS[place.kind]).seconds

    with served(settings) as service:
        seconds()
        early = [seconds() for _ in range(RUNS)]
        while series < 10 * (RUNS + 1):
            seconds()
        late = [seconds() for _ in range(RUNS)]
    history = f"{(RUNS + 1) * batches * BATCH:,} to {series * batches * BATCH:,} events"
    return _growth("an event", place, early, late, history)


def _bills(place: Place, number: int) -> list[Figure]:
    settings = place.sandbox()
    with founded(settings) as world:
        opened = contracts(world, number)
        world.clock("2026-03-01")
        key, regulator = world.operator.key or "", world.regulator.key or ""
    costs: dict[str, list[list[float]]] = {"a bill": [], "a line of the report": [], "a transaction verified": []}
    with served(settings) as service:
        _use(service, key, opened)
        for reached, month in enumerate(MONTHS, start=1):
            seconds = _bill(service, key, opened, month)
            if reached == 1:
                # The first bills open the accounts of their contracts.
                continue
            costs["a bill"].append([seconds])
            if reached in (2, len(MONTHS)):
                costs["a line of the report"].append(_report_costs(settings, service, regulator))
                costs["a transaction verified"].append(_verification_costs(settings))
    history = f"one month to {len(MONTHS) - 1} of {number} contracts"
    early, late = costs["a bill"][:RUNS], costs["a bill"][-RUNS:]
    bills = _growth("a bill", place, [cost for [cost] in early], [cost for [cost] in late], history)
    return [
        bills,
        *(
            _growth(what, place, costs[what][0], costs[what][-1], history)
            for what in ("a line of the report", "a transaction verified")
        ),
    ]


def _growth(what: str, place: Place, early: Sequence[float], late: Sequence[float], history: str) -> Figure:
    return Figure(
        f"cost of {what}, late ÷ early",
        place.kind,
        "×",
        tuple(after / before for before, after in zip(early, late, strict=True)),
        note=f"history grown from {history}",
        less_is_better=True,
    )


def _use(service: Service, key: str, opened: Sequence[str]) -> None:
    batches = batches_of_events(opened, batches=DAYS, size=len(opened), day=date(2025, 3, 1), days=DAYS, series="use")
    service.call(key, batches, 1)


def _bill(service: Service, key: str, opened: Sequence[str], month: str) -> float:
    requests = [
        Request("POST", f"{BASE}/invoices", json.dumps({"contract": contract, "month": month}).encode())
        for contract in opened
    ]
    return service.call(key, requests, 1).seconds


def _report_costs(settings: Settings, service: Service, key: str) -> list[float]:
    path = f"{BASE}/reports/cap-compliance?operator=operator&from=2025-03-01&until=2026-03-01"
    lines = _count(settings, "invoice_line")
    return [service.call(key, [Request("GET", path)], 1).seconds / lines for _ in range(RUNS)]


def _verification_costs(settings: Settings) -> list[float]:
    transactions = _count(settings, "ledger_transaction")
    store = Store(settings)
    costs = []
    for _ in range(RUNS):
        with store.reading(Call(Principal("auditor"), "benchmark")) as unit:
            start = perf_counter()
            faults = [check for check in findings(unit) if not check["ok"]]
            costs.append((perf_counter() - start) / transactions)
        if faults:
            message = f"the books are at fault: {faults}"
            raise RuntimeError(message)
    store.close()
    return costs


def _count(settings: Settings, table: str) -> int:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        number: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return number
