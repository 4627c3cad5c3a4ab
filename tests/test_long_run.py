"""The invariants of the whole, over a long random life: `make test` lives a short one, a setting makes it longer.

TARIFFBOOK_LONG_RUN_STEPS says how many steps are taken, TARIFFBOOK_LONG_RUN_SEED which life is lived; a failure names
both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from flask import Flask

from reports import verification
from reports.book_export import FORMATS
from reports.books import Bounds
from store.unit import Store
from tests.client import Client
from tests.conftest import LOCAL
from tests.long_run import Life

STEPS = int(os.environ.get("TARIFFBOOK_LONG_RUN_STEPS", "400"))
SEED = int(os.environ.get("TARIFFBOOK_LONG_RUN_SEED", "2025"))
STEPS_BETWEEN_CHECKS = 50
DAYS, STEPS_A_MOVE = 250, 9
"""A life lasts about so many days, however many steps it takes; about one step in so many moves the clock."""
MUST_SUCCEED = (
    "use",
    "contract",
    "quote",
    "accept",
    "grant",
    "tariff",
    "write-off",
    "bill",
    "credit note",
    "payment",
    "settlement",
    "payout",
)


def test_the_books_hold_through_a_long_random_life(app: Flask, admin: Client, tmp_path: Path) -> None:
    store: Store = app.extensions["tariffbook"]
    life = Life(admin, SEED, days_max=max(1, 2 * DAYS * STEPS_A_MOVE // STEPS - 1))
    # PostgreSQL lives half as long: each step costs it twice the time.
    steps = STEPS if store.engine.dialect.name == "sqlite" else STEPS // 2
    for number in range(1, steps + 1):
        try:
            life.step()
            if number % STEPS_BETWEEN_CHECKS == 0:
                require_sound(life, store)
        except AssertionError as fault:
            fault.add_note(f"life {SEED}, step {number}, on {life.today}")
            raise
    require_sound(life, store)
    require_accountants_agree(store, tmp_path)
    outcomes = "\n".join(f"{number:6} {what}: {outcome}" for (what, outcome), number in sorted(life.outcomes.items()))
    lacking = [what for what in MUST_SUCCEED if not life.outcomes[what, "done"]]
    assert steps < 400 or not lacking, f"never succeeded: {lacking}\n{outcomes}"


def require_sound(life: Life, store: Store) -> None:
    """Require that every check passes, every asset balances, and use is what was counted here."""
    with store.reading(LOCAL) as unit:
        failed = [check for check in verification.findings(unit) if not check["ok"]]
    assert failed == []
    totals = life.world.auditor.seen("/ledger/trial-balance")["totals"]
    assert [total for total in totals if not total["balanced"]] == []
    for contract in life.contracts:
        for offering in contract.offerings:
            require_conserved(life, contract.id, offering, contract.accepted[offering])


def require_conserved(life: Life, contract: str, offering: str, counted: Decimal) -> None:
    """Require that what was accepted is all somewhere: unbilled, billed, free or written off."""
    use = life.world.operator.seen("/usage", contract=contract, offering=offering)
    held = sum(Decimal(use[state]) for state in ("unbilled", "billed", "free", "written_off"))
    assert Decimal(use["accepted"]) == counted == held, (contract, offering, use)


def require_accountants_agree(store: Store, folder: Path) -> None:
    """Require that beancount, and hledger where it is installed, find no fault in the books."""
    with store.reading(LOCAL) as unit:
        for name in ("beancount", "hledger"):
            writer, _ = FORMATS[name]
            content = "".join(writer(unit, Bounds(None, unit.now)))
            (folder / f"books.{name}").write_text(content, encoding="utf-8")
    commands = [[str(Path(sys.executable).with_name("bean-check")), str(folder / "books.beancount")]]
    hledger = shutil.which("hledger")
    if hledger is not None:
        commands.append([hledger, "-f", str(folder / "books.hledger"), "check", "--strict"])
    for command in commands:
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), command
