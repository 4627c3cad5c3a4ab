"""Kernels with a fault planted in them, which the simulation has to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest

from ledger import balances, batches, books, closing, folding, periods, seals
from ledger.books import Posting
from store import horizon

Planted = Callable[[pytest.MonkeyPatch], None]
TICK: Final = timedelta(microseconds=1)


def _changed_write(change: Callable[[Posting], Posting]) -> Planted:
    """A kernel that writes something else than it was given."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        write = books.write
        monkeypatch.setattr(
            batches, "write", lambda unit, ids, given, hashes: write(unit, ids, [change(one) for one in given], hashes)
        )

    return plant


def _lost_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last posting of a batch is said to be written, and is not."""
    write = books.write

    def lose(unit: Any, ids: Sequence[int], given: Sequence[Posting], hashes: Sequence[bytes]) -> set[int]:
        kept = slice(None, max(1, len(ids) - 1))
        write(unit, ids[kept], given[kept], hashes[kept])
        return set(ids)

    monkeypatch.setattr(batches, "write", lose)


def _written_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A posting that is retried gets a key of its own."""
    write, numbers = books.write, count()

    def again(unit: Any, ids: Sequence[int], given: Sequence[Posting], hashes: Sequence[bytes]) -> set[int]:
        return write(unit, ids, [one._replace(key=f"{one.key}/{next(numbers)}") for one in given], hashes)

    monkeypatch.setattr(batches, "write", again)


def _forgotten_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which keys are held is forgotten."""
    monkeypatch.setattr(batches, "_held", lambda _unit, _keys: {})


def _careless_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of a content leaves the amounts out."""
    whole = batches.content_hash

    def careless(posting: Posting) -> bytes:
        return whole(posting._replace(legs=tuple(leg._replace(amount=1) for leg in posting.legs)))

    monkeypatch.setattr(batches, "content_hash", careless)


def _window_moved(module: Any, name: str, *, after: int) -> Planted:
    """Windows that begin a tick too early, so that they overlap, or too late."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        window = getattr(module, name)

        def moved(*given: Any) -> Any:
            made = window(*given)
            return made if made.after is None else replace(made, after=made.after + after * TICK)

        monkeypatch.setattr(module, name, moved)

    return plant


def _folded_to_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding does not stop at the horizon but goes on to the present, at which more may be recorded."""

    def present(connection: Any) -> datetime:
        return horizon._now(connection) + TICK

    monkeypatch.setattr(folding, "latest_horizon", present)


def _folded_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fifth slice is added and not ticked off."""
    move, numbers = folding._move, count(1)

    def move_mostly(connection: Any, until: datetime) -> None:
        if next(numbers) % 5:
            move(connection, until)

    monkeypatch.setattr(folding, "_move", move_mostly)


def _skipped_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fifth slice is ticked off and not added."""
    fold, numbers = folding._fold_slice, count(1)

    def fold_mostly(connection: Any, due: Any) -> None:
        fold(connection, due if next(numbers) % 5 else replace(due, recorded_month=None))

    monkeypatch.setattr(folding, "_fold_slice", fold_mostly)


def _horizon_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The horizon is the present itself, at which more may be recorded."""
    now = horizon._now
    monkeypatch.setattr(horizon, "_now", lambda connection: now(connection) + TICK)


def _impatient_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The horizon does not wait for the work that is open."""
    monkeypatch.setattr(horizon, "_wait_for", lambda *_given: None)


def _shifted_by(days: int | None) -> Planted:
    """What is late for a closed month is booked as if another day were the first open one, or none."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def first_days(unit: Any, wanted: Any) -> Mapping[str, date]:
            found = periods.first_open_days(unit, wanted)
            return {} if days is None else {book: day + timedelta(days) for book, day in found.items()}

        monkeypatch.setattr(books, "first_open_days", first_days)

    return plant


def _close_without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close does not wait for posts that are under way."""
    monkeypatch.setattr(closing, "lock_exclusive", lambda _unit, _book: None)


def _close_out_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A month is closed though it runs, or an earlier one is open."""
    monkeypatch.setattr(closing, "_require_turn", lambda *_given: None)


def _as_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balances as of a moment hold what was recorded a tick later."""
    added_up = balances._added_up

    def late(unit: Any, sought: Any, state: Any, keys: Any) -> Any:
        as_of = None if sought.as_of is None else sought.as_of + TICK
        return added_up(unit, replace(sought, as_of=as_of), state, keys)

    monkeypatch.setattr(balances, "_added_up", late)


def _seal_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seals go up to the present, at which more may be recorded."""
    advance = horizon.advance
    monkeypatch.setattr(seals, "advance", lambda store: advance(store) + TICK)


def _swapped(posting: Posting) -> Posting:
    return posting._replace(legs=tuple(leg._replace(side="C" if leg.side == "D" else "D") for leg in posting.legs))


ANYWHERE: Final[Mapping[str, Planted]] = {
    "the last leg is lost": _changed_write(lambda one: one._replace(legs=one.legs[:-1])),
    "a pair of legs is lost": _changed_write(lambda one: one._replace(legs=one.legs[-2:])),
    "the sides are swapped": _changed_write(_swapped),
    "the day of effect is lost": _changed_write(lambda one: one._replace(effective_on=date(2025, 2, 1))),
    "a posting is lost": _lost_write,
    "a retry is another posting": _written_twice,
    "held keys are forgotten": _forgotten_keys,
    "amounts are no content": _careless_hash,
    "a fold overlaps the last": _window_moved(folding, "_next_slice", after=-1),
    "a fold leaves a tick out": _window_moved(folding, "_next_slice", after=1),
    "a fold goes beyond the horizon": _folded_to_the_present,
    "a window is folded twice": _folded_twice,
    "a window is not folded": _skipped_fold,
    "the horizon is a tick ahead": _horizon_ahead,
    "late entries are not shifted": _shifted_by(None),
    "late entries are shifted a day too little": _shifted_by(-1),
    "late entries are shifted a day too far": _shifted_by(1),
    "a month is closed out of turn": _close_out_of_turn,
    "a balance is as of a tick later": _as_of_late,
    "a seal leaves a tick out": _window_moved(seals, "Window", after=1),
    "a seal goes beyond the horizon": _seal_ahead,
}
"""Faults that one writer at a time is enough to meet."""

WITH_WORK_OPEN: Final[Mapping[str, Planted]] = {
    "the horizon does not wait": _impatient_horizon,
    "a close does not wait": _close_without_lock,
}
"""Faults that only show where several pieces of work are open at once: on PostgreSQL."""
