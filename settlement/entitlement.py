"""Entitlement: may a use happen now, by which right, what is left, and by how much the month's charge would grow.

Asked by a gateway before it serves a call. The right and the limit are judged by the rules that count the event, the
cost by those of the bill; nothing is written, locked or set aside, so that the answer is no reservation: between it
and the event others may use what was left. What never changes of a contract is remembered between calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from metering.events import Event, Verdict
from metering.quotas import WHOLE_TERM, Quotas, quota_key
from metering.rights import Judge, Place
from metering.use import month_of_use
from pricing.explanation import Step
from pricing.money import PriceBasis, Tax, format_money, format_quantity, tax_of_document, within_use_limit
from pricing.period import Month
from pricing.rating import LineKind, RatedLine, free_line
from registry.contracts import contract_offerings
from registry.lookup import missing
from registry.tables import Contract, ContractOffering
from settlement.drafts import Charged, Drawer
from settlement.price_book import offerings_named, remembered_prices, vat_rate
from settlement.tables import Quote
from store.unit import Unit

_CACHE: Final = "settlement.entitlement"
_CACHED_MAX: Final = 50_000
_NOTHING: Final = Tax(0, 0, 0)


@dataclass(frozen=True)
class Held:
    """What an accepted contract says for good: its row, its terms by offering id, the number of its quote."""

    contract: Contract
    terms: Mapping[str, ContractOffering]
    quote_number: str | None


@dataclass(frozen=True)
class Cost:
    """What a use adds to the charge of its service month, in fen, and how the whole month comes to what it is then.

    ``tax`` is that of the offering alone on its bill; beside other lines it can differ by a fen, for a bill rounds its
    tax once. ``month_before`` and ``month_after`` are charges in the contract's price basis.
    """

    marginal: Tax
    price_basis: PriceBasis
    month_before: int
    month_after: int
    vat_rate: Decimal
    line: RatedLine | None
    trial: bool
    steps: tuple[Step, ...]


def check_use(unit: Unit, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether the caller's contract allows a quantity of an offering at a time (now), as the wire says it.

    Raises NotFound for a contract that is not the caller's, AmountTooLarge for use or a charge that no bill can hold.
    """
    held = _held(unit, given["contract"])
    contract = held.contract
    time: datetime = given["time"] or unit.now
    event = Event("", "", "", time, contract.id, given["offering"], given["quantity"], {})
    judge = Judge(unit, contract.operator_id, [event])
    judged = judge.judge(event)
    place, refusal = (judged, None) if isinstance(judged, Place) else (None, judged)
    left = None
    if place is not None:
        left, refusal = _left(unit, event, place)
    right = judge.right(event)
    day = time.astimezone(unit.zone).date()
    return {
        "allowed": refusal is None,
        "code": refusal.code if refusal else None,
        "detail": refusal.detail if refusal else None,
        "reservation": False,
        "contract": contract.id,
        "offering": given["offering"],
        "quantity": given["quantity"],
        "unit": _unit_of_use(unit, right.offering_id) if right else None,
        "time": time,
        "service_on": day,
        "service_month": Month.from_date(day),
        "checked_at": unit.now,
        "right": _right_document(held, place) if place else None,
        "left": left,
        "cost": _cost_document(_cost(unit, held, place, event.quantity)) if place and not refusal else None,
    }


def _unit_of_use(unit: Unit, offering_id: str) -> str:
    return offerings_named(unit, [offering_id])[offering_id].unit


def _held(unit: Unit, ref: str) -> Held:
    """Return a contract of the caller's, its operator's or its buyer's; raises NotFound, naming ``contract``."""
    cache: dict[str, Held] = unit.cache.setdefault(_CACHE, {})
    held = cache.get(ref) or _read_held(unit, ref)
    if held is None or unit.principal.party not in _parties(held.contract, unit.principal.role):
        raise missing("contract", ref, "contract")
    if held.contract.accepted_at is not None:
        if len(cache) >= _CACHED_MAX:
            cache.clear()
        cache[ref] = held
    return held


def _parties(contract: Contract, role: str) -> Sequence[str]:
    return [contract.operator_id] if role == "operator" else [contract.buyer_id]


def _read_held(unit: Unit, ref: str) -> Held | None:
    query = (
        select(Contract, col(Quote.number))
        .outerjoin(Quote, col(Quote.id) == col(Contract.quote_id))
        .where(col(Contract.id) == ref)
    )
    row = unit.session.execute(query).first()
    if row is None:
        return None
    contract, number = row
    terms = {term.offering_id: term for term in contract_offerings(unit, contract.id)}
    # They outlive this unit: what is remembered belongs to no session.
    for remembered in (contract, *terms.values()):
        unit.session.expunge(remembered)
    return Held(contract, terms, number)


def _left(unit: Unit, event: Event, place: Place) -> tuple[dict[str, Any] | None, Verdict | None]:
    """Return what is left of the limit that a use counts against, and the refusal where the use does not fit."""
    limit = place.right.limit
    if limit is None:
        return None, None
    key = quota_key(place)
    quotas = Quotas(unit, [key], locked=False)
    used = quotas.used(key)
    left = {
        "period": "term" if key[2] == WHOLE_TERM else "month",
        "month": None if key[2] == WHOLE_TERM else key[2],
        "limit": limit,
        "used": used,
        "left": max(0, limit - used),
    }
    return left, quotas.refusal(event, place.right, key)


def _cost(unit: Unit, held: Held, place: Place, quantity: int) -> Cost | None:
    """Return what a use would add to its month; None where no price is published for its day, as it stays unbilled."""
    if place.right.free:
        free = free_line(place.day, place.day + timedelta(days=1), quantity)
        return Cost(_NOTHING, PriceBasis.TAX_EXCLUSIVE, 0, 0, vat_rate(place.day), None, trial=False, steps=free.steps)
    offering_id, month = place.right.offering_id, str(Month.from_date(place.day))
    contract = held.contract
    basis = PriceBasis(contract.price_basis or PriceBasis.TAX_EXCLUSIVE)
    drawer = Drawer(contract, held.terms, {offering_id: remembered_prices(unit, offering_id)}, basis)
    use = month_of_use(unit, contract.id, offering_id, month)
    by_day = {**use.by_day, place.day: use.by_day.get(place.day, 0) + quantity}
    within_use_limit(sum(by_day.values()), f"use of {month} under contract {contract.id}")
    before = drawer.rate((offering_id, month), use)
    after = drawer.rate((offering_id, month), replace(use, by_day=by_day, unbilled=use.unbilled + quantity))
    if after is None or after.rating is None or after.unpriced_micro > _unpriced(before):
        return None
    total_before = before.rating.total if before and before.rating else 0
    total_after = after.rating.total
    rate = vat_rate(Month.parse(month).first_day)
    line = next(
        line for line in after.rating.lines if line.kind is LineKind.USAGE and line.start <= place.day < line.end
    )
    version = drawer.book[offering_id].tariff_of(line.tariff_id)
    steps = (
        *(step for shown in after.lines for step in shown.steps),
        _marginal_step(quantity, total_before, total_after),
    )
    return Cost(
        _difference(total_before, total_after, basis, rate),
        basis,
        total_before,
        total_after,
        rate,
        line,
        trial=version is not None and version.trial,
        steps=steps,
    )


def _unpriced(charged: Charged | None) -> int:
    return charged.unpriced_micro if charged else 0


def _difference(before: int, after: int, basis: PriceBasis, rate: Decimal) -> Tax:
    """Return the tax of the month with the use less that without it, each computed as a bill does."""
    without, _ = tax_of_document([before], basis, rate)
    with_it, _ = tax_of_document([after], basis, rate)
    return Tax(with_it.net - without.net, with_it.tax - without.tax, with_it.gross - without.gross)


def _marginal_step(quantity: int, before: int, after: int) -> Step:
    used, less, more, difference = (
        format_quantity(quantity),
        format_money(before),
        format_money(after),
        format_money(after - before),
    )
    return Step(
        rule="entitlement.marginal",
        text_en=f"With {used} more, the month's use is charged {more}, without it {less}: {difference}",
        text_zh=f"计入本次用量{used}后，本月应计{more}，此前应计{less}：{difference}",
        inputs={"quantity": used, "charge": more, "charge_before": less},
        amount=difference,
    )


def _right_document(held: Held, place: Place) -> dict[str, Any]:
    contract, right = held.contract, place.right
    return {
        "kind": "grant" if contract.grant_id else "contract",
        "charge": "free" if right.free else "charged",
        "category": held.terms[right.offering_id].category,
        "contract": contract.id,
        "grant": contract.grant_id,
        "quote": contract.quote_id,
        "quote_number": held.quote_number,
        "consent_reference": contract.consent_reference,
        "agreement_no": right.agreement_no,
        "effective_from": contract.effective_from,
        "effective_until": contract.effective_until,
    }


def _cost_document(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    ceiling = cost.line.ceiling if cost.line else None
    return {
        "currency": "CNY",
        "net": cost.marginal.net,
        "tax": cost.marginal.tax,
        "gross": cost.marginal.gross,
        "price_basis": cost.price_basis.value,
        "vat_rate_percent": cost.vat_rate.scaleb(2),
        "month_before": cost.month_before,
        "month_after": cost.month_after,
        "tariff_id": cost.line.tariff_id if cost.line else None,
        "trial": cost.trial,
        "ceiling": ceiling.as_wire() if ceiling else None,
        "explanation": [step.as_wire() for step in cost.steps],
    }
