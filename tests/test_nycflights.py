"""A stream that nobody here made up, through the whole job: imported, billed, settled, reported, and reckoned apart.

`make test` takes a third of three of the thirteen months (one in which a price changes, one in which a ceiling does; of
the last one, all of its few departures), imported month by month as the clock moves, on both databases. With
TARIFFBOOK_DEPARTURES=all it takes all 336,776 departures; ``python -m benchmarks nycflights`` does so too, and says how
long that takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from flask import Flask

from cli.main import commands
from pricing.period import Month
from store.settings import Settings
from tests.client import Client
from tests.departures import IMPORT, MONTHS, OPERATOR, Jurisdiction, departures, found, write_events
from tests.departures_compared import differences
from tests.departures_reckoned import Bill, bills, counts, shares

SAMPLE = ("2025-10", "2026-01", "2026-04")


@pytest.fixture(scope="module")
def stream() -> pd.DataFrame:
    return departures()


@pytest.fixture(scope="module")
def taken(stream: pd.DataFrame) -> pd.DataFrame:
    """What goes through the service: a sample, or all of it."""
    if os.environ.get("TARIFFBOOK_DEPARTURES") == "all":
        return stream
    sample = stream[stream["month"].isin(SAMPLE)]
    return sample[(sample.index % 3 == 0) | (sample["month"] == SAMPLE[-1])]


def test_the_stream_is_a_year_of_departures_that_keep_their_weekdays(stream: pd.DataFrame) -> None:
    assert len(stream) == 336_776
    assert stream["flight"].is_unique
    assert (stream["hour"].min(), stream["hour"].max()) == ("2025-04-01T10:00:00Z", "2026-04-01T04:00:00Z")
    first = stream["hour"].iloc[0]
    flown = stream["flight"].iloc[0].rpartition("/")[2]
    assert (flown, pd.Timestamp(flown).day_name()) == ("2013-01-01T10:00:00Z", pd.Timestamp(first).day_name())


def test_in_shanghai_the_stream_has_thirteen_months(stream: pd.DataFrame) -> None:
    assert tuple(sorted(stream["month"].unique())) == MONTHS
    assert len(MONTHS) == 13
    # 31 March 2026 in New York is 1 April in Shanghai from noon on.
    assert Counter(stream["month"])["2026-04"] == 484


def test_the_independent_reckoning_is_right_where_it_can_be_done_by_hand() -> None:
    def used(carrier: str, airport: str, *days: tuple[str, int]) -> pd.DataFrame:
        rows = [(carrier, airport, day[:7], day) for day, number in days for _ in range(number)]
        return pd.DataFrame(rows, columns=["carrier", "airport", "month", "day"])

    newark = bills(
        used("UA", "EWR", ("2025-05-01", 1001), ("2025-05-02", 3000)), [("UA", "tax_exclusive")], ["2025-05"]
    )
    # 1,000 x 1.2 + 2,000 x 0.905 + 1,001 x 0.6533 = 3,663.9533
    assert newark["UA", "tax_exclusive", "2025-05"] == bill("EWR", 4001, "3663.95", "219.84", "3883.79")
    kennedy = bills(used("B6", "JFK", ("2025-10-15", 501), ("2025-10-16", 10)), [("B6", "tax_exclusive")], ["2025-10"])
    # 500 x 1.105 + 0.875 = 553.375 and, from the 16th on, 10 x 0.9125 = 9.125: each rounded by itself.
    assert kennedy["B6", "tax_exclusive", "2025-10"] == bill("JFK", 511, "562.51", "33.75", "596.26")
    laguardia = bills(used("DL", "LGA", ("2026-01-15", 10), ("2026-01-16", 10)), [("DL", "tax_inclusive")], ["2026-01"])
    # 10 x 0.99, then 10 x 0.80 by the lowered ceiling, tax included: 17.90 / 1.06 = 16.8868
    assert laguardia["DL", "tax_inclusive", "2026-01"] == bill("LGA", 20, "16.89", "1.01", "17.90")


def bill(airport: str, departures: int, net: str, tax: str, gross: str) -> Bill:
    return Bill({airport: departures}, {airport: Decimal(net)}, Decimal(net), Decimal(tax), Decimal(gross))


def test_departures_are_imported_billed_settled_and_reported_exactly(
    settings: Settings, app: Flask, admin: Client, taken: pd.DataFrame, tmp_path: Path
) -> None:
    jurisdiction = found(admin, taken)
    command = Command(settings)
    for month in MONTHS:
        following = Month.parse(month).next
        command(f"clock {following}-01T00:00:00+08:00")
        count_departures(command, jurisdiction, taken[taken["month"] == month], tmp_path / f"{month}.csv")
        command(f"invoice --operator {OPERATOR} --month {month}")
        command(f"settle --operator {OPERATOR} --month {month}")
    last = Month.parse(MONTHS[-1]).next
    command(f"clock {last.next}-01T00:00:00+08:00")
    command(f"settle --operator {OPERATOR} --month {last}")

    assert differences(jurisdiction, admin.client_of("auditor"), taken, MONTHS) == []
    assert received(jurisdiction) == shared(taken, jurisdiction)
    assert command("ledger verify").endswith("passed\n")
    books = tmp_path / "books.beancount"
    books.write_text(command("ledger export --format beancount"), encoding="utf-8")
    checked = subprocess.run(
        [Path(sys.executable).with_name("bean-check"), books], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


class Command:
    """The command line, in this process, on one database."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {"TARIFFBOOK_DATABASE_URL": settings.database_url}

    def __call__(self, line: str | Sequence[str]) -> str:
        words = line.split() if isinstance(line, str) else line
        ran = CliRunner().invoke(commands, words, env=self._environment)
        assert ran.exit_code == 0, (words, ran.output, ran.exception)
        return ran.stdout


def count_departures(command: Command, jurisdiction: Jurisdiction, month: pd.DataFrame, path: Path) -> None:
    """Import a month's file twice: the second time everything is a duplicate."""
    number = write_events(month, jurisdiction, path)
    if number:
        assert f"{number} accepted, 0 duplicates, 0 conflicts, 0 refused" in command([*IMPORT, str(path)])
    if 0 < number < 1000:
        assert f"0 accepted, {number} duplicates" in command([*IMPORT, str(path)])


def shared(taken: pd.DataFrame, jurisdiction: Jurisdiction) -> dict[str, Decimal]:
    """Reckon what each beneficiary gets: each month's bills are distributed with the month after it."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    reckoned = bills(taken, jurisdiction.contracts, MONTHS)
    for month in MONTHS:
        for party, part in shares(bill for key, bill in reckoned.items() if key[2] == month).items():
            total[party] += part
    return dict(total)


def received(jurisdiction: Jurisdiction) -> dict[str, Decimal]:
    """Return what the statements say: balances, which grew from run to run, and the operator's own, which are none."""
    runs = jurisdiction.operator.seen("/settlements", limit=100)["items"]
    closings: dict[str, Decimal] = defaultdict(Decimal)
    for run in sorted(runs, key=lambda run: run["month"]):
        for statement in run["statements"]:
            kept = statement["beneficiary"] == OPERATOR
            closing = Decimal(statement["closing"])
            closings[statement["beneficiary"]] = closing + (closings[OPERATOR] if kept else 0)
    return dict(closings)


def test_the_counts_of_the_stream_are_all_its_departures(stream: pd.DataFrame) -> None:
    counted = counts(stream)
    assert sum(counted.values()) == len(stream)
    assert len({carrier for carrier, _, _ in counted}) == 16
