"""A closed month of a book takes no entry, whoever was under way."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from threading import Event
from time import sleep

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from ledger.books import Posting, credit, debit, post
from ledger.closing import EarlierMonthOpen, MonthNotEnded, close_month
from ledger.folding import fold
from ledger.tables import ClosedPeriod, Entry, Transaction
from pricing.period import Month, instant_of
from reports.verification import CHECKS, Books
from store.faults import DatabaseBusy
from store.horizon import advance
from store.sandbox import move_clock
from store.unit import Call, Principal, Store, Unit
from tests.conftest import LOCAL
from tests.ledger.histories import OPERATORS, accounts_of, found_parties

BOOK, OTHER_BOOK = OPERATORS
MARCH, APRIL = Month(2025, 3), Month(2025, 4)
A_MOMENT = 0.3
"""Seconds after which something that does not wait would have happened."""
SECONDS_MAX = 30


@pytest.fixture
def books(store: Store) -> Store:
    """Two books, empty, in the first hour of April."""
    found_parties(store)
    store.run(LOCAL, lambda unit: move_clock(unit, instant_of(MARCH.until, unit.zone)))
    return store


def of_march(key: str, book: str = BOOK, day: date = MARCH.first_day) -> Posting:
    """Return a transaction of March, of a service in March."""
    receivable, revenue = accounts_of(book)
    month = str(MARCH)
    return Posting(key, "test", book, day, (*debit(receivable, 1, month), *credit(revenue, 1, month)))


def closed(store: Store, month: Month = MARCH, book: str = BOOK) -> tuple[str, bool]:
    def close(unit: Unit) -> tuple[str, bool]:
        row, is_new = close_month(unit, book, month)
        return row.id, is_new

    return store.run(LOCAL, close)


def keys_in_march(store: Store, book: str = BOOK) -> set[str]:
    with store.reading(LOCAL) as unit:
        query = select(col(Transaction.key)).where(
            col(Transaction.book) == book, col(Transaction.effective_on) < MARCH.until
        )
        return set(unit.connection.execute(query).scalars())


def effective_on(store: Store, key: str) -> date:
    with store.reading(LOCAL) as unit:
        found: date = unit.connection.execute(
            select(col(Transaction.effective_on)).where(col(Transaction.key) == key)
        ).scalar_one()
        return found


def test_what_comes_after_the_close_takes_effect_in_the_next_month_and_keeps_its_service_month(books: Store) -> None:
    books.run(LOCAL, lambda unit: post(unit, [of_march("before")]))
    closed(books)
    books.run(LOCAL, lambda unit: post(unit, [of_march("after"), of_march("elsewhere", OTHER_BOOK)]))
    assert keys_in_march(books) == {"before"}
    assert keys_in_march(books, OTHER_BOOK) == {"elsewhere"}
    assert effective_on(books, "after") == APRIL.first_day
    with books.reading(LOCAL) as unit:
        months = unit.connection.execute(select(col(Entry.service_month)).distinct()).scalars().all()
    assert months == ["2025-03"]


def test_the_same_close_again_is_the_same_row(books: Store) -> None:
    first, again = closed(books), closed(books)
    assert (first[1], again) == (True, (first[0], False))
    with books.reading(Call(Principal("auditor"), "test")) as unit:
        row = unit.session.execute(select(ClosedPeriod)).scalar_one()
        assert (row.month, row.opens_on, row.closed_by) == ("2025-03", APRIL.first_day, None)


def test_a_month_that_runs_is_not_closed(books: Store) -> None:
    with pytest.raises(MonthNotEnded, match="2025-04 ends with the day before 2025-05-01, and it is 2025-04-01"):
        closed(books, APRIL)


@pytest.mark.parametrize("folded", [False, True])
def test_months_with_entries_close_in_their_order(books: Store, folded: bool) -> None:
    days = (date(2025, 1, 31), date(2025, 2, 1), date(2025, 3, 31))
    books.run(LOCAL, lambda unit: post(unit, [of_march(str(day), day=day) for day in days]))
    if folded:
        advance(books)
        fold(books)
    with pytest.raises(EarlierMonthOpen, match="2025-01 has entries and is open"):
        closed(books)
    closed(books, Month(2025, 1))
    with pytest.raises(EarlierMonthOpen, match="2025-02 has entries and is open") as refused:
        closed(books)
    assert refused.value.facts == {"earliest": "2025-02"}
    closed(books, Month(2025, 2))
    closed(books)
    closed(books, book=OTHER_BOOK)


def test_a_month_before_a_closed_one_is_closed_with_it(books: Store) -> None:
    closed(books)
    books.run(LOCAL, lambda unit: post(unit, [of_march("january", day=date(2025, 1, 31))]))
    assert effective_on(books, "january") == APRIL.first_day
    closed(books, Month(2025, 1))
    books.run(LOCAL, lambda unit: post(unit, [of_march("again", day=date(2025, 1, 31))]))
    assert effective_on(books, "again") == APRIL.first_day


def test_the_close_waits_for_work_that_is_under_way(books: Store) -> None:
    posted, go_on = Event(), Event()

    def post_and_linger(unit: Unit) -> None:
        post(unit, [of_march("under way")])
        posted.set()
        assert go_on.wait(SECONDS_MAX)

    with ThreadPoolExecutor(2) as threads:
        writer = threads.submit(books.run, LOCAL, post_and_linger)
        assert posted.wait(SECONDS_MAX)
        closer: Future[tuple[str, bool]] = threads.submit(closed, books)
        sleep(A_MOMENT)
        assert not closer.done()
        go_on.set()
        writer.result(SECONDS_MAX)
        assert closer.result(SECONDS_MAX)[1]
    assert keys_in_march(books) == {"under way"}


def test_work_that_began_before_the_close_and_posts_after_it_lands_in_the_next_month(books: Store) -> None:
    if books.engine.dialect.name == "sqlite":
        pytest.skip("nobody closes while another has the turn to write")
    began, go_on = Event(), Event()

    def linger_and_post(unit: Unit) -> None:
        began.set()
        assert go_on.wait(SECONDS_MAX)
        post(unit, [of_march("late")])

    with ThreadPoolExecutor(1) as threads:
        writer = threads.submit(books.run, LOCAL, linger_and_post)
        assert began.wait(SECONDS_MAX)
        closed(books)
        go_on.set()
        writer.result(SECONDS_MAX)
    assert effective_on(books, "late") == APRIL.first_day


def test_work_that_posts_during_the_close_waits_and_lands_in_the_next_month(books: Store) -> None:
    closing, go_on = Event(), Event()

    def close_and_linger(unit: Unit) -> None:
        close_month(unit, BOOK, MARCH)
        unit.session.flush()
        closing.set()
        assert go_on.wait(SECONDS_MAX)

    with ThreadPoolExecutor(2) as threads:
        closer = threads.submit(books.run, LOCAL, close_and_linger)
        assert closing.wait(SECONDS_MAX)
        writer = threads.submit(books.run, LOCAL, lambda unit: post(unit, [of_march("meanwhile")]))
        sleep(A_MOMENT)
        assert not writer.done()
        go_on.set()
        closer.result(SECONDS_MAX)
        writer.result(SECONDS_MAX)
    assert keys_in_march(books) == set()
    assert effective_on(books, "meanwhile") == APRIL.first_day


def test_a_crowd_that_posts_while_the_month_closes_leaves_nothing_in_it_afterwards(books: Store) -> None:
    stop = Event()

    def keep_posting(name: int) -> int:
        count = 0
        while not stop.is_set():
            posting = of_march(f"{name}:{count}")
            books.run(LOCAL, partial(post, postings=[posting]))
            count += 1
        return count

    with ThreadPoolExecutor(6) as threads:
        writers = [threads.submit(keep_posting, name) for name in range(5)]
        sleep(A_MOMENT)
        try:
            closed(books)
            at_close = keys_in_march(books)
            sleep(A_MOMENT)
        finally:
            stop.set()
        total = sum(writer.result(SECONDS_MAX) for writer in writers)
    assert keys_in_march(books) == at_close
    assert 0 < len(at_close) < total
    with books.reading(LOCAL) as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one() == total
    assert fault_of_the_close(books) is None


def fault_of_the_close(store: Store) -> str | None:
    check = next(check for check in CHECKS if check.key == "closed_months_kept")
    with store.reading(LOCAL) as unit:
        return check.fault(Books(unit))


def test_an_entry_that_is_later_than_the_close_of_its_month_is_found(books: Store) -> None:
    """Where the guard itself was taken away: told here by a close that claims to have been earlier."""
    with books.reading(LOCAL) as unit:
        earlier = unit.now
    books.run(LOCAL, lambda unit: post(unit, [of_march("slipped in")]))
    assert fault_of_the_close(books) is None

    def close_as_of_then(unit: Unit) -> None:
        row, _is_new = close_month(unit, BOOK, MARCH)
        row.closed_at = earlier

    books.run(LOCAL, close_as_of_then)
    assert "effective_on=2025-03-01" in str(fault_of_the_close(books))


def test_a_close_is_dated_when_it_takes_hold_and_not_when_its_work_began(books: Store) -> None:
    if books.engine.dialect.name == "sqlite":
        pytest.skip("nobody posts while a closer has the turn to write")

    def close_after_another_has_posted(unit: Unit) -> None:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(books.run, LOCAL, lambda other: post(other, [of_march("between")])).result(SECONDS_MAX)
        close_month(unit, BOOK, MARCH)

    books.run(LOCAL, close_after_another_has_posted)
    assert keys_in_march(books) == {"between"}
    assert fault_of_the_close(books) is None


def test_a_closer_that_waits_too_long_gives_up(books: Store) -> None:
    if books.engine.dialect.name == "sqlite":
        pytest.skip("the turn to write is waited for by every writer alike")
    posted, go_on = Event(), Event()
    hurried = Store(replace(books.settings, wait_seconds_max=1))

    def post_and_linger(unit: Unit) -> None:
        post(unit, [of_march("under way")])
        posted.set()
        assert go_on.wait(SECONDS_MAX)

    with ThreadPoolExecutor(1) as threads:
        writer = threads.submit(books.run, LOCAL, post_and_linger)
        assert posted.wait(SECONDS_MAX)
        with pytest.raises(DatabaseBusy):
            closed(hurried)
        go_on.set()
        writer.result(SECONDS_MAX)
    hurried.close()
    assert closed(books)[1]
