"""Figures of a cap held against each other: what was applied for, what was accepted, what was determined.

A difference names its year and item (``costs.platform.commercial``, ``subsidies``, ``tax.vat``, ``tax.other``); costs
are compared by head and use, however many items stand behind them. Amounts are in fen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pricing.revenue_cap import YearFigures


@dataclass(frozen=True)
class FigureDifference:
    """One figure that is not what it was before: the amounts before and after."""

    year: int
    item: str
    before: int
    after: int

    @property
    def difference(self) -> int:
        """After less before."""
        return self.after - self.before


def differences(before: Iterable[YearFigures], after: Iterable[YearFigures]) -> list[FigureDifference]:
    """Return every figure that differs, by year and item in order; what one side does not have counts as zero.

    >>> from pricing.revenue_cap import Cost
    >>> applied = YearFigures(2027, (Cost("platform", "commercial", 500),), subsidies=0, vat=0, other_tax=7)
    >>> decided = YearFigures(2027, (Cost("platform", "commercial", 450),), subsidies=0, vat=0, other_tax=7)
    >>> [(each.item, each.difference) for each in differences([applied], [decided])]
    [('costs.platform.commercial', -50)]
    """
    earlier, later = _by_item(before), _by_item(after)
    return [
        FigureDifference(year, item, earlier[year, item], later[year, item])
        for year, item in sorted({*earlier, *later})
        if earlier[year, item] != later[year, item]
    ]


def _by_item(years: Iterable[YearFigures]) -> defaultdict[tuple[int, str], int]:
    found: defaultdict[tuple[int, str], int] = defaultdict(int)
    for year in years:
        for cost in year.costs:
            found[year.year, f"costs.{cost.head}.{cost.use}"] += cost.amount
        found[year.year, "subsidies"] += year.subsidies
        found[year.year, "tax.vat"] += year.vat
        found[year.year, "tax.other"] += year.other_tax
    return found
