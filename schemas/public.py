"""Documents that anybody may read: they name offerings, decisions and public bodies, and no buyer, key or person."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Day, MonthField, Quantity, Ref, TotalQuantity, UnitPrice
from schemas.prices import CeilingNamed, FixedCeilingNamed, TariffFields
from schemas.registry import ClassificationOut, Scenario, Scope
from schemas.wire import PageQuery, Query, Wire


class PartyNamed(Wire):
    """A party that takes part in the operation."""

    code = fields.String(required=True)
    name = fields.String(required=True)


class LegalGround(Wire):
    """The document and article that something rests on."""

    source = fields.String(required=True)
    article = fields.String(required=True)


class ProductNamed(Wire):
    """A product as the catalogue shows it."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    form = fields.String(required=True)
    registration_level = fields.String(required=True)


class CatalogueOut(Wire):
    """An offering: a product in one application scenario, and what its use is."""

    offering = fields.String(required=True)
    product = fields.Nested(ProductNamed, required=True)
    scenario = fields.Nested(Scenario, required=True)
    operator = fields.Nested(PartyNamed, required=True)
    grantor = fields.Nested(PartyNamed, required=True)
    agreement_no = fields.String(required=True)
    charging_basis = fields.String(required=True)
    unit = fields.String(required=True)
    charge_reason = fields.String(required=True, allow_none=True)
    classification = fields.Nested(ClassificationOut, required=True)
    legal_ground = fields.Nested(LegalGround, required=True)
    sandbox = fields.Boolean(required=True)


class _InForce(Wire):
    """Since when and until when, and how it stands today."""

    effective_from = Day(required=True)
    effective_until = Day(required=True, allow_none=True)
    status = fields.String(required=True)
    legal_ground = fields.Nested(LegalGround, required=True)
    sandbox = fields.Boolean(required=True)


class PriceOut(TariffFields, _InForce):
    """A published price: ``kind`` says whether it is a formal one or on trial."""

    offering = fields.String(required=True)
    operator = fields.Nested(PartyNamed, required=True)
    kind = fields.String(required=True)
    trial = fields.Boolean(required=True)
    guidance_no = fields.String(required=True, allow_none=True)
    backdate_reason = fields.String(required=True, allow_none=True)
    unit = fields.String(required=True)
    currency = fields.String(required=True)
    ceiling = fields.Nested(CeilingNamed, required=True, allow_none=True)
    fixed_ceiling = fields.Nested(FixedCeilingNamed, required=True, allow_none=True)


class PublishedCeilingOut(_InForce):
    """A published ceiling price."""

    offering = fields.String(required=True)
    operator = fields.Nested(PartyNamed, required=True)
    grantor = fields.Nested(PartyNamed, required=True)
    kind = fields.String(required=True)
    charging_form = fields.String(required=True)
    price_basis = fields.String(required=True)
    unit_price = UnitPrice(required=True)
    per_quantity = Quantity(required=True)
    base_price = UnitPrice(required=True, allow_none=True)
    base_price_period = fields.String(required=True, allow_none=True)
    decision_no = fields.String(required=True)
    report_no = fields.String(required=True)
    backdate_reason = fields.String(required=True, allow_none=True)
    unit = fields.String(required=True)
    currency = fields.String(required=True)


class PublishedAuthorisationOut(_InForce):
    """A published authorisation."""

    agreement_no = fields.String(required=True)
    grantor = fields.Nested(PartyNamed, required=True)
    operator = fields.Nested(PartyNamed, required=True)
    regulator = fields.Nested(PartyNamed, required=True)
    mode = fields.String(required=True)
    scope = fields.Nested(Scope, required=True)
    operating_since = Day(required=True, allow_none=True)
    term_reason = fields.String(required=True, allow_none=True)


class UseOut(Wire):
    """The accepted use of an offering in a month, of all buyers together."""

    offering = fields.String(required=True)
    month = fields.String(required=True)
    accepted = TotalQuantity(required=True)
    unit = fields.String(required=True)
    sandbox = fields.Boolean(required=True)


class UsePage(Wire):
    """A page of use."""

    items = fields.List(fields.Nested(UseOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class UseQuery(PageQuery):
    """Of which offering and month."""

    offering = Ref(load_default=None)
    month = MonthField(load_default=None)


class OfferingTableQuery(Query):
    """Of which offering; of all, if not given."""

    offering = Ref(load_default=None)


class UseTableQuery(OfferingTableQuery):
    """Of which offering and month."""

    month = MonthField(load_default=None)
