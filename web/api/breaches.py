"""Routes of breaches found later: the record, the refund, the price authority's order, its answer, the close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from reports.excess import touched_months
from schemas.fairness import BreachAnswerIn, BreachCloseIn, BreachIn, BreachOrderIn, BreachOut
from settlement.breach_tables import BreachRecord
from settlement.breaches import (
    answer_breach,
    breach_document,
    close_breach,
    find_breach,
    order_breach,
    record_breach,
    refund_breach,
    visible_breaches,
)
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "grantor", "regulator", "auditor", "admin")

door = Door("breaches", __name__, url_prefix="/breaches", description="Breaches of ceilings found later")


@writes(door, "", roles=("operator", "regulator", "grantor"), body=BreachIn, answer=BreachOut)
def make_breach(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record a breach with its cause; the months and buyers that it touched are read from the books."""
    return breach_document(unit, record_breach(unit, body, touched_months))


@writes(door, "/<breach_id>/refund", roles=("operator",), answer=BreachOut, status=200)
def refund(unit: Unit, breach_id: str) -> dict[str, Any]:
    """Refund every buyer touched, by credit notes of what still stands above the ceilings."""
    return breach_document(unit, refund_breach(unit, breach_id, touched_months))


@writes(door, "/<breach_id>/order", roles=("regulator",), body=BreachOrderIn, answer=BreachOut, status=200)
def order(unit: Unit, body: Mapping[str, Any], breach_id: str) -> dict[str, Any]:
    """Order what the operator has to do."""
    return breach_document(unit, order_breach(unit, breach_id, body))


@writes(door, "/<breach_id>/answer", roles=("operator",), body=BreachAnswerIn, answer=BreachOut, status=200)
def answer(unit: Unit, body: Mapping[str, Any], breach_id: str) -> dict[str, Any]:
    """Answer the last order, naming the credit notes and tariffs by which it was followed."""
    return breach_document(unit, answer_breach(unit, breach_id, body))


@writes(door, "/<breach_id>/close", roles=("regulator",), body=BreachCloseIn, answer=BreachOut, status=200)
def close(unit: Unit, body: Mapping[str, Any], breach_id: str) -> dict[str, Any]:
    """Close a breach: once every buyer is refunded, or with a reason."""
    return breach_document(unit, close_breach(unit, breach_id, body, touched_months))


@lists(door, "", roles=READERS, item=BreachOut, key=col(BreachRecord.id), document=breach_document)
def list_breaches(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the breaches of offerings that the caller offers or oversees."""
    return visible_breaches(unit)


@reads(door, "/<breach_id>", roles=READERS, answer=BreachOut)
def get_breach(unit: Unit, _query: Mapping[str, Any], breach_id: str) -> dict[str, Any]:
    """Show a breach, whom it touched, and what followed."""
    return breach_document(unit, find_breach(unit, breach_id))
