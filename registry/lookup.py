"""From a reference (id or code) to its row, and from an id to its code.

What a caller may not see does not exist for it: both end in the same NotFound.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import select
from sqlmodel import SQLModel, col

from pricing.errors import NotFound
from registry.tables import Authorisation, Offering, Party, Product, Resource
from store.ids import is_id
from store.unit import Unit

Row = TypeVar("Row", bound=SQLModel)

PREFIXES: dict[type[SQLModel], str] = {
    Party: "pty",
    Resource: "res",
    Authorisation: "aut",
    Product: "prd",
    Offering: "off",
}
_CODE_COLUMN: dict[type[SQLModel], str] = {Authorisation: "agreement_no"}


def missing(what: str, ref: str, field: str | None = None) -> NotFound:
    """Return the error for something that is not there, or not the caller's."""
    message = f"there is no {what} {ref!r} among those you may see"
    return NotFound(message, errors={field: [message]} if field else None)


def find(unit: Unit, table: type[Row], ref: str, field: str | None = None) -> Row:
    """Return the row that an id or a code names; raises NotFound, naming ``field`` where the body said it."""
    model: Any = table
    column = "id" if is_id(ref, PREFIXES[table]) else _CODE_COLUMN.get(table, "code")
    row = unit.session.execute(select(model).where(getattr(model, column) == ref)).scalar_one_or_none()
    if row is None:
        raise missing(table.__name__.lower(), ref, field)
    return row  # type: ignore[no-any-return]


def find_all(unit: Unit, table: type[Row], refs: list[str], field: str) -> list[Row]:
    """Return the rows that references name, in their order; the fields at fault are ``field.0`` and so on."""
    return [find(unit, table, ref, f"{field}.{number}") for number, ref in enumerate(refs)]


def party_of_kind(unit: Unit, ref: str, kind: str, field: str) -> Party:
    """Return the party named, which must be of a kind; raises NotFound otherwise."""
    party = find(unit, Party, ref, field)
    if kind not in party.kinds:
        raise missing(kind, ref, field)
    return party


def code_of(unit: Unit, table: type[SQLModel], row_id: str) -> str:
    """Return the code under which an id is known; codes never change, so they are remembered."""
    cache: dict[str, str] = unit.cache.setdefault("registry.codes", {})
    if row_id not in cache:
        model: Any = table
        column = getattr(model, _CODE_COLUMN.get(table, "code"))
        cache[row_id] = unit.session.execute(select(column).where(col(model.id) == row_id)).scalar_one()
    return cache[row_id]
