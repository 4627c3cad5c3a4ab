"""Faults of the database: each call ends in time and says what it means, and the service goes on when it is over."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import create_app
from migrations.schema import migrate
from store.direct import rows
from store.engine import open_engine
from store.faults import DatabaseBusy, DatabaseUnavailable, DeadlineExceeded
from store.settings import Settings
from store.unit import Call, Store, Unit
from tests.client import Client
from tests.conftest import LOCAL, SANDBOX_START
from tests.postgres import PORT, SUPERUSER, PostgresServer

PARTY = {"code": "p", "name": "P", "kinds": ["buyer"], "credit_code": None}
DATABASE = "faults"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, durable, with an empty sandbox on it."""
    with PostgresServer(durable=True) as started:
        started.administer(f"CREATE DATABASE {DATABASE}")
        migrate(Settings(started.url(DATABASE)), sandbox=True, start=SANDBOX_START)
        yield started


@pytest.fixture
def admin(server: PostgresServer) -> Iterator[Client]:
    application = create_app(Settings(server.url(DATABASE), wait_seconds_max=5))
    yield Client.administrator(application)
    application.extensions["tariffbook"].close()


def unavailable(answer: TestResponse, code: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.mimetype == "application/problem+json"
    assert (answer.json or {})["code"] == code, answer.text
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_database_that_is_away_is_said_to_be_and_the_service_goes_on_when_it_is_back(
    server: PostgresServer, admin: Client
) -> None:
    server.kill()
    unavailable(admin.get("/parties"), "database_unavailable")
    unavailable(admin.post("/parties", PARTY, key="k"), "database_unavailable")
    assert admin.get("/healthz").status_code == 200
    assert admin.get("/readyz").status_code == 503
    server.start()
    assert admin.get("/parties").status_code == 200
    assert admin.post("/parties", PARTY, key="k").status_code == 201


def test_a_call_that_loses_its_database_half_way_can_be_sent_again(server: PostgresServer, admin: Client) -> None:
    with ThreadPoolExecutor(1) as pool, outside(server) as other:
        other.execute("LOCK TABLE stored_answer")
        call = pool.submit(admin.post, "/parties", PARTY, key="k")
        until_waiting(other)
        server.kill()
        unavailable(call.result(), "database_unavailable")
    server.start()
    assert admin.post("/parties", PARTY, key="k").status_code == 201
    assert len(admin.seen("/parties")["items"]) == 1


def test_a_commit_that_was_done_but_not_answered_is_done_once_when_it_is_sent_again(
    server: PostgresServer, admin: Client
) -> None:
    # a standby that never comes: the commit is durable here, and its answer waits
    server.administer("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.administer("SELECT pg_reload_conf()")
    with ThreadPoolExecutor(1) as pool, outside(server) as other:
        call = pool.submit(admin.post, "/parties", PARTY, key="k")
        terminate(other, "wait_event = 'SyncRep'")
        unavailable(call.result(), "outcome_unknown")
        assert "same Idempotency-Key" in (call.result().json or {})["detail"]
    server.administer("ALTER SYSTEM RESET synchronous_standby_names")
    server.administer("SELECT pg_reload_conf()")
    again = admin.post("/parties", PARTY, key="k")
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true")
    assert len(admin.seen("/parties")["items"]) == 1


def test_a_commit_that_was_lost_is_done_when_it_is_sent_again(server: PostgresServer, admin: Client) -> None:
    with ThreadPoolExecutor(1) as pool, outside(server) as other:
        other.execute(
            "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$"
        )
        other.execute(
            "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON party "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()"
        )
        other.commit()
        call = pool.submit(admin.post, "/parties", PARTY, key="k")
        terminate(other, "wait_event = 'PgSleep'")
        unavailable(call.result(), "outcome_unknown")
        other.execute("DROP TRIGGER wait_at_commit ON party")
        other.commit()
    again = admin.post("/parties", PARTY, key="k")
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, None)
    assert len(admin.seen("/parties")["items"]) == 1


SLOW = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) SELECT max(i) FROM n",
}


def slowly(unit: Unit) -> None:
    unit.connection.execute(text(SLOW[unit.dialect])).all()


def reads_slowly(store: Store, call: Call) -> None:
    with store.reading(call) as unit:
        slowly(unit)


@pytest.mark.parametrize("ask", [lambda store, call: store.run(call, slowly), reads_slowly], ids=["writes", "reads"])
def test_a_statement_is_stopped_at_the_deadline_of_its_call(store: Store, ask: Callable[[Store, Call], None]) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        ask(store, replace(LOCAL, seconds_max=0.3))
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "ask",
    [
        lambda unit: unit.connection.execute(text("SELECT 1")),
        lambda unit: rows(unit.connection, "SELECT 1"),
    ],
    ids=["by the toolkit", "directly"],
)
def test_no_statement_begins_after_the_deadline_and_nothing_is_kept(
    store: Store, ask: Callable[[Unit], object]
) -> None:
    asked: list[object] = []

    def work(unit: Unit) -> None:
        unit.connection.execute(text("UPDATE instance SET clock_offset_us = 0"))
        time.sleep(0.4)
        asked.append(ask(unit))

    def offset(unit: Unit) -> int:
        return int(unit.connection.execute(text("SELECT clock_offset_us FROM instance")).scalar_one())

    before = store.run(LOCAL, offset)
    assert before != 0
    with pytest.raises(DeadlineExceeded):
        store.run(replace(LOCAL, seconds_max=0.2), work)
    assert asked == []
    assert store.run(LOCAL, offset) == before


def test_the_deadline_of_one_call_is_not_that_of_the_next_on_its_connection(store: Store) -> None:
    store.run(replace(LOCAL, seconds_max=0.2), lambda unit: unit.now)
    pause = "SELECT pg_sleep(0.5)" if store.engine.dialect.name == "postgresql" else "SELECT 1"

    def work(unit: Unit) -> None:
        time.sleep(0.3)
        unit.connection.execute(text(pause))

    store.run(LOCAL, work)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_connection_that_is_lost_during_a_direct_statement_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(unit: Unit) -> int:
        [(number,)] = rows(unit.connection, "SELECT pg_backend_pid()")
        return int(number)

    def cut(unit: Unit) -> None:
        served_by.append(backend(unit))
        with owner.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": served_by[0]})
        try:
            rows(unit.connection, SLOW["postgresql"])
        finally:
            given_up.append(unit.connection.invalidated)

    monkeypatch.setattr("store.unit.ATTEMPTS_MAX", 1)
    served_by: list[int] = []
    given_up: list[bool] = []
    owner = open_engine(store.settings.database_url, 10, as_owner=True)
    with pytest.raises(DatabaseUnavailable):
        store.run(LOCAL, cut)
    owner.dispose()
    assert given_up == [True]
    served_by.append(store.run(LOCAL, backend))
    assert len(set(served_by)) == 2


def test_a_call_that_gets_no_connection_in_time_is_told_that_the_database_is_busy(settings: Settings) -> None:
    application = create_app(replace(settings, wait_seconds_max=1))
    admin = Client.administrator(application)
    store: Store = application.extensions["tariffbook"]
    with ExitStack() as taken:
        for _ in range(16):
            taken.enter_context(store.engine.connect())
        unavailable(admin.get("/parties"), "database_busy")
    assert admin.get("/parties").status_code == 200
    store.close()


def test_a_lock_that_is_not_free_in_time_leaves_nothing_behind(settings: Settings) -> None:
    application = create_app(replace(settings, wait_seconds_max=1))
    admin, store = Client.administrator(application), application.extensions["tariffbook"]
    begun = time.monotonic()
    with locked(store, settings):
        unavailable(admin.post("/parties", PARTY, key="k"), "database_busy")
    assert time.monotonic() - begun < 8
    assert admin.post("/parties", PARTY, key="k").status_code == 201
    store.close()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_opened_is_a_database_that_is_away(settings: Settings, tmp_path: Path) -> None:
    application = create_app(settings)
    admin, store = Client.administrator(application), application.extensions["tariffbook"]
    store.close()
    path = tmp_path / "tariffbook.db"
    path.rename(tmp_path / "away")
    path.mkdir()
    unavailable(admin.get("/parties"), "database_unavailable")
    unavailable(admin.post("/parties", PARTY), "database_unavailable")
    path.rmdir()
    (tmp_path / "away").rename(path)
    assert admin.get("/parties").status_code == 200
    store.close()


def test_who_holds_the_turn_too_long_is_no_fault_of_the_caller(store: Store) -> None:
    quick = Store(replace(store.settings, wait_seconds_max=1))

    def work(_unit: Unit) -> None:
        quick.run(LOCAL, lambda unit: unit.connection.execute(text("UPDATE instance SET clock_offset_us = 1")))

    def holds(unit: Unit) -> None:
        unit.connection.execute(text("UPDATE instance SET clock_offset_us = 2"))
        with pytest.raises(DatabaseBusy):
            work(unit)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(store.run, LOCAL, holds).result()
    quick.close()


@contextmanager
def outside(server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody else's, which may be lost."""
    connection = psycopg.connect(host=str(server.folder), port=PORT, user=SUPERUSER, dbname=DATABASE)
    try:
        yield connection
    finally:
        connection.close()


def until_waiting(other: psycopg.Connection[Any]) -> None:
    """Wait until somebody waits for a lock."""
    wait_for(other, "wait_event_type = 'Lock'")


def wait_for(other: psycopg.Connection[Any], condition: str) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        row = other.execute(f"SELECT pid FROM pg_stat_activity WHERE {condition}".encode()).fetchone()  # noqa: S608
        if row is not None:
            return int(row[0])
        other.execute("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.02)
    message = f"nobody came to {condition}"
    raise AssertionError(message)


def terminate(other: psycopg.Connection[Any], condition: str) -> None:
    """Cut the connection that is just doing something."""
    other.execute("SELECT pg_terminate_backend(%s)", [wait_for(other, condition)])


@contextmanager
def locked(store: Store, settings: Settings) -> Iterator[None]:
    """Hold what every writer needs, as a program that knows nothing of our turns."""
    if store.engine.dialect.name == "sqlite":
        held = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        yield
        held.execute("ROLLBACK")
        held.close()
        return
    engine = open_engine(settings.database_url, 10, as_owner=True)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE party"))
        yield
    engine.dispose()
