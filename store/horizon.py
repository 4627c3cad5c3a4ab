"""The horizon H: an instant at or below which nothing can be committed any more.

A report as of H is repeatable: every row recorded at or before H is already there. The closer takes an instant, waits
until the transactions then running have ended, and records it. No transaction number is ever stored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from sqlalchemy import Connection, insert, select, text
from sqlmodel import col

from pricing.errors import Refusal, Unavailable
from store.engine import WRITING, reader_clock, writer_turn
from store.tables import Horizon
from store.unit import Store, Unit

_TICK = timedelta(microseconds=1)


class HorizonBehind(Unavailable):
    """Running work, or a replica that lags, does not cover the instant asked for yet."""

    code = "horizon_behind"


class AsOfAhead(Refusal):
    """A report cannot be as of an instant that has not come yet."""

    code = "as_of_in_the_future"


def advance(store: Store) -> datetime:
    """Move the horizon to the present and return it, in UTC."""
    with (
        writer_turn(store.engine, store.settings.wait_seconds_max),
        store.engine.connect().execution_options(**{WRITING: True}) as connection,
    ):
        with connection.begin():
            moment, mark = _now(connection), _newest_transaction(connection)
        if mark is not None:
            _wait_for(connection, mark, store.settings.wait_seconds_max)
        with connection.begin():
            latest = latest_horizon(connection)
            if latest is not None and latest >= moment:
                return latest
            connection.execute(insert(Horizon).values(at=moment))
    return moment


def latest_horizon(connection: Connection) -> datetime | None:
    """Return how far the horizon has been moved, in UTC, as this connection sees it; None before the first time."""
    return connection.execute(select(col(Horizon.at)).order_by(col(Horizon.at).desc()).limit(1)).scalar_one_or_none()


def reached(unit: Unit) -> datetime:
    """Return how far the horizon has been moved: everything recorded until then can be read in this transaction.

    A use case that goes on from where the last one stopped takes this, and not the present, as its bound. Raises
    LookupError where nobody has moved it yet: the door does so before it opens the transaction.
    """
    latest = latest_horizon(unit.connection)
    if latest is None:
        message = "the horizon was never moved; advance it before this use case"
        raise LookupError(message)
    return latest


def settle_as_of(store: Store, wanted: datetime | None) -> datetime:
    """Return the instant a report is as of: the one asked for once the horizon covers it, or the present.

    Where reports are read from a replica, it has all that was recorded until then. Raises AsOfAhead for an instant to
    come, HorizonBehind when running work does not end in time, or the replica does not catch up.
    """
    settled = _settled(store, wanted)
    if store.read_engine is not store.engine:
        _wait_for_replica(store, settled)
    return settled


def _settled(store: Store, wanted: datetime | None) -> datetime:
    if wanted is not None:
        with store.engine.connect() as connection, connection.begin():
            latest, now = latest_horizon(connection), _now(connection)
        if latest is not None and wanted <= latest:
            return wanted
        if wanted > now:
            message = f"as_of {wanted.isoformat()} has not come yet; the time here is {now.isoformat()}"
            raise AsOfAhead(message)
    reached = advance(store)
    if wanted is not None and wanted > reached:
        message = f"the books are complete up to {reached.isoformat()} only; ask for {wanted.isoformat()} again shortly"
        raise HorizonBehind(message)
    return wanted or reached


def _wait_for_replica(store: Store, moment: datetime) -> None:
    """Wait until the replica shows a horizon that covers the moment: what lies below was written before it."""
    deadline = monotonic() + store.settings.wait_seconds_max
    while True:
        with store.read_engine.connect() as connection, connection.begin():
            latest = latest_horizon(connection)
        if latest is not None and latest >= moment:
            return
        if monotonic() > deadline:
            shown = f"up to {latest.isoformat()} only" if latest else "not at all yet"
            message = f"the replica shows the books {shown}; ask for {moment.isoformat()} again shortly"
            raise HorizonBehind(message)
        sleep(0.01)


def _now(connection: Connection) -> datetime:
    offset = connection.execute(text("SELECT clock_offset_us FROM instance")).scalar_one()
    return reader_clock(connection).astimezone(UTC) + timedelta(microseconds=offset) - _TICK


def _newest_transaction(connection: Connection) -> int | None:
    """Return the number below which transactions may still run; None on SQLite, whose one writer's turn we hold.

    It is a number of our own, drawn after the clock was read: who read the clock before us has drawn a lower one. The
    end of a snapshot would not do: it is the number after the last transaction that *ended*, and others run beyond it.
    """
    if connection.dialect.name == "sqlite":
        return None
    return int(connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())


def _wait_for(connection: Connection, mark: int, seconds_max: int) -> None:
    """Wait until every transaction numbered below ``mark`` has ended."""
    deadline = monotonic() + seconds_max
    while True:
        with connection.begin():
            oldest = int(connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one())
        if oldest >= mark:
            return
        if monotonic() > deadline:
            message = f"a transaction has been running for more than {seconds_max} s; ask again shortly"
            raise HorizonBehind(message)
        sleep(0.002)
