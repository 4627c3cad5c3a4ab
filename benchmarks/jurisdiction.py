"""A jurisdiction to measure in: made through the application itself, before anything is timed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app import create_app
from benchmarks.service import Request
from store.settings import Settings
from tests.client import BASE, Client
from tests.world import World, usage_event

ZONE = ZoneInfo("Asia/Shanghai")
OFFERING = "offering"
TIERS = [
    {"up_to": "10000", "unit_price": "0.10"},
    {"up_to": "100000", "unit_price": "0.08"},
    {"up_to": None, "unit_price": "0.05"},
]


@contextmanager
def founded(settings: Settings) -> Iterator[World]:
    """Yield a jurisdiction with one commercial offering at a graduated tariff under its ceiling."""
    app = create_app(settings)
    try:
        world = World.founded(Client.administrator(app))
        world.priced(OFFERING, ceiling="0.12", model="graduated", tiers=TIERS)
        yield world
    finally:
        app.extensions["tariffbook"].close()


def contracts(world: World, number: int) -> list[str]:
    """Open so many contracts at the public tariff."""
    return [str(world.contract(OFFERING)["id"]) for _ in range(number)]


def batches_of_events(
    contracts: Sequence[str], *, batches: int, size: int, day: date, days: int, series: str
) -> list[Request]:
    """Return batches of events of 1 call each, in the order of time, over ``days`` days from ``day`` on.

    The contracts take turns; an event's number is unique in its series.
    """
    events = batches * size
    start = datetime.combine(day, time(), ZONE)
    step = timedelta(days=days) / events

    def body(batch: int) -> bytes:
        numbers = range(batch * size, (batch + 1) * size)
        return json.dumps(
            {
                "events": [
                    usage_event(
                        f"{series}-{number:09d}",
                        contracts[number % len(contracts)],
                        OFFERING,
                        "1",
                        (start + number * step).isoformat(),
                    )
                    for number in numbers
                ]
            }
        ).encode()

    return [Request("POST", f"{BASE}/usage-events", body(batch)) for batch in range(batches)]
