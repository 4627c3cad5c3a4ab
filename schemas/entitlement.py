"""Documents of entitlement: what a gateway asks before it serves a use, and what it is told."""

from __future__ import annotations

from marshmallow import fields

from pricing.classification import CATEGORIES
from schemas.fields import Choice, Day, Instant, Money, MonthField, Quantity, Rate, Ref, TotalQuantity
from schemas.settlement import StepOut
from schemas.wire import Wire


class EntitlementIn(Wire):
    """A use that is about to happen: how much of which offering, under which contract; now, if no time is given."""

    contract = Ref(required=True)
    offering = Ref(required=True)
    quantity = Quantity(required=True, above=0)
    time = Instant(load_default=None, allow_none=True)


class RightOut(Wire):
    """The right that a use would happen under."""

    kind = Choice("contract", "grant", required=True)
    charge = Choice("free", "charged", required=True)
    category = Choice(*CATEGORIES, required=True)
    contract = fields.String(required=True)
    grant = fields.String(allow_none=True)
    quote = fields.String(allow_none=True)
    quote_number = fields.String(allow_none=True)
    consent_reference = fields.String(allow_none=True)
    agreement_no = fields.String(required=True)
    effective_from = Day(required=True)
    effective_until = Day(allow_none=True)


class LeftOut(Wire):
    """What is left before the use: of a grant's whole term, or of a contract's month."""

    period = Choice("term", "month", required=True)
    month = fields.String(allow_none=True)
    limit = TotalQuantity(required=True)
    used = TotalQuantity(required=True)
    left = TotalQuantity(required=True)


class CeilingInForce(Wire):
    """The ceiling that caps the use."""

    unit_price = fields.String(required=True)
    per_quantity = fields.String(required=True)
    decision_no = fields.String(required=True)


class CostOut(Wire):
    """What the use adds to the charge of its service month, and how the month is reckoned with it.

    ``tax`` is that of the offering alone on its bill: a bill rounds its tax once over all its lines, so that beside
    others it can differ by a fen.
    """

    currency = fields.String(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    price_basis = Choice("tax_exclusive", "tax_inclusive", required=True)
    vat_rate_percent = Rate(required=True)
    month_before = Money(required=True)
    month_after = Money(required=True)
    tariff_id = fields.String(allow_none=True)
    trial = fields.Boolean(required=True)
    ceiling = fields.Nested(CeilingInForce, allow_none=True)
    explanation = fields.List(fields.Nested(StepOut), required=True)


class EntitlementOut(Wire):
    """Whether a use may happen; no reservation, for others may use what is left before the event comes.

    ``code`` and ``detail`` say why not, as the event itself would be refused. ``cost`` is null where the use is not
    allowed, and where no price is published for its day (it then stays unbilled until one is).
    """

    allowed = fields.Boolean(required=True)
    code = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    reservation = fields.Boolean(required=True)
    contract = fields.String(required=True)
    offering = fields.String(required=True)
    quantity = Quantity(required=True)
    unit = fields.String(allow_none=True)
    time = Instant(required=True)
    service_on = Day(required=True)
    service_month = MonthField(required=True)
    checked_at = Instant(required=True)
    right = fields.Nested(RightOut, allow_none=True)
    left = fields.Nested(LeftOut, allow_none=True)
    cost = fields.Nested(CostOut, allow_none=True)
