"""Charges held against what the ceilings' fixed part allows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from pricing.ceiling import FixedCeiling
from pricing.fees import FeePeriod
from pricing.money import PriceBasis
from pricing.period import Span
from pricing.segments import FixedSpan, PriceVersion
from pricing.tariff import Tariff
from pricing.tariff_models import FlatPeriod
from reports.charges import FixedParts
from settlement.price_book import Named, Priced

YEARLY = Tariff(FlatPeriod(FeePeriod.YEAR, 120_000), PriceBasis.TAX_EXCLUSIVE)
CEILING = FixedCeiling("c", "D-1", Decimal(1200), FeePeriod.YEAR, PriceBasis.TAX_EXCLUSIVE)
PRICED = Priced(
    Named("off", "offering", "An offering", "call", "CALL", "call"),
    (PriceVersion(Span(date(2025, 1, 1)), "trf", YEARLY),),
    (),
    (FixedSpan(Span(date(2025, 1, 1)), CEILING),),
)


def line(until: date, amount: int) -> Any:
    return SimpleNamespace(
        kind="fixed_fee",
        contract_id="ctr",
        offering_id="off",
        service_month="2026-03",
        service_from=date(2026, 3, 1),
        service_until=until,
        amount=amount,
        price_basis="tax_exclusive",
        vat_rate=Decimal("0.06"),
        tariff_id="trf",
        term_from=date(2025, 3, 16),
        term_until=None,
    )


def test_days_that_two_lines_charge_are_allowed_once() -> None:
    parts = FixedParts({"off": PRICED})
    found = [parts.of(line(date(2026, 3, 16), 4_839)), parts.of(line(date(2026, 4, 1), 5_161))]
    assert [round(part.allowance) for part in found if part] == [4_839, 5_161]
    assert all(part is not None and part.is_within and part.ceiling == CEILING for part in found)


def test_a_fee_above_the_ceilings_part_is_told_from_the_fen_that_fall_to_a_month() -> None:
    parts = FixedParts({"off": PRICED})
    dear = parts.of(line(date(2026, 4, 1), 10_001))
    assert dear is not None
    assert dear.allowance == 10_000
