"""Routes of the runs of the distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.lookup import find
from registry.tables import Party
from schemas.distribution import SettlementIn, SettlementOut, SettlementQuery
from settlement.settlements import (
    Prepared,
    find_settlement,
    prepare_settlement,
    run_settlement,
    settlement_document,
    visible_settlements,
)
from settlement.tables import Settlement
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "regulator", "auditor", "admin")

door = Door("settlements", __name__, url_prefix="/settlements", description="Runs of the distribution")


@writes(
    door, "", roles=("operator",), body=SettlementIn, answer=SettlementOut, repeats=True, prepare=prepare_settlement
)
def settle(unit: Unit, body: Mapping[str, Any], prepared: Prepared | None) -> tuple[int, dict[str, Any]]:
    """Distribute a month that has ended; asked again, the same run is the answer, with 200."""
    settlement, is_new = run_settlement(unit, body, prepared)
    return 201 if is_new else 200, settlement_document(unit, settlement)


@lists(
    door,
    "",
    roles=READERS,
    item=SettlementOut,
    key=col(Settlement.id),
    document=settlement_document,
    query=SettlementQuery,
)
def list_settlements(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the runs of the operators whose affairs the caller may read."""
    runs = visible_settlements(unit)
    if query["operator"] is None:
        return runs
    return runs.where(col(Settlement.operator_id) == find(unit, Party, query["operator"], "operator").id)


@reads(door, "/<settlement_id>", roles=READERS, answer=SettlementOut)
def get_settlement(unit: Unit, _query: Mapping[str, Any], settlement_id: str) -> dict[str, Any]:
    """Show a run: its pools, and the statements that it made."""
    return settlement_document(unit, find_settlement(unit, settlement_id))
