"""One story a database, told once and only read by the tests of the reports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from store.settings import Settings
from tests.client import Client
from tests.postgres import PostgresServer
from tests.reports.story import Story

_DATABASE = "story_of_reports"


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The spring of an operator, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("story") / "tariffbook.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield from _told(Settings(f"sqlite:///{path}"))
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    server.administer(f"CREATE DATABASE {_DATABASE} TEMPLATE {template}")
    yield from _told(Settings(server.url(_DATABASE)))
    server.administer(f"DROP DATABASE {_DATABASE} WITH (FORCE)")


def _told(settings: Settings) -> Iterator[Story]:
    app = create_app(settings)
    yield Story.told(Client.administrator(app))
    app.extensions["tariffbook"].close()
