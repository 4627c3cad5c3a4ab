from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from ledger.balances import balances
from ledger.books import LEG_AMOUNT_MAX, AccountRef, Leg, Posting, Unbalanced, fault_of, post
from ledger.tables import Entry, Transaction
from store.engine import open_engine
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.postings import BANK, BOOK, DAY, DELIVERED, OWED, REVENUE, UNBILLED, sale, use

HEAD = (
    "INSERT INTO ledger_transaction (id, key, kind, book, effective_on, recorded_at, recorded_month, legs) "
    "VALUES (:id, :key, 'bill', :book, '2025-03-05', '2025-03-05T00:00:00.000000Z', 662, :legs)"
)
LEG = (
    "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
    "VALUES (:id, :leg, :account, :asset, :side, :amount, 662)"
)


def test_a_transaction_moves_money_and_use_at_once(books: Store) -> None:
    def work(unit: Unit) -> dict[str, int]:
        post(unit, [sale("bill-1", 250, *use(7))])
        return balances(unit, [OWED, REVENUE, UNBILLED, DELIVERED])

    assert books.run(LOCAL, work) == {OWED.code: 250, REVENUE.code: 250, UNBILLED.code: 7, DELIVERED.code: 7}


@pytest.mark.parametrize(
    "posting",
    [
        Posting("empty", "bill", BOOK, DAY, ()),
        Posting("lopsided", "bill", BOOK, DAY, (Leg(OWED, "D", 100), Leg(REVENUE, "C", 99))),
        Posting("mixed", "bill", BOOK, DAY, (Leg(OWED, "D", 7), Leg(DELIVERED, "C", 7))),
        Posting("nothing", "bill", BOOK, DAY, (Leg(OWED, "D", 0), Leg(REVENUE, "C", 0))),
        Posting("negative", "bill", BOOK, DAY, (Leg(OWED, "D", -5), Leg(REVENUE, "C", -5))),
        Posting("float", "bill", BOOK, DAY, (Leg(OWED, "D", 1.0), Leg(REVENUE, "C", 1.0))),  # type: ignore[arg-type]
        Posting("flag", "bill", BOOK, DAY, (Leg(OWED, "D", True), Leg(REVENUE, "C", True))),
        Posting(
            "too much", "bill", BOOK, DAY, (Leg(OWED, "D", LEG_AMOUNT_MAX + 1), Leg(REVENUE, "C", LEG_AMOUNT_MAX + 1))
        ),
        Posting("circle", "bill", BOOK, DAY, (Leg(OWED, "D", 5), Leg(OWED, "C", 5))),
        Posting("sideways", "bill", BOOK, DAY, (Leg(OWED, "X", 5), Leg(REVENUE, "C", 5))),
        Posting("elsewhere", "bill", "pty_other", DAY, (Leg(OWED, "D", 5), Leg(REVENUE, "C", 5))),
        Posting("no kind", "bill", BOOK, DAY, (Leg(AccountRef("petty_cash", BOOK), "D", 5), Leg(REVENUE, "C", 5))),
        Posting(
            "money of use", "bill", BOOK, DAY, (Leg(AccountRef("bank", BOOK, "CALL"), "D", 5), Leg(DELIVERED, "C", 5))
        ),
    ],
    ids=lambda posting: posting.key,
)
def test_what_is_no_transaction_is_refused_before_anything_is_written(books: Store, posting: Posting) -> None:
    assert fault_of(posting) is not None
    with pytest.raises(Unbalanced, match=posting.key):
        books.run(LOCAL, lambda unit: post(unit, [sale("good"), posting]))
    with books.reading(LOCAL) as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one() == 0


def attack(
    books: Store,
    legs: list[tuple[object, ...]],
    *,
    announced: int = 2,
    book: str = BOOK,
    late: int = 0,
    of_head: int = 662,
    of_legs: int = 662,
) -> str:
    """Write a transaction by hand, as the owner, in the order and the statements that the database asks for.

    So many of the last legs come ``late``, in a statement of their own; head and legs say the months of their
    recording, of which March 2025 is 662.
    """
    engine = open_engine(books.settings.database_url, 5, as_owner=True)
    head = {"id": 900, "key": "attack", "book": book, "legs": announced}
    in_time, too_late = legs[: len(legs) - late], legs[len(legs) - late :]
    of_books = HEAD.replace("662", str(of_head))
    statements = [f"WITH head AS ({of_books}) {insert(in_time, of_legs)}"]
    if engine.dialect.name == "sqlite":
        statements = [insert(in_time, of_legs), of_books]
    if too_late:
        statements.append(insert(too_late, of_legs))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), head if ":key" in statement else {})
    except DBAPIError as refused:
        return str(refused.orig)
    finally:
        engine.dispose()
    return "accepted"


def insert(legs: list[tuple[object, ...]], month: int) -> str:
    rows = ", ".join(
        f"(900, {leg}, {account}, '{asset}', '{side}', {amount}, {month})" for leg, account, asset, side, amount in legs
    )
    return f"{LEG.partition('VALUES')[0]} VALUES {rows}"


@pytest.fixture
def opened(books: Store) -> Store:
    """Books with accounts in money and in calls."""
    books.run(LOCAL, lambda unit: post(unit, [sale("first", 1), Posting("u", "usage", BOOK, DAY, use(1))]))
    return books


def account(books: Store, code: str) -> int:
    with books.reading(LOCAL) as unit:
        return int(
            unit.connection.execute(text("SELECT id FROM account WHERE code = :code"), {"code": code}).scalar_one()
        )


def test_the_database_itself_takes_a_whole_and_balanced_transaction_only(opened: Store) -> None:
    owed, revenue, calls = (account(opened, ref.code) for ref in (OWED, REVENUE, UNBILLED))
    debit, credit = (1, owed, "CNY", "D", 5), (2, revenue, "CNY", "C", 5)
    assert "does not balance" in attack(opened, [debit, (2, revenue, "CNY", "C", 4)])
    assert "does not balance" in attack(opened, [debit, (2, calls, "CALL", "C", 5)])
    assert "takes the legs it announced" in attack(opened, [debit, (2, calls, "CNY", "C", 5)])
    assert "takes the legs it announced" in attack(opened, [debit, (2, 999_999, "CNY", "C", 5)])
    assert "takes the legs it announced" in attack(opened, [debit, credit], announced=3)
    assert "takes the legs it announced" in attack(opened, [debit, (3, revenue, "CNY", "C", 5)])
    assert "side" in attack(opened, [debit, (2, owed, "CNY", "C", 5)])
    assert "amount" in attack(opened, [(1, owed, "CNY", "D", 0), (2, revenue, "CNY", "C", 0)])
    assert "amount" in attack(opened, [(1, owed, "CNY", "D", -5), (2, revenue, "CNY", "C", -5)])
    assert "amount" in attack(opened, [(1, owed, "CNY", "D", 10**15 + 1), (2, revenue, "CNY", "C", 10**15 + 1)])
    assert "account of its book" in attack(opened, [debit, credit], book="pty_nobody")
    assert "account of its book" in attack(opened, [debit, credit], book="pty_other")
    opened.run(LOCAL, lambda unit: post(unit, [sale("theirs", 1, book="pty_other")]))
    theirs = account(opened, replace(REVENUE, book="pty_other").code)
    for book in (BOOK, "pty_other"):
        assert "account of its book" in attack(opened, [debit, (2, theirs, "CNY", "C", 5)], book=book)
    assert "no more" in attack(opened, [debit, credit, (3, owed, "CNY", "D", 1), (4, revenue, "CNY", "C", 1)], late=2)
    assert "takes the legs it announced" in attack(opened, [debit, credit], of_legs=663)
    assert "takes the legs it announced" in attack(opened, [debit, credit], of_head=663)
    if opened.engine.dialect.name == "postgresql":
        assert "is of the month 662, not 663" in attack(opened, [debit, credit], of_head=663, of_legs=663)
    assert attack(opened, [debit, credit]) == "accepted"
    assert attack(opened, [debit, credit]) != "accepted"


@pytest.mark.parametrize("statement", [HEAD, LEG])
def test_a_head_without_legs_and_a_leg_without_a_head_are_refused(opened: Store, statement: str) -> None:
    given = {"id": 901, "key": "alone", "book": BOOK, "legs": 2, "leg": 1, "asset": "CNY", "side": "D", "amount": 1}
    engine = open_engine(opened.settings.database_url, 5, as_owner=True)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(statement), {**given, "account": account(opened, OWED.code)})
    engine.dispose()


def close(books: Store, month: str, opens_on: date) -> None:
    with books.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO closed_period (id, book, month, opens_on, closed_at) "
                "VALUES (:month, :book, :month, :opens_on, '2025-04-02T00:00:00.000000Z')"
            ),
            {"month": month, "book": BOOK, "opens_on": opens_on.isoformat()},
        )


def test_what_comes_late_takes_effect_on_the_first_open_day_and_keeps_its_service_month(books: Store) -> None:
    close(books, "2025-03", date(2025, 4, 1))
    other = sale("elsewhere", book="pty_other")
    books.run(LOCAL, lambda unit: post(unit, [sale("late", 9, *use(3)), other]))
    with books.reading(LOCAL) as unit:
        effective = {row.key: row.effective_on for row in unit.session.exec(select(Transaction))}
        months = {row.service_month for row in unit.session.exec(select(Entry)) if row.asset == "CALL"}
    assert effective == {"late": date(2025, 4, 1), "elsewhere": DAY}
    assert months == {"2025-03"}


def test_the_database_itself_keeps_a_closed_period_closed(opened: Store) -> None:
    close(opened, "2025-03", date(2025, 4, 1))
    legs: list[tuple[object, ...]] = [
        (1, account(opened, OWED.code), "CNY", "D", 5),
        (2, account(opened, REVENUE.code), "CNY", "C", 5),
    ]
    assert "closed period" in attack(opened, legs)


@given_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(1, LEG_AMOUNT_MAX), min_size=1, max_size=5), slip=st.integers(-2, 2))
def test_legs_balance_or_are_no_transaction(amounts: list[int], slip: int) -> None:
    total = sum(amounts) + slip
    legs = tuple(
        Leg(AccountRef("receivable", BOOK, party_id=f"p{index}"), "D", amount) for index, amount in enumerate(amounts)
    )
    posting = Posting("p", "bill", BOOK, DAY, (*legs, Leg(BANK, "C", total)))
    balanced = slip == 0 and total <= LEG_AMOUNT_MAX
    assert (fault_of(posting) is None) is balanced
