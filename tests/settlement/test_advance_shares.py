"""A year's fee billed in advance is one pool: a credit of one of its months moves nothing between beneficiaries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settlement.sharing import Sharing
from tests.world import World

YEARLY = {"model": "flat_period", "period": "year", "price": "1200.00"}
FIXED = {"kind": "fixed_fee", "beneficiary": "c", "amount": "100.00", "shortfall": "lapse"}
COSTS = {"kind": "cost_recovery", "beneficiary": "c", "due": "500.00", "cumulative_cap": "500.00", "shortfall": "lapse"}
SHARES = [{"beneficiary": "a", "weight": "7"}, {"beneficiary": "b", "weight": "3"}]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (FIXED, {"a": "350.00", "b": "150.00", "c": "100.00"}),
        (COSTS, {"a": "70.00", "b": "30.00", "c": "500.00"}),
        (None, {"a": "420.00", "b": "180.00"}),
    ],
    ids=["a fixed fee", "recovered costs", "weights alone"],
)
def test_a_credit_that_leaves_the_pool_as_it_was_moves_no_share(
    world: World, step: dict[str, Any] | None, expected: dict[str, str]
) -> None:
    sharing = Sharing.founded(world)
    world.offering("yearly")
    world.ceiling("yearly", base_price="1200.00", base_price_period="year")
    world.operator.made("/tariffs", tariff())
    residual = {"weights": "fixed", "shares": SHARES}
    sharing.agreement(offerings=["yearly"], basis="collected", steps=[step] if step else [], residual=residual)
    bill = world.invoice(world.contract("yearly")["id"], "2025-03")
    assert bill["net"] == "1200.00"
    sharing.pay(bill, "636.00", "2025-04-01")
    world.clock("2025-05-01")
    assert closings(sharing, sharing.settle("2025-04")) == expected
    credit = {"lines": [{"position": 4, "amount": "106.00"}], "reason": "allowance"}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", credit)
    world.clock("2025-06-01")
    run = sharing.settle("2025-05")
    # 1,100.00 × 636.00 ÷ 1,166.00 = 600.00, as before the credit.
    assert (run["pool"], closings(sharing, run)) == ("0.00", expected)


def tariff() -> dict[str, Any]:
    return {"offering": "yearly", "effective_from": "2025-01-01", "price_basis": "tax_exclusive", **YEARLY}


def closings(sharing: Sharing, run: Any) -> dict[str, str]:
    return {each["beneficiary"]: each["closing"] for each in run["statements"] if each["closing"] != "0.00"}
