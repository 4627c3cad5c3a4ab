"""A stream has the time of a report for each part of it, and no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from reports.book_export import FORMATS
from store.faults import DeadlineExceeded
from store.unit import Store, Unit
from tests.store.test_faults import SLOW
from tests.world import World

PIECE = "x" * 65_536


def streaming(app: Flask, monkeypatch: pytest.MonkeyPatch, export: Any) -> None:
    """Have reports take a second at most, and the books exported by a program of the test's."""
    store: Store = app.extensions["tariffbook"]
    monkeypatch.setattr(store, "settings", replace(store.settings, report_seconds_max=1))
    monkeypatch.setitem(FORMATS, "csv", (export, "text/csv"))


def test_a_part_that_takes_too_long_ends_the_stream(world: World, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(unit: Unit, _bounds: object) -> Iterator[str]:
        yield PIECE
        unit.connection.execute(text(SLOW[unit.dialect])).all()
        yield PIECE

    streaming(app, monkeypatch, export)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        _ = world.auditor.get("/ledger/export", format="csv").data
    assert time.monotonic() - begun < 10


def test_a_stream_may_take_longer_than_any_part_of_it(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(unit: Unit, _bounds: object) -> Iterator[str]:
        for _ in range(4):
            time.sleep(0.4)
            unit.connection.execute(text("SELECT 1"))
            yield PIECE

    streaming(app, monkeypatch, export)
    assert world.auditor.get("/ledger/export", format="csv").data.decode() == 4 * PIECE
