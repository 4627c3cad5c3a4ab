"""Documents of filed reports."""

from __future__ import annotations

from marshmallow import fields, validate

from pricing.period import YEAR_MAX, YEAR_MIN
from schemas.fields import Choice, Count, Day, Instant, Ref, Words
from schemas.reports import LANGUAGES
from schemas.wire import PageQuery, QueryCount, Wire

REPORTS = ("cap_compliance", "annual_operation", "disclosure")
_YEARS = validate.Range(min=YEAR_MIN, max=YEAR_MAX)


class FilingIn(Wire):
    """Which report to file, on whom, of a calendar year; of cap compliance the days ``from`` and ``until`` instead."""

    report = Choice(*REPORTS, required=True)
    operator = Ref(load_default=None)
    grantor = Ref(load_default=None)
    year = Count(load_default=None, validate=_YEARS)
    day_from = Day(load_default=None, data_key="from")
    day_until = Day(load_default=None, data_key="until")
    lang = Choice(*LANGUAGES, load_default="zh")
    supersedes = Ref(load_default=None)
    reason = Words(load_default=None)


class FilingQuery(PageQuery):
    """Which filings: of a report, on a party, of a period that begins in a year."""

    report = Choice(*REPORTS, load_default=None)
    operator = Ref(load_default=None)
    grantor = Ref(load_default=None)
    year = QueryCount(load_default=None, validate=_YEARS)


class FiledFileOut(Wire):
    """A file as it was filed: where it is served from, and the SHA-256 of its bytes."""

    name = fields.String(required=True)
    media_type = fields.String(required=True)
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    href = fields.String(required=True)


class FilingOut(Wire):
    """A filed report; ``superseded_by`` names the filing that took its place, if one did."""

    id = fields.String(required=True)
    report = fields.String(required=True)
    operator = fields.String(required=True, allow_none=True)
    grantor = fields.String(required=True, allow_none=True)
    day_from = Day(required=True, data_key="from", attribute="from")
    until = Day(required=True)
    as_of = Instant(required=True)
    report_version = fields.String(required=True)
    report_hash = fields.String(required=True)
    lang = fields.String(required=True)
    supersedes = fields.String(required=True, allow_none=True)
    superseded_by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True)
    filed_by = fields.String(required=True, allow_none=True)
    files = fields.List(fields.Nested(FiledFileOut), required=True)
    sandbox = fields.Boolean(required=True)
