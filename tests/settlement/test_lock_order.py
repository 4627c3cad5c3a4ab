from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from store.unit import Store
from tests.statements import heard
from tests.world import World


@contextmanager
def locks_taken(store: Store) -> Iterator[list[str]]:
    """List the tables whose rows are locked, in the order of the locks; a counter is locked by counting."""
    taken: list[str] = []

    def note(statement: str) -> None:
        if "INSERT INTO counter" in statement:
            taken.append("counter")
        elif " FOR " in statement and "UPDATE" in statement:
            taken.append(statement.split("FROM ")[1].split(maxsplit=1)[0])

    with heard(store.engine, note):
        yield taken


def test_a_bill_that_gives_back_on_earlier_ones_locks_all_of_them_before_it_takes_a_number(
    app: Flask, world: World
) -> None:
    store: Store = app.extensions["tariffbook"]
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer and no row locks")
    tiers = [{"up_to": "100", "unit_price": "1.00"}, {"up_to": None, "unit_price": "0.50"}]
    world.priced(model="volume", tiers=tiers)
    contract = world.contract()["id"]
    for month, after in (("2025-03", "2025-04-01"), ("2025-04", "2025-05-01")):
        world.clock(f"{month}-20")
        world.usage(contract, "offering", "90", f"{month}-10T00:00:00+08:00")
        world.clock(after)
        world.invoice(contract, month)
    for month in ("2025-03", "2025-04"):
        world.usage(contract, "offering", "20", f"{month}-11T00:00:00+08:00")
    world.clock("2025-06-01")
    with locks_taken(store) as taken:
        world.invoice(contract, "2025-05")
    assert taken == ["contract", "invoice", "invoice", "counter", "counter", "counter"]


def test_a_credit_of_months_billed_ahead_waits_for_the_contract_as_their_bills_do(app: Flask, world: World) -> None:
    store: Store = app.extensions["tariffbook"]
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer and no row locks")
    world.offering()
    world.ceiling(base_price="1200", base_price_period="year")
    world.tariff(model="flat_period", period="year", price="1200.00")
    contract = world.accepted()
    world.clock("2025-05-01")
    path = f"/invoices/{world.invoice(contract, '2025-03')['id']}/credit-notes"
    with locks_taken(store) as taken:
        world.operator.made(path, {"amount": "106.00", "reason": "service_stopped"})
    assert taken == ["contract", "invoice", "counter"]
