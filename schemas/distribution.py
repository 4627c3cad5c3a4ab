"""Documents of the distribution: agreements, runs, revenue statements, payouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validates_schema
from marshmallow.exceptions import ValidationError

from pricing.agreement import agreement_from_document
from pricing.errors import Malformed
from schemas.agreement_terms import AMOUNT, RESIDUAL, STEPS, UTILITY_TABLE
from schemas.fields import WIRE_FORMS, Choice, Day, Instant, Items, Money, MonthField, Ref, Words
from schemas.wire import PageQuery, Wire

OFFERINGS_MAX: Final = 500
TERMS: Final = ("steps", "residual", "utility_table", "carry_odd_fen", "minimum_payout")


class AgreementIn(Wire):
    """A distribution agreement; steps and rest are judged as one, every fault by its field."""

    operator = Ref(required=True)
    agreement_no = Words(required=True, longest=128)
    clause = Words(required=True, longest=128)
    offerings = Items(Ref(), required=True, least=1, most=OFFERINGS_MAX)
    effective_from = Day(required=True)
    basis = Choice("billed", "collected", required=True)
    steps = fields.Raw(required=True, metadata=STEPS)
    residual = fields.Raw(required=True, metadata=RESIDUAL)
    utility_table = fields.Raw(load_default=None, allow_none=True, metadata=UTILITY_TABLE)
    carry_odd_fen = fields.Raw(load_default=None, allow_none=True, metadata={"type": "boolean"})
    minimum_payout = fields.Raw(load_default=None, allow_none=True, metadata=AMOUNT)

    @validates_schema(skip_on_field_errors=False)
    def judge_terms(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse terms that cannot be read, with every fault by its field."""
        try:
            agreement_from_document({name: data[name] for name in TERMS if data.get(name) is not None})
        except Malformed as faults:
            told = {name for name in ("steps", "residual") if data.get(name) is None}
            found = {path: list(messages) for path, messages in faults.errors.items() if path not in told}
            if found:
                raise ValidationError(found) from faults


class SignatureOut(Wire):
    """A signature under a distribution agreement."""

    role = fields.String(required=True)
    party = fields.String(required=True)
    signed_at = Instant(required=True)


class AgreementOut(AgreementIn):
    """A distribution agreement: proposed until operator and grantor have signed it."""

    id = fields.String(required=True)
    grantor = fields.String(required=True)
    status = Choice("proposed", "signed", required=True)
    signatures = fields.List(fields.Nested(SignatureOut), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)


class SettlementIn(Wire):
    """A month of an operator to distribute."""

    operator = Ref(required=True)
    month = MonthField(required=True)


class PoolOut(Wire):
    """One pool of a run: ``pool`` is what was distributed less what was reversed of earlier runs."""

    agreement_id = fields.String(required=True)
    agreement = fields.String(required=True)
    clause = fields.String(required=True)
    basis = fields.String(required=True)
    offering = fields.String(required=True)
    pool = Money(required=True)
    distributed = Money(required=True)
    reversed = Money(required=True)
    output_vat = Money(required=True)
    outstanding = Money(required=True)


class StatementLink(Wire):
    """A statement of a run, and what it closes with."""

    id = fields.String(required=True)
    beneficiary = fields.String(required=True)
    closing = Money(required=True)


class SettlementOut(Wire):
    """A run of the distribution; ``as_of`` bounds what was recorded when it ran."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    month = fields.String(required=True)
    as_of = Instant(required=True)
    currency = fields.String(required=True)
    pool = Money(required=True)
    output_vat = Money(required=True)
    pools = fields.List(fields.Nested(PoolOut), required=True)
    statements = fields.List(fields.Nested(StatementLink), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)


class SettlementQuery(PageQuery):
    """Of which operator; all that the caller may see, if not given."""

    operator = Ref(load_default=None)


class StatementQuery(SettlementQuery):
    """Of which operator, month and beneficiary; all, if not given."""

    month = MonthField(load_default=None)
    beneficiary = Ref(load_default=None)


class StatementMoment(Wire):
    """The moment that the answer is as of, if it matters."""

    as_of = Instant()


class PayoutQuery(PageQuery):
    """Of which statement; all, if not given."""

    statement = Ref(load_default=None)


def _amount(what: str = "") -> fields.String:
    """An amount of a frozen document, which is text already."""
    pattern, example = WIRE_FORMS[Money]
    described = {"pattern": pattern, "example": example}
    return fields.String(required=True, metadata={**described, "description": what} if what else described)


class _SourceOut(Wire):
    """The agreement, offering and step that an amount comes from."""

    agreement = fields.String(required=True)
    clause = fields.String(required=True)
    offering = fields.String(required=True)
    offering_name = fields.String(required=True)
    step = fields.String(required=True, metadata={"description": "1 for the first step, or residual"})
    kind = fields.String(required=True)


class StatementLine(_SourceOut):
    """A share of this month's pool; a holdback is among ``taken`` and taken off again under ``holdback``."""

    pool = _amount()
    due = _amount()
    taken = _amount()
    carried = _amount()
    lapsed = _amount()


class Adjustment(_SourceOut):
    """What is taken back of an earlier run's share, because its bills were credited since."""

    month = fields.String(required=True)
    reference = fields.String(required=True, metadata={"description": "the bills"})
    reason = fields.String(allow_none=True)
    amount = _amount()


class HoldbackOut(Wire):
    """What was held back, what was released, and what is held back now in all."""

    withheld = _amount()
    released = _amount()
    held = _amount()


class StatementPayout(Wire):
    """A payout of the statement before."""

    id = fields.String(required=True)
    paid_on = fields.String(required=True)
    bank_reference = fields.String(required=True)
    remittance_no = fields.String(allow_none=True)
    amount = _amount()


class ControlTotals(Wire):
    """Sums of the whole run, the same on each of its statements; the difference of pool and shares is 0.00."""

    output_vat = _amount()
    pool = _amount()
    shares = _amount()
    difference = _amount()


class StatementAgreement(Wire):
    """An agreement behind a statement; a utility table is pinned by its hash."""

    id = fields.String(required=True)
    agreement_no = fields.String(required=True)
    clause = fields.String(required=True)
    effective_from = fields.String(required=True)
    basis = fields.String(required=True)
    utility_table_sha256 = fields.String(allow_none=True)


class StatementOut(Wire):
    """A revenue statement as it was frozen.

    opening + lines + adjustments − withheld + released − paid = closing. ``sha256`` is that of everything else in the
    document, as JSON with sorted keys and no blanks.
    """

    id = fields.String(required=True)
    number = fields.String(required=True)
    settlement = fields.String(required=True)
    month = fields.String(required=True)
    as_of = fields.String(required=True, metadata={"format": "date-time"})
    currency = fields.String(required=True)
    operator = fields.String(required=True)
    operator_name = fields.String(required=True)
    operator_credit_code = fields.String(allow_none=True)
    beneficiary = fields.String(required=True)
    beneficiary_name = fields.String(required=True)
    beneficiary_credit_code = fields.String(allow_none=True)
    payable_to = fields.String(allow_none=True)
    collecting_body = fields.String(allow_none=True)
    revenue_item = fields.String(allow_none=True)
    basis = fields.String(allow_none=True, metadata={"description": "null where the agreements differ in it"})
    agreements = fields.List(fields.Nested(StatementAgreement), required=True)
    minimum_payout = _amount()
    sandbox = fields.Boolean(required=True)
    opening = _amount()
    lines = fields.List(fields.Nested(StatementLine), required=True)
    adjustments = fields.List(fields.Nested(Adjustment), required=True)
    holdback = fields.Nested(HoldbackOut, required=True)
    paid = _amount("of the statement before, since then; what the operator keeps counts as paid")
    payouts = fields.List(fields.Nested(StatementPayout), required=True)
    closing = _amount()
    control_totals = fields.Nested(ControlTotals, required=True)
    sha256 = fields.String(required=True)


class PayoutIn(Wire):
    """A payment of a statement's closing balance."""

    statement = Ref(required=True)
    paid_on = Day(required=True)
    bank_reference = Words(required=True, longest=128)
    remittance_no = Words(longest=128, load_default=None, allow_none=True)


class PayoutOut(PayoutIn):
    """A payout."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    beneficiary = fields.String(required=True)
    payable_to = fields.String(allow_none=True)
    currency = fields.String(required=True)
    amount = Money(required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)
