"""Balances from folded buckets and their tail say what the entries say."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import event, select, text
from sqlmodel import col

from ledger.balances import Sought, Sums, balance, sums, sums_by
from ledger.books import Posting, credit, debit, post
from ledger.folding import NOTHING_FOLDED, fold, fold_state, rebuild
from ledger.tables import Account, Entry, Transaction
from pricing.period import Month, instant_of, month_of
from reports.verification import CHECKS, Books
from store.engine import open_engine
from store.horizon import advance
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.histories import OPERATORS, History, accounts_of, found_parties, plain_sums

RECEIVABLE, REVENUE = accounts_of(OPERATORS[0])


def plain_posting(key: str, fen: int) -> Posting:
    return Posting(key, "test", OPERATORS[0], date(2025, 3, 1), (*debit(RECEIVABLE, fen), *credit(REVENUE, fen)))


def plain_months(unit: Unit, kind: str, as_of: datetime) -> dict[tuple[str, str], Sums]:
    """Add up entries of a kind of account by service month, one by one."""
    query = (
        select(col(Entry.service_month), col(Entry.side), col(Entry.amount))
        .join(Transaction, col(Transaction.id) == col(Entry.transaction_id))
        .join(Account, col(Account.id) == col(Entry.account_id))
        .where(col(Account.kind) == kind, col(Transaction.recorded_at) <= as_of)
    )
    found: dict[tuple[str, str], Sums] = {}
    for month, side, amount in unit.connection.execute(query):
        held = found.get((kind, month or ""), Sums(0, 0))
        debited, credited = (amount, 0) if side == "D" else (0, amount)
        found[kind, month or ""] = Sums(held.debit + debited, held.credit + credited)
    return found


def fault_of_the_buckets(store: Store) -> str | None:
    check = next(check for check in CHECKS if check.key == "buckets_match")
    with store.reading(LOCAL) as unit:
        return check.fault(Books(unit))


def moments(store: Store) -> list[datetime]:
    """Return the instants at which a read may go wrong: of transactions, of the fold, of months' ends."""
    with store.reading(LOCAL) as unit:
        recorded = list(unit.connection.execute(select(col(Transaction.recorded_at))).scalars())
        folded = fold_state(unit.connection).until
        months = {month_of(moment, unit.zone) for moment in [*recorded, unit.now]}
        starts = [instant_of(month.first_day, unit.zone) for month in months]
        middles = [start + timedelta(days=11) for start in starts]
        return [*recorded, *starts, *middles, *([folded] if folded != NOTHING_FOLDED else []), unit.now]


@pytest.mark.parametrize("seed", range(3))
def test_a_folded_read_equals_the_sum_of_the_entries(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    found_parties(store)
    history = History(store, dice)
    for _ in range(12):
        for _ in range(dice.randint(1, 4)):
            history.post()
            history.leap()
        if dice.random() < 0.5:
            advance(store)
            fold(store, dice.randint(1, 6))
        if dice.random() < 0.1:
            rebuild(store)
        assert fault_of_the_buckets(store) is None
        known = moments(store)
        with store.reading(LOCAL) as unit:
            for _ in range(40):
                sought = history.sought(known)
                assert sums(unit, sought) == plain_sums(unit, sought), (seed, sought, fold_state(unit.connection))
            told = sums_by(unit, Sought(kinds=["receivable"], as_of=known[0]), "kind", "service_month")
            assert told == plain_months(unit, "receivable", known[0]), (seed, fold_state(unit.connection))


def test_a_balance_has_what_its_own_transaction_has_just_posted(store: Store) -> None:
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 100)]))
    advance(store)
    fold(store)

    def post_and_read(unit: object) -> int:
        post(unit, [plain_posting("two", 11)])  # type: ignore[arg-type]
        return balance(unit, RECEIVABLE)  # type: ignore[arg-type]

    assert store.run(LOCAL, post_and_read) == 111


def test_a_fold_takes_the_new_transactions_and_no_other_twice(store: Store) -> None:
    found_parties(store)
    for number in range(7):
        store.run(LOCAL, lambda unit, n=number: post(unit, [plain_posting(f"n{n}", 1)]))  # type: ignore[misc]
        if number % 3 == 0:
            advance(store)
            assert fold(store, transactions_max=2) == fold(store)
    assert advance(store) == fold(store)
    with store.reading(LOCAL) as unit:
        folded = unit.connection.execute(text("SELECT sum(debit) FROM balance_bucket")).scalar_one()
        assert balance(unit, RECEIVABLE) == folded == 7


def test_a_read_within_a_writing_transaction_does_not_count_a_fold_of_the_same_moment_twice(store: Store) -> None:
    """On PostgreSQL every statement of a writer sees what others have committed; on SQLite nobody else writes then."""
    if store.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 100)]))
    advance(store)
    stop = Event()

    def fold_and_forget() -> None:
        while not stop.is_set():
            rebuild(store)

    folder = Thread(target=fold_and_forget)
    folder.start()
    try:
        found = store.run(LOCAL, lambda unit: {balance(unit, RECEIVABLE) for _ in range(400)})
    finally:
        stop.set()
        folder.join()
    assert found == {100}


def test_folders_at_the_same_time_fold_everything_once(store: Store) -> None:
    found_parties(store)
    history = History(store, random.Random(5))
    for _ in range(30):
        history.post()
    advance(store)
    folders = [Thread(target=fold, args=(store, 2)) for _ in range(4)]
    for folder in folders:
        folder.start()
    for folder in folders:
        folder.join()
    assert fault_of_the_buckets(store) is None
    with store.reading(LOCAL) as unit:
        assert sums(unit, Sought()) == plain_sums(unit, Sought())
        assert unit.connection.execute(text("SELECT count(*) FROM balance_bucket")).scalar_one() > 0


def test_a_changed_bucket_is_found_and_mended_by_building_anew(store: Store) -> None:
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 100)]))
    advance(store)
    fold(store)
    engine = open_engine(store.settings.database_url, 5, as_owner=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE balance_bucket SET debit = debit + 1 WHERE debit > 0"))
    engine.dispose()
    fault = fault_of_the_buckets(store)
    assert fault is not None
    assert "left_over_debit=1" in fault
    rebuild(store)
    assert fault_of_the_buckets(store) is None


def test_a_bucket_of_nothing_that_was_posted_is_found(store: Store) -> None:
    found_parties(store)
    with store.engine.begin() as connection:
        connection.execute(text("INSERT INTO balance_bucket VALUES (1, '2025-03', '2025-03', '', 5, 0)"))
    assert "left_over_debit=5" in str(fault_of_the_buckets(store))


def test_what_is_recorded_in_the_first_moment_of_a_month_belongs_to_it(store: Store) -> None:
    """The business month begins at midnight in Shanghai, eight hours before the same month of UTC."""
    found_parties(store)
    with store.reading(LOCAL) as unit:
        start = instant_of(Month(2025, 3).first_day, unit.zone)
        assert month_of(start, unit.zone) == Month(2025, 3)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 3)]))
    advance(store)
    fold(store)
    with store.reading(LOCAL) as unit:
        months = unit.connection.execute(text("SELECT DISTINCT recorded_month FROM balance_bucket")).scalars().all()
        assert months == [str(month_of(unit.now, unit.zone))]
        assert sums(unit, Sought(as_of=start)) == {}
        assert list(sums(unit, Sought()).values()) == [Sums(3, 0), Sums(0, 3)]


def test_sqlite_reads_a_popular_account_by_its_buckets_and_the_tail(store: Store) -> None:
    """Without statistics it would take the index of accounts, and with it the account's whole history."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by its statistics")
    found_parties(store)
    store.run(LOCAL, lambda unit: post(unit, [plain_posting("one", 1)]))
    advance(store)
    fold(store)
    read: list[tuple[str, tuple[object, ...]]] = []
    with store.reading(LOCAL) as unit:
        event.listen(unit.connection, "before_cursor_execute", lambda *told: read.append((told[2], told[3])))
        balance(unit, RECEIVABLE)
        statement, values = next(told for told in read if "JOIN ledger_transaction" in told[0])
        steps = [row[3] for row in unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    of_books = [step for step in steps if "ledger_" in step]
    assert [step.split(" (")[0] for step in of_books] == [
        "SEARCH ledger_transaction USING COVERING INDEX ix_ledger_transaction_recorded_at",
        "SEARCH ledger_entry USING PRIMARY KEY",
    ]
