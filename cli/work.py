"""``tariffbook work``: the worker that does the chores, round by round, as long as it leads."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Final

import click
import structlog
from sqlalchemy.exc import SQLAlchemyError

from cli.chores import CHORES, Chore
from cli.terminal import opened
from store.leader import Candidate, candidacy
from store.logs import write_json_lines
from store.unit import Store

_BLINK_SECONDS: Final = 0.1
"""How long a worker that waits takes to see that it was asked to stop."""

log: Final = structlog.get_logger()


@click.command()
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=5.0, show_default=True, help="Seconds between two rounds."
)
@click.option("--once", is_flag=True, help="Do one round and end; exit code 1 where a chore failed.")
def work(*, interval: float, once: bool) -> None:
    """Do the chores: make partitions, move the horizon, fold balances, seal, forget old answers.

    Of several workers on one database one leads, and the others wait to take over. Stops on SIGTERM after the chore
    that it is at.
    """
    write_json_lines()
    with opened() as store, candidacy(store) as candidate, _stoppable() as stop:
        worker = Worker(store, candidate, CHORES, stop)
        if once:
            sys.exit(0 if worker.round() else 1)
        while not stop.asked:
            worker.round()
            stop.wait(interval)
        log.info("stopped")


class Stop:
    """Whether the worker was asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_signal: Any) -> None:
        """Ask it; a signal's handler may."""
        self.asked = True

    def wait(self, seconds: float) -> None:
        """Wait, unless or until it is asked."""
        end = monotonic() + seconds
        while not self.asked and (left := end - monotonic()) > 0:
            sleep(min(left, _BLINK_SECONDS))


class Worker:
    """Does the chores that are due, where it leads, and logs each with the seconds it took."""

    def __init__(self, store: Store, candidate: Candidate, chores: Sequence[Chore], stop: Stop) -> None:
        self._store = store
        self._candidate = candidate
        self._chores = chores
        self._stop = stop
        self._leads: bool | None = None
        self._done_at: dict[str, float] = {}

    def round(self) -> bool:
        """Do one round; return False where a chore failed, or nobody could be asked who leads."""
        try:
            leads = self._candidate.leads()
        except SQLAlchemyError:
            log.exception("unreachable")
            self._leads = None
            return False
        if leads != self._leads:
            log.info("leading" if leads else "standing_by")
            self._leads = leads
        if not leads:
            return True
        outcomes = [self._do(chore) for chore in self._chores if not self._stop.asked and self._is_due(chore)]
        return all(outcomes)

    def _is_due(self, chore: Chore) -> bool:
        last = self._done_at.get(chore.name)
        return last is None or monotonic() - last >= chore.every.total_seconds()

    def _do(self, chore: Chore) -> bool:
        started = monotonic()
        try:
            facts = chore.do(self._store)
        except Exception:  # whatever it is, the other chores are still to be done
            log.exception("chore_failed", chore=chore.name, seconds=_since(started))
            return False
        self._done_at[chore.name] = started
        log.info("chore_done", chore=chore.name, seconds=_since(started), **facts)
        return True


def _since(started: float) -> float:
    return round(monotonic() - started, 4)


@contextmanager
def _stoppable() -> Iterator[Stop]:
    """Let SIGTERM and SIGINT ask for the stop, until the end of the block."""
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
