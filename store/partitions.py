"""Partitions by the month of recording: PostgreSQL keeps entries and events in one table a month, made ahead.

What nobody made a partition for goes to the default one, so that the service never stops for want of it. Rows reach a
partition by its table only: each has a guard that refuses whatever names it directly, as its table's own guards would
not see that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from pricing.errors import Conflict, Unavailable
from pricing.period import Month, month_of
from store.engine import open_engine, opening
from store.faults import is_wait_timeout
from store.months import NUMBER_MAX, number_of
from store.settings import Settings

PARTED: Final = ("ledger_entry", "usage_event")
"""The tables that are kept in partitions."""
GUARD: Final = "only_by_its_table"
"""The trigger of every partition, by which it takes and loses nothing directly."""
DEFAULT: Final = "default"
AHEAD: Final = 3
"""Months after the present one for which partitions are made, unless told otherwise."""
AHEAD_MAX: Final = 120

_NAME: Final = re.compile(rf"({'|'.join(PARTED)})_({DEFAULT}|[0-9]{{4}}_[0-9]{{2}})")
_LOCK: Final = 0x7461726966660002
"""The advisory lock of whoever makes partitions."""
_WAIT_SECONDS: Final = 2
"""How long one is waited for whose work holds a table: posts queue behind the wait."""


class NotTheOwner(Conflict):
    """Only the owner of the tables makes partitions of them."""

    code = "not_the_owner"


class TablesBusy(Unavailable):
    """Running work held the tables, so that a partition could not be attached."""

    code = "tables_busy"


@dataclass(frozen=True)
class Partitions:
    """What came of making partitions, by their names: made, there before, and left to the default with the reason."""

    made: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


def make_ahead(settings: Settings, ahead: int = AHEAD) -> Partitions:
    """Make the partitions of the present month and of so many after it, as the owner of the tables.

    Those that are there stay as they are; nothing is made on SQLite. Raises NotTheOwner, and TablesBusy where running
    work does not let go: what was made until then stays.
    """
    url = settings.owner_database_url or settings.database_url
    engine = open_engine(url, settings.wait_seconds_max, as_owner=True, pool_size=1)
    try:
        return Partitions() if engine.dialect.name == "sqlite" else _made(engine, ahead)
    finally:
        engine.dispose()


def make_partition(connection: Connection, table: str, month: Month) -> str | None:
    """Make the partition of a table and month in the caller's transaction; return why it was not made, None if it was.

    The caller knows that it is not there.
    """
    name, number = partition_name(table, month), number_of(month)
    held = f"SELECT EXISTS (SELECT FROM {table}_{DEFAULT} WHERE recorded_month = {number})"  # noqa: S608 - our own names
    if connection.execute(text(held)).scalar_one():
        return f"{table}_{DEFAULT} holds rows of {month}, and they stay there"
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one() is not None:
        return "a table of that name is there and is no partition"
    for statement in (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        guarding(name),
        # Unlike CREATE TABLE … PARTITION OF, this does not hold up who reads and writes the other partitions.
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({number}) TO ({number + 1})",
    ):
        connection.execute(text(statement))
    return None


def guarding(partition: str) -> str:
    """Return the statement that makes the guard of a partition."""
    return (
        f"CREATE TRIGGER {GUARD} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {partition} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_partition()"
    )


def partition_name(table: str, month: Month) -> str:
    """Return the name of a month's partition.

    >>> partition_name("ledger_entry", Month(2025, 3))
    'ledger_entry_2025_03'
    """
    return f"{table}_{month.year:04d}_{month.month:02d}"


def is_partition(name: str | None) -> bool:
    """Say whether a name is that of a partition.

    >>> is_partition("usage_event_2025_03"), is_partition("usage_event_default"), is_partition("usage_event")
    (True, True, False)
    """
    return _NAME.fullmatch(name or "") is not None


def partitions_of(connection: Connection, table: str) -> list[str]:
    """Return the names of a table's partitions, the default one among them."""
    return list(connection.execute(_PARTITIONS, {"table": table}).scalars())


def _made(engine: Engine, ahead: int) -> Partitions:
    with engine.connect() as connection, connection.begin():
        _require_owner(connection)
        now = opening(connection, writes=False)
    present_month = month_of(now.clock + timedelta(microseconds=now.clock_offset_us), ZoneInfo(now.timezone))
    made, present, left = [], [], []
    for month in _months(present_month, ahead):
        for table in PARTED:
            name = partition_name(table, month)
            with _taking_turns(engine, name) as connection:
                if name in partitions_of(connection, table):
                    present.append(name)
                    continue
                reason = make_partition(connection, table, month)
            if reason is None:
                made.append(name)
            else:
                left.append((name, reason))
    return Partitions(tuple(made), tuple(present), tuple(left))


def _months(first: Month, ahead: int) -> Iterator[Month]:
    month = first
    for _ in range(ahead + 1):
        if number_of(month) == NUMBER_MAX:  # and of all that follow: the default holds them
            return
        yield month
        month = month.next


def _require_owner(connection: Connection) -> None:
    owned = connection.execute(
        text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('ledger_entry')")
    )
    if not owned.scalar_one():
        message = (
            "only the owner of the tables makes partitions: run tariffbook partitions with "
            "TARIFFBOOK_OWNER_DATABASE_URL, once a month"
        )
        raise NotTheOwner(message)


@contextmanager
def _taking_turns(engine: Engine, name: str) -> Iterator[Connection]:
    """Yield a transaction that has the turn to make partitions, and waits for others only briefly."""
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"))
            yield connection
    except DBAPIError as fault:
        if not is_wait_timeout(fault):
            raise
        message = f"{name} was not made: running work held its table for more than {_WAIT_SECONDS} s; run this again"
        raise TablesBusy(message) from fault


_PARTITIONS: Final = text(
    "SELECT part.relname FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid "
    "WHERE inhparent = to_regclass(:table) ORDER BY part.relname"
)
