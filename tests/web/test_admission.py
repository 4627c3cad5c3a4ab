"""Admission: what is too much is refused at once, unread, and what is let in is done."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app import create_app
from store.engine import open_engine
from store.settings import SettingInvalid, Settings
from store.unit import Principal
from tests.cli.command import Command
from tests.client import BASE, Client
from tests.served import Served, serving
from web.admission import Gate, KeyRates, ServiceOverloaded


@dataclass
class Crowd:
    """Threads that pass a gate, hold it until they are told to go, and count how many were inside at once."""

    gate: Gate
    go: Event = field(default_factory=Event)
    inside: int = 0
    most: int = 0
    order: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def call(self, number: int) -> bool:
        try:
            self.gate.enter()
        except ServiceOverloaded:
            return False
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(number)
        self.go.wait(10)
        with self.lock:
            self.inside -= 1
        self.gate.leave()
        return True


def test_a_gate_lets_so_many_in_has_so_many_wait_and_refuses_the_rest_at_once() -> None:
    crowd = Crowd(Gate(3, 4, 10))
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(crowd.call, number) for number in range(20)]
        until(lambda: sum(call.done() for call in calls) == 13)
        crowd.go.set()
        assert sum(call.result() for call in calls) == 7
    assert crowd.most == 3


def test_those_who_wait_are_let_in_in_the_order_in_which_they_came() -> None:
    gate = Gate(1, 8, 10)
    crowd = Crowd(gate)
    gate.enter()
    with ThreadPoolExecutor(8) as pool:
        calls: list[Future[bool]] = []
        for number in range(8):
            calls.append(pool.submit(crowd.call, number))
            until(lambda number=number: len(gate._waiting) == number + 1)
        crowd.go.set()
        gate.leave()
        assert all(call.result() for call in calls)
    assert crowd.order == list(range(8))


def test_who_waits_in_vain_is_refused_and_leaves_no_place_taken() -> None:
    gate = Gate(1, 1, 0.05)
    gate.enter()
    with pytest.raises(ServiceOverloaded):
        gate.enter()
    gate.leave()
    gate.enter()
    gate.leave()


def test_a_gate_without_waiting_refuses_what_it_cannot_begin() -> None:
    gate = Gate(1, 0, 10)
    gate.enter()
    begun = time.monotonic()
    with pytest.raises(ServiceOverloaded):
        gate.enter()
    assert time.monotonic() - begun < 1


def test_a_call_that_fails_gives_its_place_back(settings: Settings) -> None:
    application = create_app(with_limits(settings, calls_in_work_max=1, calls_waiting_max=0))
    caller = application.test_client()
    try:
        for path in ("/parties", "/nowhere", "/openapi.json", "/docs"):
            for _ in range(2):
                assert caller.get(f"{BASE}{path}").status_code in (200, 401, 404), path
    finally:
        application.extensions["tariffbook"].close()


class Busy(Command):
    """The command with a service that takes on little."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            **super().environment,
            "TARIFFBOOK_CALLS_WAITING_MAX": "1",
            "TARIFFBOOK_WAIT_SECONDS_MAX": "30",
        }


def test_a_full_service_refuses_unread_says_when_to_come_again_and_does_what_it_has_let_in(command: Command) -> None:
    key = command.done("keys", "create", "--role", "admin").lines[-1]
    busy = Busy(command.database_url, command.folder)
    with serving(busy, "--threads", "1", *workers(command)) as served, ThreadPoolExecutor(2) as pool:
        with held(command.database_url):
            first = pool.submit(post_party, served, key, "one")
            until(lambda: metric(served, "tariffbook_calls_in_work") == 1)
            second = pool.submit(post_party, served, key, "two")
            until(lambda: metric(served, "tariffbook_calls_waiting") == 1)
            begun = time.monotonic()
            status, headers, problem = announce(served, key)
            assert time.monotonic() - begun < 5
            assert (status, problem["code"], headers["Retry-After"]) == (503, "service_overloaded", "1")
            assert served.get("/healthz")[0] == served.get("/readyz")[0] == 200
            assert metric(served, 'tariffbook_calls_refused_total{reason="full"}') == 1
        assert [first.result(), second.result()] == [201, 201]
        assert len(served.get(f"{BASE}/parties", key)[1]["items"]) == 2
        assert metric(served, "tariffbook_calls_in_work") == 0


def test_a_key_that_asks_too_often_is_told_when_to_come_again_and_others_are_not_held_up(
    settings: Settings, admin: Client
) -> None:
    auditor = admin.client_of("auditor")
    application = create_app(with_limits(settings, rate_limit="3/minute"))
    try:
        hasty, other = Client(application, admin.key), Client(application, auditor.key)
        assert [hasty.get("/parties").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = hasty.post("/parties", {"code": "p", "name": "P", "kinds": ["buyer"]})
        assert (refused.status_code, (refused.json or {})["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert other.get("/parties").status_code == 200
        assert application.test_client().get("/healthz").status_code == 200
    finally:
        application.extensions["tariffbook"].close()


def test_without_a_limit_a_key_may_ask_as_often_as_it_likes(app: Flask, admin: Client) -> None:
    assert app is admin.app
    rates = KeyRates(None)
    for _ in range(1000):
        rates.spend(Principal("admin", key_id="key"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLS_IN_WORK_MAX", "0"),
        ("CALLS_IN_WORK_MAX", "1001"),
        ("CALLS_WAITING_MAX", "-1"),
        ("CALLS_WAITING_MAX", "many"),
        ("POST_SECONDS_MAX", "3601"),
        ("REPORT_SECONDS_MAX", "0"),
        ("RATE_LIMIT", "often"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_the_name_of_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=f"TARIFFBOOK_{name}"):
        Settings.from_environment({f"TARIFFBOOK_{name}": value})


def test_limits_are_settings() -> None:
    told = Settings.from_environment({"TARIFFBOOK_CALLS_WAITING_MAX": "0", "TARIFFBOOK_RATE_LIMIT": "5/second; 9/day"})
    assert (told.calls_waiting_max, told.rate_limit) == (0, "5/second; 9/day")


def with_limits(settings: Settings, **limits: Any) -> Settings:
    return Settings(settings.database_url, **limits)


def workers(command: Command) -> tuple[str, ...]:
    return () if command.database_url.startswith("sqlite") else ("--workers", "1")


def until(holds: Any) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def post_party(served: Served, key: str, code: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    body = json.dumps({"code": code, "name": code, "kinds": ["buyer"], "credit_code": None})
    connection.request("POST", f"{BASE}/parties", body, headers(key, code))
    status = connection.getresponse().status
    connection.close()
    return status


def announce(served: Served, key: str) -> tuple[int, Mapping[str, str], Any]:
    """Announce a body, send none of it, and return what is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.putrequest("POST", f"{BASE}/usage-events")
    for name, value in {**headers(key, "announced"), "Content-Length": "1000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    said = answer.status, dict(answer.getheaders()), json.loads(answer.read())
    connection.close()
    return said


def headers(key: str, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": name}


def metric(served: Served, name: str) -> float:
    lines = served.get("/metrics")[1].decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@contextmanager
def held(url: str, table: str = "stored_answer") -> Iterator[None]:
    """Hold what every writer needs: the turn to write on SQLite, a table (that of kept answers) on PostgreSQL."""
    if url.startswith("sqlite"):
        handle = os.open(f"{url.removeprefix('sqlite:///')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.close(handle)
        return
    engine = open_engine(url, 10, as_owner=True)
    with engine.begin() as connection:
        connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()
