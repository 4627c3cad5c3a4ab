"""Documents of what-if: a tariff or ceiling tried on past use, and what it would have done."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Day, Words
from schemas.prices import NUMBER_LENGTH_MAX, CeilingIn, CeilingNamed, Factors, TariffIn
from schemas.reports import MonthSpan
from schemas.wire import Wire


class TariffTriedIn(TariffIn):
    """A tariff as it would be published, and the days of past use to try it on: ``effective_from`` to ``until``."""

    until = Day(required=True)


class CeilingTriedIn(CeilingIn):
    """A ceiling as it would be decided, and the days of past use to try it on: ``effective_from`` to ``until``."""

    decision_no = Words(load_default=None, allow_none=True, longest=NUMBER_LENGTH_MAX)
    factors = fields.Nested(Factors, load_default=None, allow_none=True)
    until = Day(required=True)


class Change(Wire):
    """Revenue without tax: as it is charged, as it would be, and the difference."""

    before = fields.String(required=True)
    after = fields.String(required=True)
    difference = fields.String(required=True)


class ChangedMonth(Change):
    """The change of one service month."""

    month = fields.String(required=True)


class ChangedContract(Change):
    """The change of one contract."""

    buyer = fields.String(required=True)
    contract = fields.String(required=True)
    quantity = fields.String(required=True)


class PriceAbove(Wire):
    """A price that lies above a ceiling: of the proposed tariff, or (``tariff``) of a published one."""

    field = fields.String(required=True)
    unit_price = fields.String(required=True)
    tariff = fields.String(required=True, allow_none=True)
    price_basis = fields.String(required=True)
    ceiling = fields.Nested(CeilingNamed, required=True)


class YearsHeadroom(Wire):
    """What is left of a year's maximum, and what would be; in the tax basis of the maximum."""

    year = fields.Integer(required=True)
    decision_no = fields.String(required=True)
    revenue_basis = fields.String(required=True)
    maximum_after_deduction = fields.String(required=True)
    actual = fields.String(required=True)
    actual_after = fields.String(required=True)
    headroom = fields.String(required=True)
    headroom_after = fields.String(required=True)


class TriedOut(Wire):
    """What a proposal would have done: to the offering's revenue, month by month and buyer by buyer."""

    offering = fields.String(required=True)
    day_from = fields.String(required=True, data_key="from", attribute="from")
    day_until = fields.String(required=True, data_key="until", attribute="until")
    as_of = fields.String(required=True)
    service_months = fields.Nested(MonthSpan, required=True)
    quantity = fields.String(required=True)
    unit = fields.String(required=True)
    currency = fields.String(required=True)
    revenue = fields.Nested(Change, required=True)
    months = fields.List(fields.Nested(ChangedMonth), required=True)
    contracts = fields.Integer(required=True)
    contracts_frozen = fields.Integer(required=True)
    contracts_affected = fields.Integer(required=True)
    buyers_affected = fields.Integer(required=True)
    affected = fields.List(fields.Nested(ChangedContract), required=True)
    prices_above_ceiling = fields.List(fields.Nested(PriceAbove), required=True)
    headroom = fields.List(fields.Nested(YearsHeadroom), required=True)
    sandbox = fields.Boolean(required=True)
