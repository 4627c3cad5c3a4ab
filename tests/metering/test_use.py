"""Use as the books hold it: by state, by month, by day, and as of a moment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.books import Leg, Posting, credit, debit, post
from metering.accounts import delivered_account, use_account
from metering.use import ChargeableUse, Use, chargeable_use, use_of
from registry.tables import Party
from store.unit import Store, Unit
from tests.conftest import LOCAL

OPERATOR, CONTRACT, OFFERING = "pty_operator", "ctr_1", "off_1"
MARCH_3, MARCH_4, APRIL_1 = date(2025, 3, 3), date(2025, 3, 4), date(2025, 4, 1)


def _use(kind: str, offering: str = OFFERING, contract: str = CONTRACT) -> Leg:
    return Leg(use_account(kind, OPERATOR, contract, offering, "CALL"), "D", 1)


def _posting(key: str, kind: str, *legs: list[Leg]) -> Posting:
    return Posting(key, kind, OPERATOR, MARCH_3, tuple(leg for part in legs for leg in part))


def _usage(
    key: str, amount: int, day: date, *, kind: str = "unbilled_use", offering: str = OFFERING, contract: str = CONTRACT
) -> Posting:
    month = f"{day:%Y-%m}"
    return _posting(
        key,
        "usage",
        debit(_use(kind, offering, contract).account, amount, month, day),
        credit(delivered_account(OPERATOR, offering, "CALL"), amount, month, day),
    )


def _moved(key: str, kind: str, amount: int, source: str, target: str, day: date | None = None) -> Posting:
    return _posting(
        key,
        kind,
        credit(_use(source).account, amount, "2025-03", day),
        debit(_use(target).account, amount, "2025-03"),
    )


@pytest.fixture
def books(store: Store) -> Store:
    """Books with an operator: 10 units of March over two days, 5 of April; 4 billed, 1 written off, 2 given back."""

    def play(unit: Unit) -> None:
        unit.session.add(Party(id=OPERATOR, code="op", name="Operator", kinds=["operator"], recorded_at=unit.now))
        unit.session.flush()
        post(
            unit,
            [
                _usage("u1", 7, MARCH_3),
                _usage("u2", 3, MARCH_4),
                _usage("u3", 5, APRIL_1),
                _usage("u4", 9, MARCH_3, offering="off_2", kind="free_use"),
                _usage("u5", 8, MARCH_3, contract="ctr_2"),
                _moved("b1", "bill_use", 4, "unbilled_use", "billed_use"),
                _moved("w1", "use_writeoff", 1, "unbilled_use", "written_off_use", MARCH_4),
                _moved("c1", "credit_use", 2, "billed_use", "unbilled_use"),
            ],
        )

    store.run(LOCAL, play)
    return store


def test_use_of_a_month_is_told_by_its_state(books: Store) -> None:
    with books.reading(LOCAL) as unit:
        assert use_of(unit, CONTRACT, OFFERING, "2025-03") == Use(10, unbilled=7, billed=2, free=0, written_off=1)
        assert use_of(unit, CONTRACT, OFFERING) == Use(15, unbilled=12, billed=2, free=0, written_off=1)
        assert use_of(unit, CONTRACT, "off_2", "2025-03") == Use(9, free=9)
        assert use_of(unit, "ctr_9", OFFERING) == Use()


def test_use_as_of_a_moment_before_it_was_recorded_is_none(books: Store) -> None:
    with books.reading(LOCAL) as unit:
        assert use_of(unit, CONTRACT, OFFERING, as_of=unit.now).accepted == 15
        assert use_of(unit, CONTRACT, OFFERING, as_of=unit.now - timedelta(hours=1)) == Use()


def test_chargeable_use_keeps_the_days_of_what_was_billed_and_drops_what_was_written_off(books: Store) -> None:
    with books.reading(LOCAL) as unit:
        march = ChargeableUse({MARCH_3: 7, MARCH_4: 2}, unbilled=7)
        assert chargeable_use(unit, CONTRACT, ["2025-03"]) == {(OFFERING, "2025-03"): march}
        assert chargeable_use(unit, CONTRACT, ["2025-03", "2025-04"]) == {
            (OFFERING, "2025-03"): march,
            (OFFERING, "2025-04"): ChargeableUse({APRIL_1: 5}, unbilled=5),
        }
