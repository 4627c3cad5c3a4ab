"""The log of who did what: one row a use case, written in the transaction it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pricing.errors import Problem
from store.ids import new_id
from store.tables import AuditEntry

if TYPE_CHECKING:
    from store.unit import Call, Unit


def record(
    unit: Unit,
    outcome: str,
    problem: Problem | None = None,
    *,
    call: Call | None = None,
    said: Mapping[str, object] | None = None,
) -> None:
    """Add the row of this use case: ``done``, or ``refused`` with the code and the facts of the refusal.

    Where the unit serves several calls, each has its own row, for the ``call`` and what is ``said`` of it.
    """
    detail: dict[str, object] = dict(unit.detail if said is None else said)
    if problem is not None:
        detail = {"detail": problem.detail, **{name: str(fact) for name, fact in problem.facts.items()}}
    unit.session.add(
        AuditEntry(
            id=new_id("log"),
            recorded_at=unit.now,
            role=unit.principal.role,
            party_id=unit.principal.party_id,
            key_id=unit.principal.key_id,
            action=(call or unit.call).action,
            outcome=outcome,
            code=problem.code if problem is not None else None,
            object_id=unit.object_id,
            request_id=(call or unit.call).request_id,
            detail=detail or None,
        )
    )
