"""Documents of closed periods."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Day, Instant, MonthField, Ref
from schemas.wire import PageQuery, Wire


class PeriodIn(Wire):
    """A month of an operator's books to close."""

    operator = Ref(required=True)
    month = MonthField(required=True)


class PeriodOut(Wire):
    """A closed month: the books take entries from ``opens_on`` on, or from a later one's."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    month = fields.String(required=True)
    opens_on = Day(required=True)
    closed_at = Instant(required=True)
    closed_by = fields.String(allow_none=True)


class PeriodQuery(PageQuery):
    """Of which operator; all that the caller may see, if not given."""

    operator = Ref(load_default=None)
