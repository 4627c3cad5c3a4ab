"""Documents of fair dealing: complaints, and breaches found later."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields

from schemas.fields import Choice, Day, Instant, Items, Money, Ref, Words
from schemas.registry import DOCUMENT_NO_LENGTH_MAX, STATEMENT_LENGTH_MAX
from schemas.wire import PageQuery, Wire

COMPLAINT_KINDS: Final = ("price_too_high", "unfair_terms", "quality", "other")
MEASURES: Final = ("adjust", "refund")
_LIST_LENGTH_MAX: Final = 500


def _statement(**kwargs: Any) -> Words:
    return Words(longest=STATEMENT_LENGTH_MAX, **kwargs)


class ComplaintIn(Wire):
    """What somebody has to complain of in an offering."""

    offering = Ref(required=True)
    kind = Choice(*COMPLAINT_KINDS, required=True)
    text = _statement(required=True)


class TextIn(Wire):
    """An answer, or what was found."""

    text = _statement(required=True)


class ComplaintStepOut(Wire):
    """What followed on a complaint."""

    action = Choice("answer", "close", required=True)
    text = fields.String(required=True)
    recorded_at = Instant(required=True)


class ComplaintOut(ComplaintIn):
    """A complaint and what followed."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    complainant = fields.String(required=True)
    status = Choice("open", "answered", "closed", required=True)
    steps = fields.List(fields.Nested(ComplaintStepOut), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)


class ComplaintsQuery(PageQuery):
    """Complaints, and of them those about one offering."""

    offering = Ref(load_default=None)


class BreachIn(Wire):
    """A breach of an offering's ceilings found later, and in which service months it is looked for, half-open.

    Which bills it touched is read from the books.
    """

    operator = Ref(required=True)
    offering = Ref(required=True)
    cause = _statement(required=True)
    found_on = Day(required=True)
    day_from = Day(required=True, data_key="from")
    day_until = Day(required=True, data_key="until")


class BreachOrderIn(Wire):
    """The price authority's order: to adjust prices, to refund buyers, or both."""

    decision_no = Words(required=True, longest=DOCUMENT_NO_LENGTH_MAX)
    measures = Items(Choice(*MEASURES), required=True, least=1, most=len(MEASURES))
    text = _statement(required=True)
    due_on = Day(load_default=None, allow_none=True)


class BreachAnswerIn(Wire):
    """The operator's answer to an order, with the credit notes and tariff versions by which it was followed."""

    text = _statement(required=True)
    credit_notes = Items(Ref(), most=_LIST_LENGTH_MAX, load_default=list)
    tariffs = Items(Ref(), most=_LIST_LENGTH_MAX, load_default=list)


class BreachCloseIn(Wire):
    """The close of a breach; a reason is needed while buyers are owed."""

    reason = _statement(load_default=None, allow_none=True)


class BreachMonthOut(Wire):
    """A buyer's service month above its ceilings, in the bill's price basis, as it was found; and its refunds."""

    contract = fields.String(required=True)
    buyer = fields.String(required=True)
    service_month = fields.String(required=True)
    price_basis = fields.String(required=True)
    charged = Money(required=True)
    allowed = Money(required=True)
    owed = Money(required=True)
    refunded_net = Money(required=True)
    refunded_gross = Money(required=True)
    credit_notes = fields.List(fields.String(), required=True)


class BreachStepOut(Wire):
    """An order, an answer or the close: each has the members of its own."""

    action = Choice("order", "answer", "close", required=True)
    recorded_at = Instant(required=True)
    decision_no = fields.String()
    measures = fields.List(fields.String())
    text = fields.String()
    due_on = fields.String(allow_none=True)
    credit_notes = fields.List(fields.String())
    tariffs = fields.List(fields.String())
    reason = fields.String(allow_none=True)
    owed = fields.String()


class BreachOut(BreachIn):
    """A breach with the months that it touched, their refunds, and what followed."""

    id = fields.String(required=True)
    operator_id = fields.String(required=True)
    offering_id = fields.String(required=True)
    found_by = fields.String(required=True)
    recorded_by = fields.String(allow_none=True)
    status = Choice("open", "ordered", "answered", "closed", required=True)
    months = fields.List(fields.Nested(BreachMonthOut), required=True)
    steps = fields.List(fields.Nested(BreachStepOut), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)
