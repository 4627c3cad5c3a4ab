"""Routes of the operating costs of authorised operation, kept in separate accounts (Price Notice 五)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.lookup import find
from registry.tables import Offering, Party, Product
from schemas.cost_files import MEDIA_TYPES, CostRow, numbered, read_costs
from schemas.costs import CostImportOut, CostImportQuery, CostQuery, CostReversalIn, CostsIn, CostsOut, OperatingCostOut
from settlement.cost_imports import import_costs
from settlement.cost_tables import OperatingCost
from settlement.operating_costs import (
    cost_document,
    cost_documents,
    find_cost,
    record_costs,
    reverse_cost,
    visible_costs,
)
from store.unit import Unit
from web.door import Door, lists, reads, takes_file, writes

READERS = ("operator", "grantor", "regulator", "auditor", "admin")

door = Door("operating_costs", __name__, url_prefix="/operating-costs", description="Costs of authorised operation")


@writes(door, "", roles=("operator",), body=CostsIn, answer=CostsOut)
def create_costs(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Enter items of cost, all or none; a line of a document that says the same again counts once."""
    return {"items": cost_documents(unit, record_costs(unit, numbered(body["items"])))}


@takes_file(
    door,
    "/import",
    roles=("operator",),
    media_types=MEDIA_TYPES,
    read=read_costs,
    answer=CostImportOut,
    query=CostImportQuery,
)
def import_cost_file(unit: Unit, query: Mapping[str, Any], found: Sequence[CostRow]) -> dict[str, Any]:
    """Enter the items of a CSV or workbook; with a row that is refused nothing is entered, unless they are skipped."""
    rows = [(row.number, row.item, row.errors) for row in found]
    return import_costs(unit, rows, skip_refused=query["refused"] == "skip")


@writes(door, "/<cost_id>/reverse", roles=("operator",), body=CostReversalIn, answer=OperatingCostOut, status=200)
def reverse(unit: Unit, body: Mapping[str, Any], cost_id: str) -> dict[str, Any]:
    """Take an item back, with the reason; the item stays, and its entry is reversed in the books."""
    return cost_document(unit, reverse_cost(unit, cost_id, body))


@lists(
    door, "", roles=READERS, item=OperatingCostOut, key=col(OperatingCost.id), document=cost_document, query=CostQuery
)
def list_costs(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the costs of the operators whose affairs the caller may read."""
    costs = visible_costs(unit)
    for name in ("head", "use", "document_no"):
        if query[name] is not None:
            costs = costs.where(col(getattr(OperatingCost, name)) == query[name])
    if query["month"] is not None:
        costs = costs.where(col(OperatingCost.month) == str(query["month"]))
    named: tuple[tuple[str, Any, Any], ...] = (
        ("operator", Party, OperatingCost.operator_id),
        ("product", Product, OperatingCost.product_id),
        ("offering", Offering, OperatingCost.offering_id),
    )
    for name, table, column in named:
        if query[name] is not None:
            costs = costs.where(col(column) == find(unit, table, query[name], name).id)
    return costs


@reads(door, "/<cost_id>", roles=READERS, answer=OperatingCostOut)
def get_cost(unit: Unit, _query: Mapping[str, Any], cost_id: str) -> dict[str, Any]:
    """Show an item of cost, and what took it back."""
    return cost_document(unit, find_cost(unit, cost_id))
