"""No path may become dearer by what lies behind it: SQLite counts the steps of its own machine, so no clock is needed.

Each act is done early and again after ten times the history. Where an act reads a month, the month is as large.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app import create_app
from ledger.folding import fold
from pricing.period import Month
from store.horizon import advance
from store.settings import Settings
from store.unit import Store
from tests.client import Client
from tests.statements import heard
from tests.world import World, usage_event

STEPS_AT_A_TIME = 20
GROWTH_MAX = 1.5
"""A tree that holds ten times as much is one level higher at most; anything that reads it all is far above this."""

CONTRACTS = 5
DAYS_A_MONTH = 28
MONTHS = tuple(f"2025-{number:02d}" for number in range(3, 13))


@dataclass
class Work:
    """What the database did: steps of its machine, and statements."""

    steps: int = 0
    statements: int = 0


@dataclass
class Shop:
    """A jurisdiction whose database counts its work."""

    world: World
    contracts: list[str]
    work: Work
    store: Store

    def cost(self, act: Callable[[], object]) -> Work:
        """Do something; return what it took."""
        self.work.steps = self.work.statements = 0
        act()
        return Work(self.work.steps, self.work.statements)

    def live(self, month: str) -> None:
        """Let a month pass in which every contract is used on every day."""
        self.world.clock(f"{Month.parse(month).next}-01")
        for number in range(DAYS_A_MONTH):
            self.use(Month.parse(month).first_day + timedelta(days=number))

    def use(self, day: date) -> Any:
        """Send a batch with two events of each contract on a day."""
        events = [
            usage_event(self.world.number("event"), contract, "offering", "10", f"{day}T{hour}:00:00+08:00")
            for contract in self.contracts
            for hour in ("09", "10")
        ]
        answer = self.world.operator.made("/usage-events", {"events": events})
        assert answer["accepted"] == len(events)
        return answer

    def fold(self) -> None:
        """Have the balances folded up to now, as the worker does."""
        advance(self.store)
        fold(self.store)

    def account(self, kind: str) -> str:
        """Return the id of the first account of a kind; of no account, where none was opened yet."""
        every = self.world.auditor.seen("/ledger/accounts", limit=1000)["items"]
        return next((str(account["id"]) for account in every if account["kind"] == kind), kind)

    def bill(self, month: str) -> list[Any]:
        """Bill the month of every contract."""
        return [self.world.invoice(contract, month) for contract in self.contracts]


@pytest.fixture
def shop(sqlite_template: Path, tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "tariffbook.db"
    shutil.copy(sqlite_template, path)
    app = create_app(Settings(f"sqlite:///{path}"))
    store: Store = app.extensions["tariffbook"]
    work = Work()

    @event.listens_for(store.engine, "connect")
    def count_steps(connection: Any, _record: Any) -> None:
        def count() -> int:
            work.steps += STEPS_AT_A_TIME
            return 0

        connection.set_progress_handler(count, STEPS_AT_A_TIME)

    def count_statement(_statement: str) -> None:
        work.statements += 1

    # Connections that were opened before do not count.
    store.engine.dispose()
    world = World.founded(Client.administrator(app))
    world.priced()
    sign_agreement(world)
    contracts = [str(world.contract()["id"]) for _ in range(CONTRACTS)]
    with heard(store.engine, count_statement):
        yield Shop(world, contracts, work, store)
    store.close()


def sign_agreement(world: World) -> None:
    agreement = world.operator.made(
        "/distribution-agreements",
        {
            "operator": "operator",
            "agreement_no": "agreement",
            "clause": "7",
            "offerings": ["offering"],
            "effective_from": "2025-03-01",
            "basis": "billed",
            "steps": [],
            "residual": {
                "weights": "fixed",
                "shares": [{"beneficiary": "provider", "weight": "1"}, {"beneficiary": "region", "weight": "2"}],
            },
        },
    )
    for side in (world.operator, world.grantor):
        side.made(f"/distribution-agreements/{agreement['id']}/sign", None, 200)


def test_after_ten_times_the_history_nothing_is_dearer_than_it_was(shop: Shop) -> None:
    costs: list[dict[str, Work]] = []
    for month in MONTHS:
        shop.live(month)
        shop.fold()
        costs.append(acts(shop, month))
    # In the first month accounts are opened.
    early, late = costs[1], costs[-1]
    dearer = {act: (early[act], late[act]) for act in early if not as_cheap(early[act], late[act])}
    assert dearer == {}


def acts(shop: Shop, month: str) -> dict[str, Work]:
    """Do each thing once at the end of a month; return what each took."""
    world, day = shop.world, Month.parse(month).first_day
    bills: list[Any] = []
    following = Month.parse(month).next
    quote = {"valid_until": str(following.until), "effective_from": str(following.first_day)}
    days = {"from": str(day + timedelta(days=20)), "until": str(following.first_day)}
    delivered, seldom = ({"account": shop.account(kind)} for kind in ("delivered_use", "bank"))
    costs = {
        "a batch of events": shop.cost(lambda: shop.use(day)),
        "a quote": shop.cost(lambda: world.quote(**quote)),
        "bills": shop.cost(lambda: bills.extend(shop.bill(month))),
        "a payment": shop.cost(lambda: world.payment(bills[0]["id"], "1.00", str(following.first_day))),
        "a credit note": shop.cost(lambda: credit(world, bills[1])),
        "use of a month": shop.cost(lambda: use_of(shop, month)),
        "a page of bills": shop.cost(lambda: world.operator.seen("/invoices", limit=5)),
        "a page of events": shop.cost(lambda: world.operator.seen("/usage-events", limit=5)),
        "a page of the events of a month": shop.cost(
            lambda: world.operator.seen("/usage-events", month=month, limit=5)
        ),
        "a page of the books": shop.cost(lambda: world.auditor.seen("/ledger/transactions", limit=5)),
        "a page of some days": shop.cost(lambda: world.auditor.seen("/ledger/transactions", **days, limit=5)),
        "a page of an account": shop.cost(lambda: world.auditor.seen("/ledger/transactions", **delivered, limit=5)),
        "a page of an account's days": shop.cost(
            lambda: world.auditor.seen("/ledger/transactions", **delivered, **days, limit=5)
        ),
        "a page of an account that is seldom used": shop.cost(
            lambda: world.auditor.seen("/ledger/transactions", **seldom, **days, limit=5)
        ),
        "a bill read again": shop.cost(lambda: world.operator.seen(f"/invoices/{bills[0]['id']}")),
        "the use of an offering": shop.cost(lambda: world.buyer.seen(f"/invoices/{bills[0]['id']}")),
    }
    previous = Month.parse(month).previous
    if str(previous) in MONTHS:
        costs["a settlement"] = shop.cost(
            lambda: world.operator.made("/settlements", {"operator": "operator", "month": str(month)})
        )
    return costs


def credit(world: World, bill: Any) -> Any:
    body = {"amount": "1.00", "reason": "allowance"}
    return world.operator.made(f"/invoices/{bill['id']}/credit-notes", body)


def use_of(shop: Shop, month: str) -> Any:
    return shop.world.operator.seen("/usage", contract=shop.contracts[0], offering="offering", month=month)


def as_cheap(early: Work, late: Work) -> bool:
    """Say whether a later act took as many statements, and no more steps than a higher tree explains."""
    slack = 2 * STEPS_AT_A_TIME
    return late.statements <= early.statements and late.steps <= GROWTH_MAX * early.steps + slack
