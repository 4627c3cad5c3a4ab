"""Documents of prices asked for in bulk; each item is judged for itself, so that its members are described only."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from schemas.fields import REFERENCE_LENGTH_MAX, WIRE_FORMS, Day, Items, Quantity
from schemas.wire import Wire

RATED_MAX: Final = 100_000
_ITEM: Final = {
    "type": "object",
    "required": ["offering", "quantity"],
    "additionalProperties": False,
    "properties": {
        "offering": {"type": "string", "maxLength": REFERENCE_LENGTH_MAX, "description": "Code or id."},
        "quantity": {"type": "string", "pattern": WIRE_FORMS[Quantity][0], "example": WIRE_FORMS[Quantity][1]},
    },
}


class RatedBatchIn(Wire):
    """Items to price at the public tariff of a day; today's if not given."""

    on = Day(load_default=None, allow_none=True)
    items = Items(fields.Raw(metadata=_ITEM), required=True, least=1, most=RATED_MAX)


class RatedItem(Wire):
    """The price of an item; or, with ``code`` and ``detail``, why it has none."""

    index = fields.Integer(required=True)
    offering = fields.String()
    category = fields.String()
    quantity = fields.String()
    unit = fields.String()
    net = fields.String()
    tax = fields.String()
    gross = fields.String()
    price_basis = fields.String()
    nominal_unit_price = fields.String(allow_none=True)
    effective_unit_price = fields.String(allow_none=True)
    tariff_id = fields.String()
    trial = fields.Boolean()
    code = fields.String()
    detail = fields.String()


class RatedBatchOut(Wire):
    """A result for each item, in the order given."""

    on = Day(required=True)
    currency = fields.String(required=True)
    rated = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    results = fields.List(fields.Nested(RatedItem), required=True)
    sandbox = fields.Boolean(required=True)
