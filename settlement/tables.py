"""Tables of money on its way: quotes, bills, credit notes, payments, disputes, distribution, statements, payouts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import Day, Document, Exact, Flag, Instant, Int64, Words
from store.rows import check, one_of, table


class Issued(SQLModel):
    """When a document was recorded, and by which party."""

    recorded_at: datetime = Field(sa_type=Instant, index=True)
    recorded_by: str | None = Field(default=None, sa_type=Words)


class Quote(Issued, table=True):
    """A binding offer. What was offered is frozen in ``snapshot`` and its hash; only its fate is written later."""

    __tablename__ = "quote"
    __table_args__ = table(UniqueConstraint("operator_id", "number"), append_only=False)

    id: str = Field(primary_key=True, sa_type=Words)
    number: str = Field(sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    valid_until: date = Field(sa_type=Day)
    effective_from: date = Field(sa_type=Day)
    effective_until: date | None = Field(default=None, sa_type=Day)
    price_basis: str | None = Field(default=None, sa_type=Words)
    net: int = Field(sa_type=Int64)
    tax: int = Field(sa_type=Int64)
    gross: int = Field(sa_type=Int64)
    snapshot: Any = Field(sa_type=Document)
    snapshot_hash: str = Field(sa_type=Words)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    contract_id: str | None = Field(default=None, sa_type=Words)


class Invoice(Issued, table=True):
    """A bill: one a contract and month, numbered without gaps, never changed."""

    __tablename__ = "invoice"
    __table_args__ = table(
        UniqueConstraint("contract_id", "month"),
        UniqueConstraint("operator_id", "number"),
        check("amounts", "net >= 0 AND tax >= 0 AND gross = net + tax"),
        Index("ix_invoice_operator_issued_on", "operator_id", "issued_on"),
        Index("ix_invoice_operator_recorded_at", "operator_id", "recorded_at"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    number: str = Field(sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    contract_id: str = Field(sa_type=Words, foreign_key="contract.id", index=True)
    month: str = Field(sa_type=Words)
    issued_on: date = Field(sa_type=Day, index=True)
    price_basis: str = Field(sa_type=Words)
    net: int = Field(sa_type=Int64)
    tax: int = Field(sa_type=Int64)
    gross: int = Field(sa_type=Int64)


class InvoiceLine(SQLModel, table=True):
    """One line of a bill: a price segment of one offering and service month, a top-up, a relief or a correction.

    ``unit_price`` is the one price that was billed (none where bands, packages or fees make several); the nominal one
    is the highest published price that the use met, before any ceiling. ``amount`` is in the bill's price basis.
    """

    __tablename__ = "invoice_line"
    __table_args__ = table(
        one_of("kind", "usage", "fixed_fee", "minimum", "ceiling_relief", "relief", "correction"),
        check("gross", "gross = net + tax"),
    )

    invoice_id: str = Field(primary_key=True, sa_type=Words, foreign_key="invoice.id")
    position: int = Field(primary_key=True, sa_type=Int64)
    kind: str = Field(sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    service_month: str = Field(sa_type=Words)
    service_from: date = Field(sa_type=Day)
    service_until: date = Field(sa_type=Day)
    quantity: int = Field(sa_type=Int64)
    unit_price: Decimal | None = Field(default=None, sa_type=Exact)
    nominal_unit_price: Decimal | None = Field(default=None, sa_type=Exact)
    amount: int = Field(sa_type=Int64)
    vat_rate: Decimal = Field(sa_type=Exact)
    net: int = Field(sa_type=Int64)
    tax: int = Field(sa_type=Int64)
    gross: int = Field(sa_type=Int64)
    tariff_id: str | None = Field(default=None, sa_type=Words, foreign_key="tariff_version.id")
    ceiling_id: str | None = Field(default=None, sa_type=Words, foreign_key="ceiling_version.id")
    ceiling_decision_no: str | None = Field(default=None, sa_type=Words)
    corrects: str | None = Field(default=None, sa_type=Words, foreign_key="invoice.id")
    trial: bool = Field(sa_type=Flag)
    explanation: Any = Field(sa_type=Document)


class InvoiceApplication(Issued, table=True):
    """A buyer's application for the lawful invoice behind a bill (开票申请); this service issues none itself."""

    __tablename__ = "invoice_application"
    __table_args__ = table(one_of("kind", "general", "special"))

    id: str = Field(primary_key=True, sa_type=Words)
    invoice_id: str = Field(sa_type=Words, foreign_key="invoice.id", unique=True)
    title: str = Field(sa_type=Words)
    taxpayer_no: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)


class Fapiao(Issued, table=True):
    """The 20-digit number of the invoice that the tax authority's platform issued for a bill."""

    __tablename__ = "fapiao"
    __table_args__ = table()

    invoice_id: str = Field(primary_key=True, sa_type=Words, foreign_key="invoice.id")
    fapiao_no: str = Field(sa_type=Words, unique=True)
    issued_on: date = Field(sa_type=Day)


class CreditNote(Issued, table=True):
    """A reduction of an issued bill; all of a bill's credit notes never exceed it.

    ``red_pending``: a tax invoice had been issued and its red one was not confirmed yet, so the VAT waits.
    """

    __tablename__ = "credit_note"
    __table_args__ = table(
        UniqueConstraint("operator_id", "number"),
        one_of(
            "reason",
            "issued_in_error",
            "returned",
            "allowance",
            "service_stopped",
            "late_use",
            "fee_changed",
            "above_ceiling",
        ),
        check("amounts", "gross >= 0 AND gross = net + tax"),
        Index("ix_credit_note_operator_issued_on", "operator_id", "issued_on"),
        Index("ix_credit_note_operator_recorded_at", "operator_id", "recorded_at"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    number: str = Field(sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    invoice_id: str = Field(sa_type=Words, foreign_key="invoice.id", index=True)
    reason: str = Field(sa_type=Words)
    issued_on: date = Field(sa_type=Day, index=True)
    net: int = Field(sa_type=Int64)
    tax: int = Field(sa_type=Int64)
    gross: int = Field(sa_type=Int64)
    rebill: bool = Field(sa_type=Flag)
    red_pending: bool = Field(sa_type=Flag)


class RedConfirmation(Issued, table=True):
    """The number under which the tax authority's platform confirmed the red invoice of a credit note."""

    __tablename__ = "red_confirmation"
    __table_args__ = table()

    credit_note_id: str = Field(primary_key=True, sa_type=Words, foreign_key="credit_note.id")
    red_confirmation_no: str = Field(sa_type=Words, unique=True)


class CreditNoteLine(SQLModel, table=True):
    """What a credit note takes from one line of its bill."""

    __tablename__ = "credit_note_line"
    __table_args__ = table(check("gross", "gross = net + tax"))

    credit_note_id: str = Field(primary_key=True, sa_type=Words, foreign_key="credit_note.id")
    position: int = Field(primary_key=True, sa_type=Int64)
    quantity: int = Field(sa_type=Int64)
    net: int = Field(sa_type=Int64)
    tax: int = Field(sa_type=Int64)
    gross: int = Field(sa_type=Int64)


class Payment(Issued, table=True):
    """Money received from a buyer."""

    __tablename__ = "payment"
    __table_args__ = table(
        check("amount", "amount > 0"),
        Index("ix_payment_operator_received_on", "operator_id", "received_on"),
        Index("ix_payment_operator_recorded_at", "operator_id", "recorded_at"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    amount: int = Field(sa_type=Int64)
    received_on: date = Field(sa_type=Day, index=True)
    bank_reference: str = Field(sa_type=Words)


class PaymentAllocation(SQLModel, table=True):
    """The part of a payment that settles one bill."""

    __tablename__ = "payment_allocation"
    __table_args__ = table(check("amount", "amount > 0"))

    payment_id: str = Field(primary_key=True, sa_type=Words, foreign_key="payment.id")
    invoice_id: str = Field(primary_key=True, sa_type=Words, foreign_key="invoice.id", index=True)
    amount: int = Field(sa_type=Int64)


class Refund(Issued, table=True):
    """A buyer's balance paid back."""

    __tablename__ = "refund"
    __table_args__ = table(check("amount", "amount > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    amount: int = Field(sa_type=Int64)
    paid_on: date = Field(sa_type=Day)
    bank_reference: str = Field(sa_type=Words)


class Dispute(Issued, table=True):
    """A buyer's objection to a bill or a contract."""

    __tablename__ = "dispute"
    __table_args__ = table()

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    invoice_id: str | None = Field(default=None, sa_type=Words, foreign_key="invoice.id")
    contract_id: str | None = Field(default=None, sa_type=Words, foreign_key="contract.id")
    reason: str = Field(sa_type=Words)
    lines: Any = Field(default=None, sa_type=Document, nullable=True)


class DisputeDecision(Issued, table=True):
    """The operator's answer to a dispute; an accepted one makes its credit note."""

    __tablename__ = "dispute_decision"
    __table_args__ = table(one_of("outcome", "accepted", "rejected"))

    dispute_id: str = Field(primary_key=True, sa_type=Words, foreign_key="dispute.id")
    outcome: str = Field(sa_type=Words)
    reason: str = Field(sa_type=Words)
    credit_note_id: str | None = Field(default=None, sa_type=Words, foreign_key="credit_note.id")


class DistributionAgreement(Issued, table=True):
    """Who gets which share of the revenue of which offerings, by a dated and signed agreement."""

    __tablename__ = "distribution_agreement"
    __table_args__ = table(
        one_of("basis", "billed", "collected"),
        UniqueConstraint("operator_id", "agreement_no", "clause", "effective_from"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    grantor_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    agreement_no: str = Field(sa_type=Words)
    clause: str = Field(sa_type=Words)
    offerings: Any = Field(sa_type=Document)
    effective_from: date = Field(sa_type=Day)
    basis: str = Field(sa_type=Words)
    terms: Any = Field(sa_type=Document)


class AgreementSignature(Issued, table=True):
    """The signature of the operator or the grantor under a distribution agreement."""

    __tablename__ = "agreement_signature"
    __table_args__ = table(one_of("role", "operator", "grantor"))

    agreement_id: str = Field(primary_key=True, sa_type=Words, foreign_key="distribution_agreement.id")
    role: str = Field(primary_key=True, sa_type=Words)
    party_id: str = Field(sa_type=Words, foreign_key="party.id")


class Settlement(Issued, table=True):
    """A run of the distribution for one operator and month; the past is never run again.

    ``as_of`` is the instant up to which the run took what was recorded; the next one goes on from there.
    """

    __tablename__ = "settlement"
    __table_args__ = table(UniqueConstraint("operator_id", "month"))

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    month: str = Field(sa_type=Words)
    as_of: datetime = Field(sa_type=Instant)
    pool: int = Field(sa_type=Int64)
    output_vat: int = Field(sa_type=Int64)


class SettlementPool(SQLModel, table=True):
    """One pool of a run: what was distributed, what was reversed of earlier runs, and what is left for later ones.

    ``outstanding`` is billed and not distributed yet (collected basis); ``odd_fen`` is what each beneficiary of the
    rest is still owed in fractions of a fen, as exact text by party code.
    """

    __tablename__ = "settlement_pool"
    __table_args__ = table(check("amounts", "distributed >= 0 AND reversed >= 0"))

    settlement_id: str = Field(primary_key=True, sa_type=Words, foreign_key="settlement.id")
    agreement_id: str = Field(primary_key=True, sa_type=Words, foreign_key="distribution_agreement.id")
    offering_id: str = Field(primary_key=True, sa_type=Words, foreign_key="offering.id")
    distributed: int = Field(sa_type=Int64)
    reversed: int = Field(sa_type=Int64)
    output_vat: int = Field(sa_type=Int64)
    outstanding: int = Field(sa_type=Int64)
    odd_fen: Any = Field(sa_type=Document)


class SettlementTake(SQLModel, table=True):
    """What a run took into a pool from one line of a bill; negative when a later credit gives it back."""

    __tablename__ = "settlement_take"
    __table_args__ = table()

    settlement_id: str = Field(primary_key=True, sa_type=Words, foreign_key="settlement.id")
    agreement_id: str = Field(primary_key=True, sa_type=Words, foreign_key="distribution_agreement.id")
    invoice_id: str = Field(primary_key=True, sa_type=Words, foreign_key="invoice.id", index=True)
    position: int = Field(primary_key=True, sa_type=Int64)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id")
    amount: int = Field(sa_type=Int64)
    output_vat: int = Field(sa_type=Int64)


class SettlementShare(SQLModel, table=True):
    """What one beneficiary got from one pool by one step of the agreement, or gave back of an earlier share.

    ``reverses`` is the row that a reversal takes back a part of, or the holdback that a release ends.
    """

    __tablename__ = "settlement_share"
    __table_args__ = table(one_of("kind", "share", "reversal", "holdback", "release"))

    id: str = Field(primary_key=True, sa_type=Words)
    settlement_id: str = Field(sa_type=Words, foreign_key="settlement.id", index=True)
    agreement_id: str = Field(sa_type=Words, foreign_key="distribution_agreement.id")
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id")
    step: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)
    beneficiary_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    pool: int = Field(sa_type=Int64)
    due: int = Field(sa_type=Int64)
    taken: int = Field(sa_type=Int64)
    carried: int = Field(sa_type=Int64)
    reverses: str | None = Field(default=None, sa_type=Words, foreign_key="settlement_share.id", index=True)


class Statement(Issued, table=True):
    """A beneficiary's revenue statement of one run, frozen with its hash."""

    __tablename__ = "statement"
    __table_args__ = table(UniqueConstraint("settlement_id", "beneficiary_id"))

    id: str = Field(primary_key=True, sa_type=Words)
    settlement_id: str = Field(sa_type=Words, foreign_key="settlement.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    beneficiary_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    opening: int = Field(sa_type=Int64)
    closing: int = Field(sa_type=Int64)
    document: Any = Field(sa_type=Document)
    sha256: str = Field(sa_type=Words)


class Payout(Issued, table=True):
    """A statement's payable paid to its beneficiary, or remitted to the treasury under a remittance number."""

    __tablename__ = "payout"
    __table_args__ = table(check("amount", "amount > 0"))

    id: str = Field(primary_key=True, sa_type=Words)
    statement_id: str = Field(sa_type=Words, foreign_key="statement.id", unique=True)
    amount: int = Field(sa_type=Int64)
    paid_on: date = Field(sa_type=Day)
    bank_reference: str = Field(sa_type=Words)
    remittance_no: str | None = Field(default=None, sa_type=Words)
