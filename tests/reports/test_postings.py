"""The postings themselves, sealed or not: whatever is wrong with one is found by its own check, with its number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.attested import LEG_FIELDS, Page
from ledger.canonical import row
from ledger.folding import fold
from ledger.seals import seal
from reports import verification
from reports.postings import ASSETS_MATCH, BALANCED, LEGS_COMPLETE, _columns, _unbalanced
from store.unit import Store
from tests.conftest import LOCAL
from tests.ledger.books import post_pairs
from tests.reports.test_sealed import Sealed

LEG = "UPDATE ledger_entry SET {} WHERE transaction_id = {} AND leg = 1"
FAULTS = {
    "a leg of more": (BALANCED, LEG.format("amount = amount + 1", "{0}"), "left_over=1"),
    "a leg of the most that a leg takes": (
        BALANCED,
        LEG.format("amount = 1000000000000000", "{0}"),
        "left_over=99999999999",
    ),
    "a leg on the other side": (BALANCED, LEG.format("side = 'C'", "{0}"), "left_over=-"),
    "legs of two assets": (BALANCED, LEG.format("asset = 'GB'", "{0}"), "asset="),
    "a leg in another asset": (
        ASSETS_MATCH,
        "UPDATE ledger_entry SET asset = 'GB' WHERE transaction_id = {0}",
        "asset=GB",
    ),
    "a leg of no account": (ASSETS_MATCH, LEG.format("account_id = 999", "{0}"), "account_id=999"),
    "a head of another book": (
        ASSETS_MATCH,
        "UPDATE ledger_transaction SET book = 'pty_other' WHERE id = {0}",
        "book=pty_other, of_account_book=pty_operator",
    ),
    "a leg too few": (LEGS_COMPLETE, "DELETE FROM ledger_entry WHERE transaction_id = {0} AND leg = 1", "announced="),
    "no leg": (LEGS_COMPLETE, "DELETE FROM ledger_entry WHERE transaction_id = {0}", "found=0"),
    "no head": (LEGS_COMPLETE, "DELETE FROM ledger_transaction WHERE id = {0}", "a leg has no head"),
    "a leg of another number": (
        LEGS_COMPLETE,
        "UPDATE ledger_entry SET transaction_id = 999999 WHERE transaction_id = {0} AND leg = 1",
        "announced=",
    ),
}


@pytest.fixture
def books(store: Store) -> Sealed:
    """Six transactions that are sealed, and three that are not yet."""
    ids = []
    for _ in range(2):
        ids += store.run(LOCAL, lambda unit: post_pairs(unit, 3))
        seal(store, LOCAL)
    fold(store)
    return Sealed(store, ids + store.run(LOCAL, lambda unit: post_pairs(unit, 3)))


def faults(books: Sealed) -> dict[str, str]:
    with books.store.reading(LOCAL) as unit:
        return {check["check"]: check["first_fault"] for check in verification.findings(unit) if not check["ok"]}


def test_postings_that_nobody_touched_are_whole(books: Sealed) -> None:
    assert faults(books).keys().isdisjoint({BALANCED, LEGS_COMPLETE, ASSETS_MATCH, "seals_hold"})


@pytest.mark.parametrize("place", [0, 4, 8], ids=["first", "sealed", "not sealed yet"])
@pytest.mark.parametrize("wrong", FAULTS)
def test_a_posting_that_is_not_whole_is_found_and_named(books: Sealed, wrong: str, place: int) -> None:
    victim = books.ids[place]
    check, statement, said = FAULTS[wrong]
    books.change(statement.format(victim))
    found = faults(books)
    assert f"transaction_id={victim}" in found[check]
    assert said in found[check]
    assert ("seals_hold" in found) == (place != 8)


def test_a_leg_without_any_head_is_found(books: Sealed) -> None:
    books.change(
        "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
        "SELECT -5, leg, account_id, asset, side, amount, recorded_month FROM ledger_entry LIMIT 2"
    )
    assert faults(books)[LEGS_COMPLETE] == "transaction_id=-5: a leg has no head"


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["CALL", "CNY", "市"]), st.sampled_from("DC"), st.integers(1, 2**63 - 1)),
            max_size=5,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_left_over_is_exact_whatever_the_amounts(postings: list[list[tuple[str, str, int]]]) -> None:
    heads, legs, expected = [], [], []
    for number, posting in enumerate(postings, start=1):
        head = [None, number, None, None, len(posting), "book", "kind", "key", None, None, None, None]
        heads.append(row(["transaction.1", number, 0, b"\0\0\0\0", *head[4:]]))
        for leg, (asset, side, amount) in enumerate(posting, start=1):
            values = {
                "transaction_id": number,
                "leg": leg,
                "account_id": 1,
                "amount": amount,
                "side": side,
                "asset": asset,
            }
            legs.append(row(values.get(name) for name in LEG_FIELDS))
        sums: dict[str, int] = {}
        for asset, side, amount in posting:
            sums[asset] = sums.get(asset, 0) + (amount if side == "D" else -amount)
        expected += [
            f"transaction_id={number}, asset={asset}, left_over={left}" for asset, left in sums.items() if left
        ]
    assert sorted(_unbalanced(_columns(Page(heads, legs)))) == sorted(expected)
