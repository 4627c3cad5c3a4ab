"""The log of who did what: one row a use case, written in the transaction it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from pricing.errors import Problem
from store.ids import new_id
from store.tables import AuditEntry

if TYPE_CHECKING:
    from store.unit import Call, Unit


def record(unit: Unit, outcome: str, problem: Problem | None = None) -> None:
    """Add the row of this use case: ``done``, or ``refused`` with the code and the facts of the refusal."""
    detail: dict[str, object] = dict(unit.detail)
    if problem is not None:
        detail = {"detail": problem.detail, **{name: str(fact) for name, fact in problem.facts.items()}}
    code = problem.code if problem is not None else None
    unit.session.add(AuditEntry(**_row(unit, unit.call, outcome, detail), code=code, object_id=unit.object_id))


def record_each(unit: Unit, done: Sequence[tuple[Call, Mapping[str, object]]]) -> None:
    """Add a row for each of several calls that were served at once, with what is to be said of it."""
    if done:
        unit.connection.execute(insert(AuditEntry), [_row(unit, call, "done", detail) for call, detail in done])


def _row(unit: Unit, call: Call, outcome: str, detail: Mapping[str, object]) -> dict[str, Any]:
    return {
        "id": new_id("log"),
        "recorded_at": unit.now,
        "role": call.principal.role,
        "party_id": call.principal.party_id,
        "key_id": call.principal.key_id,
        "action": call.action,
        "outcome": outcome,
        "request_id": call.request_id,
        "detail": detail or None,
    }
