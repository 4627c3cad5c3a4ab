"""Processes that do timed work at the same moment: each makes ready, all wait for each other, then the clock runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from threading import Barrier
from time import perf_counter
from typing import Generic, Protocol, TypeVar

from benchmarks.books import open_accounts
from store.settings import Settings
from store.unit import Store

READY_SECONDS_MAX = 120.0

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_meeting: list[Barrier] = []


class Task(Protocol[T_co]):
    """Work for one process; it can be pickled. ``ready`` is done before the clock runs, what it returns after."""

    def ready(self) -> Callable[[], T_co]:
        """Make everything that is not to be timed."""


@dataclass(frozen=True)
class Timed(Generic[T]):
    """What came of tasks, and the seconds from the first one's start to the last one's end."""

    seconds: float
    results: list[T]


class Writers:
    """A number of processes, as many as there are tasks at a time."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def timed(self, tasks: Sequence[Task[T]]) -> Timed[T]:
        """Do a task in each process, all at once."""
        done = [future.result() for future in [self._pool.submit(_do, task) for task in tasks]]
        begun, ended = min(start for start, _, _ in done), max(end for _, end, _ in done)
        return Timed(ended - begun, [result for _, _, result in done])


@contextmanager
def writers(number: int) -> Iterator[Writers]:
    """Yield so many processes for as long as the block runs."""
    context = get_context("spawn")
    with ProcessPoolExecutor(number, context, _join, (context.Barrier(number),)) as pool:
        yield Writers(pool)


@cache
def store_of(settings: Settings) -> Store:
    """Return this process's store of the books: opened once, it knows the accounts."""
    store = Store(settings)
    open_accounts(store, f"open-{os.getpid()}")
    return store


def _join(barrier: Barrier) -> None:
    _meeting.append(barrier)


def _do(task: Task[T]) -> tuple[float, float, T]:
    """Make a task ready, wait for the others', do it; return when it began and ended, by the clock of the machine."""
    work = task.ready()
    _meeting[0].wait(READY_SECONDS_MAX)
    start = perf_counter()
    result = work()
    return start, perf_counter(), result
