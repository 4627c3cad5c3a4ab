"""Make or bring up to date the schema of a database, and say whether it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select
from sqlmodel import col

from pricing.errors import Conflict
from pricing.period import month_of
from store.engine import WRITING, open_engine, writer_turn
from store.partitions import PARTED, make_partition
from store.settings import Settings
from store.tables import Instance

FOLDER = Path(__file__).parent


class InstanceFixed(Conflict):
    """What a database is from birth (sandbox or not, time zone) was asked to change."""

    code = "instance_fixed"


def migrate(settings: Settings, *, sandbox: bool = False, start: datetime | None = None) -> None:
    """Bring the schema to its head; a new database becomes a sandbox, or not, for good.

    ``start`` is where a sandbox's clock begins (now, if not given). Raises InstanceFixed when the database is already
    something else.
    """
    engine = open_engine(settings.owner_database_url or settings.database_url, settings.wait_seconds_max, as_owner=True)
    try:
        with (
            writer_turn(engine, settings.wait_seconds_max),
            engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            command.upgrade(_config(connection), "head")
            _found(connection, settings, sandbox=sandbox, start=start)
    finally:
        engine.dispose()


def is_current(connection: Connection) -> bool:
    """Say whether the database's schema is the one this program was written for."""
    head = ScriptDirectory.from_config(_config(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def _found(connection: Connection, settings: Settings, *, sandbox: bool, start: datetime | None) -> None:
    """Write the instance's one row, or check that it says what is asked for."""
    row = connection.execute(select(col(Instance.sandbox), col(Instance.timezone))).first()
    if row is None:
        if connection.dialect.name == "postgresql":
            _first_partitions(connection, start or datetime.now(UTC), settings.zone)
        now = datetime.now(UTC)
        offset = (start or now) - now
        connection.execute(
            insert(Instance).values(
                id=1,
                sandbox=sandbox,
                timezone=settings.timezone,
                clock_offset_us=(offset // timedelta(microseconds=1)) if sandbox else 0,
                started_at=start or now,
            )
        )
        return
    if row.timezone != settings.timezone:
        message = (
            f"this database keeps its days in {row.timezone}, for good; TARIFFBOOK_TIMEZONE says {settings.timezone}"
        )
        raise InstanceFixed(message)
    if sandbox and not row.sandbox:
        message = "this database is not a sandbox and cannot become one; name another in TARIFFBOOK_DATABASE_URL"
        raise InstanceFixed(message)


def _first_partitions(connection: Connection, now: datetime, zone: ZoneInfo) -> None:
    """Make the partitions of the first month and the next: a worker, or an operator, makes those that follow."""
    month = month_of(now, zone)
    for each in (month, month.next):
        for table in PARTED:
            make_partition(connection, table, each)
