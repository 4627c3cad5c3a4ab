"""The distribution as the command line runs it: over the same use case, without the web."""

from __future__ import annotations

import pytest

from ledger.closing import MonthNotEnded
from pricing.errors import NotFound
from pricing.period import Month
from settlement.settlements import find_settlement, run_settlement, settle_month
from store.horizon import reached
from store.unit import Call, Principal, Store
from tests.settlement.sharing import Sharing
from tests.world import World

AUDITOR = Call(Principal("auditor"), "test")


def test_a_month_is_run_with_progress_and_found_again(world: World) -> None:
    sharing = Sharing.founded(world)
    sharing.agreement()
    sharing.bill("10.00")
    world.clock("2025-05-01")
    store: Store = world.admin.app.extensions["tariffbook"]
    stages: list[tuple[int, int]] = []
    settlement_id = settle_month(store, "operator", Month(2025, 4), lambda done, of: stages.append((done, of)))
    assert stages == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert settle_month(store, "operator", Month(2025, 4)) == settlement_id
    with store.reading(AUDITOR) as unit:
        assert find_settlement(unit, settlement_id).pool == 1000
    with pytest.raises(MonthNotEnded):
        settle_month(store, "operator", Month(2025, 5))
    with pytest.raises(NotFound):
        settle_month(store, "nobody", Month(2025, 5))
    assert sharing.operator.seen(f"/settlements/{settlement_id}")["pool"] == "10.00"


def test_a_run_that_another_one_came_before_is_computed_anew(world: World) -> None:
    sharing = Sharing.founded(world)
    sharing.agreement()
    sharing.bill("10.00")
    world.clock("2025-06-01")
    store: Store = world.admin.app.extensions["tariffbook"]
    april = settle_month(store, "operator", Month(2025, 4))
    operator = Principal("operator", str(world.admin.seen("/parties/operator")["id"]))
    given = {"operator": "operator", "month": Month(2025, 5)}
    may = store.run(Call(operator, "settle"), lambda unit: run_settlement(unit, given)[0].id)
    with store.reading(AUDITOR) as unit:
        assert [find_settlement(unit, each).pool for each in (april, may)] == [1000, 0]


def test_a_run_needs_a_horizon(store: Store) -> None:
    with store.reading(AUDITOR) as unit, pytest.raises(LookupError):
        reached(unit)
