"""Decisions that free use under a grant was commercial (Opinion 六, 七): which days of a grant they took."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from registry.grant_tables import GrantRerating
from registry.lookup import code_of
from registry.tables import Offering
from store.unit import Unit

RERATING: Final = "rerating"
"""The kind of the contract that holds free use found to have been commercial; it takes no events."""


def reratings_of(unit: Unit, grant_ids: Collection[str]) -> list[GrantRerating]:
    """Return the decisions on some grants in the order of their first days."""
    query = select(GrantRerating).where(col(GrantRerating.grant_id).in_(sorted(grant_ids)))
    return list(unit.session.execute(query.order_by(col(GrantRerating.from_date), col(GrantRerating.id))).scalars())


def covers(rerating: GrantRerating, day: date) -> bool:
    """Say whether a decision took the use of a day."""
    return rerating.from_date <= day < rerating.until_date


def rerating_document(unit: Unit, row: GrantRerating) -> dict[str, Any]:
    """Return a decision as the wire says it, before formatting."""
    return {
        **row.model_dump(include={"id", "decision_no", "reason", "from_date", "until_date", "quantity", "recorded_at"}),
        "grant": row.grant_id,
        "offering": code_of(unit, Offering, row.offering_id),
        "contract": row.contract_id,
        "invoice": row.invoice_id,
    }
