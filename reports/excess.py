"""What service months stand above their ceilings, and what of it is still owed to buyers.

Two standings of a month are told apart. The *worst* one is how high it ever stood above its ceilings: a breach is told
also after it was made good. The *present* one is what is left after every credit: charges that were given back or are
billed anew, use that was returned, and money that the parties settled. What is owed is the present one's excess, so
that nothing is refunded twice, whoever gave it back and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from pricing.money import PriceBasis, round_half_up
from pricing.period import Span
from registry.lookup import missing
from reports.charged_anew import (
    fees_given_back,
    months_still_charged,
    returned_lines,
    settled_credits,
    taken_back_in_error,
    taken_back_or_returned,
    worst_standings,
)
from reports.charges import CORRECTION, charges_of
from reports.frame import Frame, frame_of
from reports.price_tests import ChargedMonth, charged_months
from settlement.breaches import ExcessLine, Touched
from settlement.drafts import EarlierBill
from store.unit import Unit

_AHEAD: Final = timedelta(days=1)
"""Work that began after this one may have been committed before it: under a lock, all that is visible counts."""


@dataclass(frozen=True)
class Excess:
    """A month that stood above its ceilings: ``value`` at its worst and ``owed`` now, fen in the bill's tax basis."""

    standing: ChargedMonth
    present: ChargedMonth
    value: int
    owed: int


def excesses(unit: Unit, frame: Frame, months: Sequence[ChargedMonth]) -> list[Excess]:
    """Return the charged months of a report that stood above their ceilings, by contract, offering and month."""
    lawful = months_still_charged(months, fees_given_back(unit, frame))
    worst = worst_standings(lawful, taken_back_in_error(unit, frame))
    present = months_still_charged(months, taken_back_or_returned(unit, frame))
    settled, returned = settled_credits(unit, frame), returned_lines(unit, frame)
    found = [_excess(one, other, settled, returned) for one, other in zip(worst, present, strict=True)]
    return [excess for excess in found if excess.value]


def touched_months(unit: Unit, operator_id: str, offering_id: str, days: Span) -> list[Touched]:
    """Return what is owed of an offering for the months of a period, as the papers say it now.

    Raises NotFound for what the caller does not oversee.
    """
    whole = frame_of(unit, operator_id, days, unit.now + _AHEAD)
    if offering_id not in whole.offerings:
        raise missing("offering", offering_id, "offering")
    frame = replace(whole, offerings={offering_id: whole.offerings[offering_id]})
    found = excesses(unit, frame, charged_months(charges_of(unit, frame)))
    return [_touched(excess) for excess in found if excess.owed]


def _excess(
    worst: ChargedMonth,
    present: ChargedMonth,
    settled: Mapping[tuple[str, str, str], int],
    returned: Mapping[tuple[str, str, str], int],
) -> Excess:
    above = present.above
    if not worst.above and above <= returned.get(present.key, 0):
        above = 0  # a return takes its part of each line rounded, so that what is left may be a fen a line above
    owed = max(0, above - settled.get(present.key, 0))
    standing = worst if worst.above >= above else present
    return Excess(standing, present, max(worst.above, above), owed)


def _touched(excess: Excess) -> Touched:
    month = excess.present
    first = min(charge.invoice_id for charge in month.charges if charge.kind != CORRECTION or not charge.corrects)
    number = next(charge.number for charge in month.charges if charge.invoice_id == first)
    contract_id, offering_id, service_month = month.key
    lines = _lines(month)
    return Touched(
        contract_id=contract_id,
        offering_id=offering_id,
        service_month=service_month,
        price_basis=PriceBasis(month.charges[0].price_basis),
        charged=month.total,
        allowed=month.allowed or 0,
        owed=excess.owed,
        bill=EarlierBill(first, number),
        lines=lines if sum(line.amount for line in lines) == excess.owed else (),
    )


def _lines(month: ChargedMonth) -> tuple[ExcessLine, ...]:
    """Return what single lines lie above their ceilings; a month that was corrected counts as a whole."""
    if month.is_corrected:
        return ()
    above = ((charge, charge.amount - round_half_up(charge.allowance)) for charge in month.used)
    return tuple(ExcessLine(charge.invoice_id, charge.position, amount) for charge, amount in above if amount > 0)
