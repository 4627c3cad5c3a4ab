"""``python -m tests.guards`` takes down the guards that the migrations make, for ``store/guards.py`` to expect."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import store.guards
from migrations.schema import migrate
from store.engine import open_engine
from store.settings import Settings
from tests.postgres import PostgresServer

FILE = Path(store.guards.__file__).with_name("guards.json")


def guards_of(url: str) -> dict[str, str]:
    """The guards of a database that is migrated now."""
    migrate(Settings(url))
    engine = open_engine(url, 5, as_owner=True)
    with engine.connect() as connection:
        guards = store.guards.present(connection)
    engine.dispose()
    return guards


def main() -> None:
    """Write the file anew."""
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server:
        server.administer("CREATE DATABASE guards")
        guards = {
            "postgresql": guards_of(server.url("guards")),
            "sqlite": guards_of(f"sqlite:///{folder}/guards.db"),
        }
    FILE.write_text(json.dumps(guards, indent=1) + "\n")


if __name__ == "__main__":
    main()
