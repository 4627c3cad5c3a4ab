"""Documents of the books: accounts, transactions, trial balance, verification, the log."""

from __future__ import annotations

from marshmallow import fields

from schemas.fields import Choice, Day, Instant, Ref
from schemas.wire import AsOfQuery, PageQuery, Wire


class BookQuery(AsOfQuery):
    """Whose books, and as of when."""

    operator = Ref(load_default=None)


class BookPageQuery(BookQuery, PageQuery):
    """A page of the books."""


class TransactionQuery(BookPageQuery):
    """Transactions of an account, and of days of effect, half-open."""

    account = Ref(load_default=None)
    day_from = Day(load_default=None, data_key="from")
    day_until = Day(load_default=None, data_key="until")


class TrialBalanceQuery(BookQuery):
    """A trial balance of days of effect, half-open; of all days if not given."""

    day_from = Day(load_default=None, data_key="from")
    day_until = Day(load_default=None, data_key="until")


class ExportQuery(TrialBalanceQuery):
    """The books in another program's format."""

    format = Choice("hledger", "beancount", "csv", required=True)


class AccountOut(Wire):
    """An account with the standard's code and both languages' names."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    standard_code = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)
    normal_side = fields.String(required=True)
    asset = fields.String(required=True)
    operator = fields.String(required=True)
    party = fields.String(allow_none=True)
    contract = fields.String(allow_none=True)
    offering = fields.String(allow_none=True)


class EntryOut(Wire):
    """A leg of a transaction."""

    account = fields.String(required=True)
    kind = fields.String(required=True)
    asset = fields.String(required=True)
    side = Choice("debit", "credit", required=True)
    amount = fields.String(required=True)
    service_month = fields.String(allow_none=True)
    service_on = Day(allow_none=True)


class TransactionOut(Wire):
    """A transaction with its legs."""

    id = fields.Integer(required=True)
    key = fields.String(required=True)
    kind = fields.String(required=True)
    effective_on = Day(required=True)
    recorded_at = Instant(required=True)
    document = fields.String(allow_none=True)
    event_count = fields.Integer(allow_none=True)
    event_digest = fields.String(allow_none=True)
    entries = fields.List(fields.Nested(EntryOut), required=True)


class TrialBalanceLine(AccountOut):
    """An account with its debits, credits and balance on its normal side."""

    debit = fields.String(required=True)
    credit = fields.String(required=True)
    balance = fields.String(required=True)


class AssetTotal(Wire):
    """Debits and credits of one asset, which must agree."""

    asset = fields.String(required=True)
    debit = fields.String(required=True)
    credit = fields.String(required=True)
    balanced = fields.Boolean(required=True)


class TrialBalanceOut(Wire):
    """The trial balance."""

    as_of = Instant(required=True)
    items = fields.List(fields.Nested(TrialBalanceLine), required=True)
    totals = fields.List(fields.Nested(AssetTotal), required=True)


class CheckOut(Wire):
    """One check of a verification."""

    check = fields.String(required=True)
    title = fields.String(required=True)
    ok = fields.Boolean(required=True)
    first_fault = fields.String(allow_none=True)


class VerificationOut(Wire):
    """The last verification; ``never_run`` before the first."""

    id = fields.String(allow_none=True)
    status = Choice("passed", "failed", "never_run", required=True)
    as_of = Instant(allow_none=True)
    recorded_at = Instant(allow_none=True)
    checks = fields.List(fields.Nested(CheckOut), required=True)


class AuditQuery(PageQuery):
    """The log, by action, outcome or object."""

    action = Ref(load_default=None)
    outcome = Choice("done", "refused", load_default=None)
    object_id = Ref(load_default=None, data_key="object")


class AuditOut(Wire):
    """A row of the log."""

    id = fields.String(required=True)
    recorded_at = Instant(required=True)
    role = fields.String(required=True)
    party = fields.String(allow_none=True)
    action = fields.String(required=True)
    outcome = fields.String(required=True)
    code = fields.String(allow_none=True)
    object = fields.String(allow_none=True)
    request_id = fields.String(allow_none=True)
    detail = fields.Raw(allow_none=True)
