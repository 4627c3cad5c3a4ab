"""Small books for tests of the ledger alone: pairs of money and of use, posted as the kernel posts them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from sqlalchemy import text

from ledger.batches import Result, post_each
from ledger.books import AccountRef, Leg, Posting, post
from ledger.closing import close_month
from pricing.period import Month, instant_of
from store.sandbox import move_clock
from store.unit import Unit

_numbers = count(1)
OPERATOR = "pty_operator"
FIRST_DAY = date(2025, 3, 1)
MONTH = Month(2025, 3)


def post_pairs(unit: Unit, number: int, *, document_id: str | None = None) -> list[int]:
    """Post transactions of two to four legs to a handful of accounts, some with a month of service, some without."""
    _found_operator(unit)
    return post(unit, [_posting(next(_numbers), document_id) for _ in range(number)])


def post_each_pair(unit: Unit, number: int) -> None:
    """Post the like, each under its own key and with the hash of its content."""
    _found_operator(unit)
    assert all(
        done.result is Result.POSTED
        for done in post_each(unit, [_posting(next(_numbers), None) for _ in range(number)])
    )


def end_month(unit: Unit) -> None:
    """Let the month of these books be over."""
    move_clock(unit, instant_of(MONTH.until, unit.zone))


def close_books(unit: Unit) -> str:
    """Close the month of these books, which is over; return the id of the close."""
    _found_operator(unit)
    return close_month(unit, OPERATOR, MONTH)[0].id


def _found_operator(unit: Unit) -> None:
    unit.connection.execute(
        text(
            "INSERT INTO party (id, code, name, kinds, recorded_at) "
            "VALUES ('pty_operator', 'o', 'O', '[]', '2025-01-01T00:00:00.000000Z') ON CONFLICT DO NOTHING"
        )
    )


def _posting(number: int, document_id: str | None) -> Posting:
    amount, offering, day = 1000 + number, f"off_{number % 3}", FIRST_DAY + timedelta(days=number % 28)
    unbilled = AccountRef("unbilled_use", OPERATOR, "CALL", OPERATOR, f"ctr_{number % 5}", offering)
    delivered = AccountRef("delivered_use", OPERATOR, "CALL", offering_id=offering)
    legs = [Leg(unbilled, "D", amount, "2025-03", day), Leg(delivered, "C", amount, "2025-03", day)]
    if number % 3 == 0:
        bank, owed = AccountRef("bank", OPERATOR), AccountRef("receivable", OPERATOR, party_id=OPERATOR)
        legs += [Leg(bank, "D", number), Leg(owed, "C", number)]
    digest = f"{number:064x}" if number % 2 else None
    return Posting(
        f"test:{number}", "usage", OPERATOR, day, tuple(legs), document_id, number if digest else None, digest
    )
