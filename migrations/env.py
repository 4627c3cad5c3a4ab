"""What Alembic runs: the schema of all tables, on the connection that ``migrations.schema`` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel

import ledger.balance_tables
import ledger.seal_tables
import ledger.tables  # noqa: F401 - imported so that its tables are known, as are those above and below
import metering.tables  # noqa: F401
import registry.cap_tables
import registry.complaint_tables
import registry.grant_tables
import registry.tables  # noqa: F401
import reports.tables  # noqa: F401
import settlement.breach_tables
import settlement.cost_tables
import settlement.tables  # noqa: F401
import store.tables  # noqa: F401
from store import columns
from store.partitions import is_partition


def render_item(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """Write the project's own column types by name, with the import that they need."""
    if kind == "type" and type(item).__module__ == columns.__name__:
        autogenerate.imports.add("from store import columns")
        return f"columns.{type(item).__name__}()"
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Say whether a table is one of the models': partitions come with the months."""
    return kind != "table" or not is_partition(name)


def run() -> None:
    """Run the migrations on the connection given."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=SQLModel.metadata,
        render_item=render_item,
        include_name=include_name,
        render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
