"""Routes of closed periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from ledger.closing import close_month
from ledger.tables import ClosedPeriod
from registry.lookup import code_of, missing, party_of_kind
from registry.relations import operators_overseen, require_operator, require_overseer
from registry.tables import Party
from schemas.periods import PeriodIn, PeriodOut, PeriodQuery
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("auditor", "regulator", "operator", "admin")

door = Door("periods", __name__, url_prefix="/ledger/periods", description="Closed months of the books")


def period_document(unit: Unit, row: ClosedPeriod) -> dict[str, Any]:
    """Return a closed month as the wire says it."""
    return {
        **row.model_dump(include={"id", "month", "opens_on", "closed_at"}),
        "operator": code_of(unit, Party, row.book),
        "closed_by": code_of(unit, Party, row.closed_by) if row.closed_by else None,
    }


@writes(door, "", roles=("operator", "admin"), body=PeriodIn, answer=PeriodOut, repeats=True)
def close_period(unit: Unit, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Close a month of an operator's books for good; asked again, the same answer, with 200."""
    operator = party_of_kind(unit, body["operator"], "operator", "operator")
    if unit.principal.role != "admin":
        require_operator(unit, operator.id, "operator", body["operator"], "operator")
    row, is_new = close_month(unit, operator.id, body["month"])
    return 201 if is_new else 200, period_document(unit, row)


@lists(door, "", roles=READERS, item=PeriodOut, key=col(ClosedPeriod.id), document=period_document, query=PeriodQuery)
def list_periods(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the closed months of the operators whose affairs the caller may read."""
    periods = _visible(unit)
    if query["operator"] is None:
        return periods
    operator = party_of_kind(unit, query["operator"], "operator", "operator")
    require_overseer(unit, operator.id)
    return periods.where(col(ClosedPeriod.book) == operator.id)


@reads(door, "/<period_id>", roles=READERS, answer=PeriodOut)
def get_period(unit: Unit, _query: Mapping[str, Any], period_id: str) -> dict[str, Any]:
    """Show a closed month."""
    row = unit.session.execute(_visible(unit).where(col(ClosedPeriod.id) == period_id)).scalar_one_or_none()
    if row is None:
        raise missing("period", period_id)
    return period_document(unit, row)


def _visible(unit: Unit) -> Select[Any]:
    overseen = operators_overseen(unit)
    query: Select[Any] = select(ClosedPeriod)
    return query if overseen is None else query.where(col(ClosedPeriod.book).in_(overseen))
