"""Entries and events lie in partitions of their month, made ahead; without one, they read the same from the default."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError

from cli.chores import CHORES
from ledger.attested import TRANSACTION, Window, extent, records
from ledger.balances import balance
from ledger.books import post
from ledger.folding import fold
from ledger.seals import seal
from pricing.period import Month, instant_of
from reports import verification
from store.engine import open_engine
from store.guards import guards_fault
from store.horizon import advance
from store.partitions import PARTED, NotTheOwner, TablesBusy, make_ahead, partitions_of
from store.sandbox import move_clock
from store.settings import Settings
from store.unit import Store, Unit
from tests.cli.command import Command
from tests.conftest import LOCAL
from tests.ledger.histories import found_parties
from tests.ledger.test_balances import RECEIVABLE, plain_posting
from tests.metering.test_reversals import EVENT
from tests.web.usage_story import Story
from tests.world import World

MARCH = Month(2025, 3)
BY_HAND = ("receivables_match", "revenue_matches")
AT_BIRTH = {"ledger_entry_2025_03", "ledger_entry_2025_04", "ledger_entry_default"}


@contextmanager
def owner(settings: Settings) -> Iterator[Connection]:
    """A connection of the owner of the tables, in a transaction."""
    engine = open_engine(settings.database_url, 5, as_owner=True)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def parted(store: Store) -> Store:
    """Books on PostgreSQL, in March 2025, with partitions for March and April."""
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite keeps each table whole")
    found_parties(store)
    return store


def go_to(store: Store, month: Month) -> None:
    """Move the clock to the tenth day of a month."""
    store.run(LOCAL, lambda unit: move_clock(unit, instant_of(month.first_day.replace(day=10), unit.zone)))


def post_one(store: Store, key: str, amount: int = 1) -> None:
    store.run(LOCAL, lambda unit: post(unit, [plain_posting(key, amount)]))


def rows_of(store: Store, table: str = "ledger_entry") -> dict[str, int]:
    """How many rows each partition of a table has, but for those without any."""
    with owner(store.settings) as connection:
        names = partitions_of(connection, table)
        counts = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}
    return {name: count for name, count in counts.items() if count}


def faults(store: Store) -> list[str]:
    """What verification finds, but for the bills and payments that postings made by hand do not have."""
    with store.reading(LOCAL) as unit:
        found = [check for check in verification.findings(unit) if not check["ok"]]
    return [f"{check['check']}: {check['first_fault']}" for check in found if check["check"] not in BY_HAND]


def test_partitions_are_made_ahead_and_once(parted: Store) -> None:
    with owner(parted.settings) as connection:
        assert set(partitions_of(connection, "ledger_entry")) == AT_BIRTH
    first, second = make_ahead(parted.settings, 3), make_ahead(parted.settings, 3)
    assert first.made == tuple(f"{table}_2025_{month}" for month in ("05", "06") for table in PARTED)
    assert (second.made, second.left, len(second.present)) == ((), (), 8)
    assert faults(parted) == []


def test_two_who_make_them_at_once_make_each_once(parted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(connection: Connection, table: str) -> list[str]:
        found = partitions_of(connection, table)
        sleep(0.01)  # so that the other looks before this one makes anything, unless they take turns
        return found

    monkeypatch.setattr("store.partitions.partitions_of", looked)
    # Stores of the same settings share kept connections here, and these two would take turns for the only one.
    apart = [replace(parted.settings, wait_seconds_max=seconds) for seconds in (20, 21)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda each: make_ahead(each, 12), apart))
    made = [name for each in done for name in each.made]
    assert sorted(made) == sorted(set(made))
    assert len(made) == 2 * 11
    assert all(len(each.made) + len(each.present) == 2 * 13 for each in done)


def test_rows_lie_in_the_month_of_their_recording_and_without_a_partition_in_the_default_one(parted: Store) -> None:
    months = (MARCH, MARCH.next, Month(2027, 1))
    for number, month in enumerate(months, start=1):
        go_to(parted, month)
        post_one(parted, f"in-{month}", number)
    assert rows_of(parted) == {"ledger_entry_2025_03": 2, "ledger_entry_2025_04": 2, "ledger_entry_default": 2}
    with parted.reading(LOCAL) as unit:
        assert balance(unit, RECEIVABLE) == 6
    fold(parted)
    seal(parted, LOCAL)
    assert faults(parted) == []


def test_what_the_default_partition_holds_stays_there_and_the_month_is_left_out(parted: Store) -> None:
    go_to(parted, Month(2025, 8))
    post_one(parted, "unforeseen")
    done = make_ahead(parted.settings, 1)
    assert done.left == (("ledger_entry_2025_08", "ledger_entry_default holds rows of 2025-08, and they stay there"),)
    assert done.made == ("usage_event_2025_08", "ledger_entry_2025_09", "usage_event_2025_09")
    post_one(parted, "later")
    assert rows_of(parted) == {"ledger_entry_default": 4}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {part} SELECT * FROM {part} LIMIT 1",
        "UPDATE {part} SET amount = amount + 1",
        "DELETE FROM {part}",
        "TRUNCATE {part}",
    ],
)
@pytest.mark.parametrize("part", ["ledger_entry_2025_03", "ledger_entry_2025_05", "ledger_entry_default"])
def test_a_partition_by_its_name_takes_and_loses_nothing_whoever_asks(parted: Store, part: str, statement: str) -> None:
    make_ahead(parted.settings, 2)
    post_one(parted, "one")
    with pytest.raises(DBAPIError, match="append-only"), owner(parted.settings) as connection:
        connection.execute(text(statement.format(part=part)))
    with pytest.raises(DBAPIError, match="permission denied"), parted.engine.begin() as connection:
        connection.execute(text(statement.format(part=part)))


def test_a_truncated_table_and_a_row_put_into_another_month_are_refused(parted: Store) -> None:
    post_one(parted, "one")
    for statement in ("TRUNCATE ledger_entry", "UPDATE ledger_entry SET recorded_month = 663"):
        with pytest.raises(DBAPIError, match="append-only"), owner(parted.settings) as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DROP TRIGGER only_by_its_table ON ledger_entry_2025_04", "only_by_its_table is missing"),
        ("DROP TRIGGER only_by_its_table ON usage_event_default", "only_by_its_table is missing"),
        ("ALTER TABLE ledger_entry_2025_05 DISABLE TRIGGER ALL", "only_by_its_table is disabled"),
        (
            "CREATE TRIGGER sly BEFORE INSERT ON usage_event_2025_05 FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            "sly is not of the migrations",
        ),
    ],
)
def test_a_guard_that_a_partition_lacks_or_has_beside_is_found(parted: Store, statement: str, fault: str) -> None:
    make_ahead(parted.settings, 2)
    with owner(parted.settings) as connection:
        assert guards_fault(connection) is None
        connection.execute(text(statement))
        assert str(guards_fault(connection)).endswith(fault)


@pytest.mark.parametrize("table", ["ledger_transaction", "ledger_entry"])
def test_a_month_that_is_not_that_of_the_recording_is_found(store: Store, table: str) -> None:
    found_parties(store)
    post_one(store, "one")
    assert faults(store) == []
    with owner(store.settings) as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(f"UPDATE {table} SET recorded_month = recorded_month + 1"))
    assert "months_match" in " ".join(faults(store))


def plans(store: Store, work: Callable[[], object], among: str) -> list[str]:
    """Return the plans of what ``work`` asks of entries in this process, of the statements that contain ``among``."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        if among in statement and "ledger_entry" in statement:
            asked.append((statement, given))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    found = []
    with store.engine.connect() as connection:
        for statement, given in asked:
            lines = connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars()
            found.append("\n".join(lines))
    assert found != []
    return found


def test_folding_and_the_tail_look_at_the_partitions_of_their_window_only(parted: Store) -> None:
    make_ahead(parted.settings, 12)
    post_one(parted, "march")
    fold(parted)
    go_to(parted, MARCH.next)
    post_one(parted, "april")
    advance(parted)
    for plan in plans(parted, lambda: fold(parted), "INSERT INTO balance_bucket"):
        assert set(partitions_in(plan)) <= {"ledger_entry_2025_03", "ledger_entry_2025_04"}
        assert len(partitions_in(plan)) == 1
    go_to(parted, Month(2025, 5))
    post_one(parted, "may")

    def read() -> None:
        with parted.reading(LOCAL) as unit:
            assert balance(unit, RECEIVABLE) == 3

    [plan] = plans(parted, read, "JOIN ledger_transaction")
    assert "ledger_entry_2025_05" in partitions_in(plan)
    assert "ledger_entry_2025_03" not in partitions_in(plan)
    advance(parted)
    fold(parted)


def test_sealing_looks_at_the_partitions_of_its_window_only(parted: Store) -> None:
    make_ahead(parted.settings, 12)
    until = []
    for month in (MARCH, MARCH.next, Month(2025, 5)):
        go_to(parted, month)
        post_one(parted, f"in-{month}")
        until.append(advance(parted))
    for after, end, looked_at in (
        (None, until[0], {"ledger_entry_2025_03"}),
        (until[0], until[1], {"ledger_entry_2025_03", "ledger_entry_2025_04"}),
        (until[1], until[2], {"ledger_entry_2025_04", "ledger_entry_2025_05"}),
    ):
        window = Window(after, end)
        with parted.reading(LOCAL, fresh=True) as unit:
            assert len(list(records(unit, TRANSACTION, window, extent(unit, TRANSACTION, window)))) == 1
            assert touched(unit) - {"ledger_entry_default"} == looked_at


def partitions_in(plan: str) -> list[str]:
    """The partitions of entries that a plan names as tables, each once."""
    return sorted(set(re.findall(r"ledger_entry_(?:[0-9]{4}_[0-9]{2}|default)(?![0-9a-z_])", plan)))


def touched(unit: Unit) -> set[str]:
    """The partitions that a transaction has looked at so far: a plan opens the indexes of those only."""
    query = (
        "SELECT DISTINCT part.relname FROM pg_locks JOIN pg_index ON indexrelid = relation "
        "JOIN pg_class AS part ON part.oid = indrelid WHERE pid = pg_backend_pid() AND part.relispartition"
    )
    return set(unit.connection.execute(text(query)).scalars())


def test_a_post_touches_the_partition_of_its_month_however_many_there_are(parted: Store) -> None:
    post_one(parted, "first")

    def posted(key: str) -> set[str]:
        return parted.run(LOCAL, lambda unit: (post(unit, [plain_posting(key, 1)]), touched(unit))[1])

    assert posted("few") <= AT_BIRTH
    make_ahead(parted.settings, 60)
    for number in range(
        12
    ):  # after some calls a session keeps its plans; to make those it looks at every partition once
        posted(f"warm-{number}")
    assert [posted(f"many-{number}") for number in range(3)] == [{"ledger_entry_2025_03"}] * 3


def test_partitions_are_not_made_while_work_holds_the_table_and_the_next_time_they_are(parted: Store) -> None:
    with owner(parted.settings) as connection:
        connection.execute(text("LOCK TABLE ledger_entry_default IN ROW EXCLUSIVE MODE"))
        with pytest.raises(TablesBusy, match="ledger_entry_2025_05 was not made"):
            make_ahead(parted.settings, 2)
    assert make_ahead(parted.settings, 2).made == ("ledger_entry_2025_05", "usage_event_2025_05")


def test_use_of_many_months_is_listed_and_verified_whichever_partition_holds_it(world: World, app: Flask) -> None:
    store: Store = app.extensions["tariffbook"]
    story = Story(world)
    days = ("2025-03-05", "2025-04-05", "2025-05-05", "2026-02-05")
    for day in days:
        event_of_day = {**EVENT, "id": day, "time": f"{day}T09:00:00+08:00"}
        story.play({"steps": [{"clock": f"{day}T10:00:00+08:00"}, {"send": [event_of_day], "become": ["accepted"]}]})
        story.play({"steps": [{"send": [event_of_day], "become": ["duplicate"]}]})
        if day == "2025-04-05":
            make_ahead(store.settings, 1)
    seen = world.operator.seen("/usage-events")["items"]
    assert [item["id"] for item in seen] == list(days)
    for day in days:
        one = world.operator.seen(f"/usage-events/{day}", source=seen[0]["source"])
        assert one["time"].startswith(day)
    if store.engine.dialect.name == "postgresql":
        months = [f"usage_event_2025_0{month}" for month in (3, 4, 5)]
        assert rows_of(store, "usage_event") == dict.fromkeys([*months, "usage_event_default"], 1)
    seal(store, LOCAL)
    fold(store)
    assert faults(store) == []


def test_the_command_makes_them_and_says_so(settings: Settings, tmp_path: Path) -> None:
    command = Command(settings.database_url, tmp_path)
    done = command.done("partitions", "--ahead", "2").lines
    if settings.database_url.startswith("sqlite"):
        assert done == ["SQLite keeps each table whole: there is nothing to do"]
        return
    assert done == ["made ledger_entry_2025_05", "made usage_event_2025_05", "2 made, 4 were there"]
    assert command.done("partitions", "--ahead", "2").lines == ["0 made, 6 were there"]


def test_a_worker_whose_login_is_not_the_owners_says_what_to_do(parted: Store) -> None:
    with owner(parted.settings) as connection:
        connection.execute(text("DROP ROLE IF EXISTS partitions_server"))
        connection.execute(text("CREATE ROLE partitions_server LOGIN IN ROLE tariffbook_server"))
    url = make_url(parted.settings.database_url).set(username="partitions_server")
    serving = replace(parted.settings, database_url=url.render_as_string(hide_password=False))
    try:
        with pytest.raises(NotTheOwner, match="TARIFFBOOK_OWNER_DATABASE_URL"):
            make_ahead(serving)
        [chore] = [chore for chore in CHORES if chore.name == "make_partitions"]
        as_server = Store(serving)
        assert "tariffbook partitions" in str(chore.do(as_server)["to_do"])
        as_server.close()
        with_owner = replace(serving, owner_database_url=parted.settings.database_url)
        assert len(make_ahead(with_owner, 2).made) == 2
    finally:
        with owner(parted.settings) as connection:
            connection.execute(text("DROP ROLE partitions_server"))
