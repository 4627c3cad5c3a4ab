"""The turn to write on SQLite: one writer at a time, among the threads of a process and among processes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine

from store.engine import open_engine, writer_turn
from store.faults import DatabaseBusy


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path}/turns.db", 5)
    yield opened
    opened.dispose()


def test_threads_write_one_after_the_other(engine: Engine) -> None:
    writing: list[int] = []
    seen: list[int] = []

    def write(number: int) -> None:
        with writer_turn(engine, 5):
            writing.append(number)
            seen.append(len(writing))
            writing.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    assert seen == [1] * 200


def held_by_a_thread(engine: Engine, ask: Callable[[], None]) -> None:
    held, done = Event(), Event()

    def hold() -> None:
        with writer_turn(engine, 5):
            held.set()
            done.wait()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        held.wait()
        try:
            ask()
        finally:
            done.set()
            holder.result()


def held_by_a_process(engine: Engine, ask: Callable[[], None]) -> None:
    # A lock on another opening of the file excludes as another process's does.
    with Path(f"{engine.url.database}.lock").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ask()


@pytest.mark.parametrize("held", [held_by_a_thread, held_by_a_process])
def test_a_writer_that_waits_too_long_is_told_and_the_next_one_gets_its_turn(
    engine: Engine, held: Callable[[Engine, Callable[[], None]], None]
) -> None:
    def ask() -> None:
        with pytest.raises(DatabaseBusy, match="another writer"), writer_turn(engine, 0):
            pytest.fail("two writers at once")

    held(engine, ask)
    with writer_turn(engine, 0):
        pass
