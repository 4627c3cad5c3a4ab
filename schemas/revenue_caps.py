"""Documents of maximum permitted revenue: who determines it, applications, caps, evaluations and duties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate, validates_schema
from marshmallow.exceptions import ValidationError

from pricing.money import PriceBasis
from pricing.period import YEAR_MAX, YEAR_MIN
from pricing.revenue_cap import COST_USES
from schemas.fields import Choice, Count, Day, Instant, Items, Money, Rate, Ref, Words
from schemas.prices import BASES, NUMBER_LENGTH_MAX
from schemas.wire import PageQuery, Wire

COST_HEADS = ("platform", "data_processing", "personnel", "data_acquisition", "period_expense")
LEVELS = ("national", "local")
YEARS_MAX = 20
COSTS_MAX = 1000
REASONS_MAX = 50
DECISIONS_MAX = 200


class CostItem(Wire):
    """One cost: its head, the use that it serves, and its amount."""

    head = Choice(*COST_HEADS, required=True)
    use = Choice(*COST_USES, required=True)
    amount = Money(required=True, at_least=0)


class YearTax(Wire):
    """The taxes of a year: value-added tax apart from the others."""

    vat = Money(required=True, at_least=0)
    other = Money(required=True, at_least=0)


class CapYearIn(Wire):
    """The surveyed figures of one calendar year."""

    year = Count(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    costs = Items(fields.Nested(CostItem), required=True, least=1, most=COSTS_MAX)
    subsidies = Money(required=True, at_least=0)
    tax = fields.Nested(YearTax, required=True)


class CapYearOut(CapYearIn):
    """A year with the maximum permitted revenue that follows from its figures, part by part."""

    operating_cost = Money(required=True)
    public_interest_cost = Money(required=True)
    permitted_profit_rate_percent = Rate(required=True)
    permitted_profit = Money(required=True)
    maximum_permitted_revenue = Money(required=True)
    deduction = Money(required=True)
    maximum_after_deduction = Money(required=True)


class SpreadYear(Wire):
    """The part of a deduction that falls into a year."""

    year = Count(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    amount = Money(required=True, at_least=0)


class DeductionSpread(Wire):
    """A decision that spreads what is carried in over years of the cycle; its parts come to ``carry_in``."""

    decision_no = Words(required=True, longest=NUMBER_LENGTH_MAX)
    reason = Words(required=True)
    years = Items(fields.Nested(SpreadYear), required=True, least=1, most=YEARS_MAX)


class RevenueCapIn(Wire):
    """A price authority's determination of an operator's maximum permitted revenue for a cycle."""

    operator = Ref(required=True)
    cycle_from = Day(required=True)
    cycle_until = Day(required=True)
    decision_no = Words(required=True, longest=NUMBER_LENGTH_MAX)
    decided_on = Day(required=True)
    revenue_basis = Choice(*BASES, required=True)
    cost_survey_year = Count(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    bond_yield_percent = Rate(required=True)
    bond_yield_source = Words(required=True)
    markup_points = Rate(required=True)
    years = Items(fields.Nested(CapYearIn), required=True, least=1, most=YEARS_MAX)
    carry_in = Money(load_default=None, allow_none=True, at_least=0)
    carry_in_reason = Words(load_default=None, allow_none=True)
    deduction_spread = fields.Nested(DeductionSpread, load_default=None, allow_none=True)
    cycle_reason = Words(load_default=None, allow_none=True)
    registration_level = Choice(*LEVELS, load_default=None, allow_none=True)
    application = Ref(load_default=None, allow_none=True)


class FigureDifference(Wire):
    """A figure that is not what it was before, by year and item; ``difference`` is after less before."""

    year = fields.Integer(required=True)
    item = fields.String(required=True)
    before = Money(required=True)
    after = Money(required=True)
    difference = Money(required=True)


class LaterYears(Wire):
    """A decision that added the figures of later years."""

    id = fields.String(required=True)
    decision_no = fields.String(required=True)
    decided_on = Day(required=True)
    years = fields.List(fields.Integer(), required=True)
    rule_set_version = fields.String(required=True)
    rule_set_sha256 = fields.String(required=True)
    recorded_at = Instant(required=True)


class RevenueCapOut(RevenueCapIn):
    """A determination as recorded, with the years added later.

    ``carry_out`` is what its years could not bear, or not yet, of ``carry_in``; ``closed_cycle_leaves`` what the cycles
    before left when it was recorded (null where none was closed), by the caps ``carried_from``.
    """

    id = fields.String(required=True)
    regulator = fields.String(required=True)
    operator_id = fields.String(required=True)
    regulator_id = fields.String(required=True)
    years = Items(fields.Nested(CapYearOut), required=True, least=1, most=YEARS_MAX)
    carry_out = Money(required=True)
    closed_cycle_leaves = Money(required=True, allow_none=True)
    carried_from = fields.List(fields.String(), required=True)
    application_differences = fields.List(fields.Nested(FigureDifference), required=True, allow_none=True)
    additions = fields.List(fields.Nested(LaterYears), required=True)
    rule_set_version = fields.String(required=True)
    rule_set_sha256 = fields.String(required=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)
    recorded_at = Instant(required=True)


class CapQuery(PageQuery):
    """Which determinations."""

    operator = Ref(load_default=None)


class LaterYearsIn(Wire):
    """The figures of years of the cycle that had none when the cap was determined."""

    decision_no = Words(required=True, longest=NUMBER_LENGTH_MAX)
    decided_on = Day(required=True)
    years = Items(fields.Nested(CapYearIn), required=True, least=1, most=YEARS_MAX)


class AppointmentIn(Wire):
    """The price authority of an operator's products of a registration level, from a day on."""

    operator = Ref(required=True)
    regulator = Ref(required=True)
    registration_level = Choice(*LEVELS, required=True)
    effective_from = Day(required=True)
    effective_until = Day(load_default=None, allow_none=True)
    decision_no = Words(required=True, longest=NUMBER_LENGTH_MAX)


class AppointmentOut(AppointmentIn):
    """An appointment as recorded."""

    id = fields.String(required=True)
    operator_id = fields.String(required=True)
    regulator_id = fields.String(required=True)
    recorded_at = Instant(required=True)


class ApplicationYear(CapYearIn):
    """The figures of a year applied for, with the costs that follow: of commercial use less subsidies, and the rest."""

    operating_cost = Money(required=True)
    public_interest_cost = Money(required=True)


class CapApplicationIn(Wire):
    """An operator's application for a maximum, with the figures of its cost survey."""

    regulator = Ref(required=True)
    registration_level = Choice(*LEVELS, load_default=None, allow_none=True)
    revenue_basis = Choice(*BASES, load_default=PriceBasis.TAX_EXCLUSIVE.value)
    cost_survey_year = Count(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    years = Items(fields.Nested(CapYearIn), required=True, least=1, most=YEARS_MAX)
    statement = Words(required=True)


class CapEvaluationIn(Wire):
    """What a price authority finds about an application; accepted as applied, or with figures of its own."""

    outcome = Choice("returned", "accepted", required=True)
    finding = Words(required=True)
    accepted_years = Items(fields.Nested(CapYearIn), load_default=None, allow_none=True, least=1, most=YEARS_MAX)
    reasons = Items(Words(), load_default=list, most=REASONS_MAX)

    @validates_schema
    def require_acceptance(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse accepted figures of an application that is returned."""
        if data["outcome"] == "returned" and data["accepted_years"] is not None:
            raise ValidationError({"accepted_years": ["An application that is returned has no accepted figures."]})


class CapEvaluationOut(Wire):
    """An evaluation as recorded; its ``differences`` are the accepted figures less those applied for."""

    outcome = fields.String(required=True)
    finding = fields.String(required=True)
    accepted_years = fields.List(fields.Nested(CapYearIn), required=True, allow_none=True)
    reasons = fields.List(fields.String(), required=True)
    differences = fields.List(fields.Nested(FigureDifference), required=True)
    recorded_at = Instant(required=True)


class CapApplicationOut(CapApplicationIn):
    """An application with its evaluation (null before it), and the cap that was determined on it."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    operator_id = fields.String(required=True)
    regulator_id = fields.String(required=True)
    years = Items(fields.Nested(ApplicationYear), required=True, most=YEARS_MAX)
    operating_year_complete_on = Day(required=True, allow_none=True)
    status = Choice("submitted", "returned", "accepted", "determined", required=True)
    evaluation = fields.Nested(CapEvaluationOut, required=True, allow_none=True)
    revenue_cap = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)
    recorded_at = Instant(required=True)


class RevenueEvaluationIn(Wire):
    """The evaluation of an operator's year; the duties of a deviation are due on ``due_on``, if given."""

    operator = Ref(required=True)
    year = Count(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    registration_level = Choice(*LEVELS, load_default=None, allow_none=True)
    due_on = Day(load_default=None, allow_none=True)
    finding = Words(load_default=None, allow_none=True)


class RaisedDuty(Wire):
    """A duty as its evaluation names it."""

    id = fields.String(required=True)
    party = fields.String(required=True)
    party_role = fields.String(required=True)
    kind = fields.String(required=True)
    due_on = Day(required=True)


class RevenueEvaluationOut(Wire):
    """A year's revenue against its maximum, frozen as of a moment, and the duties that it raised.

    ``deviation_exact`` is the ratio as a fraction in lowest terms, which was compared with the line; it and the percent
    are null where the maximum is zero. ``duty`` is null where there is no deviation.
    """

    id = fields.String(required=True)
    operator = fields.String(required=True)
    regulator = fields.String(required=True)
    revenue_cap = fields.String(required=True)
    decision_no = fields.String(required=True)
    year = fields.Integer(required=True)
    registration_level = fields.String(required=True, allow_none=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    as_of = Instant(required=True)
    revenue_basis = fields.String(required=True)
    billed = Money(required=True)
    credited = Money(required=True)
    accrued = Money(required=True)
    actual = Money(required=True)
    maximum_permitted_revenue = Money(required=True)
    deduction = Money(required=True)
    maximum_after_deduction = Money(required=True)
    deviation = Money(required=True)
    deviation_exact = fields.String(required=True, allow_none=True)
    deviation_percent = fields.String(required=True, allow_none=True)
    line_percent = fields.String(required=True)
    ten_percent_line = fields.String(required=True)
    exceeds_line = fields.Boolean(required=True)
    duty = fields.String(required=True, allow_none=True)
    finding = fields.String(required=True, allow_none=True)
    duties = fields.List(fields.Nested(RaisedDuty), required=True)
    rule_set_version = fields.String(required=True)
    rule_set_sha256 = fields.String(required=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)
    recorded_at = Instant(required=True)


class DeviationDutyQuery(PageQuery):
    """Whose duties, in which state, of which evaluation; one that is overdue is open too."""

    party = Ref(load_default=None)
    status = Choice("open", "overdue", "fulfilled", "confirmed", load_default=None)
    evaluation = Ref(load_default=None)


class FulfilmentIn(Wire):
    """What a party did about its duty, and the tariffs and ceilings (ids) that were decided for it."""

    statement = Words(required=True)
    tariffs = Items(Ref(), load_default=list, most=DECISIONS_MAX)
    ceilings = Items(Ref(), load_default=list, most=DECISIONS_MAX)
    no_change_reason = Words(load_default=None, allow_none=True)


class DutyConfirmationIn(Wire):
    """Why a price authority takes a duty as fulfilled."""

    statement = Words(required=True)


class DutyDecision(Wire):
    """A tariff or ceiling that was decided for a duty."""

    kind = fields.String(required=True)
    id = fields.String(required=True)
    offering = fields.String(required=True)
    effective_from = Day(required=True)


class DutyStepOut(Wire):
    """A step on a duty."""

    action = fields.String(required=True)
    statement = fields.String(required=True)
    decisions = fields.List(fields.Nested(DutyDecision), required=True)
    no_change_reason = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class DeviationDutyOut(Wire):
    """A duty with its steps, as it stands today."""

    id = fields.String(required=True)
    evaluation = fields.String(required=True)
    year = fields.Integer(required=True)
    registration_level = fields.String(required=True, allow_none=True)
    deviation = Money(required=True)
    deviation_percent = fields.String(required=True, allow_none=True)
    operator = fields.String(required=True)
    party = fields.String(required=True)
    party_role = fields.String(required=True)
    kind = fields.String(required=True)
    due_on = Day(required=True)
    due_given_by = Choice("regulator", "platform", required=True)
    status = Choice("open", "fulfilled", "confirmed", required=True)
    is_overdue = fields.Boolean(required=True)
    steps = fields.List(fields.Nested(DutyStepOut), required=True)
    raised_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)
