"""What every command that works on the database shares: the opened store, and who it acts as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from migrations.schema import is_current
from pricing.errors import Conflict
from store.settings import Settings
from store.unit import Call, Principal, Store


class SchemaNotCurrent(Conflict):
    """A database without the tables of this program, or with those of another version."""

    code = "schema_not_current"


@contextmanager
def opened() -> Iterator[Store]:
    """Open the store that the environment names, and close it at the end; raises SchemaNotCurrent."""
    store = Store(Settings.from_environment())
    try:
        with store.engine.connect() as connection:
            current = is_current(connection)
        if not current:
            shown = store.engine.url.render_as_string(hide_password=True)
            raise SchemaNotCurrent(f"the schema of {shown} is not this program's: run tariffbook migrate first")
        yield store
    finally:
        store.close()


def call(action: str, role: str = "admin", party_id: str | None = None) -> Call:
    """Return the call of a command: whoever holds the machine acts as an administrator, or for the party named."""
    return Call(Principal(role, party_id, "local"), f"cli {action}")
