"""What a story can do: each operation of the API by a name, read and answered in the form of the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema

from ledger.deliveries import delivered_since
from metering.intake import count_by_status, take_events
from metering.writeoffs import write_off_use, writeoff_document
from registry.authorisations import authorisation_document, authorise
from registry.ceilings import ceiling_document, decide_ceiling
from registry.confirmation import confirm_classification
from registry.contracts import contract_document
from registry.grants import apply_for_grant, decide_grant, grant_document
from registry.offerings import create_offering, offering_document
from registry.parties import party_document, register_party
from registry.products import enter_product, product_document, register_product
from registry.public_contracts import accept_contract, offer_public_contract
from registry.resources import register_resource, resource_document
from registry.revenue_caps import cap_document, determine_cap
from registry.tariffs import publish_tariff, tariff_document
from reports.cap_cycle import carried_into
from schemas import distribution as distribution_wire
from schemas import metering as metering_wire
from schemas import prices as prices_wire
from schemas import registry as registry_wire
from schemas import revenue_caps as caps_wire
from schemas import settlement as settlement_wire
from settlement.agreements import agreement_document, propose_agreement, sign_agreement
from settlement.credit_notes import credit_invoice, credit_note_document
from settlement.disputes import accept_dispute, dispute_document, open_dispute, reject_dispute
from settlement.fapiao import application_document, apply_for_invoice, record_fapiao
from settlement.invoice_papers import invoice_document
from settlement.invoices import bill_contract
from settlement.payments import payment_document, record_payment, refund_balance, refund_document
from settlement.payouts import pay_out, payout_document
from settlement.quotes import accept_quote, create_quote, quote_document, withdraw_quote
from settlement.settlements import run_settlement, settlement_document
from store.unit import Unit

Perform = Callable[[Unit, Any, str], Any]
"""A use case and its document: ``perform(unit, body, on)``."""


@dataclass(frozen=True)
class Operation:
    """An operation of the API: how its body is read, what it does, and the schema of its answer.

    ``at_horizon``: the horizon is moved to the present first, as the route does.
    """

    use: Perform
    answer: type[Schema]
    body: type[Schema] | None = None
    reader: Callable[[bytes], Any] | None = None
    at_horizon: bool = False

    def read(self, sent: bytes) -> Any:
        """Return the body as the use case takes it; raises marshmallow's ValidationError."""
        if self.reader is not None:
            return self.reader(sent)
        return None if self.body is None else self.body().load(json.loads(sent))

    def perform(self, unit: Unit, given: Any, on: str | None) -> bytes:
        """Do it and return the bytes of the answer."""
        document = self.use(unit, given, on or "")
        return json.dumps(self.answer().dump(document), ensure_ascii=False).encode()


def _made(make: Callable[[Unit, Any], Any], document: Callable[[Unit, Any], Any]) -> Perform:
    return lambda unit, body, _on: document(unit, make(unit, body))


def _done(do: Callable[[Unit, str], Any], document: Callable[[Unit, Any], Any]) -> Perform:
    return lambda unit, _body, on: document(unit, do(unit, on))


def _grant(action: str) -> Perform:
    return lambda unit, body, on: grant_document(unit, decide_grant(unit, on, action, body))


def _taken(unit: Unit, events: Any, _on: str) -> dict[str, Any]:
    verdicts = take_events(unit, unit.principal.party, events)
    results = [
        {"index": index, "status": verdict.status.value, **({"code": verdict.code} if verdict.code else {})}
        for index, verdict in enumerate(verdicts)
    ]
    return {**count_by_status(verdicts), "results": results}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "register_party": Operation(_made(register_party, party_document), registry_wire.PartyOut, registry_wire.PartyIn),
    "register_resource": Operation(
        _made(register_resource, resource_document), registry_wire.ResourceOut, registry_wire.ResourceIn
    ),
    "authorise": Operation(
        _made(authorise, authorisation_document), registry_wire.AuthorisationOut, registry_wire.AuthorisationIn
    ),
    "enter_product": Operation(
        _made(enter_product, product_document), registry_wire.ProductOut, registry_wire.ProductIn
    ),
    "register_product": Operation(
        lambda unit, body, on: product_document(unit, register_product(unit, on, body)),
        registry_wire.ProductOut,
        registry_wire.RegistrationIn,
    ),
    "make_offering": Operation(
        _made(create_offering, offering_document), registry_wire.OfferingOut, registry_wire.OfferingIn
    ),
    "confirm_classification": Operation(
        lambda unit, body, on: offering_document(unit, confirm_classification(unit, on, body, delivered_since)),
        registry_wire.OfferingOut,
        registry_wire.ConfirmationIn,
    ),
    "determine_revenue_cap": Operation(
        lambda unit, body, _on: cap_document(unit, determine_cap(unit, body, carried_into(unit, body))),
        caps_wire.RevenueCapOut,
        caps_wire.RevenueCapIn,
        at_horizon=True,
    ),
    "decide_ceiling": Operation(
        lambda unit, body, _on: ceiling_document(unit, decide_ceiling(unit, body, delivered_since)),
        prices_wire.CeilingOut,
        prices_wire.CeilingIn,
    ),
    "publish_tariff": Operation(
        lambda unit, body, _on: tariff_document(unit, publish_tariff(unit, body, delivered_since)),
        prices_wire.TariffOut,
        prices_wire.TariffIn,
    ),
    "offer_contract": Operation(
        _made(offer_public_contract, contract_document), registry_wire.ContractOut, registry_wire.ContractIn
    ),
    "accept_contract": Operation(_done(accept_contract, contract_document), registry_wire.ContractOut),
    "apply_for_free_use": Operation(
        _made(apply_for_grant, grant_document), registry_wire.GrantOut, registry_wire.GrantIn
    ),
    "approve_grant": Operation(_grant("approve"), registry_wire.GrantOut, registry_wire.ApprovalIn),
    "suspend_grant": Operation(_grant("suspend"), registry_wire.GrantOut, registry_wire.WithdrawalIn),
    "revoke_grant": Operation(_grant("revoke"), registry_wire.GrantOut, registry_wire.WithdrawalIn),
    "report_use": Operation(_taken, metering_wire.UsageBatchOut, reader=metering_wire.read_batch),
    "write_off_use": Operation(
        _made(write_off_use, writeoff_document), metering_wire.WriteoffOut, metering_wire.WriteoffIn
    ),
    "quote": Operation(_made(create_quote, quote_document), settlement_wire.QuoteOut, settlement_wire.QuoteIn),
    "accept_quote": Operation(_done(accept_quote, quote_document), settlement_wire.QuoteOut),
    "withdraw_quote": Operation(_done(withdraw_quote, quote_document), settlement_wire.QuoteOut),
    "bill_contract": Operation(
        lambda unit, body, _on: invoice_document(unit, bill_contract(unit, body)[0]),
        settlement_wire.InvoiceOut,
        settlement_wire.InvoiceIn,
    ),
    "apply_for_invoice": Operation(
        lambda unit, body, on: application_document(unit, apply_for_invoice(unit, on, body)),
        settlement_wire.ApplicationOut,
        settlement_wire.ApplicationIn,
    ),
    "record_fapiao": Operation(
        lambda unit, body, on: invoice_document(unit, record_fapiao(unit, on, body)),
        settlement_wire.InvoiceOut,
        settlement_wire.FapiaoIn,
    ),
    "credit_invoice": Operation(
        lambda unit, body, on: credit_note_document(unit, credit_invoice(unit, on, body)),
        settlement_wire.CreditNoteOut,
        settlement_wire.CreditNoteIn,
    ),
    "record_payment": Operation(
        _made(record_payment, payment_document), settlement_wire.PaymentOut, settlement_wire.PaymentIn
    ),
    "refund_balance": Operation(
        _made(refund_balance, refund_document), settlement_wire.RefundOut, settlement_wire.RefundIn
    ),
    "open_dispute": Operation(
        _made(open_dispute, dispute_document), settlement_wire.DisputeOut, settlement_wire.DisputeIn
    ),
    "accept_dispute": Operation(
        lambda unit, body, on: dispute_document(unit, accept_dispute(unit, on, body)),
        settlement_wire.DisputeOut,
        settlement_wire.DisputeAcceptIn,
    ),
    "reject_dispute": Operation(
        lambda unit, body, on: dispute_document(unit, reject_dispute(unit, on, body)),
        settlement_wire.DisputeOut,
        settlement_wire.DisputeRejectIn,
    ),
    "propose_agreement": Operation(
        _made(propose_agreement, agreement_document), distribution_wire.AgreementOut, distribution_wire.AgreementIn
    ),
    "sign_agreement": Operation(_done(sign_agreement, agreement_document), distribution_wire.AgreementOut),
    "settle": Operation(
        lambda unit, body, _on: settlement_document(unit, run_settlement(unit, body)[0]),
        distribution_wire.SettlementOut,
        distribution_wire.SettlementIn,
        at_horizon=True,
    ),
    "pay_out": Operation(_made(pay_out, payout_document), distribution_wire.PayoutOut, distribution_wire.PayoutIn),
}
"""Every operation by the name that stories call it."""
