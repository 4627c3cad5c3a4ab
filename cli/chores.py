"""The chores of the worker: what keeps the books quick and tidy, and may be done again at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import col

from cli.terminal import call
from ledger.folding import fold
from ledger.seals import seal_until
from ledger.tables import Transaction
from store.horizon import advance, latest_horizon
from store.idempotency import forget_older
from store.partitions import NotTheOwner, make_ahead
from store.unit import Store


@dataclass(frozen=True)
class Chore:
    """A chore by its name: ``do(store)`` returns what the log should say; done every round, or once in ``every``."""

    name: str
    do: Callable[[Store], Mapping[str, object]]
    every: timedelta = timedelta()


def _advance_horizon(store: Store) -> Mapping[str, object]:
    """Move the horizon where the books have something above it: each move is a row that stays."""
    recorded_at = col(Transaction.recorded_at)
    with store.engine.connect() as connection, connection.begin():
        newest = connection.execute(select(recorded_at).order_by(recorded_at.desc()).limit(1)).scalar_one_or_none()
        horizon = latest_horizon(connection)
    if newest is not None and (horizon is None or newest > horizon):
        horizon = advance(store)
    return {"horizon": horizon and horizon.isoformat()}


def _fold_balances(store: Store) -> Mapping[str, object]:
    return {"folded_until": fold(store).isoformat()}


def _forget_answers(store: Store) -> Mapping[str, object]:
    age = timedelta(days=store.settings.idempotency_days)
    return {"forgotten": store.run(call("prune"), lambda unit: forget_older(unit, age))}


def _seal(store: Store) -> Mapping[str, object]:
    with store.engine.connect() as connection, connection.begin():
        horizon = latest_horizon(connection)
    if horizon is None:
        return {"seals": 0, "transactions": 0}
    done = seal_until(store, call("ledger seal"), horizon)
    return {"seals": done.seals, "transactions": done.transactions}


def _make_partitions(store: Store) -> Mapping[str, object]:
    """Make the partitions of the months ahead, as the owner of the tables; say what to do where the login is not."""
    try:
        done = make_ahead(store.settings)
    except NotTheOwner as fault:
        return {"made": [], "to_do": fault.detail}
    return {"made": list(done.made), "left": dict(done.left)}


CHORES: Final = (
    Chore("make_partitions", _make_partitions, every=timedelta(days=1)),
    Chore("advance_horizon", _advance_horizon),
    Chore("fold_balances", _fold_balances),
    Chore("seal", _seal, every=timedelta(minutes=1)),
    Chore("forget_answers", _forget_answers, every=timedelta(days=1)),
)
"""In the order of a round: a month's partitions before what is recorded in it; folding and sealing take what the
horizon has passed."""
