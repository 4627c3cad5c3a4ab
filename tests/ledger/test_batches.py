from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from ledger.batches import Outcome, Result, post_each
from ledger.books import AccountRef, Leg, Posting, post
from ledger.tables import Account, Entry, Transaction
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.postings import BOOK, DAY, OWED, REVENUE, sale, use
from tests.statements import counted


class InVain(Exception):
    """What ends a transaction that keeps nothing."""


def results(outcomes: list[Outcome]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


def count(books: Store) -> int:
    with books.reading(LOCAL) as unit:
        return int(unit.connection.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one())


def test_each_posting_stands_for_itself(books: Store) -> None:
    lopsided = Posting("lopsided", "bill", BOOK, DAY, (Leg(OWED, "D", 5), Leg(REVENUE, "C", 4)))
    stranger = AccountRef("receivable", BOOK, party_id="pty_nobody")
    unknown = Posting("unknown", "bill", BOOK, DAY, (Leg(stranger, "D", 5), Leg(REVENUE, "C", 5)))
    batch = [sale("b"), lopsided, sale("a"), sale("b"), sale("b", 101), unknown, sale("c", book="pty_nobody")]
    outcomes = books.run(LOCAL, lambda unit: post_each(unit, batch))
    assert results(outcomes) == ["posted", "refused", "posted", "duplicate", "conflict", "refused", "refused"]
    assert outcomes[3].id == outcomes[0].id
    assert "pty_nobody" in (outcomes[5].reason or "")
    assert count(books) == 2


def test_a_batch_sent_again_changes_nothing_and_names_what_was_posted(books: Store) -> None:
    batch = [sale(f"k{number}", number + 1) for number in range(30)]
    first = books.run(LOCAL, lambda unit: post_each(unit, batch))
    again = books.run(LOCAL, lambda unit: post_each(unit, [*batch, sale("new"), sale("k3", 999)]))
    assert [outcome.id for outcome in again[:30]] == [outcome.id for outcome in first]
    assert results(again) == ["duplicate"] * 30 + ["posted", "conflict"]
    assert count(books) == 31


def test_a_batch_takes_as_many_statements_whatever_its_size(books: Store) -> None:
    def statements(prefix: str, size: int) -> list[str]:
        fresh = [sale(f"{prefix}{number}", number + 1) for number in range(size)]
        stranger = [sale(f"{prefix}-stranger{number}", book="pty_nobody") for number in range(size)]
        with counted(books.engine) as sent:
            # What is new, what is new twice, what was posted before, and what is refused.
            outcomes = books.run(LOCAL, lambda unit: post_each(unit, fresh + fresh[::2] + posted[:size] + stranger))
        assert Counter(results(outcomes)) == {"posted": size, "duplicate": size + size // 2, "refused": size}
        return sent

    posted = [sale(f"before{number}") for number in range(1000)]
    books.run(LOCAL, lambda unit: post_each(unit, posted))
    few, many = statements("few", 10), statements("many", 1000)
    assert [statement.split()[0] for statement in many] == [statement.split()[0] for statement in few]
    assert len(few) < 20


def test_a_posting_of_more_legs_than_a_transaction_may_have_is_refused_and_its_neighbours_are_posted(
    books: Store,
) -> None:
    def of_legs(key: str, legs: int) -> Posting:
        most = [Leg(OWED, "D", 1)] * (legs - 1)
        return Posting(key, "bill", BOOK, DAY, (*most, Leg(REVENUE, "C", legs - 1)))

    batch = [sale("before"), of_legs("too-many", 32_768), of_legs("as-many", 32_767), sale("after")]
    outcomes = books.run(LOCAL, lambda unit: post_each(unit, batch))
    assert results(outcomes) == ["posted", "refused", "posted", "posted"]
    assert "32768 legs, of 32767" in (outcomes[1].reason or "")
    assert count(books) == 3


def test_a_party_seen_in_a_transaction_that_was_rolled_back_is_unknown_afterwards(books: Store) -> None:
    found = text("INSERT INTO party (id, code, name, kinds, recorded_at) VALUES (:id, :id, :id, '[]', :at)")
    party = {"id": "pty_late", "at": "2025-01-01T00:00:00.000000Z"}

    def sell(unit: Unit) -> list[Outcome]:
        return post_each(unit, [sale("late", book="pty_late")])

    def in_vain(unit: Unit) -> None:
        unit.connection.execute(found, party)
        assert results(sell(unit)) == ["posted"]
        raise InVain

    with pytest.raises(InVain):
        books.run(LOCAL, in_vain)
    [outcome] = books.run(LOCAL, sell)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "late: there is no party pty_late")
    assert count(books) == 0


def test_content_is_all_that_a_posting_says(books: Store) -> None:
    base = sale("key")
    variants = [
        base._replace(kind="credit_note"),
        sale("key", book="pty_other"),
        base._replace(effective_on=date(2025, 3, 6)),
        base._replace(document_id="inv_1"),
        base._replace(event_count=0),
        base._replace(event_digest=""),
        base._replace(legs=(base.legs[1], base.legs[0])),
        base._replace(legs=tuple(leg._replace(service_month="2025-03") for leg in base.legs)),
        base._replace(legs=tuple(leg._replace(service_on=DAY) for leg in base.legs)),
    ]
    outcomes = books.run(LOCAL, lambda unit: post_each(unit, [base, *variants, base]))
    assert results(outcomes) == ["posted", *["conflict"] * len(variants), "duplicate"]


def test_a_key_that_a_use_case_took_is_a_conflict(books: Store) -> None:
    books.run(LOCAL, lambda unit: post(unit, [sale("taken")]))
    assert results(books.run(LOCAL, lambda unit: post_each(unit, [sale("taken")]))) == ["conflict"]


def test_of_callers_at_the_same_moment_one_posts_each_key(books: Store) -> None:
    callers, keys = 6, 40
    start = Barrier(callers)

    def call(number: int) -> list[Outcome]:
        order = range(keys) if number % 2 else range(keys - 1, -1, -1)
        start.wait()
        return books.run(LOCAL, lambda unit: post_each(unit, [sale(f"k{key:02}") for key in order]))

    with ThreadPoolExecutor(callers) as pool:
        outcomes = [outcome for found in pool.map(call, range(callers)) for outcome in found]
    assert sum(outcome.result is Result.POSTED for outcome in outcomes) == keys
    assert all(outcome.result in (Result.POSTED, Result.DUPLICATE) for outcome in outcomes)
    assert count(books) == keys


@pytest.mark.parametrize("alike", [True, False], ids=["alike", "differing"])
def test_what_a_batch_says_is_what_stands_in_the_books(books: Store, alike: bool) -> None:
    days = [DAY, DAY if alike else date(2025, 3, 7)]
    batch = [
        Posting("a", "bill", BOOK, days[0], sale("a").legs, "bil_1", 1, "digest"),
        Posting("b", "bill", BOOK, days[1], sale("b").legs, "bil_1", 1, "digest")
        if alike
        else Posting("b", "usage", BOOK, days[1], use(7)),
    ]
    outcomes = books.run(LOCAL, lambda unit: post_each(unit, batch))
    heads = select(Transaction).order_by(col(Transaction.key))
    legs = select(Entry, col(Account.code)).join(Account, col(Account.id) == col(Entry.account_id))
    with books.reading(LOCAL) as unit:
        for outcome, given, head in zip(outcomes, batch, unit.session.exec(heads).all(), strict=True):
            assert (outcome.id, given.key, given.kind, given.book) == (head.id, head.key, head.kind, head.book)
            assert given[3] == head.effective_on
            assert (given.document_id, given.event_count, given.event_digest) == (
                head.document_id,
                head.event_count,
                head.event_digest,
            )
            of_head = legs.where(col(Entry.transaction_id) == head.id).order_by(col(Entry.leg))
            stored = [
                (code, leg.asset, leg.side, leg.amount, leg.service_month, leg.service_on)
                for leg, code in unit.session.exec(of_head).all()
            ]
            assert stored == [(leg.account.code, leg.account.asset, *leg[1:]) for leg in given.legs]


def test_of_callers_in_opposite_orders_none_waits_for_the_other_in_turn(books: Store) -> None:
    """Each would hold what the other waits for, and one would have to begin again."""
    if books.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    books.run(LOCAL, lambda unit: post(unit, [sale("opens the accounts")]))
    keys = [f"k{number:04}" for number in range(2000)]
    start, begun = Barrier(2), []

    def call(order: list[str]) -> list[Outcome]:
        postings = [sale(key) for key in order]

        def post_all(unit: Unit) -> list[Outcome]:
            begun.append(order[0])
            if len(begun) <= 2:
                start.wait(30)
            return post_each(unit, postings)

        return books.run(LOCAL, post_all)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, [keys, keys[::-1]]))
    assert sorted(begun) == [keys[0], keys[-1]]
    assert count(books) == 1 + len(keys)
