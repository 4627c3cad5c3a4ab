"""Every test that takes ``settings``, or what is made of it, runs on SQLite and PostgreSQL, each on a fresh sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from app import create_app
from migrations.schema import migrate
from store.settings import Settings
from store.unit import Call, Principal, Store
from tests.client import Client
from tests.postgres import PostgresServer
from tests.world import World

SANDBOX_START = datetime.fromisoformat("2025-03-01T00:00:00+08:00")
LOCAL = Call(Principal("admin", key_id="local"), "test")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, started by the test session itself."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite sandbox that each test gets a copy of."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(Settings(f"sqlite:///{path}"), sandbox=True, start=SANDBOX_START)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a migrated PostgreSQL sandbox that each test gets a copy of."""
    _administer(postgres, "CREATE DATABASE template_sandbox")
    migrate(Settings(postgres.url("template_sandbox")), sandbox=True, start=SANDBOX_START)
    return "template_sandbox"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh sandbox whose clock starts at 2025-03-01 in Shanghai."""
    if request.param == "sqlite":
        path = tmp_path / "tariffbook.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield Settings(f"sqlite:///{path}")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield Settings(server.url(name))
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """The store of a fresh sandbox."""
    opened = Store(settings)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on a fresh sandbox."""
    made = create_app(settings)
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
def world(admin: Client) -> World:
    """A jurisdiction with parties, one authorisation and one product."""
    return World.founded(admin)


def _administer(server: PostgresServer, statement: str) -> None:
    engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
