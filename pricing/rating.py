"""The charge of one period: use in segments of time, each at its own tariff version and ceiling, as lines.

The rules, in the order in which they are applied (all amounts in the tariff's own tax basis):

1. Tiers and packages accumulate over the period. Each segment is charged T(cumulative end) − T(cumulative
   start) under its own version, every band at the lower of its price and the segment's ceiling (Price Notice
   三), less the version's discount; then it is rounded once, half up, to one line. The fixed part of a price is
   charged beside it for the days on which the contract bears it (``fees``), at the lower of its price and the
   ceiling's fixed part, less the discount: one line for each version and ceiling, rounded cumulatively, so
   that the lines of a period are off by less than a fen together.
2. A minimum commitment is that of the last segment's version: what the lines lack to it is a line of its
   own.
3. Where that charge is above the sum of segment quantity × ceiling in force, the sum is due, rounded once,
   half up; the difference is a line of relief. The two are compared exact, before rounding, so that a price
   at or under its ceiling never makes a relief out of rounding alone. Where the price has a fixed part and so
   has the ceiling, that of the days in force is added to the sum; without it the fixed fee is limited by
   quantity × ceiling alone. A segment without a ceiling (trial price) counts with its own charge; where no
   segment has a ceiling, nothing is limited.
4. What versions "calculated, not collected" (计费不收费) charged is relieved in full by a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from itertools import pairwise

from pricing.ceiling import Ceiling, FixedCeiling, require_same_basis
from pricing.errors import PriceBasisMismatch
from pricing.explanation import PRICE_NOTICE, Step
from pricing.fees import Fee, FixedPrice, Proration, fee_of
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
from pricing.period import Month, Span
from pricing.tariff import Relief, Tariff, band_step
from pricing.tariff_models import BandCharge, UnitPrice


class LineKind(StrEnum):
    """What a line charges or takes off."""

    USAGE = "usage"
    FIXED_FEE = "fixed_fee"
    MINIMUM = "minimum"
    CEILING_RELIEF = "ceiling_relief"
    RELIEF = "relief"
    FREE = "free"


_CHARGES = (LineKind.USAGE, LineKind.FIXED_FEE, LineKind.MINIMUM)


@dataclass(frozen=True)
class Segment:
    """Use between two business days (half-open) under one tariff version and at most one ceiling.

    ``fixed_ceiling`` limits the fixed part of the tariff, where it has one. ``term`` is that of the contract, whose
    years begin with it; without one the fixed part is that of one whole service month. ``bears_fee`` is False on days
    on which only use is charged.
    """

    start: date
    end: date
    tariff_id: str
    tariff: Tariff
    ceiling: Ceiling | None
    quantity_micro: int
    fixed_ceiling: FixedCeiling | None = None
    term: Span | None = None
    bears_fee: bool = True

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
    fixed_ceiling: FixedCeiling | None = None
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
        """What use, fixed part and minimum come to, in fen, after discounts and before reliefs."""
        return sum(line.amount for line in self.lines if line.kind in _CHARGES)

    @property
    def fixed_fee(self) -> int:
        """What the fixed part comes to, in fen, before reliefs."""
        return sum(line.amount for line in self.lines if line.kind is LineKind.FIXED_FEE)

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
class _FeeCharge:
    """The fixed part of a segment, in fen: at its published price, and as billed; ``allowed`` is its ceiling's part."""

    price: FixedPrice
    nominal: Fee
    capped: Fee
    billed: Fee
    allowed: Fraction


@dataclass(frozen=True)
class _SegmentCharge:
    """What a segment costs, exact in fen: its bands at published prices, and as billed, and its fixed part."""

    segment: Segment
    used_before_micro: int
    nominal: tuple[BandCharge, ...]
    billed: tuple[BandCharge, ...]
    fee: _FeeCharge | None

    @property
    def before_discount(self) -> Fraction:
        return sum((band.amount for band in self.billed), Fraction(0))

    @property
    def of_use(self) -> Fraction:
        """What the use costs, without the fixed part."""
        return _discounted(self.before_discount, self.segment.tariff)

    @property
    def exact(self) -> Fraction:
        """What the segment costs, its fixed part included."""
        return self.of_use + (self.fee.billed.exact if self.fee else 0)

    @property
    def is_limited(self) -> bool:
        """Whether any ceiling holds for the segment."""
        return self.segment.ceiling is not None or (self.fee is not None and self.segment.fixed_ceiling is not None)

    @property
    def allowance(self) -> Fraction:
        """The most that the segment may cost in fen; without a ceiling, what it does cost."""
        ceiling = self.segment.ceiling
        if not self.is_limited:
            return self.exact
        of_use = self.of_use if ceiling is None else ceiling.at(self.segment.quantity_micro)
        return of_use + (self.fee.allowed if self.fee else 0)


def rate_period(segments: Sequence[Segment]) -> Rating:
    """Rate all use of one period of one contract and offering, by the rules at the top of this module.

    Segments come in order of time and do not overlap; one without use still says which version's minimum
    holds. Raises ``PriceBasisMismatch`` where prices and ceilings are not of one tax basis,
    ``AmountTooLarge``, and ``ValueError`` where the segments are none or out of order.
    """
    price_basis = _one_basis(segments)
    charges = _segment_charges(segments)
    lines = [_usage_line(charge) for charge in charges]
    lines += _fee_lines(charges)
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
        charges.append(_SegmentCharge(segment, used_micro, nominal, billed, _fee_charge(segment)))
        used_micro = end_micro
    return charges


def _fee_charge(segment: Segment) -> _FeeCharge | None:
    price, ceiling = segment.tariff.fixed, segment.fixed_ceiling
    if price is None or not segment.bears_fee:
        return None
    days = Span(segment.start, segment.end)
    at = partial(fee_of, period=price.period, days=days, term=segment.term)
    nominal = at(price.price, proration=price.proration)
    capped_price, allowed = Fraction(price.price), Fraction(0)
    if ceiling is not None:
        require_same_basis(segment.tariff, ceiling)
        limit = ceiling.limit(price.period)
        capped_price = min(capped_price, limit)
        allowed = at(limit, proration=Proration.BY_DAY).exact
    capped = at(capped_price, proration=price.proration)
    billed = at(_discounted(capped_price, segment.tariff), proration=price.proration)
    return _FeeCharge(price, nominal, capped, billed, allowed)


def _discounted(charge: Fraction, tariff: Tariff) -> Fraction:
    percent = tariff.discount_percent
    return charge if percent is None else charge - percent_of(charge, percent)


def _fee_lines(charges: Sequence[_SegmentCharge]) -> list[RatedLine]:
    """One line for each version and ceiling of the fixed part, in order of time; together they are rounded once."""
    groups: dict[tuple[str, str | None], list[_SegmentCharge]] = {}
    for charge in charges:
        if charge.fee is not None:
            limit = charge.segment.fixed_ceiling
            groups.setdefault((charge.segment.tariff_id, limit.id if limit else None), []).append(charge)
    lines, share = [], Fraction(0)
    for group in groups.values():
        before = round_half_up(share)
        share += sum((charge.fee.billed.share for charge in group if charge.fee), Fraction(0))
        lines.append(_fee_line(group, round_half_up(share) - before))
    return lines


def _fee_line(group: Sequence[_SegmentCharge], amount: int) -> RatedLine:
    first, last = group[0].segment, group[-1].segment
    return RatedLine(
        kind=LineKind.FIXED_FEE,
        start=first.start,
        end=last.end,
        quantity_micro=0,
        amount=within_money_limit(amount, "fixed fee"),
        ceiling=last.ceiling,
        fixed_ceiling=last.fixed_ceiling,
        tariff_id=last.tariff_id,
        explanation=partial(_fee_steps, group, amount),
    )


def _usage_line(charge: _SegmentCharge) -> RatedLine:
    segment = charge.segment
    return RatedLine(
        kind=LineKind.USAGE,
        start=segment.start,
        end=segment.end,
        quantity_micro=segment.quantity_micro,
        amount=within_money_limit(round_half_up(charge.of_use), "charge of the segment"),
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
    if not any(charge.is_limited for charge in charges):
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
    steps.append(_rounding_step(charge.of_use, round_half_up(charge.of_use)))
    return tuple(steps)


def _fee_steps(group: Sequence[_SegmentCharge], amount: int) -> tuple[Step, ...]:
    steps, share = [], Fraction(0)
    for charge in group:
        fee = charge.fee
        if fee is None:
            continue
        share += fee.billed.share
        steps.append(_fee_step(charge.segment, fee))
        if charge.segment.fixed_ceiling is not None:
            steps.append(_fixed_ceiling_step(fee, charge.segment.fixed_ceiling))
        percent = charge.segment.tariff.discount_percent
        if percent is not None:
            steps.append(_taken_off_step(fee.capped.share, fee.billed.share, percent, charge.segment.tariff.ground))
    return (*steps, _proration_step(group[-1]), _rounding_step(share, amount))


_PERIODS_ZH = {"month": "月", "year": "年"}
_PRORATIONS = {
    Proration.BY_DAY: (
        "A part of a period is charged by its days: the fee × days in force ÷ all days of the period",
        "不足一期的按日折算：费用×生效天数÷当期天数",
    ),
    Proration.FULL: (
        "A period once begun is charged whole, and versions that share it by their days in it",
        "当期一经开始即按整期计费，期内多个版本按各自天数分摊",
    ),
}


def _fee_step(segment: Segment, fee: _FeeCharge) -> Step:
    price, part = format_money(fee.price.price), format_exact(fee.nominal.share)
    period, month = fee.price.period, Month.from_date(segment.start)
    days = (segment.end - segment.start).days if segment.term else month.days
    return Step(
        rule="tariff.fixed_fee",
        text_en=f"Fixed price of {price} a {period}: {days} of the {month.days} days of the service month: {part}",
        text_zh=f"固定收费每{_PERIODS_ZH[period]}{price}：本服务月{month.days}天中的{days}天：{part}",
        inputs={
            fee.price.field: price,
            "period": period.value,
            "proration": fee.price.proration.value,
            "days": str(days),
            "days_of_month": str(month.days),
        },
        amount=part,
    )


def _fixed_ceiling_step(fee: _FeeCharge, ceiling: FixedCeiling) -> Step:
    """The comparison of a fixed price with the ceiling's fixed part, and what the fee is by it."""
    price, amount = format_money(fee.price.price), format_exact(fee.capped.share)
    limit = format_unit_price(ceiling.limit(fee.price.period) / FEN_PER_YUAN)
    period_zh = _PERIODS_ZH[fee.price.period]
    is_capped = fee.price.price > ceiling.limit(fee.price.period)
    allowed_en = (
        f"{limit} a {fee.price.period} that the ceiling allows for the fixed part (decision {ceiling.decision_no})"
    )
    allowed_zh = f"上限收费标准的固定部分每{period_zh}{limit}（{ceiling.decision_no}）"
    if is_capped:
        text_en = f"{price} is above the {allowed_en}: {amount} is billed"
        text_zh = f"{price}高于{allowed_zh}，按上限计费：{amount}"
    else:
        text_en, text_zh = f"{price} is within the {allowed_en}", f"{price}不高于{allowed_zh}"
    return Step(
        rule="ceiling.fixed_cap" if is_capped else "ceiling.fixed_within",
        text_en=text_en,
        text_zh=text_zh,
        inputs={
            "price": price,
            "ceiling": format_unit_price(ceiling.stated),
            "ceiling_period": ceiling.period.value,
            "decision_no": ceiling.decision_no,
        },
        amount=amount,
        source=PRICE_NOTICE,
        article="二、三",
    )


def _proration_step(charge: _SegmentCharge) -> Step:
    proration = charge.fee.price.proration if charge.fee else Proration.BY_DAY
    text_en, text_zh = _PRORATIONS[proration]
    return Step(rule="tariff.proration", text_en=text_en, text_zh=text_zh, inputs={"proration": proration.value})


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
    return _taken_off_step(charge.before_discount, charge.of_use, discount_percent, charge.segment.tariff.ground)


def _taken_off_step(charge: Fraction, left: Fraction, discount_percent: Decimal, ground: str | None) -> Step:
    percent = format_rate(discount_percent)
    before, after = format_exact(charge), format_exact(left)
    ground_en, ground_zh = (f" ({ground})", f"（{ground}）") if ground else ("", "")
    return Step(
        rule="tariff.discount",
        text_en=f"Discount of {percent} %{ground_en}: {before} becomes {after}",
        text_zh=f"优惠{percent}%{ground_zh}：{before}减为{after}",
        inputs={"charge": before, "discount_percent": percent},
        amount=after,
    )


def _rounding_step(exact: Fraction, fen: int) -> Step:
    charge, amount = format_exact(exact), format_money(fen)
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
        *(step for segment_charge in charges for step in _allowance_steps(segment_charge)),
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


def _allowance_steps(charge: _SegmentCharge) -> Iterator[Step]:
    """The ceiling of the use of a segment, and that of its fixed part where there is one."""
    ceiling, fixed = charge.segment.ceiling, charge.segment.fixed_ceiling
    if not charge.is_limited:
        yield _allowance_step(charge, None, charge.exact)
        return
    if ceiling is not None or charge.segment.quantity_micro:
        of_use = charge.of_use if ceiling is None else ceiling.at(charge.segment.quantity_micro)
        yield _allowance_step(charge, ceiling, of_use)
    if charge.fee is not None and fixed is not None:
        yield _fixed_allowance_step(charge.fee, fixed)


def _fixed_allowance_step(fee: _FeeCharge, ceiling: FixedCeiling) -> Step:
    amount, stated = format_exact(fee.allowed), format_unit_price(ceiling.stated)
    period_zh = _PERIODS_ZH[ceiling.period]
    return Step(
        rule="ceiling.fixed_allowance",
        text_en=f"The ceiling's fixed part of {ceiling} (decision {ceiling.decision_no}), for its days = {amount}",
        text_zh=f"上限固定部分每{period_zh}{stated}（{ceiling.decision_no}），按生效天数 = {amount}",
        inputs={"ceiling": stated, "ceiling_period": ceiling.period.value} | {"decision_no": ceiling.decision_no},
        amount=amount,
        source=PRICE_NOTICE,
        article="二、三",
    )


def _allowance_step(charge: _SegmentCharge, ceiling: Ceiling | None, allowed: Fraction) -> Step:
    quantity, amount = format_quantity(charge.segment.quantity_micro), format_exact(allowed)
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
