"""What every table shares: constraint names, STRICT on SQLite, and checks said in one word."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CheckConstraint
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


BY_MONTH: Final[dict[str, Any]] = {"postgresql_partition_by": "RANGE (recorded_month)"}
"""The option of a table that PostgreSQL keeps in partitions by the month of recording (``store.partitions``)."""


def table(*constraints: Any, append_only: bool = True, **options: Any) -> tuple[Any, ...]:
    """Return table arguments: the constraints, STRICT typing on SQLite, and whether rows may ever change.

    A table is append-only unless it says otherwise; the database itself then refuses UPDATE, DELETE and TRUNCATE
    (the triggers are made by the migrations, and a test compares them with this mark).
    """
    return (*constraints, {"sqlite_strict": True, "info": {"append_only": append_only}, **options})


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return a check that a text column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def check(name: str, condition: str) -> CheckConstraint:
    """Return a named check."""
    return CheckConstraint(condition, name=name)
