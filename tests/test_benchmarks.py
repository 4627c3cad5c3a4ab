"""The benchmarks judge as they say, and hold the books against tables that are theirs without the checks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from benchmarks.books import fill, founded_books, open_accounts, opened_books, postings
from benchmarks.databases import Place
from benchmarks.figures import Figure, Goal, paired
from benchmarks.raw_books import inserted, made_plain, raw_batch
from benchmarks.results import table

HEADS_AND_LEGS = ("ledger_transaction", "ledger_entry")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("sqlite", tmp_path)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(str(make_url(url).database))) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(("raw", "verdict"), [(10.0, "aim"), (15.0, "reach"), (20.0, "no")])
def test_a_figure_is_held_against_its_goals_by_its_ratio(raw: float, verdict: str) -> None:
    figure = Figure("events", "sqlite", "/s", (9.0,), (raw,), goal=Goal(0.5, 0.9))
    assert figure.reached == verdict
    assert verdict in table([figure]).splitlines()[1].split()


@pytest.mark.parametrize(("value", "verdict"), [(9.0, "aim"), (10.0, "aim"), (15.0, "reach"), (15.1, "no")])
def test_less_is_better_for_seconds(value: float, verdict: str) -> None:
    figure = Figure("time", "sqlite", "ms", (value,), less_is_better=True, goal=Goal(15, 10, of="value"))
    assert figure.reached == verdict


def test_what_has_no_baseline_has_not_reached_a_ratio() -> None:
    figure = Figure("posts", "postgresql", "/s", (9.0,), against="not measured: no pgbench", goal=Goal(1.0))
    assert figure.reached is None
    assert "not measured" in table([figure])


def test_of_a_pair_each_goes_first_every_second_time() -> None:
    order: list[str] = []

    def noted(name: str) -> float:
        order.append(name)
        return float(len(order))

    values, baselines = paired(lambda: noted("raw"), lambda: noted("ours"), 3)
    assert order == ["raw", "ours", "ours", "raw", "raw", "ours"]
    assert values == (2.0, 3.0, 6.0)
    assert baselines == (1.0, 4.0, 5.0)


def test_plain_tables_have_the_columns_and_indexes_of_the_books_and_nothing_that_checks(place: Place) -> None:
    books, plain = founded_books(place).database_url, made_plain(place)
    for name in HEADS_AND_LEGS:
        columns = f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}')"
        indexes = f"SELECT name, \"unique\" FROM pragma_index_list('{name}') ORDER BY name"
        assert rows(plain, columns) == rows(books, columns)
        assert rows(plain, indexes) == rows(books, indexes)
    made = [str(sql) for (sql,) in rows(plain, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    assert not [sql for sql in made if "CHECK" in sql or "REFERENCES" in sql or "TRIGGER" in sql]


def test_plain_rows_are_as_many_and_as_long_as_those_of_the_books(place: Place) -> None:
    settings, plain = founded_books(place), made_plain(place)
    with opened_books(settings) as store:
        open_accounts(store, "open")
        fill(store, "same", 50)
    inserted(plain, [raw_batch("sqlite", "same", range(1, 51))])
    for name in HEADS_AND_LEGS:
        columns = [str(column) for (column,) in rows(plain, f"SELECT name FROM pragma_table_info('{name}')")]
        # Numbers of transactions and accounts differ; instants are of different clocks but of the same width.
        lengths = ", ".join(f"length({column})" for column in columns if not column.endswith("id"))
        number = "id" if name == "ledger_transaction" else "transaction_id"
        query = f"SELECT {lengths} FROM {name} ORDER BY {number} DESC LIMIT 50"
        assert rows(plain, query) == rows(settings.database_url, query)
        assert len(rows(plain, query)) == 50


def test_spread_transactions_take_every_pair_of_accounts_and_hot_ones_the_same() -> None:
    def accounts(*, hot: bool) -> int:
        return len({leg.account.code for posting in postings("any", range(1000), hot=hot) for leg in posting.legs})

    assert (accounts(hot=False), accounts(hot=True)) == (2000, 2)
