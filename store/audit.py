"""The log of who did what: one row a use case, written in the transaction it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pricing.canonical import canonical_json
from pricing.errors import Problem
from store.arrays import Texts
from store.columns import written_instant
from store.direct import change, change_each
from store.ids import new_id

if TYPE_CHECKING:
    from store.unit import Call, Unit

_COLUMNS: Final = ("id", "role", "party_id", "key_id", "action", "outcome", "code", "object_id", "request_id", "detail")
_NAMES: Final = ", ".join(_COLUMNS)
_INSERT_SQLITE: Final = (
    f"INSERT INTO audit_entry (recorded_at, {_NAMES}) VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"  # noqa: S608
)
_INSERT_POSTGRESQL: Final = (
    f"INSERT INTO audit_entry (recorded_at, {_NAMES}) SELECT %(recorded_at)s, given.* FROM unnest("  # noqa: S608
    f"{', '.join(f'%({name})b::text[]' for name in _COLUMNS)}) AS given"
)


def record(unit: Unit, outcome: str, problem: Problem | None = None) -> None:
    """Add the row of this use case: ``done``, or ``refused`` with the code and the facts of the refusal."""
    detail: Mapping[str, object] = unit.detail
    if problem is not None:
        detail = {"detail": problem.detail, **{name: str(fact) for name, fact in problem.facts.items()}}
    _add(unit, [_row(unit.call, outcome, detail, problem.code if problem is not None else None, unit.object_id)])


def record_each(unit: Unit, done: Sequence[tuple[Call, Mapping[str, object]]]) -> None:
    """Add a row for each of several calls that were served at once, with what is to be said of it."""
    if done:
        _add(unit, [_row(call, "done", detail) for call, detail in done])


def _add(unit: Unit, added: Sequence[tuple[str | None, ...]]) -> None:
    if unit.dialect == "sqlite":
        recorded_at = written_instant(unit.now)
        change_each(unit.connection, _INSERT_SQLITE, [(recorded_at, *row) for row in added])
        return
    columns = {name: Texts(values) for name, values in zip(_COLUMNS, zip(*added, strict=True), strict=True)}
    change(unit.connection, _INSERT_POSTGRESQL, {"recorded_at": unit.now, **columns})


def _row(
    call: Call, outcome: str, detail: Mapping[str, object], code: str | None = None, object_id: str | None = None
) -> tuple[str | None, ...]:
    principal, said = call.principal, canonical_json(detail) if detail else None
    which = (call.action, outcome, code, object_id, call.request_id)
    return (new_id("log"), principal.role, principal.party_id, principal.key_id, *which, said)
