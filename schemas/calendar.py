"""The calendar of duties on the wire."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Choice, Day, Ref
from schemas.reports import Linked
from schemas.wire import AsOfQuery, Wire

STATUSES = ("done", "overdue", "due", "upcoming")


class CalendarQuery(AsOfQuery):
    """Whose duties (the caller's own if not given), until which day (a year ahead), and of which status."""

    party = Ref(load_default=None)
    until = Day(load_default=None)
    status = Choice(*STATUSES, load_default=None)


class DutyOut(Linked):
    """A duty: by which day, from when it can be met, about what, and where the law states it."""

    kind = fields.String(required=True)
    status = Choice(*STATUSES, required=True)
    opens_on = Day(required=True, allow_none=True)
    due_on = Day(required=True)
    certain = fields.Boolean(required=True)
    about = fields.String(required=True)
    text_en = fields.String(required=True)
    text_zh = fields.String(required=True)
    source = fields.String(required=True, allow_none=True)
    article = fields.String(required=True, allow_none=True)
    origin = Choice("law", "platform", "decision", required=True)


class CalendarOut(Wire):
    """The duties of a party in the order of their days."""

    party = fields.String(required=True)
    as_of = fields.String(required=True)
    today = Day(required=True)
    until = Day(required=True)
    items = fields.List(fields.Nested(DutyOut), required=True)
    sandbox = fields.Boolean(required=True)
