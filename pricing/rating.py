"""The charge of one period: use in segments of time, each at its own tariff version and ceiling, as lines.

The rules, in the order in which they are applied (all amounts in the tariff's own tax basis):

1. Tiers and packages accumulate over the period. Each segment is charged T(cumulative end) − T(cumulative
   start) under its own version, every band at the lower of its price and the segment's ceiling (Price Notice
   三), less the version's discount; then it is rounded once, half up, to one line.
2. A minimum commitment is that of the last segment's version: what the lines lack to it is a line of its
   own.
3. Where that charge is above the sum of segment quantity × ceiling in force, the sum is due, rounded once,
   half up; the difference is a line of relief. The two are compared exact, before rounding, so that a price
   at or under its ceiling never makes a relief out of rounding alone. A segment without a ceiling (trial
   price) counts with its own charge; where no segment has a ceiling, nothing is limited.
4. What versions "calculated, not collected" (计费不收费) charged is relieved in full by a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from itertools import pairwise

from pricing.ceiling import Ceiling
from pricing.errors import PriceBasisMismatch
from pricing.explanation import PRICE_NOTICE, Step
from pricing.money import (
    FEN_PER_YUAN,
    MICRO_PER_UNIT,
    PriceBasis,
    format_exact,
    format_money,
    format_quantity,
    format_rate,
    format_unit_price,
    percent_of,
    round_half_up,
    within_money_limit,
)
from pricing.tariff import Relief, Tariff, band_step
from pricing.tariff_models import BandCharge, UnitPrice


class LineKind(StrEnum):
    """What a line charges or takes off."""

    USAGE = "usage"
    MINIMUM = "minimum"
    CEILING_RELIEF = "ceiling_relief"
    RELIEF = "relief"
    FREE = "free"


@dataclass(frozen=True)
class Segment:
    """Use between two business days (half-open) under one tariff version and at most one ceiling."""

    start: date
    end: date
    tariff_id: str
    tariff: Tariff
    ceiling: Ceiling | None
    quantity_micro: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a segment from {self.start} until {self.end} holds no day")
        if self.quantity_micro < 0:
            raise ValueError(f"use is never negative, and here it is {format_quantity(self.quantity_micro)}")


@dataclass(frozen=True)
class RatedLine:
    """A line of a rating: ``amount`` in fen, reliefs negative.

    ``nominal_unit_price`` is the highest published price of a band that the use met, before any ceiling; None
    where a line has no use. ``value_forgone`` (fen) belongs to free use.
    """

    kind: LineKind
    start: date
    end: date
    quantity_micro: int
    amount: int
    nominal_unit_price: UnitPrice | None = None
    ceiling: Ceiling | None = None
    tariff_id: str | None = None
    value_forgone: int | None = None
    # Steps are worded only where somebody reads them: a bill run rates far more than it explains.
    explanation: Callable[[], tuple[Step, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """How the amount came about."""
        return self.explanation()


@dataclass(frozen=True)
class Rating:
    """The lines of a period and their sum, in fen and in the tariff's tax basis."""

    lines: tuple[RatedLine, ...]
    total: int
    price_basis: PriceBasis

    @property
    def quantity_micro(self) -> int:
        """All use of the period."""
        return sum(line.quantity_micro for line in self.lines)

    @property
    def charge(self) -> int:
        """What use and minimum come to, in fen, after discounts and before reliefs."""
        return sum(line.amount for line in self.lines if line.kind in (LineKind.USAGE, LineKind.MINIMUM))

    @property
    def nominal_unit_price(self) -> UnitPrice | None:
        """The highest price met, before any ceiling; None without use."""
        met = [line.nominal_unit_price for line in self.lines if line.nominal_unit_price is not None]
        return max(met, default=None)

    @property
    def effective_unit_price(self) -> Fraction | None:
        """Charge ÷ quantity in yuan, exact, so before reliefs, as the ceiling tests it. None without use."""
        return self._per_unit(self.charge)

    @property
    def billed_unit_price(self) -> Fraction | None:
        """Total ÷ quantity in yuan, exact: what one unit costs the buyer after reliefs. None without use."""
        return self._per_unit(self.total)

    def _per_unit(self, fen: int) -> Fraction | None:
        quantity = self.quantity_micro
        return Fraction(fen * MICRO_PER_UNIT, FEN_PER_YUAN * quantity) if quantity else None

    def explain(self) -> tuple[Step, ...]:
        """Every band, cap, discount, rounding and relief, in the order in which they were applied."""
        return tuple(step for line in self.lines for step in line.steps)


@dataclass(frozen=True)
class _SegmentCharge:
    """What a segment costs, exact in fen: its bands at published prices, and as billed."""

    segment: Segment
    used_before_micro: int
    nominal: tuple[BandCharge, ...]
    billed: tuple[BandCharge, ...]

    @property
    def before_discount(self) -> Fraction:
        return sum((band.amount for band in self.billed), Fraction(0))

    @property
    def exact(self) -> Fraction:
        percent = self.segment.tariff.discount_percent
        charge = self.before_discount
        return charge if percent is None else charge - percent_of(charge, percent)

    @property
    def allowance(self) -> Fraction:
        """The most that the segment may cost in fen; without a ceiling, what it does cost."""
        ceiling = self.segment.ceiling
        return self.exact if ceiling is None else ceiling.at(self.segment.quantity_micro)


def rate_period(segments: Sequence[Segment]) -> Rating:
    """Rate all use of one period of one contract and offering, by the rules at the top of this module.

    Segments come in order of time and do not overlap; one without use still says which version's minimum
    holds. Raises ``PriceBasisMismatch`` where prices and ceilings are not of one tax basis,
    ``AmountTooLarge``, and ``ValueError`` where the segments are none or out of order.
    """
    price_basis = _one_basis(segments)
    charges = _segment_charges(segments)
    lines = [_usage_line(charge) for charge in charges]
    lines += _minimum_line(segments, lines)
    lines += _ceiling_relief_line(charges, lines)
    lines += _not_collected_line(segments, lines)
    total = within_money_limit(sum(line.amount for line in lines), "charge of the period")
    return Rating(tuple(lines), total, price_basis)


def correction(all_use: Rating, charged_before: int) -> int:
    """What late use of a billed period still costs in fen: all its use rated anew, less what was charged.

    The whole period is rated, its tiers and minimum included; credit notes are left aside by the caller, as
    ``charged_before`` counts what was charged. More than zero is a correction line in the next bill, less is
    a credit note on the original bill.
    """
    return all_use.total - charged_before


def free_line(
    start: date,
    end: date,
    quantity_micro: int,
    reference: Tariff | None = None,
    ceiling: Ceiling | None = None,
    used_before_micro: int = 0,
) -> RatedLine:
    """Use for public governance or public welfare: always 0.00 (Price Notice 一).

    The value forgone is what the reference offering's tariff would charge under its ceiling, discount,
    minimum and relief left aside, rounded half up; None where no reference is named. ``used_before_micro`` is
    the free use of the period before this line, over which the reference's tiers accumulate.
    """
    value_forgone = None
    if reference is not None:
        billed = reference if ceiling is None else reference.clipped(ceiling)
        bands = billed.charge_between(used_before_micro, used_before_micro + quantity_micro)
        value_forgone = round_half_up(sum((band.amount for band in bands), Fraction(0)))
        within_money_limit(value_forgone, "value forgone")
    return RatedLine(
        kind=LineKind.FREE,
        start=start,
        end=end,
        quantity_micro=quantity_micro,
        amount=0,
        value_forgone=value_forgone,
        explanation=partial(_free_steps, quantity_micro, value_forgone),
    )


def _one_basis(segments: Sequence[Segment]) -> PriceBasis:
    if not segments:
        raise ValueError("a period is rated by at least one segment, even without use")
    for before, after in pairwise(segments):
        if after.start < before.end:
            raise ValueError(f"the segment from {after.start} begins before the one until {before.end} ends")
    bases = {segment.tariff.price_basis for segment in segments}
    if len(bases) > 1:
        versions = ", ".join(f"{segment.tariff_id} {segment.tariff.price_basis}" for segment in segments)
        raise PriceBasisMismatch(
            f"The tariff versions have different tax bases ({versions}): one contract has one basis."
        )
    return bases.pop()


def _segment_charges(segments: Sequence[Segment]) -> list[_SegmentCharge]:
    charges = []
    used_micro = 0
    for segment in segments:
        end_micro = used_micro + segment.quantity_micro
        nominal = tuple(segment.tariff.charge_between(used_micro, end_micro))
        billed = nominal
        if segment.ceiling is not None:
            billed = tuple(segment.tariff.clipped(segment.ceiling).charge_between(used_micro, end_micro))
        charges.append(_SegmentCharge(segment, used_micro, nominal, billed))
        used_micro = end_micro
    return charges


def _usage_line(charge: _SegmentCharge) -> RatedLine:
    segment = charge.segment
    return RatedLine(
        kind=LineKind.USAGE,
        start=segment.start,
        end=segment.end,
        quantity_micro=segment.quantity_micro,
        amount=within_money_limit(round_half_up(charge.exact), "charge of the segment"),
        nominal_unit_price=max((band.unit_price for band in charge.nominal if band.quantity_micro > 0), default=None),
        ceiling=segment.ceiling,
        tariff_id=segment.tariff_id,
        explanation=partial(_usage_steps, charge),
    )


def _period_line(
    kind: LineKind, segments: Sequence[Segment], amount: int, explanation: Callable[[], tuple[Step, ...]]
) -> RatedLine:
    """A line for the whole period, under the last segment's version and ceiling."""
    last = segments[-1]
    return RatedLine(
        kind=kind,
        start=segments[0].start,
        end=last.end,
        quantity_micro=0,
        amount=amount,
        ceiling=last.ceiling,
        tariff_id=last.tariff_id,
        explanation=explanation,
    )


def _minimum_line(segments: Sequence[Segment], usage: Sequence[RatedLine]) -> list[RatedLine]:
    minimum = segments[-1].tariff.minimum_commitment or 0
    charge = sum(line.amount for line in usage)
    if charge >= minimum:
        return []
    steps = partial(_minimum_steps, charge, minimum)
    return [_period_line(LineKind.MINIMUM, segments, minimum - charge, steps)]


def _ceiling_relief_line(charges: Sequence[_SegmentCharge], lines: Sequence[RatedLine]) -> list[RatedLine]:
    if all(charge.segment.ceiling is None for charge in charges):
        return []
    charged = sum(line.amount for line in lines)
    allowance = sum((charge.allowance for charge in charges), Fraction(0))
    has_minimum = lines[-1].kind is LineKind.MINIMUM
    exact = Fraction(charged) if has_minimum else sum((charge.exact for charge in charges), Fraction(0))
    due = round_half_up(allowance)
    if exact <= allowance or charged <= due:
        return []
    segments = [charge.segment for charge in charges]
    steps = partial(_ceiling_relief_steps, charges, charged, due)
    return [_period_line(LineKind.CEILING_RELIEF, segments, due - charged, steps)]


def _not_collected_line(segments: Sequence[Segment], lines: Sequence[RatedLine]) -> list[RatedLine]:
    """The relief of what versions "calculated, not collected" charged; never more than is left to relieve."""
    uncollected = {
        segment.tariff_id for segment in segments if segment.tariff.relief is Relief.CALCULATED_NOT_COLLECTED
    }
    relieved = min(
        sum(line.amount for line in lines if line.tariff_id in uncollected),
        sum(line.amount for line in lines),
    )
    if relieved <= 0:
        return []
    return [_period_line(LineKind.RELIEF, segments, -relieved, partial(_not_collected_steps, relieved))]


def _usage_steps(charge: _SegmentCharge) -> tuple[Step, ...]:
    steps = []
    if charge.used_before_micro:
        steps.append(_accumulation_step(charge))
    for nominal, billed in zip(charge.nominal, charge.billed, strict=True):
        steps.append(band_step(nominal))
        if charge.segment.ceiling is not None and nominal.quantity_micro:
            steps.append(_ceiling_step(nominal, billed, charge.segment.ceiling))
    discount_percent = charge.segment.tariff.discount_percent
    if discount_percent is not None:
        steps.append(_discount_step(charge, discount_percent))
    steps.append(_rounding_step(charge.exact))
    return tuple(steps)


def _accumulation_step(charge: _SegmentCharge) -> Step:
    before = format_quantity(charge.used_before_micro)
    after = format_quantity(charge.used_before_micro + charge.segment.quantity_micro)
    return Step(
        rule="tariff.accumulation",
        text_en=f"Use accumulates over the period: this segment runs from {before} to {after}",
        text_zh=f"用量在计费期内累计：本段自{before}至{after}",
        inputs={"used_before": before, "used_after": after},
    )


def _ceiling_step(nominal: BandCharge, billed: BandCharge, ceiling: Ceiling) -> Step:
    """The comparison of one band with the ceiling, and what the band costs by it."""
    price, amount = format_unit_price(nominal.unit_price), format_exact(billed.amount)
    limit, per = format_unit_price(ceiling.unit_price), format_quantity(ceiling.per_quantity)
    is_capped = billed.unit_price < nominal.unit_price
    if is_capped:
        text_en = f"{price} is above the ceiling of {ceiling} (decision {ceiling.decision_no}): {amount} is billed"
        text_zh = f"{price}高于上限每{per}单位{limit}（{ceiling.decision_no}），按上限计费：{amount}"
    else:
        text_en = f"{price} is within the ceiling of {ceiling} (decision {ceiling.decision_no})"
        text_zh = f"{price}不高于上限每{per}单位{limit}（{ceiling.decision_no}）"
    return Step(
        rule="ceiling.cap" if is_capped else "ceiling.within",
        text_en=text_en,
        text_zh=text_zh,
        inputs={"nominal_unit_price": price} | _ceiling_inputs(ceiling),
        amount=amount,
        source=PRICE_NOTICE,
        article="三",
    )


def _ceiling_inputs(ceiling: Ceiling) -> dict[str, str]:
    wire = ceiling.as_wire()
    return {
        "ceiling_unit_price": wire["unit_price"],
        "ceiling_per_quantity": wire["per_quantity"],
        "decision_no": wire["decision_no"],
    }


def _discount_step(charge: _SegmentCharge, discount_percent: Decimal) -> Step:
    tariff = charge.segment.tariff
    percent = format_rate(discount_percent)
    before, after = format_exact(charge.before_discount), format_exact(charge.exact)
    ground_en, ground_zh = (f" ({tariff.ground})", f"（{tariff.ground}）") if tariff.ground else ("", "")
    return Step(
        rule="tariff.discount",
        text_en=f"Discount of {percent} %{ground_en}: {before} becomes {after}",
        text_zh=f"优惠{percent}%{ground_zh}：{before}减为{after}",
        inputs={"charge": before, "discount_percent": percent},
        amount=after,
    )


def _rounding_step(exact: Fraction) -> Step:
    charge, amount = format_exact(exact), format_money(round_half_up(exact))
    return Step(
        rule="rounding.half_up",
        text_en=f"Charge of the segment {charge}, rounded once, half up: {amount}",
        text_zh=f"本段费用{charge}，一次四舍五入到分：{amount}",
        inputs={"charge": charge},
        amount=amount,
    )


def _minimum_steps(charge: int, minimum: int) -> tuple[Step, ...]:
    charged, least, lacking = format_money(charge), format_money(minimum), format_money(minimum - charge)
    return (
        Step(
            rule="tariff.minimum_commitment",
            text_en=f"The charge of {charged} is below the minimum commitment of {least}: {lacking} is added",
            text_zh=f"费用{charged}低于最低承诺额{least}，补足{lacking}",
            inputs={"charge": charged, "minimum_commitment": least},
            amount=lacking,
        ),
    )


def _ceiling_relief_steps(charges: Sequence[_SegmentCharge], charged: int, due: int) -> tuple[Step, ...]:
    charge, allowed, relief = format_money(charged), format_money(due), format_money(due - charged)
    return (
        *(_allowance_step(segment_charge) for segment_charge in charges),
        Step(
            rule="ceiling.relief",
            text_en=f"The charge of {charge} is above the {allowed} that the ceilings allow: relief {relief}",
            text_zh=f"费用{charge}高于按上限标准计算的{allowed}，减免{relief}",
            inputs={"charge": charge, "allowed": allowed},
            amount=relief,
            source=PRICE_NOTICE,
            article="三",
        ),
    )


def _allowance_step(charge: _SegmentCharge) -> Step:
    quantity, amount = format_quantity(charge.segment.quantity_micro), format_exact(charge.allowance)
    ceiling = charge.segment.ceiling
    if ceiling is None:
        return Step(
            rule="ceiling.none",
            text_en=f"No ceiling is in force for {quantity} used: it counts with its own charge of {amount}",
            text_zh=f"用量{quantity}期间无上限收费标准，按其费用{amount}计入",
            inputs={"quantity": quantity},
            amount=amount,
        )
    limit, per = format_unit_price(ceiling.unit_price), format_quantity(ceiling.per_quantity)
    return Step(
        rule="ceiling.allowance",
        text_en=f"{quantity} at the ceiling of {ceiling} (decision {ceiling.decision_no}) = {amount}",
        text_zh=f"{quantity}按上限每{per}单位{limit}（{ceiling.decision_no}） = {amount}",
        inputs={"quantity": quantity} | _ceiling_inputs(ceiling),
        amount=amount,
        source=PRICE_NOTICE,
        article="三",
    )


def _not_collected_steps(relieved: int) -> tuple[Step, ...]:
    amount = format_money(relieved)
    return (
        Step(
            rule="tariff.calculated_not_collected",
            text_en=f"Calculated, not collected: the charge of {amount} is relieved in full",
            text_zh=f"计费不收费：费用{amount}全额减免",
            inputs={"charge": amount},
            amount=format_money(-relieved),
        ),
    )


def _free_steps(quantity_micro: int, value_forgone: int | None) -> tuple[Step, ...]:
    quantity = format_quantity(quantity_micro)
    free = Step(
        rule="free_use",
        text_en=f"{quantity} used for public governance or public welfare: free of charge",
        text_zh=f"用于公共治理、公益事业的用量{quantity}：免费",
        inputs={"quantity": quantity},
        amount=format_money(0),
        source=PRICE_NOTICE,
        article="一",
    )
    if value_forgone is None:
        return (free,)
    value = format_money(value_forgone)
    return (
        free,
        Step(
            rule="free_use.value_forgone",
            text_en=f"Value forgone at the price of the reference offering: {value}",
            text_zh=f"按参照产品价格计算的让渡价值：{value}",
            inputs={"quantity": quantity, "value_forgone": value},
        ),
    )
