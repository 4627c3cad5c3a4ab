"""Documents of the price-parity report. Amounts are text already."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Choice, Instant, Money, Ref, TotalQuantity, UnitPrice, YesNo
from schemas.reports import LANGUAGES, ComplianceQuery, DaySpan, Linked, MonthSpan, RuleSet
from schemas.wire import Wire


class ParityQuery(ComplianceQuery):
    """Whose report, and of which days, half-open."""


class ParityPaperQuery(ParityQuery):
    """The report as a paper, in a language."""

    lang = Choice(*LANGUAGES, load_default="zh")


class ParityTableQuery(ParityQuery):
    """One section of the report as a table."""

    section = Ref(load_default="prices")


class GroundOut(Wire):
    """A reason for a price, and whether it was published."""

    kind = fields.String(required=True)
    reference = fields.String(allow_none=True)
    text = fields.String(allow_none=True)
    published = YesNo(required=True)


class _Compared(Linked):
    """What is compared: one offering, unit, service month, tax basis and band."""

    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    unit = fields.String(required=True)
    service_month = fields.String(required=True)
    price_basis = fields.String(required=True)
    band = fields.String(required=True)
    quantity = TotalQuantity(required=True)


class ParityGroup(_Compared):
    """The prices that buyers paid for the same: lowest, highest, weighted by quantity."""

    buyers = fields.Integer(required=True)
    contracts = fields.Integer(required=True)
    lowest = UnitPrice(allow_none=True)
    highest = UnitPrice(allow_none=True)
    weighted = UnitPrice(allow_none=True)
    spread = fields.String(allow_none=True)
    unexplained = YesNo(required=True)


class ParityPrice(_Compared):
    """What a buyer paid, how far its charge lies above the lowest, and the grounds.

    ``charged_unit_price`` is before credit notes that the parties settled, ``unit_price`` after them.
    """

    buyer = fields.String(required=True)
    contract = fields.String(required=True)
    kind = fields.String(required=True)
    amount = Money(required=True)
    credited = Money(required=True)
    nominal_unit_price = UnitPrice(allow_none=True)
    charged_unit_price = UnitPrice(allow_none=True)
    unit_price = UnitPrice(allow_none=True)
    difference = fields.String(allow_none=True)
    explained = YesNo(required=True)
    explained_by = fields.List(fields.String(), required=True)
    tariffs = fields.List(fields.String(), required=True)
    grounds = fields.List(fields.Nested(GroundOut), required=True)
    grounds_said = fields.List(fields.String(), required=True)


class ParityOut(Wire):
    """The price-parity report: groups with unexplained differences at the head.

    ``report_hash`` is the SHA-256 of its canonical JSON without that member.
    """

    report = fields.String(required=True)
    report_version = fields.String(required=True)
    operator = fields.String(required=True)
    period = fields.Nested(DaySpan, required=True)
    service_months = fields.Nested(MonthSpan, required=True)
    zone = fields.String(required=True)
    as_of = Instant(required=True)
    is_partial = YesNo(required=True)
    rule_set = fields.Nested(RuleSet, required=True)
    currency = fields.String(required=True)
    settings = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    unexplained = fields.Integer(required=True)
    groups = fields.List(fields.Nested(ParityGroup), required=True)
    prices = fields.List(fields.Nested(ParityPrice), required=True)
    sandbox = YesNo(required=True)
    report_hash = fields.String(required=True)
