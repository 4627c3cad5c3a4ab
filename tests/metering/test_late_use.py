"""What bills have to look at beside their own month: remembered when it comes late, forgotten when it is dealt with."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text
from sqlmodel import col, select

from metering.tables import LateUse
from reports import verification
from store.unit import Store
from tests.conftest import LOCAL
from tests.world import World


@pytest.fixture
def store(app: Flask) -> Store:
    found: Store = app.extensions["tariffbook"]
    return found


@pytest.fixture
def contract(world: World) -> str:
    world.priced()
    return str(world.contract()["id"])


def remembered(store: Store) -> list[str]:
    with store.reading(LOCAL) as unit:
        return list(unit.session.exec(select(col(LateUse.service_month)).distinct()))


def faults(store: Store) -> list[str]:
    with store.reading(LOCAL) as unit:
        return [check["check"] for check in verification.findings(unit) if not check["ok"]]


def test_use_of_a_running_month_is_found_by_its_own_bill(world: World, store: Store, contract: str) -> None:
    world.clock("2025-03-20")
    world.usage(contract, "offering", "5", "2025-03-19T10:00:00+08:00")
    assert remembered(store) == []


def test_use_on_the_last_day_is_remembered_for_it_may_be_committed_after_the_bill(
    world: World, store: Store, contract: str
) -> None:
    world.clock("2025-03-31")
    world.usage(contract, "offering", "5", "2025-03-19T10:00:00+08:00")
    assert remembered(store) == ["2025-03"]
    world.clock("2025-04-01")
    world.invoice(contract, "2025-03")
    assert remembered(store) == []


def test_late_use_is_remembered_until_a_bill_has_taken_it(world: World, store: Store, contract: str) -> None:
    world.clock("2025-05-01")
    world.usage(contract, "offering", "5", "2025-03-19T10:00:00+08:00")
    world.invoice(contract, "2025-03")
    world.usage(contract, "offering", "7", "2025-03-20T10:00:00+08:00")
    assert remembered(store) == ["2025-03"]
    [line] = world.invoice(contract, "2025-04")["lines"]
    assert (line["service_month"], line["quantity"], line["net"]) == ("2025-03", "7", "3.50")
    assert remembered(store) == []


def test_use_that_a_credit_returns_to_be_billed_anew_is_remembered(world: World, store: Store, contract: str) -> None:
    world.clock("2025-04-20")
    world.usage(contract, "offering", "5", "2025-03-19T10:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    body = {"lines": [{"position": 1, "quantity": "5"}], "reason": "issued_in_error", "rebill": True}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", body)
    assert remembered(store) == ["2025-03"]
    world.clock("2025-05-01")
    assert world.invoice(contract, "2025-04")["net"] == "2.50"
    assert remembered(store) == []


def test_late_use_that_nobody_remembers_is_found_by_the_verification(world: World, store: Store, contract: str) -> None:
    world.clock("2025-04-20")
    world.invoice(contract, "2025-03")
    world.usage(contract, "offering", "5", "2025-03-19T10:00:00+08:00")
    assert faults(store) == []
    store.run(LOCAL, lambda unit: unit.connection.execute(text("DELETE FROM late_use")))
    assert faults(store) == ["late_use_known"]
