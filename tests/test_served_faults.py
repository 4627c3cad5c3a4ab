"""Faults of processes and disks under a served load: what was acknowledged is there in the end, once, and nothing else.

Clients send events, one by one and in batches, and each sends again under the same key until it is answered.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import text

from app import create_app
from migrations.schema import migrate
from store.engine import open_engine
from store.settings import Settings
from tests.cli.command import Command
from tests.client import BASE, Client
from tests.conftest import SANDBOX_START
from tests.postgres import PORT, SUPERUSER, PostgresServer
from tests.served import Served, serving
from tests.web.test_admission import held
from tests.web.usage_story import AT_START, Story
from tests.world import World, usage_event

DATABASE: Final = "served"
CALLERS: Final = 6
CALLS: Final = 14
"""Calls that each client makes; every other client sends batches."""
BATCH: Final = 20
SECONDS_MAX: Final = 60.0
FULL_BYTES: Final = 64 * 1024
MEANWHILE: Final = "the load was over before the fault"


class Impatient(Command):
    """The command with a service that waits for nothing long."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "TARIFFBOOK_WAIT_SECONDS_MAX": "1"}


@dataclass
class Service:
    """A served database with one contract in force, which may be killed and started again."""

    command: Command
    server: PostgresServer | None
    key: str
    contract: str
    stack: ExitStack
    served: Served

    @classmethod
    def started(cls, command: Command, server: PostgresServer | None, stack: ExitStack) -> Service:
        """Found a jurisdiction in an empty database, and serve it."""
        settings = Settings(command.database_url)
        migrate(settings, sandbox=True, start=SANDBOX_START)
        application = create_app(settings)
        story = Story(World.founded(Client.administrator(application)))
        key = str(story.world.operator.key)
        application.extensions["tariffbook"].close()
        served = stack.enter_context(serving(command, *_workers(server)))
        return cls(command, server, key, story.contracts["contract"], stack, served)

    def start_again(self) -> None:
        """Serve on the same port as before."""
        self.served = self.stack.enter_context(serving(self.command, *_workers(self.server), port=self.served.port))

    def send(self, source: str, name: str, events: int) -> tuple[int, Any]:
        """Send a batch under a key of its name; return status and document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)
        named = [
            {**usage_event(f"{name}-{number}", self.contract, "offering", "1", AT_START), "source": source}
            for number in range(events)
        ]
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = f"{source}-{name}"
        try:
            connection.request("POST", f"{BASE}/usage-events", json.dumps({"events": named}), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kept(self, source: str) -> list[str]:
        """Return the ids of the events of a source that the database has."""
        query = text("SELECT event_id FROM usage_event WHERE source = :source ORDER BY event_id")
        engine = open_engine(self.command.database_url, 10, as_owner=True)
        with engine.connect() as connection:
            found = [str(number) for number in connection.execute(query, {"source": source}).scalars()]
        engine.dispose()
        return found


@dataclass
class Load:
    """Clients that send until each of their calls is answered; what they were told, and what it took."""

    service: Service
    source: str
    acknowledged: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def call(self, caller: int) -> None:
        """Be one client."""
        events = BATCH if caller % 2 else 1
        for number in range(CALLS):
            self._until_answered(f"{caller}-{number}", events)

    def _until_answered(self, name: str, events: int) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            why, document = self._answer(name, events)
            if why is None:
                break
            self.again.append(why)
            assert time.monotonic() < deadline, why
            time.sleep(0.03)
        assert [result["status"] for result in document["results"]] == ["accepted"] * events
        with self.lock:
            self.acknowledged += [f"{name}-{number}" for number in range(events)]

    def _answer(self, name: str, events: int) -> tuple[str | None, Any]:
        """Return the document of an answer, or why the call has to be sent again."""
        try:
            status, document = self.service.send(self.source, name, events)
        except (OSError, http.client.HTTPException) as lost:
            return type(lost).__name__, None
        if status == 503:
            return str(document["code"]), None
        assert status == 201, document
        return None, document


@contextmanager
def load(service: Service, source: str) -> Iterator[Load]:
    """Have clients at work, well under way; at the end they are answered, and their events are there once."""
    made = Load(service, source)
    with ThreadPoolExecutor(CALLERS) as pool:
        callers: list[Future[None]] = [pool.submit(made.call, caller) for caller in range(CALLERS)]
        until(lambda: len(made.acknowledged) > CALLERS * BATCH or all(caller.done() for caller in callers))
        assert not any(caller.done() for caller in callers), MEANWHILE
        yield made
        for caller in callers:
            caller.result(SECONDS_MAX)
    assert len(made.acknowledged) == CALLERS * CALLS * (BATCH + 1) // 2
    assert service.kept(source) == sorted(made.acknowledged)
    assert service.command.done("ledger", "verify").lines[-1] == "passed"


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def on_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on SQLite."""
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        yield Service.started(Impatient(f"sqlite:///{folder}/books.db", folder), None, stack)


@pytest.fixture(scope="module")
def on_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on a PostgreSQL of its own, which keeps what was committed when it is killed, as in production."""
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(durable=True))
        server.administer(f"CREATE DATABASE {DATABASE}")
        yield Service.started(Impatient(server.url(DATABASE), folder), server, stack)


def _workers(server: PostgresServer | None) -> tuple[str, ...]:
    return () if server is None else ("--workers", "2")


def kill_a_worker(service: Service, running: Load) -> None:
    """And another, until one of them was at work for somebody."""
    while not running.again:
        os.kill(service.served.workers[0], signal.SIGKILL)
        time.sleep(0.2)


def kill_the_service(service: Service, _load: Load) -> None:
    service.served.kill()
    service.start_again()


def kill_postgresql(service: Service, _load: Load) -> None:
    assert service.server is not None
    service.server.kill()
    service.server.start()


def hold_a_lock(service: Service, running: Load) -> None:
    """Longer than the service waits for it."""
    with held(service.command.database_url, "usage_event"):
        until(lambda: "database_busy" in running.again)


def lose_commits(service: Service, running: Load) -> None:
    """A standby that never comes: commits are durable, their answers wait, and the connections are cut."""
    server = service.server
    assert server is not None
    server.administer("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.administer("SELECT pg_reload_conf()")
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with psycopg.connect(host=str(server.folder), port=PORT, user=SUPERUSER, dbname="postgres") as other:
        other.autocommit = True
        until(lambda: other.execute(cut).fetchone() is not None and "outcome_unknown" in running.again)
    server.administer("ALTER SYSTEM RESET synchronous_standby_names")
    server.administer("SELECT pg_reload_conf()")


HARMS: Final = {
    "a worker is killed": kill_a_worker,
    "the service is killed": kill_the_service,
    "a lock is held": hold_a_lock,
}
HARMS_OF_A_SERVER: Final = {
    "PostgreSQL is killed": kill_postgresql,
    "connections are lost after the commit": lose_commits,
}


@pytest.mark.parametrize("harm", HARMS)
def test_on_sqlite_what_is_acknowledged_is_there_once_when(on_file: Service, harm: str) -> None:
    with load(on_file, harm) as running:
        HARMS[harm](on_file, running)
    assert running.again, MEANWHILE


@pytest.mark.parametrize("harm", [*HARMS, *HARMS_OF_A_SERVER])
def test_on_postgresql_what_is_acknowledged_is_there_once_when(on_server: Service, harm: str) -> None:
    with load(on_server, harm) as running:
        (HARMS | HARMS_OF_A_SERVER)[harm](on_server, running)
    assert running.again, MEANWHILE


def test_a_full_disk_refuses_keeps_nothing_and_goes_on_when_there_is_room(on_file: Service) -> None:
    """The service may write no file beyond its first pages: full to SQLite, and nobody needs to be root for it."""
    [worker] = on_file.served.workers
    with load(on_file, "full") as running:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))
        until(lambda: "database_unavailable" in running.again)
        acknowledged = set(running.acknowledged)
        assert acknowledged <= set(on_file.kept("full"))
        assert on_file.served.get("/healthz")[0] == 200
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert set(running.again) <= {"database_unavailable", "database_busy"}
