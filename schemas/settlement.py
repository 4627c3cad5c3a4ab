"""Documents of money on its way: quotes, bills, credit notes, tax invoices, payments, refunds, disputes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate, validates_schema
from marshmallow.exceptions import ValidationError

from pricing.fees import FeePeriod, Proration
from schemas.fields import (
    Choice,
    Count,
    Day,
    Instant,
    Items,
    Money,
    MonthField,
    Quantity,
    Rate,
    Ref,
    TotalQuantity,
    UnitPrice,
    Words,
    YesNo,
)
from schemas.prices import FixedCeilingNamed, PriceWarning
from schemas.registry import CATEGORIES, ContractOut
from schemas.wire import PageQuery, Query, Wire

ITEMS_MAX = 200
LINES_MAX = 5000
ALLOCATIONS_MAX = 500
PRICE_BASES = ("tax_exclusive", "tax_inclusive")
CREDIT_REASONS = ("issued_in_error", "returned", "allowance", "service_stopped")
TAXPAYER_NO = validate.Regexp(
    r"^[0-9A-Za-z]{15,20}$", error="{input} is no taxpayer number; it has 15 to 20 letters and digits"
)
FAPIAO_NO = validate.Regexp(r"^[0-9]{20}$", error="{input} is no number of a tax invoice; it has 20 digits")


def _optional_ref() -> Ref:
    return Ref(load_default=None, allow_none=True)


def _reference() -> Words:
    """A number that a bank or an authority gave."""
    return Words(required=True, longest=128)


class Parties(Wire):
    """The two sides of a paper: codes, and ids beside them."""

    operator = fields.String(required=True)
    operator_id = fields.String(required=True)
    buyer = fields.String(required=True)
    buyer_id = fields.String(required=True)
    sandbox = fields.Boolean(required=True)


class QuoteItem(Wire):
    """One offering and the use of one tier period, which may be none."""

    offering = Ref(required=True)
    quantity = Quantity(required=True)


class QuoteIn(Wire):
    """What to quote, to whom, how long the offer holds, and the term of the contract."""

    buyer = Ref(required=True)
    valid_until = Day(required=True)
    effective_from = Day(required=True)
    effective_until = Day(required=True, allow_none=True)
    items = Items(fields.Nested(QuoteItem), required=True, least=1, most=ITEMS_MAX)
    quantity_is = Choice("estimate", "limit", load_default="estimate")
    use = Choice("end_use", "redevelopment", load_default="end_use")

    @validates_schema
    def require_limits_above_zero(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse a limit of zero: a contract under which nothing may be used is none."""
        if data["quantity_is"] == "limit":
            message = "A limit is above 0."
            zero = [f"items.{number}.quantity" for number, item in enumerate(data["items"]) if not item["quantity"]]
            if zero:
                raise ValidationError({name: [message] for name in zero})


class CeilingShown(Wire):
    """A ceiling as quotes name it."""

    id = fields.String(required=True)
    unit_price = UnitPrice(required=True)
    per_quantity = Quantity(required=True)
    decision_no = fields.String(required=True)


class FixedPriceShown(Wire):
    """The fixed part of a price: what it is for, and what a part of that period costs."""

    price = Money(required=True)
    period = Choice(*FeePeriod, required=True)
    proration = Choice(*Proration, required=True)


class FixedCeilingShown(FixedCeilingNamed):
    """What a ceiling allows for the fixed part, with the ceiling's id."""

    id = fields.String(required=True)


class StepOut(Wire):
    """One step of an explanation: the rule, what it was applied to, what came out, and its source."""

    rule = fields.String(required=True)
    text_en = fields.String(required=True)
    text_zh = fields.String(required=True)
    inputs = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    amount = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    article = fields.String(allow_none=True)


class QuoteLine(Wire):
    """One offering priced for one tier period, with the reckoning."""

    offering = fields.String(required=True)
    offering_id = fields.String(required=True)
    offering_name = fields.String(required=True)
    category = Choice(*CATEGORIES, required=True)
    quantity = Quantity(required=True)
    unit = fields.String(required=True)
    tier_period = fields.String(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    charge = Money(metadata={"description": "What it comes to before reliefs, in the tariff's tax basis."})
    relief = Money(metadata={"description": "What ceilings and reliefs take off, zero or below it."})
    nominal_unit_price = UnitPrice(allow_none=True)
    effective_unit_price = UnitPrice(allow_none=True)
    ceiling = fields.Nested(CeilingShown, allow_none=True)
    fixed_price = fields.Nested(FixedPriceShown, allow_none=True)
    fixed_ceiling = fields.Nested(FixedCeilingShown, allow_none=True)
    warnings = fields.List(fields.Nested(PriceWarning))
    tariff_id = fields.String(allow_none=True)
    tariff = fields.Raw(allow_none=True)
    trial = fields.Boolean(required=True)
    explanation = fields.List(fields.Nested(StepOut), required=True)


class ContractRef(Wire):
    """The contract that came of it."""

    id = fields.String(required=True)


class QuoteOut(Parties):
    """A quote: what was frozen, its hash, and its fate."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    status = Choice("open", "accepted", "withdrawn", "expired", required=True)
    valid_until = Day(required=True)
    effective_from = Day(required=True)
    effective_until = Day(allow_none=True)
    items = fields.List(fields.Nested(QuoteItem), required=True)
    quantity_is = fields.String(required=True)
    use = fields.String(required=True)
    priced_on = Day(required=True)
    price_basis = Choice(*PRICE_BASES, allow_none=True)
    vat_rate_percent = Rate(required=True)
    lines = fields.List(fields.Nested(QuoteLine), required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    currency = fields.String(required=True)
    snapshot_hash = fields.String(required=True)
    accepted_at = Instant(allow_none=True)
    withdrawn_at = Instant(allow_none=True)
    contract = fields.Nested(ContractRef, allow_none=True)
    recorded_at = Instant(required=True)


class AcceptedQuoteOut(QuoteOut):
    """An accepted quote with the contract that it opened."""

    contract = fields.Nested(ContractOut, required=True)


class InvoiceIn(Wire):
    """The contract and month to bill."""

    contract = Ref(required=True)
    month = MonthField(required=True)


class InvoiceQuery(PageQuery):
    """Which bills to list."""

    contract = _optional_ref()
    month = MonthField(load_default=None)


class PreviewQuery(Query):
    """The contract and month to compute a bill for."""

    contract = Ref(required=True)
    month = MonthField(required=True)


class InvoiceLineOut(Wire):
    """One line of a bill; quantities and prices are those of one price segment."""

    position = fields.Integer(required=True)
    kind = Choice("usage", "fixed_fee", "minimum", "ceiling_relief", "relief", "correction", required=True)
    offering = fields.String(required=True)
    offering_id = fields.String(required=True)
    offering_name = fields.String(required=True)
    unit = fields.String(required=True)
    service_month = fields.String(required=True)
    service_from = Day(required=True)
    service_until = Day(required=True)
    in_advance = fields.Boolean(required=True)
    quantity = TotalQuantity(required=True)
    unit_price = UnitPrice(allow_none=True)
    nominal_unit_price = UnitPrice(allow_none=True)
    effective_unit_price = UnitPrice(allow_none=True)
    amount = Money(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    vat_rate_percent = Rate(required=True)
    tariff_id = fields.String(allow_none=True)
    ceiling_id = fields.String(allow_none=True)
    ceiling_decision_no = fields.String(allow_none=True)
    corrects = fields.String(allow_none=True)
    corrects_number = fields.String(allow_none=True)
    rerated_by = fields.String(allow_none=True)
    trial = fields.Boolean(required=True)
    explanation = fields.List(fields.Nested(StepOut), required=True)


class CreditNoteRef(Wire):
    """A credit note as its bill lists it."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    reason = fields.String(required=True)
    issued_on = Day(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)


class PaymentRef(Wire):
    """The part of a payment that settled a bill."""

    id = fields.String(required=True)
    received_on = Day(required=True)
    bank_reference = fields.String(required=True)
    amount = Money(required=True)


class ApplicationIn(Wire):
    """What the buyer's tax invoice shall say: to whom, and of which kind."""

    title = Words(required=True, longest=200)
    taxpayer_no = Words(required=True, longest=20, validate=TAXPAYER_NO)
    kind = Choice("general", "special", required=True)


class ApplicationRef(ApplicationIn):
    """The application for the tax invoice as its bill shows it."""

    id = fields.String(required=True)
    recorded_at = Instant(required=True)


class InvoiceOut(Parties):
    """A bill: what was issued, and where it stands now."""

    id = fields.String(required=True, allow_none=True)
    number = fields.String(required=True, allow_none=True)
    status = Choice("issued", "preview", required=True)
    contract = fields.String(required=True)
    month = fields.String(required=True)
    operator_name = fields.String(required=True)
    operator_credit_code = fields.String(allow_none=True)
    buyer_name = fields.String(required=True)
    buyer_credit_code = fields.String(allow_none=True)
    issued_on = Day(allow_none=True)
    price_basis = Choice(*PRICE_BASES, required=True)
    vat_rate_percent = Rate(allow_none=True)
    lines = fields.List(fields.Nested(InvoiceLineOut), required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    gross_in_words = fields.String(required=True)
    currency = fields.String(required=True)
    credited = Money(required=True)
    paid = Money(required=True)
    outstanding = Money(required=True)
    credit_notes = fields.List(fields.Nested(CreditNoteRef), required=True)
    payments = fields.List(fields.Nested(PaymentRef), required=True)
    fapiao_no = fields.String(allow_none=True)
    fapiao_issued_on = Day(allow_none=True)
    application = fields.Nested(ApplicationRef, allow_none=True)
    recorded_at = Instant(allow_none=True)


class ApplicationOut(ApplicationIn):
    """An application for a tax invoice (开票申请): what is to be invoiced, by whom and to whom."""

    id = fields.String(required=True)
    invoice = fields.String(required=True)
    invoice_number = fields.String(required=True)
    status = Choice("applied", "issued", required=True)
    seller_name = fields.String(required=True)
    seller_credit_code = fields.String(allow_none=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    gross_in_words = fields.String(required=True)
    vat_rate_percent = Rate(allow_none=True)
    currency = fields.String(required=True)
    fapiao_no = fields.String(allow_none=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)


class FapiaoIn(Wire):
    """The tax invoice that the tax authority's platform issued."""

    fapiao_no = Words(required=True, longest=20, validate=FAPIAO_NO)
    issued_on = Day(required=True)


class CreditLineIn(Wire):
    """What to credit of one line: use, a gross amount, or both."""

    position = Count(required=True, validate=validate.Range(min=1, max=LINES_MAX))
    quantity = Quantity(above=0, load_default=None, allow_none=True)
    amount = Money(above=0, load_default=None, allow_none=True)


def _credit_lines() -> Items[Any]:
    return Items(fields.Nested(CreditLineIn), least=1, most=LINES_MAX, load_default=None, allow_none=True)


def _red_confirmation(**kwargs: Any) -> Words:
    return Words(longest=64, **kwargs)


class CreditNoteIn(Wire):
    """A reduction of a bill, by a gross amount or by lines."""

    amount = Money(above=0, load_default=None, allow_none=True)
    lines = _credit_lines()
    reason = Choice(*CREDIT_REASONS, required=True)
    red_confirmation_no = _red_confirmation(load_default=None, allow_none=True)
    rebill = YesNo(load_default=False)

    @validates_schema
    def say_one(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse a note by amount and by lines at once, or by neither."""
        if (data.get("amount") is None) == (data.get("lines") is None):
            raise ValidationError("give either the amount or the lines to credit", "amount")


class CreditNoteLineOut(Wire):
    """What a note took of one line; ``amount`` is its gross."""

    position = fields.Integer(required=True)
    offering = fields.String(required=True)
    service_month = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    amount = Money(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)


class CreditNoteOut(Parties):
    """A credit note; ``amount`` is its gross, ``red_pending`` says that its VAT waits for the red confirmation."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    invoice = fields.String(required=True)
    invoice_number = fields.String(required=True)
    reason = Choice(*CREDIT_REASONS, "late_use", "fee_changed", "above_ceiling", required=True)
    issued_on = Day(required=True)
    amount = Money(required=True)
    net = Money(required=True)
    tax = Money(required=True)
    gross = Money(required=True)
    currency = fields.String(required=True)
    rebill = fields.Boolean(required=True)
    red_confirmation_no = fields.String(allow_none=True)
    red_pending = fields.Boolean(required=True)
    fapiao_no = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(CreditNoteLineOut), required=True)
    recorded_at = Instant(required=True)


class RedConfirmationIn(Wire):
    """The number under which the tax authority's platform confirmed the red invoice."""

    red_confirmation_no = _red_confirmation(required=True)


class AllocationIn(Wire):
    """The part of a payment meant for one bill."""

    invoice = Ref(required=True)
    amount = Money(required=True, above=0)


class PaymentIn(Wire):
    """Money received; what no bill owes becomes the buyer's balance."""

    amount = Money(required=True, above=0)
    received_on = Day(required=True)
    bank_reference = _reference()
    allocations = Items(fields.Nested(AllocationIn), most=ALLOCATIONS_MAX, load_default=list)
    buyer = _optional_ref()


class PaymentOut(Parties):
    """A payment and what it settled; ``unallocated`` went to the buyer's balance."""

    id = fields.String(required=True)
    amount = Money(required=True)
    received_on = Day(required=True)
    bank_reference = fields.String(required=True)
    allocations = fields.List(fields.Nested(AllocationIn), required=True)
    unallocated = Money(required=True)
    currency = fields.String(required=True)
    recorded_at = Instant(required=True)


class RefundIn(Wire):
    """A part of a buyer's balance that was paid back."""

    buyer = Ref(required=True)
    amount = Money(required=True, above=0)
    paid_on = Day(required=True)
    bank_reference = _reference()


class RefundOut(Parties):
    """A refund of a buyer's balance."""

    id = fields.String(required=True)
    amount = Money(required=True)
    paid_on = Day(required=True)
    bank_reference = fields.String(required=True)
    currency = fields.String(required=True)
    recorded_at = Instant(required=True)


class BalanceQuery(Query):
    """Whose balance with whom."""

    operator = Ref(required=True)
    buyer = Ref(required=True)


class BalanceOut(Wire):
    """What a buyer owes an operator, and what the operator holds for it."""

    operator = fields.String(required=True)
    buyer = fields.String(required=True)
    outstanding = Money(required=True)
    balance = Money(required=True)
    currency = fields.String(required=True)


class DisputeIn(Wire):
    """An objection to a bill or to a contract."""

    invoice = _optional_ref()
    contract = _optional_ref()
    reason = Words(required=True)
    lines = _credit_lines()

    @validates_schema
    def say_one(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse a dispute about both a bill and a contract, or about neither."""
        if (data.get("invoice") is None) == (data.get("contract") is None):
            raise ValidationError("give either the invoice or the contract in dispute", "invoice")


class DisputeAcceptIn(Wire):
    """What to credit: an amount or lines, those disputed if neither is given; ``invoice`` for a contract's dispute."""

    reason = Words(load_default=None, allow_none=True)
    amount = Money(above=0, load_default=None, allow_none=True)
    lines = _credit_lines()
    invoice = _optional_ref()
    credit_reason = Choice(*CREDIT_REASONS, load_default=None, allow_none=True)
    red_confirmation_no = _red_confirmation(load_default=None, allow_none=True)
    rebill = YesNo(load_default=False)

    @validates_schema
    def say_one(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse an amount and lines at once."""
        if data.get("amount") is not None and data.get("lines") is not None:
            raise ValidationError("give either the amount or the lines to credit", "amount")


class DisputeRejectIn(Wire):
    """Why a dispute is rejected."""

    reason = Words(required=True)


class DisputeOut(Parties):
    """A dispute and the operator's answer to it."""

    id = fields.String(required=True)
    status = Choice("open", "accepted", "rejected", required=True)
    invoice = fields.String(allow_none=True)
    contract = fields.String(allow_none=True)
    reason = fields.String(required=True)
    lines = fields.List(fields.Nested(CreditLineIn), allow_none=True)
    decision_reason = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)
    credit_note = fields.String(allow_none=True)
    recorded_at = Instant(required=True)
