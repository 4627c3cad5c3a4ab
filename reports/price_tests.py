"""The tests of what was billed against the ceilings: by offering, by ceiling, and every charge that lies above one.

A service month of one contract and offering is tested as a whole, as it was charged: the sum of quantity × ceiling is
the most that it may cost (Price Notice 三). Three prices of it are told apart: the **nominal** one is the highest
published price that the use met, before any ceiling; the **effective** one is what use and minimum came to, by
quantity, before reliefs; the **net** one is what a unit cost the buyer after discounts and reliefs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pricing.ceiling import Ceiling
from pricing.money import format_money, format_quantity, round_half_up
from reports.charges import (
    CORRECTION,
    FIXED_FEE,
    PERIOD_KINDS,
    RELIEF_KINDS,
    Charge,
    difference,
    per_unit,
    shown,
)
from reports.frame import Frame


class ChargedMonth:
    """All charges of one contract, offering and service month, corrections of later bills included.

    Amounts are in fen, ``quantity`` in millionths: ``total`` is after reliefs, ``before_reliefs`` what use, fixed part
    and minimum came to. ``allowed`` is the most that the month may cost, rounded as bills are, None where no ceiling
    was in force; ``above`` what was billed above it, of the month as a whole, or of one segment and not relieved.
    """

    __slots__ = ("above", "allowed", "before_reliefs", "charges", "is_corrected", "nets", "quantity", "total", "used")

    def __init__(self, charges: tuple[Charge, ...]) -> None:
        self.charges = charges
        self.used = [charge for charge in charges if charge.quantity]
        self.quantity = sum(charge.quantity for charge in self.used)
        self.total = sum(charge.amount for charge in charges)
        self.is_corrected = any(charge.kind == CORRECTION for charge in charges)
        relieved = -sum(charge.amount for charge in charges if charge.kind in RELIEF_KINDS)
        # What a correction charged was reckoned anew, reliefs included: the one of the first bill is no part of it.
        self.before_reliefs = self.total if self.is_corrected else self.total + relieved
        self.allowed = self._allowed()
        self.above = self._above(relieved)
        self.nets = self._nets()

    @property
    def key(self) -> tuple[str, str, str]:
        """Contract, offering and service month."""
        first = self.charges[0]
        return first.contract_id, first.offering_id, first.service_month

    @property
    def effective(self) -> Fraction | None:
        """What use, fixed part and minimum came to, by quantity."""
        return per_unit(self.before_reliefs, self.quantity)

    @property
    def worst(self) -> Charge:
        """The charge that lies highest above its ceiling."""
        return max(self.used or self.charges, key=lambda charge: charge.amount - charge.allowance)

    def _allowed(self) -> int | None:
        if not any(charge.is_limited for charge in self.charges):
            return None
        if len(self.charges) == 1:
            return round_half_up(self.charges[0].allowance)
        return round_half_up(sum((charge.allowance for charge in self.charges), Fraction(0)))

    def _above(self, relieved: int) -> int:
        """The correction of a month makes up for its segments, so that a corrected month counts as a whole."""
        if self.allowed is None:
            return 0
        if self.is_corrected or len(self.charges) == 1:
            return max(0, self.total - self.allowed)
        segments = sum(max(0, charge.amount - round_half_up(charge.allowance)) for charge in self.used)
        return max(0, self.total - self.allowed, segments - relieved)

    def _nets(self) -> list[tuple[Charge, Decimal | Fraction]]:
        """The net price of each segment; of a month that was corrected, one price of the whole month.

        What was charged or relieved for the month as a whole is spread over its use, and of a fixed fee what the
        ceiling's fixed part does not cover.
        """
        if not self.used:
            return []
        if self.is_corrected:
            return [(max(self.used, key=_ceiling_of), _per_unit(self.total, self.quantity))]
        if len(self.charges) == 1:
            return [(self.charges[0], self.charges[0].price or Decimal(0))]
        extra = sum(charge.amount for charge in self.charges if charge.kind in PERIOD_KINDS)
        fees = [charge for charge in self.charges if charge.kind == FIXED_FEE]
        uncovered = sum((charge.amount - charge.allowance for charge in fees), Fraction(0))
        spread = _per_unit(extra + max(Fraction(0), uncovered), self.quantity)
        return [(charge, Fraction(charge.price or 0) + spread) for charge in self.used]


def charged_months(charges: Iterable[Charge]) -> list[ChargedMonth]:
    """Return the charges by contract, offering and service month, in that order."""
    groups: dict[tuple[str, str, str], list[Charge]] = defaultdict(list)
    for charge in charges:
        groups[charge.contract_id, charge.offering_id, charge.service_month].append(charge)
    return [ChargedMonth(tuple(groups[key])) for key in sorted(groups)]


def offering_tests(frame: Frame, months: Sequence[ChargedMonth], chargeable: Collection[str]) -> list[dict[str, Any]]:
    """Return the tests of each offering that may be charged for or was, over all ceilings of the period."""
    by_offering: dict[str, list[ChargedMonth]] = defaultdict(list)
    for month in months:
        by_offering[month.key[1]].append(month)
    return [
        _offering_test(frame, offering_id, by_offering[offering_id])
        for offering_id in frame.offerings
        if offering_id in by_offering or offering_id in chargeable
    ]


def ceiling_tests(frame: Frame, months: Sequence[ChargedMonth]) -> list[dict[str, Any]]:
    """Return the tests of each offering under each ceiling that its charges met, in the order of the ceilings."""
    groups: dict[tuple[str, str, str], list[tuple[ChargedMonth, Charge]]] = defaultdict(list)
    for month in months:
        for charge in month.charges:
            start = charge.ceiling.effective_from.isoformat() if charge.ceiling else ""
            groups[frame.offerings[charge.offering_id].code, start, charge.price_basis].append((month, charge))
    return [_ceiling_test(frame, groups[key]) for key in sorted(groups)]


def _offering_test(frame: Frame, offering_id: str, months: Sequence[ChargedMonth]) -> dict[str, Any]:
    offered = frame.offerings[offering_id]
    charges = [charge for month in months for charge in month.charges]
    nets = [net for month in months for net in month.nets]
    quantity = sum(month.quantity for month in months)
    total = sum(month.total for month in months) - _covered(charges)
    above = [month for month in months if month.above]
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "unit": offered.product.unit,
        "price_basis": _bases(charges),
        "quantity": format_quantity(quantity),
        "contracts": len({month.key[0] for month in months}),
        "charges": len(charges),
        "net": format_money(sum(charge.net for charge in charges)),
        "lowest": shown(min((price for _, price in nets), default=None)),
        "highest": shown(max((price for _, price in nets), default=None)),
        "volume_weighted": shown(per_unit(total, quantity)),
        "headroom": _least_headroom(nets),
        "count_above": len(above),
        "value_above": format_money(sum(month.above for month in above)),
        "relief": format_money(sum(charge.amount for charge in charges if charge.kind == "ceiling_relief")),
        "highest_nominal": _highest(charge.nominal_unit_price for charge in charges),
        "highest_effective": _highest(month.effective for month in months),
        "nominal_ok": all(_nominal_within(charge) for charge in charges),
        "effective_ok": all(_effective_within(month) for month in months),
        "trial": any(charge.trial for charge in charges),
        "links": {"charges": frame.charges(offered.code)},
    }


def _ceiling_test(frame: Frame, members: Sequence[tuple[ChargedMonth, Charge]]) -> dict[str, Any]:
    charges = [charge for _, charge in members]
    months = {month.key: month for month, _ in members}
    own = {(charge.invoice_id, charge.position) for charge in charges}
    nets = [price for month in months.values() for charge, price in month.nets if _place(charge) in own]
    quantity = sum(charge.quantity for charge in charges)
    total = sum(charge.amount for charge in charges) - _covered(charges)
    above = [month for month in months.values() if month.above and _place(month.worst) in own]
    offered, ceiling = frame.offerings[charges[0].offering_id], charges[0].ceiling
    highest, limit = shown(max(nets, default=None)), shown(ceiling.per_unit if ceiling else None)
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "unit": offered.product.unit,
        "price_basis": charges[0].price_basis,
        "decision_no": ceiling.decision_no if ceiling else None,
        "effective_from": ceiling.effective_from.isoformat() if ceiling else None,
        "quantity": format_quantity(quantity),
        "charges": len(charges),
        "net": format_money(sum(charge.net for charge in charges)),
        "lowest": shown(min(nets, default=None)),
        "highest": highest,
        "volume_weighted": shown(per_unit(total, quantity)),
        "ceiling": limit,
        "headroom": difference(limit, highest),
        "count_above": len(above),
        "value_above": format_money(sum(month.above for month in above)),
        "nominal_ok": all(_nominal_within(charge) for charge in charges),
        "effective_ok": all(_effective_within(month) for month in months.values()),
        "trial": any(charge.trial for charge in charges),
        "links": {
            "charges": frame.charges(offered.code),
            **({"ceiling": frame.link(f"/ceilings/{ceiling.id}")} if ceiling else {}),
        },
    }


def _covered(charges: Iterable[Charge]) -> Fraction:
    """Return what of fixed fees the ceiling's fixed part covers, in fen: no price for a unit holds it."""
    fees = (charge for charge in charges if charge.kind == FIXED_FEE)
    return sum((min(Fraction(fee.amount), fee.allowance) for fee in fees), Fraction(0))


def _place(charge: Charge) -> tuple[str, int]:
    return charge.invoice_id, charge.position


def _least_headroom(nets: Iterable[tuple[Charge, Decimal | Fraction]]) -> str | None:
    """Return what the highest price under each ceiling leaves of it, of the ceiling of which it leaves the least."""
    highest: dict[tuple[str, str], tuple[Ceiling, Decimal | Fraction]] = {}
    for charge, price in nets:
        if charge.ceiling is not None:
            key = (charge.ceiling.id, charge.price_basis)
            before = highest.get(key)
            if before is None or price > before[1]:
                highest[key] = (charge.ceiling, price)
    left = [difference(shown(ceiling.per_unit), shown(price)) for ceiling, price in highest.values()]
    return min((each for each in left if each is not None), key=Decimal, default=None)


def _nominal_within(charge: Charge) -> bool:
    nominal, ceiling = charge.nominal_unit_price, charge.ceiling
    if not charge.is_nominal_within:
        return False
    return nominal is None or ceiling is None or _allows(ceiling, nominal)


def _allows(ceiling: Ceiling, nominal: Decimal) -> bool:
    """Whether a nominal price, which bills keep to eight places, is within a ceiling that may have more."""
    return ceiling.allows(nominal) or Decimal(str(shown(ceiling.per_unit))) == nominal


def _effective_within(month: ChargedMonth) -> bool:
    return month.allowed is None or month.before_reliefs <= month.allowed


def _highest(prices: Iterable[Decimal | Fraction | None]) -> str | None:
    return shown(max((price for price in prices if price is not None), default=None))


def _ceiling_of(charge: Charge) -> Fraction:
    return charge.ceiling.per_unit if charge.ceiling else Fraction(0)


def _bases(charges: Sequence[Charge]) -> str | None:
    return ", ".join(sorted({charge.price_basis for charge in charges})) or None


def _per_unit(fen: int | Fraction, quantity: int) -> Fraction:
    return per_unit(fen, quantity) or Fraction(0)
