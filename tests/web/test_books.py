"""The books through the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from reports import verification
from store.unit import Unit
from tests.world import World


def test_others_write_while_the_books_are_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_checks = verification.findings

    def slow_checks(unit: Unit) -> list[dict[str, Any]]:
        world.admin.made("/parties", {"code": "meanwhile", "name": "Meanwhile", "kinds": ["buyer"]})
        return run_checks(unit)

    monkeypatch.setattr(verification, "findings", slow_checks)
    run = world.auditor.made("/ledger/verify")
    assert run["status"] == "passed"
    assert datetime.fromisoformat(run["as_of"]) < datetime.fromisoformat(run["recorded_at"])
    assert world.auditor.seen("/ledger/verify") == run
