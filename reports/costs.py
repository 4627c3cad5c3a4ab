"""Operating costs as of a moment, from the items that were entered, and what they leave of revenue, product by product.

Price Notice 五. Costs of commercial use that name a product, or an offering of it, are that product's; the others are
divided among the products by their revenue, exactly (largest remainder, ties by code). Costs of public-interest use
stand apart and enter no profit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, func, select
from sqlmodel import col

from pricing.allocation import largest_remainder
from reports.frame import Frame, in_months
from settlement.cost_tables import OperatingCost, OperatingCostReversal
from store.unit import Unit

COMMERCIAL, PUBLIC_INTEREST = "commercial", "public_interest"
COST_RULE: Final = "named_product_then_by_revenue"
"""How profit by product is reckoned, as the report prints it."""


@dataclass(frozen=True)
class CostSum:
    """Costs of one head and use of the period, in fen, for one product or none; ``items`` is how many they are."""

    head: str
    use: str
    product_id: str | None
    amount: int
    items: int


@dataclass(frozen=True)
class ProductCosts:
    """What a product costs, in fen: of commercial use its own and its share of the rest; of public-interest use."""

    own: int = 0
    shared: int = 0
    public_interest: int = 0


def costs_of(unit: Unit, frame: Frame, products: Mapping[str, str]) -> list[CostSum]:
    """Read the costs of the period's months of service that were entered, and not reversed, by the frame's moment.

    ``products`` names the product of each offering.
    """
    key = (
        col(OperatingCost.head),
        col(OperatingCost.use),
        col(OperatingCost.product_id),
        col(OperatingCost.offering_id),
    )
    taken_back = and_(
        col(OperatingCostReversal.cost_id) == col(OperatingCost.id),
        col(OperatingCostReversal.recorded_at) <= frame.as_of,
    )
    query: Any = (
        select(*key, func.sum(col(OperatingCost.amount)), func.count())
        .outerjoin(OperatingCostReversal, taken_back)
        .where(
            col(OperatingCost.operator_id) == frame.operator.id,
            col(OperatingCost.recorded_at) <= frame.as_of,
            in_months(col(OperatingCost.month), frame.months),
            col(OperatingCostReversal.id).is_(None),
        )
        .group_by(*key)
    )
    sums: dict[tuple[str, str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for head, use, product_id, offering_id, amount, items in unit.connection.execute(query):
        found = sums[head, use, product_id or products.get(offering_id or "")]
        found[0] += int(amount)
        found[1] += int(items)
    return [CostSum(*key, *sums[key]) for key in sorted(sums, key=str)]


def by_product(costs: Iterable[CostSum], revenue: Mapping[str, int]) -> dict[str | None, ProductCosts]:
    """Return the costs of each product by its code, whose revenue is given in fen; of no product what none can bear.

    ``costs`` name products by their codes. What names no product is divided by revenue; revenue below zero counts as
    none, and without any revenue nothing is divided.
    """
    own: dict[str | None, int] = defaultdict(int)
    apart: dict[str | None, int] = defaultdict(int)
    for cost in costs:
        (own if cost.use == COMMERCIAL else apart)[cost.product_id] += cost.amount
    weights = [(code, max(earned, 0)) for code, earned in sorted(revenue.items())]
    unnamed = own.pop(None, 0)
    can_share = any(weight for _, weight in weights)
    shares = largest_remainder(unnamed, weights) if can_share else {}
    products: Sequence[str | None] = sorted({*revenue, *own, *apart} - {None}, key=str)
    found: dict[str | None, ProductCosts] = {
        code: ProductCosts(own[code], shares.get(code or "", 0), apart[code]) for code in products
    }
    if apart[None] or (unnamed and not can_share):
        found[None] = ProductCosts(0 if can_share else unnamed, 0, apart[None])
    return found
