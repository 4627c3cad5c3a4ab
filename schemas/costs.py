"""Documents of operating costs, entered item by item or from a file."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.fields import Choice, Count, Day, Instant, Items, Money, MonthField, Ref, Words
from schemas.revenue_caps import COST_HEADS
from schemas.wire import PageQuery, Query, Wire

COST_USES = ("commercial", "public_interest")
COST_ITEMS_MAX = 10_000
DOCUMENT_NO_LENGTH_MAX = 128
LINE_MAX = 1_000_000


class CostItemIn(Wire):
    """An item of cost; without ``line`` it is the next of its document in the order given."""

    month = MonthField(required=True)
    head = Choice(*COST_HEADS, required=True)
    use = Choice(*COST_USES, required=True)
    amount = Money(required=True)
    document_no = Words(required=True, longest=DOCUMENT_NO_LENGTH_MAX)
    line = Count(load_default=None, validate=validate.Range(min=1, max=LINE_MAX))
    text = Words(required=True)
    product = Ref(load_default=None)
    offering = Ref(load_default=None)
    occurred_on = Day(required=True)


class CostsIn(Wire):
    """Items of cost, entered all or none."""

    items = Items(fields.Nested(CostItemIn), least=1, most=COST_ITEMS_MAX, required=True)


class CostReversalIn(Wire):
    """Why an item is taken back."""

    reason = Words(required=True)


class CostReversalOut(Wire):
    """What took an item back."""

    reason = fields.String(required=True)
    reversed_on = Day(required=True)
    recorded_at = Instant(required=True)


class OperatingCostOut(Wire):
    """An item of cost, with the account it is booked on."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    month = fields.String(required=True)
    head = fields.String(required=True)
    use = fields.String(required=True)
    amount = Money(required=True)
    document_no = fields.String(required=True)
    line = fields.Integer(required=True)
    text = fields.String(required=True)
    product = fields.String(required=True, allow_none=True)
    offering = fields.String(required=True, allow_none=True)
    occurred_on = Day(required=True)
    account = fields.String(required=True)
    status = Choice("recorded", "reversed", required=True)
    reversal = fields.Nested(CostReversalOut, required=True, allow_none=True)
    recorded_at = Instant(required=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)


class CostsOut(Wire):
    """The items of a batch, those that were there before among them."""

    items = fields.List(fields.Nested(OperatingCostOut), required=True)


class CostQuery(PageQuery):
    """Which items."""

    operator = Ref(load_default=None)
    month = MonthField(load_default=None)
    head = Choice(*COST_HEADS, load_default=None)
    use = Choice(*COST_USES, load_default=None)
    document_no = Words(load_default=None, longest=DOCUMENT_NO_LENGTH_MAX)
    product = Ref(load_default=None)
    offering = Ref(load_default=None)


class CostImportQuery(Query):
    """What becomes of a file with rows that are refused: nothing is entered, or the other rows are."""

    refused = Choice("stop", "skip", load_default="stop")


class CostRowOut(Wire):
    """What became of a row; the row under the headings is 1."""

    row = fields.Integer(required=True)
    status = Choice("accepted", "duplicate", "refused", required=True)
    id = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class CostImportOut(Wire):
    """What became of a file, row by row."""

    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    results = fields.List(fields.Nested(CostRowOut), required=True)
