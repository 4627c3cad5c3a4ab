"""Where more use costs less: a tariff whose next band makes the whole quantity cheaper than the band before it.

Only volume tariffs can do so: the others never charge less for more. A buyer is told, and so is the operator that
publishes the tariff; the price stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from pricing.money import format_money, format_quantity, round_half_up
from pricing.tariff import Tariff
from pricing.tariff_models import Volume


@dataclass(frozen=True)
class Inversion:
    """A quantity and a greater one that costs less: millionths of a unit, and exact fen."""

    code: ClassVar[str] = "volume_inversion"

    quantity_micro: int
    amount: Fraction
    more_micro: int
    more_amount: Fraction

    def as_wire(self) -> dict[str, str]:
        """The warning as the wire says it, in both languages."""
        quantity, more = format_quantity(self.quantity_micro), format_quantity(self.more_micro)
        amount, less = _yuan(self.amount), _yuan(self.more_amount)
        return {
            "code": self.code,
            "text_en": f"More use costs less: {quantity} cost {amount}, and {more} cost {less}",
            "text_zh": f"用量多反而收费少：{quantity}收费{amount}，{more}收费{less}",
            "quantity": quantity,
            "amount": amount,
            "more_quantity": more,
            "more_amount": less,
        }


def inversions(tariff: Tariff, quantity_micro: int | None = None) -> list[Inversion]:
    """Return where a tariff charges less for more: at the end of each band, or for one quantity (millionths) alone.

    The minimum is counted, reliefs are left aside. Of one quantity, the greater one named is the cheapest.

    >>> from decimal import Decimal
    >>> from pricing.money import PriceBasis
    >>> from pricing.tariff_models import Tier
    >>> tiers = (Tier(200_000_000, Decimal("1")), Tier(None, Decimal("0.5"), 5000))
    >>> [inversion.as_wire()["text_en"] for inversion in inversions(Tariff(Volume(tiers), PriceBasis.TAX_EXCLUSIVE))]
    ['More use costs less: 200 cost 200.00, and 200.000001 cost 150.00']
    """
    if quantity_micro is None:
        return [found for bound in _bounds(tariff) if (found := _compared(tariff, bound, bound + 1)) is not None]
    more = [_compared(tariff, quantity_micro, bound + 1) for bound in _bounds(tariff) if bound >= quantity_micro]
    cheaper = [found for found in more if found is not None]
    return [min(cheaper, key=lambda found: found.more_amount)] if cheaper else []


def _bounds(tariff: Tariff) -> Iterator[int]:
    if isinstance(tariff.model, Volume):
        yield from (tier.up_to for tier in tariff.model.tiers if tier.up_to is not None)


def _compared(tariff: Tariff, quantity_micro: int, more_micro: int) -> Inversion | None:
    amount, less = _charge(tariff, quantity_micro), _charge(tariff, more_micro)
    return Inversion(quantity_micro, amount, more_micro, less) if less < amount else None


def _charge(tariff: Tariff, quantity_micro: int) -> Fraction:
    return max(tariff.charge(quantity_micro), Fraction(tariff.minimum_commitment or 0))


def _yuan(amount: Fraction) -> str:
    return format_money(round_half_up(amount))
