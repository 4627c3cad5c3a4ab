"""The worker, as real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cli.chores import CHORES, Chore
from cli.work import Stop, Worker
from ledger.books import post
from ledger.folding import fold_state
from store.engine import open_engine
from store.unit import Store
from tests.cli.command import Command
from tests.conftest import LOCAL
from tests.ledger.histories import found_parties
from tests.ledger.test_balances import plain_posting

SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Running:
    """A worker that runs, and what it has logged."""

    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return its log's lines, or those of one event."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if name in (None, line["event"])]

    def until(self, name: str) -> None:
        """Wait until it has logged an event."""
        until(lambda: self.events(name) != [], f"no {name}", self)


@contextmanager
def worker(command: Command, name: str) -> Iterator[Running]:
    log = command.folder / f"{name}.log"
    running = Running(command.start("work", "--interval", "0.2", log=log), log)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def until(met: Callable[[], bool], otherwise: str, running: Running) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not met():
        assert running.process.poll() is None, running.log.read_text()
        assert time.monotonic() < deadline, f"{otherwise}: {running.log.read_text()}"
        time.sleep(0.05)


class Always:
    """A candidate without rivals."""

    def leads(self) -> bool:
        return True


def test_one_leads_and_when_it_is_killed_the_other_takes_over(command: Command, store: Store) -> None:
    found_parties(store)
    with worker(command, "first") as first:
        first.until("chore_done")
        with worker(command, "second") as second:
            second.until("standing_by")
            assert second.events("chore_done") == []
            assert first.process.poll() is None
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            second.until("leading")
            store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 5)]))
            until(lambda: folded(store) == 5, "not folded", second)
            second.process.send_signal(signal.SIGTERM)
            assert second.process.wait(SECONDS_MAX) == 0
            assert second.events()[-1]["event"] == "stopped"


def folded(store: Store) -> int:
    with store.reading(LOCAL) as unit:
        return int(unit.connection.execute(text("SELECT coalesce(sum(debit), 0) FROM balance_bucket")).scalar_one())


def test_a_leader_that_has_lost_its_session_stands_for_the_lead_again(command: Command, store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        pytest.skip("the lock of a file is not lost")
    with worker(command, "first") as first:
        first.until("chore_done")
        engine = open_engine(store.settings.database_url, 5, as_owner=True)
        with engine.begin() as connection:
            ended = connection.execute(
                text("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            ).scalar_one()
        engine.dispose()
        assert ended == 1
        done = len(first.events("chore_done"))
        until(lambda: len(first.events("chore_done")) > done + 2, "no more chores", first)


def test_one_round_does_every_chore_and_ends(command: Command, store: Store) -> None:
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 7)]))
    told = [json.loads(line) for line in command.done("work", "--once").err.splitlines()]
    assert [line.get("chore") for line in told] == [None, *(chore.name for chore in CHORES)]
    assert all(line["event"] == "chore_done" and line["seconds"] >= 0 for line in told[1:])
    assert folded(store) == 7
    with store.reading(LOCAL) as unit:
        [facts] = [line for line in told if line.get("chore") == "fold_balances"]
        assert fold_state(unit.connection).until.isoformat() == facts["folded_until"]


def test_a_round_without_news_leaves_no_horizon_behind(command: Command, store: Store) -> None:
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 7)]))
    command.done("work", "--once")
    command.done("work", "--once")
    with store.reading(LOCAL) as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM horizon")).scalar_one() == 1


def test_a_chore_that_fails_stops_no_other_and_makes_the_round_fail(command: Command, store: Store) -> None:
    engine = open_engine(store.settings.database_url, 5, as_owner=True)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE balance_fold RENAME TO elsewhere"))
    engine.dispose()
    ended = command.end("work", "--once")
    told = [json.loads(line) for line in ended.err.splitlines()]
    assert ended.code == 1
    outcomes = {line["chore"]: line["event"] for line in told if "chore" in line}
    assert outcomes["fold_balances"] == "chore_failed"
    assert {outcome for name, outcome in outcomes.items() if name != "fold_balances"} == {"chore_done"}
    assert "balance_fold" in next(line for line in told if line["event"] == "chore_failed")["exception"]


def test_a_chore_is_due_again_after_its_time_or_when_it_failed() -> None:
    done: list[str] = []

    def fail(_store: Store) -> dict[str, object]:
        done.append("failing")
        raise ValueError

    def note(name: str) -> Callable[[Store], dict[str, object]]:
        def do(_store: Store) -> dict[str, object]:
            done.append(name)
            return {}

        return do

    day = timedelta(days=1)
    chores = (Chore("daily", note("daily"), day), Chore("failing", fail, day), Chore("each", note("each")))
    rounds = Worker(None, Always(), chores, Stop())  # type: ignore[arg-type]
    assert (rounds.round(), rounds.round()) == (False, False)
    assert done == ["daily", "failing", "each", "failing", "each"]
