"""Documents of the reports: cap compliance with its charges, and the revenue position. Amounts are text already."""

from __future__ import annotations

from marshmallow import fields, validate

from pricing.period import YEAR_MAX, YEAR_MIN
from schemas.fields import Choice, Day, Instant, Money, Quantity, Ref, TotalQuantity, UnitPrice, YesNo
from schemas.wire import AsOfQuery, PageQuery, QueryCount, Wire

LANGUAGES = ("zh", "en")


class ComplianceQuery(AsOfQuery):
    """Whose report, and of which days, half-open."""

    operator = Ref(required=True)
    day_from = Day(required=True, data_key="from")
    day_until = Day(required=True, data_key="until")


class CompliancePaperQuery(ComplianceQuery):
    """The report as a paper, in a language."""

    lang = Choice(*LANGUAGES, load_default="zh")


class ComplianceTableQuery(ComplianceQuery):
    """One section of the report as a table."""

    section = Ref(load_default="price_tests")


class ChargesQuery(ComplianceQuery, PageQuery):
    """The charges behind the report, of one offering if named."""

    offering = Ref(load_default=None)


class ChargesTableQuery(ComplianceQuery):
    """All charges behind the report as one table."""

    offering = Ref(load_default=None)


class PositionQuery(AsOfQuery):
    """Whose position, and of which calendar year."""

    operator = Ref(required=True)
    year = QueryCount(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))
    registration_level = Choice("national", "local", load_default=None)


class PositionChartQuery(PositionQuery):
    """The position as a chart, in a language."""

    lang = Choice(*LANGUAGES, load_default="zh")


class CarryInQuery(AsOfQuery):
    """Whose next cycle, from which day on, for the products of which level."""

    operator = Ref(required=True)
    cycle_from = Day(required=True)
    registration_level = Choice("national", "local", load_default=None)


class Linked(Wire):
    """A row whose figures can be followed: by name, where the rows behind them are."""

    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class NamedParty(Wire):
    """A party as reports name it."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    credit_code = fields.String(allow_none=True)


class RuleSet(Wire):
    """The rules that were applied, and the hash over all of them."""

    jurisdiction = fields.String(required=True)
    version = fields.String(required=True)
    hash = fields.String(required=True)


class DaySpan(Wire):
    """Days, half-open."""

    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)


class MonthSpan(Wire):
    """Months, half-open."""

    month_from = fields.String(required=True, data_key="from", attribute="from")
    until = fields.String(required=True)


class CategoryDecision(Wire):
    """A decision on the category of an offering."""

    decision_no = fields.String(required=True)
    category = fields.String(required=True)
    effective_from = Day(required=True)
    reason = fields.String(allow_none=True)
    recorded_at = Instant(required=True)


class RegisteredOffering(Linked):
    """An offering with class, reasons and charging basis, on the period's last day."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    product = fields.String(required=True)
    scenario = fields.String(required=True)
    purpose = fields.String(required=True)
    category = fields.String(required=True)
    status = Choice("confirmed", "proposed", required=True)
    classified_from = Day(allow_none=True)
    decision_no = fields.String(allow_none=True)
    reasons = fields.List(fields.Dict(), required=True)
    grounds = fields.List(fields.String(), required=True)
    decisions = fields.List(fields.Nested(CategoryDecision), required=True)
    charge_reason = fields.String(allow_none=True)
    charging_basis = fields.String(required=True)
    unit = fields.String(required=True)
    reference_offering = fields.String(allow_none=True)
    agreement_no = fields.String(required=True)
    grantor = fields.String(required=True)
    registration_code = fields.String(allow_none=True)
    registration_expires_on = Day(allow_none=True)


class CeilingHeld(Linked):
    """A ceiling with the days on which it really holds."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    unit_price = UnitPrice(required=True)
    per_quantity = Quantity(required=True)
    unit = fields.String(required=True)
    charging_form = fields.String(required=True)
    price_basis = fields.String(required=True)
    base_price = UnitPrice(allow_none=True)
    base_price_period = fields.String(allow_none=True)
    effective_from = Day(required=True)
    effective_until = Day(allow_none=True)
    decision_no = fields.String(required=True)
    report_no = fields.String(required=True)
    reported_on = Day(required=True)
    planned_sales_volume = Quantity(allow_none=True)
    above_maximum_reason = fields.String(allow_none=True)
    recorded_at = Instant(required=True)


class PriceSaid(Linked):
    """A price in force, quoted or contracted, one row for each that a buyer can meet."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    source = Choice("in_force", "quoted", "contracted", required=True)
    reference = fields.String(allow_none=True)
    buyer = fields.String(allow_none=True)
    status = fields.String(allow_none=True)
    follows = fields.String(allow_none=True)
    model = fields.String(allow_none=True)
    unit_price = UnitPrice(allow_none=True)
    effective_unit_price = UnitPrice(allow_none=True)
    quantity = TotalQuantity(allow_none=True)
    band = fields.String(allow_none=True)
    unit = fields.String(required=True)
    price_basis = fields.String(allow_none=True)
    minimum_commitment = Money(allow_none=True)
    relief = fields.String(allow_none=True)
    ground = fields.String(allow_none=True)
    ceiling = UnitPrice(allow_none=True)
    per_quantity = Quantity(allow_none=True)
    decision_no = fields.String(allow_none=True)
    effective_from = Day(allow_none=True)
    effective_until = Day(allow_none=True)
    trial = YesNo(required=True)


class PriceAdjustment(Linked):
    """A version of a price or ceiling that began in the period, or that was back-dated into it."""

    kind = Choice("ceiling", "tariff", required=True)
    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    decision_no = fields.String(allow_none=True)
    effective_from = Day(required=True)
    recorded_at = Instant(required=True)
    price_before = fields.String(allow_none=True)
    price_after = fields.String(required=True)
    backdated = YesNo(required=True)
    backdate_reason = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class _Tested(Linked):
    """What both tests of prices say; prices are net of discounts and reliefs, in the tax basis named.

    ``nominal_ok``: no published price that use met was above the ceiling of that day, before it was capped;
    ``effective_ok``: use and minimum, before reliefs, came to no more than use × ceiling; ``count_above``: service
    months of contracts that were billed above their ceilings all the same.
    """

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    unit = fields.String(required=True)
    price_basis = fields.String(required=True, allow_none=True)
    quantity = TotalQuantity(required=True)
    charges = fields.Integer(required=True)
    net = Money(required=True)
    lowest = UnitPrice(allow_none=True)
    highest = UnitPrice(allow_none=True)
    volume_weighted = UnitPrice(allow_none=True)
    headroom = fields.String(allow_none=True)
    count_above = fields.Integer(required=True)
    value_above = Money(required=True)
    nominal_ok = YesNo(required=True)
    effective_ok = YesNo(required=True)
    trial = YesNo(required=True)


class OfferingTest(_Tested):
    """The prices of an offering over all ceilings of the period; ``headroom`` is the least that was left."""

    contracts = fields.Integer(required=True)
    relief = Money(required=True)
    highest_nominal = UnitPrice(allow_none=True)
    highest_effective = UnitPrice(allow_none=True)


class CeilingTest(_Tested):
    """The prices of an offering under one ceiling, for one unit; ``headroom`` is the ceiling less the highest."""

    decision_no = fields.String(allow_none=True)
    effective_from = Day(allow_none=True)
    ceiling = UnitPrice(allow_none=True)


class GrantStep(Wire):
    """A decision on a grant."""

    action = fields.String(required=True)
    reason = fields.String(required=True)
    effective_at = Instant(required=True)


class RegisterRerating(Linked):
    """A decision that use under a grant was commercial, and the net amount of its bill."""

    decision_no = fields.String(required=True)
    reason = fields.String(required=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    offering = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    net = Money(required=True)
    bill = fields.String(required=True)


class FreeUse(Linked):
    """A grant with its free use in the period, and what it would have cost at the reference offering's tariff."""

    grant = fields.String(required=True)
    contract = fields.String(allow_none=True)
    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    buyer = fields.String(required=True)
    purpose_statement = fields.String(required=True)
    status = fields.String(required=True)
    effective_from = Day(required=True)
    effective_until = Day(required=True)
    quantity_limit = Quantity(allow_none=True)
    quantity = TotalQuantity(required=True)
    unit = fields.String(required=True)
    reference_offering = fields.String(allow_none=True)
    price_basis = fields.String(allow_none=True)
    reference_price = UnitPrice(allow_none=True)
    value_forgone = Money(allow_none=True)
    quantity_unpriced = TotalQuantity(allow_none=True)
    decisions = fields.List(fields.Nested(GrantStep), required=True)
    conditions_version = Day(required=True)
    review_due_on = Day(allow_none=True)
    review_overdue = YesNo(required=True)
    rerated_quantity = TotalQuantity(required=True)
    reratings = fields.List(fields.Nested(RegisterRerating), required=True)


class Amounts(Linked):
    """Revenue of service delivered: billed, less credits, plus accrued, and what was recorded of years filed before.

    What was billed of months to come is apart.
    """

    billed = Money(required=True)
    credited = Money(required=True)
    accrued = Money(required=True)
    prior_year = Money(required=True)
    actual = Money(required=True)
    billed_in_advance = Money(required=True)


class RevenueCompared(Amounts):
    """Revenue of a year, a cycle or the period against the maximum; what was not compared is null."""

    scope = Choice("year", "cycle", "period", required=True)
    year = fields.String(allow_none=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    decision_no = fields.String(allow_none=True)
    registration_level = fields.String(allow_none=True)
    revenue_basis = fields.String(required=True)
    maximum_permitted_revenue = Money(allow_none=True)
    deduction = Money(allow_none=True)
    maximum_after_deduction = Money(allow_none=True)
    compared_years = fields.List(fields.String(), required=True)
    compared_actual = Money(allow_none=True)
    deviation = Money(allow_none=True)
    deviation_percent = fields.String(allow_none=True)
    line_percent = fields.String(allow_none=True)
    ten_percent_line = fields.String(allow_none=True)
    exceeds_line = YesNo(allow_none=True)
    duty = fields.String(allow_none=True)
    provisional = YesNo(allow_none=True)
    carried_over = Money(allow_none=True)
    deduction_proposed = Money(allow_none=True)


class PriorYearLine(Linked):
    """What was recorded of a service month after its year's report was filed; it counts where it was recorded.

    ``billed``, ``credited`` and ``accrued`` are changes without tax; ``net``, ``tax`` and ``gross`` what they come to.
    """

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    service_month = fields.String(required=True)
    recorded_after = Instant(required=True)
    recorded_until = Instant(required=True)
    counted_in = fields.String(required=True)
    billed = Money(required=True)
    credited = Money(required=True)
    accrued = Money(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)


class DutyRow(Linked):
    """A duty that the deviation of a year raised, as it stands at the report's moment."""

    duty = fields.String(required=True)
    year = fields.String(required=True)
    registration_level = fields.String(allow_none=True)
    deviation = Money(required=True)
    deviation_percent = fields.String(allow_none=True)
    kind = fields.String(required=True)
    party = fields.String(required=True)
    party_role = fields.String(required=True)
    raised_at = Instant(required=True)
    due_on = Day(required=True)
    due_given_by = fields.String(required=True)
    status = Choice("open", "fulfilled", "confirmed", required=True)
    is_overdue = YesNo(required=True)
    statements = fields.List(fields.String(), required=True)
    decisions = fields.List(fields.String(), required=True)
    fulfilled_at = Instant(allow_none=True)
    confirmed_at = Instant(allow_none=True)


class Breach(Linked):
    """A service month that was billed above its ceilings."""

    offering = fields.String(required=True)
    buyer = fields.String(required=True)
    contract = fields.String(required=True)
    service_month = fields.String(required=True)
    bills = fields.List(fields.String(), required=True)
    billed_on = Day(required=True)
    unit_price = UnitPrice(allow_none=True)
    ceiling = UnitPrice(allow_none=True)
    decision_no = fields.String(allow_none=True)
    price_basis = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    value = Money(required=True)
    refunded = Money(required=True)
    status = Choice("open", "refunded", "closed", required=True)
    records = fields.List(fields.String(), required=True)


class BreachRecorded(Linked):
    """A breach as it was recorded, in the price basis of its bills, with the last order, its answer and the close."""

    record = fields.String(required=True)
    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    cause = fields.String(required=True)
    found_on = Day(required=True)
    found_by = fields.String(required=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    buyers = fields.List(fields.String(), required=True)
    months = fields.Integer(required=True)
    value = Money(required=True)
    refunded_net = Money(required=True)
    refunded_gross = Money(required=True)
    decision_no = fields.String(allow_none=True)
    measures = fields.List(fields.String(), required=True)
    due_on = Day(allow_none=True)
    answer = fields.String(allow_none=True)
    close_reason = fields.String(allow_none=True)
    closed_at = Instant(allow_none=True)
    status = Choice("open", "ordered", "answered", "closed", required=True)


class Complaints(Linked):
    """What was complained of in an offering; ``wide_from`` complainants make it widely complained about.

    That number is the platform's own and not law.
    """

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    complaints = fields.Integer(required=True)
    complainants = fields.Integer(required=True)
    price_too_high = fields.Integer(required=True)
    unfair_terms = fields.Integer(required=True)
    quality = fields.Integer(required=True)
    other = fields.Integer(required=True)
    open = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    closed = fields.Integer(required=True)
    wide_from = fields.Integer(required=True)
    price_found_too_high = YesNo(required=True)
    widely_complained = YesNo(required=True)


class PriceAboveCeiling(Linked):
    """A price that a ceiling has come to lie below, what it is charged at meanwhile, and the contracts that bear it."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    source = Choice("published", "contracted", required=True)
    tariff = fields.String(required=True)
    field = fields.String(required=True)
    price = fields.String(required=True)
    ceiling = fields.String(required=True)
    unit = fields.String(required=True)
    per_quantity = fields.String(required=True)
    price_basis = fields.String(required=True)
    decision_no = fields.String(required=True)
    since = Day(required=True)
    effective_from = Day(required=True)
    trial = YesNo(required=True)
    contracts = fields.List(fields.String(), required=True)
    contracts_touched = fields.Integer(required=True)


class AboveCeilingQuery(AsOfQuery):
    """Whose prices."""

    operator = Ref(required=True)


class AboveCeilingOut(Wire):
    """The prices of an operator above the ceilings in force; all of them on one page."""

    as_of = Instant(required=True)
    items = fields.List(fields.Nested(PriceAboveCeiling), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class RefusedAttempt(Linked):
    """A price that was refused for being above its ceiling."""

    at = Instant(required=True)
    by = fields.String(allow_none=True)
    role = fields.String(required=True)
    action = fields.String(required=True)
    offering = fields.String(allow_none=True)
    price = fields.String(allow_none=True)
    ceiling = fields.String(allow_none=True)
    unit = fields.String(allow_none=True)
    per_quantity = fields.String(allow_none=True)
    decision_no = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)


class Reconciled(Linked):
    """One figure by two ways."""

    check = fields.String(required=True)
    year = fields.String(allow_none=True)
    account = fields.String(allow_none=True)
    offering = fields.String(allow_none=True)
    unit = fields.String(required=True)
    left_label = fields.String(required=True)
    left = fields.String(required=True)
    right_label = fields.String(required=True)
    right = fields.String(required=True)
    difference = fields.String(required=True)
    agrees = YesNo(required=True)


class ParameterUsed(Wire):
    """A parameter of law, its value on the period's last day, and whether a person has confirmed it."""

    parameter = fields.String(required=True)
    value = fields.String(required=True)
    unit = fields.String(required=True)
    source = fields.String(allow_none=True)
    title = fields.String(allow_none=True)
    article = fields.String(allow_none=True)
    effective_from = Day(required=True)
    origin = Choice("law", "platform", required=True)
    verified = YesNo(required=True)


class ComplianceOut(Wire):
    """The cap-compliance report.

    ``report_hash`` is the SHA-256 of its canonical JSON without that member: UTF-8, keys sorted, no blanks. Revenue is
    counted by whole months of service, those of ``service_months``.
    """

    report = fields.String(required=True)
    report_version = fields.String(required=True)
    operator = fields.Nested(NamedParty, required=True)
    grantor = fields.List(fields.Nested(NamedParty), required=True)
    regulator = fields.List(fields.Nested(NamedParty), required=True)
    authorisations = fields.List(fields.String(), required=True)
    legal_basis = fields.List(fields.String(), required=True)
    decision_numbers = fields.List(fields.String(), required=True)
    period = fields.Nested(DaySpan, required=True)
    service_months = fields.Nested(MonthSpan, required=True)
    zone = fields.String(required=True)
    as_of = Instant(required=True)
    is_partial = YesNo(required=True)
    rule_set = fields.Nested(RuleSet, required=True)
    currency = fields.String(required=True)
    settings = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    sandbox = YesNo(required=True)
    offerings = fields.List(fields.Nested(RegisteredOffering), required=True)
    ceilings = fields.List(fields.Nested(CeilingHeld), required=True)
    prices = fields.List(fields.Nested(PriceSaid), required=True)
    adjustments = fields.List(fields.Nested(PriceAdjustment), required=True)
    price_summary = fields.List(fields.Nested(OfferingTest), required=True)
    price_tests = fields.List(fields.Nested(CeilingTest), required=True)
    free_use = fields.List(fields.Nested(FreeUse), required=True)
    revenue = fields.List(fields.Nested(RevenueCompared), required=True)
    prior_year_lines = fields.List(fields.Nested(PriorYearLine), required=True)
    duties = fields.List(fields.Nested(DutyRow), required=True)
    breaches = fields.List(fields.Nested(Breach), required=True)
    breach_records = fields.List(fields.Nested(BreachRecorded), required=True)
    complaints = fields.List(fields.Nested(Complaints), required=True)
    above_ceiling = fields.List(fields.Nested(PriceAboveCeiling), required=True)
    refused_attempts = fields.List(fields.Nested(RefusedAttempt), required=True)
    reconciliation = fields.List(fields.Nested(Reconciled), required=True)
    reconciled = YesNo(required=True)
    parameters = fields.List(fields.Nested(ParameterUsed), required=True)
    report_hash = fields.String(required=True)


class ChargeOut(Linked):
    """A charge of a bill against the ceiling in force; ``difference`` is what the ceiling leaves above the price.

    A fixed fee stands against the ceiling's ``fixed_ceiling``, its fixed part.
    """

    fixed_ceiling = fields.String(allow_none=True)

    bill = fields.String(required=True)
    bill_number = fields.String(required=True)
    position = fields.Integer(required=True)
    issued_on = Day(required=True)
    contract = fields.String(required=True)
    buyer = fields.String(required=True)
    service_month = fields.String(required=True)
    service_from = Day(required=True)
    service_until = Day(required=True)
    offering = fields.String(required=True)
    kind = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    unit = fields.String(required=True)
    nominal_unit_price = UnitPrice(allow_none=True)
    unit_price = UnitPrice(allow_none=True)
    effective_unit_price = UnitPrice(allow_none=True)
    price_basis = fields.String(required=True)
    ceiling = UnitPrice(allow_none=True)
    decision_no = fields.String(allow_none=True)
    billed_under = fields.String(allow_none=True)
    difference = fields.String(allow_none=True)
    amount = Money(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    corrects = fields.String(allow_none=True)
    trial = YesNo(required=True)


class ChargesOut(Wire):
    """A page of charges, as of a moment."""

    as_of = Instant(required=True)
    items = fields.List(fields.Nested(ChargeOut), required=True)
    next_cursor = fields.String(allow_none=True)


class OfferingPosition(Amounts):
    """The part of an offering in the revenue of a year."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)


class Projection(Wire):
    """Revenue projected to the year's end: that of the complete months ÷ their number × the months that the cap holds.

    Compared with the maximum before it is rounded.
    """

    method = Choice("complete_months_pro_rata", required=True)
    months_observed = fields.Integer(required=True)
    months_held = fields.Integer(required=True)
    months_not_begun = fields.Integer(required=True)
    amount = Money(required=True)
    percent_of_maximum = fields.String(allow_none=True)
    exceeds = YesNo(allow_none=True)


class MonthPosition(Wire):
    """A month of the year; of one that has not begun, only the straight line of the maximum until its end."""

    month = fields.String(required=True)
    actual = Money(allow_none=True)
    cumulative = Money(allow_none=True)
    maximum_share = Money(allow_none=True)


class PositionOut(Amounts):
    """Revenue of a year against its maximum; what hangs on the maximum is null where none was determined.

    ``accrued`` is unbilled use valued as it will be billed. ``projection`` is null before the first month is over.
    """

    report = fields.String(required=True)
    report_version = fields.String(required=True)
    operator = fields.String(required=True)
    year = fields.Integer(required=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    as_of = Instant(required=True)
    zone = fields.String(required=True)
    currency = fields.String(required=True)
    revenue_basis = fields.String(required=True)
    decision_no = fields.String(allow_none=True)
    maximum_permitted_revenue = Money(allow_none=True)
    deduction = Money(allow_none=True)
    maximum_after_deduction = Money(allow_none=True)
    percent_used = fields.String(allow_none=True)
    headroom = Money(allow_none=True)
    prior_year_lines = fields.List(fields.Nested(PriorYearLine), required=True)
    operator_name = fields.String(required=True)
    registration_level = fields.String(allow_none=True)
    projection = fields.Nested(Projection, allow_none=True)
    months = fields.List(fields.Nested(MonthPosition), required=True)
    offerings = fields.List(fields.Nested(OfferingPosition), required=True)
    backdated = fields.List(fields.Nested(PriceAdjustment), required=True)
    sandbox = YesNo(required=True)
    report_hash = fields.String(required=True)


class YearQuery(AsOfQuery):
    """Whose report, and of which calendar year."""

    operator = Ref(required=True)
    year = QueryCount(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))


class YearPaperQuery(YearQuery):
    """The report as a paper, in a language."""

    lang = Choice(*LANGUAGES, load_default="zh")


class YearTableQuery(YearQuery):
    """One section of the report as a table."""

    section = Ref(load_default="products")


class DisclosureQuery(AsOfQuery):
    """Whose tables, an operator's or a grantor's, and of which calendar year."""

    operator = Ref(load_default=None)
    grantor = Ref(load_default=None)
    year = QueryCount(required=True, validate=validate.Range(min=YEAR_MIN, max=YEAR_MAX))


class DisclosurePaperQuery(DisclosureQuery):
    """The tables as a paper, in a language."""

    lang = Choice(*LANGUAGES, load_default="zh")


class DisclosureTableQuery(DisclosureQuery):
    """One of the tables; if none is named, prices of an operator and ceilings of a grantor."""

    section = Ref(load_default=None)


class CostsByHead(Linked):
    """Operating costs of a head, commercial and public-interest apart."""

    head = fields.String(required=True)
    items = fields.Integer(required=True)
    commercial = Money(required=True)
    public_interest = Money(required=True)
    total = Money(required=True)


class OperationOverview(Amounts):
    """The operation of a year as a whole; revenue without tax, profit without public-interest costs."""

    products = fields.Integer(required=True)
    offerings = fields.Integer(required=True)
    commercial_offerings = fields.Integer(required=True)
    public_interest_offerings = fields.Integer(required=True)
    contracts = fields.Integer(required=True)
    buyers = fields.Integer(required=True)
    free_use_grants = fields.Integer(required=True)
    cost_commercial = Money(required=True)
    cost_public_interest = Money(required=True)
    profit = Money(required=True)


class ProductResult(Linked):
    """Volume, revenue and profit of a product; costs that nothing can be divided by stand in a row without one."""

    product = fields.String(required=True, allow_none=True)
    product_name = fields.String(required=True, allow_none=True)
    unit = fields.String(required=True, allow_none=True)
    quantity = TotalQuantity(required=True)
    free_quantity = TotalQuantity(required=True)
    billed = Money(required=True)
    credited = Money(required=True)
    accrued = Money(required=True)
    prior_year = Money(required=True)
    billed_in_advance = Money(required=True)
    revenue = Money(required=True)
    cost_own = Money(required=True)
    cost_shared = Money(required=True)
    profit = Money(required=True)


class PublicInterestCost(Wire):
    """Costs of public-interest use of a product, or of none."""

    product = fields.String(required=True, allow_none=True)
    product_name = fields.String(required=True, allow_none=True)
    cost = Money(required=True)


class OfferingResult(Linked):
    """Volume and revenue of an offering."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    product = fields.String(required=True)
    category = fields.String(required=True)
    unit = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    free_quantity = TotalQuantity(required=True)
    revenue = Money(required=True)


class OperationOut(Wire):
    """The annual operating report; ``report_hash`` as in the cap-compliance report."""

    report = fields.String(required=True)
    report_version = fields.String(required=True)
    year = fields.Integer(required=True)
    due_on = Day(required=True)
    operator = fields.Nested(NamedParty, required=True)
    grantor = fields.List(fields.Nested(NamedParty), required=True)
    regulator = fields.List(fields.Nested(NamedParty), required=True)
    authorisations = fields.List(fields.String(), required=True)
    legal_basis = fields.List(fields.String(), required=True)
    decision_numbers = fields.List(fields.String(), required=True)
    period = fields.Nested(DaySpan, required=True)
    service_months = fields.Nested(MonthSpan, required=True)
    zone = fields.String(required=True)
    as_of = Instant(required=True)
    is_partial = YesNo(required=True)
    rule_set = fields.Nested(RuleSet, required=True)
    currency = fields.String(required=True)
    settings = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    sandbox = YesNo(required=True)
    overview = fields.Nested(OperationOverview, required=True)
    costs = fields.List(fields.Nested(CostsByHead), required=True)
    products = fields.List(fields.Nested(ProductResult), required=True)
    public_interest = fields.List(fields.Nested(PublicInterestCost), required=True)
    offerings = fields.List(fields.Nested(OfferingResult), required=True)
    revenue = fields.List(fields.Nested(RevenueCompared), required=True)
    prior_year_lines = fields.List(fields.Nested(PriorYearLine), required=True)
    adjustments = fields.List(fields.Nested(PriceAdjustment), required=True)
    reconciliation = fields.List(fields.Nested(Reconciled), required=True)
    reconciled = YesNo(required=True)
    report_hash = fields.String(required=True)


class DisclosedAuthorisation(Linked):
    """An authorisation that held in the year."""

    agreement_no = fields.String(required=True)
    operator = fields.String(required=True)
    operator_name = fields.String(required=True)
    regulator = fields.String(required=True)
    mode = fields.String(required=True)
    resources = fields.List(fields.String(), required=True)
    fields_ = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")
    scenarios = fields.List(fields.String(), required=True)
    effective_from = Day(required=True)
    effective_until = Day(required=True)
    operating_since = Day(required=True, allow_none=True)
    term_reason = fields.String(required=True, allow_none=True)


class DisclosedCeiling(CeilingHeld):
    """A ceiling that held in the year, and whose offering it binds."""

    operator = fields.String(required=True)


class DisclosedResource(Linked):
    """A resource behind the operator's products; ``registered`` on the year's last day."""

    resource = fields.String(required=True)
    name = fields.String(required=True)
    provider = fields.String(required=True)
    grade = fields.String(required=True)
    confidentiality = fields.String(required=True)
    registered_on = Day(required=True)
    registration_expires_on = Day(required=True)
    registered = YesNo(required=True)
    products = fields.List(fields.String(), required=True)


class DisclosedProduct(Linked):
    """A product in one scenario, with its class on the year's last day."""

    product = fields.String(required=True)
    product_name = fields.String(required=True)
    form = fields.String(required=True)
    registration_level = fields.String(required=True)
    delivered_on = Day(required=True)
    offering = fields.String(required=True)
    scenario = fields.String(required=True)
    scenario_name = fields.String(required=True)
    category = fields.String(required=True)
    status = fields.String(required=True)
    classified_from = Day(required=True, allow_none=True)
    decision_no = fields.String(required=True, allow_none=True)
    charge_reason = fields.String(required=True, allow_none=True)
    charging_basis = fields.String(required=True)
    unit = fields.String(required=True)
    agreement_no = fields.String(required=True)
    registration_code = fields.String(required=True, allow_none=True)
    registration_expires_on = Day(required=True, allow_none=True)


class DisclosureOut(Wire):
    """The disclosure tables of an operator (resources, products, prices) or of a grantor (authorisations, ceilings)."""

    report = fields.String(required=True)
    report_version = fields.String(required=True)
    discloses = Choice("operator", "grantor", required=True)
    party = fields.Nested(NamedParty, required=True)
    year = fields.Integer(required=True)
    period = fields.Nested(DaySpan, required=True)
    due_on = Day(required=True)
    legal_basis = fields.List(fields.String(), required=True)
    zone = fields.String(required=True)
    as_of = Instant(required=True)
    is_partial = YesNo(required=True)
    rule_set = fields.Nested(RuleSet, required=True)
    currency = fields.String(required=True)
    sandbox = YesNo(required=True)
    resources = fields.List(fields.Nested(DisclosedResource))
    products = fields.List(fields.Nested(DisclosedProduct))
    prices = fields.List(fields.Nested(PriceSaid))
    authorisations = fields.List(fields.Nested(DisclosedAuthorisation))
    ceilings = fields.List(fields.Nested(DisclosedCeiling))
    report_hash = fields.String(required=True)


class CycleLeft(Linked):
    """A closed cycle and what it leaves: revenue above its maxima, and what they could not bear of its own carry-in."""

    revenue_cap = fields.String(required=True)
    decision_no = fields.String(required=True)
    registration_level = fields.String(allow_none=True)
    cycle_from = Day(required=True)
    cycle_until = Day(required=True)
    actual = Money(required=True)
    maximum_after_deduction = Money(required=True)
    leaves = Money(required=True)


class CarryInOut(Wire):
    """What a next cycle has to carry in, and the closed cycles that leave it."""

    operator = fields.String(required=True)
    registration_level = fields.String(allow_none=True)
    cycle_from = Day(required=True)
    as_of = Instant(required=True)
    carry_in = Money(required=True)
    cycles = fields.List(fields.Nested(CycleLeft), required=True)
    currency = fields.String(required=True)
    sandbox = YesNo(required=True)
