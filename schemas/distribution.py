"""Documents of the distribution: agreements, runs, revenue statements, payouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate, validates_schema
from marshmallow.exceptions import ValidationError

from pricing.agreement import agreement_from_document
from pricing.errors import Malformed
from schemas.fields import WIRE_FORMS, Choice, Day, Instant, Money, MonthField, Ref, Words
from schemas.wire import PageQuery, Wire

OFFERINGS_MAX: Final = 500
TERMS: Final = ("steps", "residual", "utility_table", "carry_odd_fen", "minimum_payout")


def _text(what: str) -> dict[str, object]:
    return {"type": "string", "description": what}


_AMOUNT: Final = {"type": "string", "pattern": WIRE_FORMS[Money][0], "example": WIRE_FORMS[Money][1]}
_PAYEE: Final = {
    "payable_to": _text("the treasury that is paid instead, for an administrative body"),
    "collecting_body": _text("the body that collects for the treasury"),
    "revenue_item": _text("the item of non-tax revenue"),
}
_STEP: Final = {
    "type": "object",
    "required": ["kind", "beneficiary"],
    "properties": {
        "kind": {"type": "string", "enum": ["fixed_fee", "cost_recovery", "percentage", "holdback"]},
        "beneficiary": _text("a party"),
        "shortfall": {
            "type": "string",
            "enum": ["carry", "lapse"],
            "description": "what becomes of what the pool did not hold; a percentage of the remaining needs none",
        },
        "amount": {**_AMOUNT, "description": "of a fixed_fee, in each run"},
        "due": {**_AMOUNT, "description": "of a cost_recovery, in each run"},
        "cumulative_cap": {**_AMOUNT, "description": "of a cost_recovery, over all runs"},
        "percent": _text("of a percentage or holdback, up to 100"),
        "of": {"type": "string", "enum": ["remaining", "pool"], "description": "of a percentage or holdback"},
        "release_after_months": {"type": "integer", "description": "of a holdback"},
        **_PAYEE,
    },
}
_STEPS: Final = {"type": "array", "items": _STEP, "description": "taken in their order, before the rest"}
_RESIDUAL: Final = {
    "type": "object",
    "required": ["weights", "shares"],
    "properties": {
        "weights": {"type": "string", "enum": ["fixed", "usage", "contribution"]},
        "shares": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["beneficiary"],
                "properties": {
                    "beneficiary": _text("a party"),
                    "weight": _text("with fixed weights, decimal text or a whole number"),
                    **_PAYEE,
                },
            },
        },
    },
    "description": "how the rest is divided",
}
_TABLE: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["coalition", "utility"],
        "properties": {
            "coalition": {"type": "array", "items": {"type": "string"}},
            "utility": _text("what it is worth"),
        },
    },
    "description": "what the data of each coalition of the rest's beneficiaries is worth, for weights by contribution",
}


class AgreementIn(Wire):
    """A distribution agreement; steps and rest are judged as one, every fault by its field."""

    operator = Ref(required=True)
    agreement_no = Words(required=True, longest=128)
    clause = Words(required=True, longest=128)
    offerings = fields.List(Ref(), required=True, validate=validate.Length(min=1, max=OFFERINGS_MAX))
    effective_from = Day(required=True)
    basis = Choice("billed", "collected", required=True)
    steps = fields.Raw(load_default=None, metadata=_STEPS)
    residual = fields.Raw(load_default=None, metadata=_RESIDUAL)
    utility_table = fields.Raw(load_default=None, allow_none=True, metadata=_TABLE)
    carry_odd_fen = fields.Raw(load_default=None, allow_none=True, metadata={"type": "boolean"})
    minimum_payout = fields.Raw(load_default=None, allow_none=True, metadata=_AMOUNT)

    @validates_schema(skip_on_field_errors=False)
    def judge_terms(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse terms that cannot be read, with every fault by its field."""
        try:
            agreement_from_document({name: data[name] for name in TERMS if data.get(name) is not None})
        except Malformed as faults:
            raise ValidationError({path: list(messages) for path, messages in faults.errors.items()}) from faults


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
    return fields.String(required=True, metadata={**_AMOUNT, "description": what} if what else _AMOUNT)


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
