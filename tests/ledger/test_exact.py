"""Amounts of which no 64 bits hold the sum stop nothing: not the fold, not a balance, not the verification."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from ledger.balances import balance
from ledger.books import LEG_AMOUNT_MAX, AccountRef, Leg, Posting, post
from ledger.folding import fold, rebuild
from metering.use import month_of_use, use_of
from reports.books import Bounds, account_sums
from reports.verification import findings
from store.horizon import advance
from store.unit import Store
from tests.conftest import LOCAL
from tests.ledger.books import OPERATOR, post_pairs

LEGS_A_SIDE = 50
TRANSACTIONS = 200
TOTAL = LEGS_A_SIDE * TRANSACTIONS * LEG_AMOUNT_MAX
DAY = date(2025, 3, 5)
UNBILLED = AccountRef("unbilled_use", OPERATOR, "CALL", OPERATOR, "ctr_great", "off_great")
DELIVERED = AccountRef("delivered_use", OPERATOR, "CALL", offering_id="off_great")


@pytest.fixture
def great(store: Store) -> Store:
    """Books with ten thousand legs of the greatest amount on each of two accounts, in one month."""
    store.run(LOCAL, lambda unit: post_pairs(unit, 1))
    side = [(UNBILLED, "D"), (DELIVERED, "C")]
    legs = tuple(Leg(ref, way, LEG_AMOUNT_MAX, "2025-03", DAY) for ref, way in side for _ in range(LEGS_A_SIDE))
    postings = [Posting(f"great:{number}", "usage", OPERATOR, DAY, legs) for number in range(TRANSACTIONS)]
    store.run(LOCAL, lambda unit: post(unit, postings))
    return store


def test_one_transaction_holds_more_than_64_bits_on_a_side(store: Store) -> None:
    store.run(LOCAL, lambda unit: post_pairs(unit, 1))
    number = 10_000
    side = [(UNBILLED, "D"), (DELIVERED, "C")]
    legs = tuple(Leg(ref, way, LEG_AMOUNT_MAX, "2025-03", DAY) for ref, way in side for _ in range(number))
    store.run(LOCAL, lambda unit: post(unit, [Posting("great", "usage", OPERATOR, DAY, legs)]))
    assert balances_of(store) == (number * LEG_AMOUNT_MAX, number * LEG_AMOUNT_MAX)


def balances_of(store: Store) -> tuple[int, int]:
    with store.reading(LOCAL) as unit:
        return balance(unit, UNBILLED), balance(unit, DELIVERED, "2025-03")


def test_sums_beyond_64_bits_are_exact_whether_they_are_folded_or_not(great: Store) -> None:
    assert TOTAL > 2**63
    before = balances_of(great)
    advance(great)
    fold(great, transactions_max=60)
    assert balances_of(great) == before
    rebuild(great)
    assert balances_of(great) == before
    assert before[0] == TOTAL


def test_reports_read_them(great: Store) -> None:
    advance(great)
    fold(great)
    with great.reading(LOCAL) as unit:
        assert use_of(unit, "ctr_great", "off_great", "2025-03").accepted == TOTAL
        assert month_of_use(unit, "ctr_great", "off_great", "2025-03").by_day == {DAY: TOTAL}
        sums = account_sums(unit, Bounds(None, unit.now)).values()
    assert max(each.debit for each in sums) == TOTAL


@pytest.mark.parametrize("is_folded", [False, True])
def test_the_verification_goes_through_and_still_finds_a_bucket_that_is_wrong(great: Store, is_folded: bool) -> None:
    if is_folded:
        advance(great)
        fold(great)
    assert faults(great).keys() <= {"events_booked", "receivables_match"}  # no event and no bill stands behind them
    if is_folded:
        with great.engine.begin() as connection:
            connection.execute(text("UPDATE balance_bucket SET debit = credit WHERE credit > 1000000000000"))
        assert "left_over_debit=1" in faults(great)["buckets_match"]


def faults(store: Store) -> dict[str, str]:
    with store.reading(LOCAL) as unit:
        return {check["check"]: check["first_fault"] for check in findings(unit) if not check["ok"]}
