"""The report through a random life: it reconciles, finds no breach, and repeats itself to the byte."""

from __future__ import annotations

import os

from tests.client import Client
from tests.long_run import Life
from tests.reports.story import REPORT

STEPS = int(os.environ.get("TARIFFBOOK_LONG_RUN_STEPS", "400")) // 4
SEED = int(os.environ.get("TARIFFBOOK_LONG_RUN_SEED", "2025"))
STEPS_BETWEEN_REPORTS = 50
DAYS_MAX = 20
PERIOD = {"operator": "operator", "from": "2025-01-01", "until": "2028-01-01"}


def test_the_report_reconciles_and_repeats_itself_through_a_random_life(admin: Client) -> None:
    life = Life(admin, SEED, days_max=DAYS_MAX)
    earlier: dict[str, bytes] = {}
    for number in range(1, STEPS + 1):
        life.step()
        if number % STEPS_BETWEEN_REPORTS == 0:
            answer = life.world.regulator.get(REPORT, **PERIOD)
            assert answer.status_code == 200, answer.text
            assert answer.json is not None
            wrong = [check for check in answer.json["reconciliation"] if not check["agrees"]]
            assert (wrong, answer.json["breaches"]) == ([], []), f"life {SEED}, step {number}, on {life.today}"
            earlier[answer.json["as_of"]] = answer.data
    for as_of, told in earlier.items():
        assert life.world.regulator.get(REPORT, **PERIOD, as_of=as_of).data == told, as_of
