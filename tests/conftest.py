"""Tests that take ``settings``, or what is made of it, run on SQLite and on PostgreSQL, each on a sandbox as new."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

import pytest
from flask import Flask

from app import create_app
from migrations.schema import migrate
from store.settings import Settings
from store.unit import Call, Principal, Store
from tests import kept
from tests.client import Client
from tests.postgres import PostgresServer
from tests.reused import Reused
from tests.world import Keys, World

Database = TypeVar("Database")


@dataclass(frozen=True)
class Founded(Generic[Database]):
    """A database with the small jurisdiction in it, and the keys of its parties."""

    database: Database
    keys: Keys


SANDBOX_START = datetime.fromisoformat("2025-03-01T00:00:00+08:00")
LOCAL = Call(Principal("admin", key_id="local"), "test")


# Few tests each, and long ones: begun last, they would leave one of two processes idle.
LONGEST = (
    "test_served_faults",
    "test_tour",
    "test_sample",
    "test_nycflights",
    "test_long_run",
    "test_backup",
    "test_readme",
)


def pytest_configure() -> None:
    """Compile a statement once, and keep connections, for all stores."""
    kept.keep()


def pytest_collection_finish() -> None:
    """Look less often for garbage: what was read by now stays, and is not gone through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the rest keep their order."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, started by the test session itself."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def reused(postgres: PostgresServer) -> Reused:
    """The databases of that server that tests use one after the other."""
    return Reused(postgres)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite sandbox that each test gets a copy of."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(Settings(f"sqlite:///{path}"), sandbox=True, start=SANDBOX_START)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a migrated PostgreSQL sandbox that each test gets a copy of."""
    postgres.administer("CREATE DATABASE template_sandbox")
    migrate(Settings(postgres.url("template_sandbox")), sandbox=True, start=SANDBOX_START)
    return "template_sandbox"


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path) -> Founded[Path]:
    """A SQLite sandbox with the small jurisdiction in it, and its keys."""
    path = sqlite_template.with_name("world.db")
    shutil.copy(sqlite_template, path)
    return Founded(path, _found(Settings(f"sqlite:///{path}")))


@pytest.fixture(scope="session")
def postgres_world(postgres: PostgresServer, postgres_template: str) -> Founded[str]:
    """A PostgreSQL sandbox with the small jurisdiction in it, and its keys."""
    postgres.administer(f"CREATE DATABASE template_world TEMPLATE {postgres_template}")
    return Founded("template_world", _found(Settings(postgres.url("template_world"))))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh sandbox whose clock starts at 2025-03-01 in Shanghai.

    A test that wants the ``world`` gets a copy in which it is founded already.
    """
    founded = "world" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "tariffbook.db"
        template = request.getfixturevalue("sqlite_world").database if founded else None
        shutil.copy(template or request.getfixturevalue("sqlite_template"), path)
        yield Settings(f"sqlite:///{path}", signing_key_file=str(tmp_path / "signing-key"))
        return
    reused: Reused = request.getfixturevalue("reused")
    template = request.getfixturevalue("postgres_world").database if founded else None
    name = reused.database(template or request.getfixturevalue("postgres_template"))
    yield Settings(kept.keep_connections(reused.server.url(name)), signing_key_file=str(tmp_path / "signing-key"))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """The store of a fresh sandbox."""
    opened = Store(settings)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on a fresh sandbox; its routes are made once a session, its store for each test."""
    made = _application()
    made.extensions["tariffbook"] = Store(settings)
    yield made
    made.extensions["tariffbook"].close()


@pytest.fixture
def admin(app: Flask) -> Client:
    """A client with an administrator's key."""
    return Client.administrator(app)


@pytest.fixture
def client_of(app: Flask, admin: Client) -> Callable[..., Client]:
    """Make a client that holds a key of a role and party."""
    return admin.client_of


@pytest.fixture
def world(app: Flask, request: pytest.FixtureRequest) -> World:
    """A jurisdiction with parties, one authorisation and one product."""
    name = "sqlite_world" if app.extensions["tariffbook"].engine.dialect.name == "sqlite" else "postgres_world"
    founded: Founded[object] = request.getfixturevalue(name)
    return World.reopened(app, founded.keys)


@cache
def _application() -> Flask:
    made = create_app(Settings("sqlite://"))
    made.extensions["tariffbook"].close()
    return made


def _found(settings: Settings) -> Keys:
    made = _application()
    made.extensions["tariffbook"] = Store(settings)
    keys = World.founded(Client.administrator(made)).keys()
    made.extensions["tariffbook"].close()
    return keys
