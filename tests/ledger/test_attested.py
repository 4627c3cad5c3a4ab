"""The canonical bytes of what is sealed: no two contents share them, and both databases write them alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from ledger.attested import (
    ACCOUNT,
    ACCOUNT_FIELDS,
    HEAD_FIELDS,
    KINDS,
    LEG_FIELDS,
    TRANSACTION,
    Window,
    account_record,
    extent,
    leaves,
    packed,
    records,
    transaction_record,
)
from ledger.canonical import fields, row
from ledger.tables import Account, Asset, Entry, Transaction
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.books import post_each_pair, post_pairs

VALUES = st.lists(st.one_of(st.none(), st.text(alphabet="ab1:-", max_size=4), st.integers(-12, 12)), max_size=5)
EVER = Window(None, datetime(2100, 1, 1, tzinfo=UTC))


def texts(values: list[str | int | None]) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


@given(VALUES, VALUES)
def test_two_contents_never_have_the_same_bytes(one: list[str | int | None], other: list[str | int | None]) -> None:
    assert (fields(one) == fields(other)) == (texts(one) == texts(other))


def test_absent_is_not_empty_and_nothing_moves_over_a_border() -> None:
    written = [
        fields(values) for values in ([None, "ab"], ["", "ab"], ["a", "b"], ["ab", None], ["ab", ""], ["-", "ab"])
    ]
    assert len(set(written)) == len(written)
    assert fields([date(2025, 3, 1)]) == b"10:2025-03-01"
    assert fields([datetime(2025, 3, 1, 0, 0, 0, 7, tzinfo=UTC)]) == b"27:2025-03-01T00:00:00.000007Z"
    assert fields(["市"]) == b"3:\xe5\xb8\x82"


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_two_records_never_have_the_same_bytes(
    one: list[list[str | int | None]], other: list[list[str | int | None]]
) -> None:
    def written(rows: list[list[str | int | None]]) -> bytes:
        return b"".join(row(texts(values)) for values in rows)

    assert (written(one) == written(other)) == ([*map(texts, one)] == [*map(texts, other)])


def test_a_row_is_written_as_its_documentation_says() -> None:
    day, moment = date(2025, 3, 1), datetime(2025, 3, 1, 0, 0, 0, 7, tzinfo=UTC)
    assert row([None, "", "市", -2, b"\x01"]) == bytes.fromhex(
        "0005 ffffffff 00000000 00000003e5b882 00000008fffffffffffffffe 0000000101"
    )
    assert row([day, moment]) == bytes.fromhex("0002 00000004 000023e7 00000008 0002d23b5f77a007")
    assert date(2000, 1, 1) + timedelta(days=0x23E7) == day
    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=0x0002D23B5F77A007) == moment


def test_every_column_is_attested() -> None:
    # The month of recording follows from the instant; that it does is checked with the books.
    assert {*HEAD_FIELDS, "recorded_month"} == set(Transaction.model_fields)
    assert {*LEG_FIELDS, "transaction_id", "recorded_month"} == set(Entry.model_fields)
    assert set(ACCOUNT_FIELDS) == {*Account.model_fields, "scale"}


def test_the_database_writes_the_same_bytes_as_the_definition(store: Store) -> None:
    store.run(LOCAL, lambda unit: post_pairs(unit, 30))
    store.run(LOCAL, lambda unit: post_each_pair(unit, 3))
    with store.reading(LOCAL) as unit:
        for kind in KINDS:
            found = dict(records(unit, kind, EVER, extent(unit, kind, EVER)))
            expected = {packed(number): record for number, record in defined(unit, kind)}
            assert found == expected
            assert list(found) == sorted(found)
            hashed = dict(leaves(unit, kind, EVER, extent(unit, kind, EVER)))
            assert hashed == {number: sha256(b"\0" + record).digest() for number, record in expected.items()}


def defined(unit: Unit, kind: str) -> list[tuple[int, bytes]]:
    """The records of a kind by the definition, from rows as the models read them."""
    if kind == ACCOUNT:
        scales = {asset.code: asset.scale for asset in unit.session.scalars(select(Asset))}
        accounts = unit.session.scalars(select(Account))
        return [(row.id or 0, account_record({**row.model_dump(), "scale": scales[row.asset]})) for row in accounts]
    made = []
    for head in unit.session.scalars(select(Transaction)):
        legs = select(Entry).where(col(Entry.transaction_id) == head.id).order_by(col(Entry.leg))
        made.append(
            (
                head.id or 0,
                transaction_record(head.model_dump(), [leg.model_dump() for leg in unit.session.scalars(legs)]),
            )
        )
    return made


def test_a_window_holds_what_was_recorded_after_its_beginning_and_up_to_its_end(store: Store) -> None:
    moments = [store.run(LOCAL, lambda unit: (post_pairs(unit, 3), unit.now)[1]) for _ in range(3)]
    with store.reading(LOCAL) as unit:
        for window, count in (
            (Window(None, moments[0]), 3),
            (Window(moments[0], moments[2]), 6),
            (Window(moments[2], EVER.until), 0),
        ):
            span = extent(unit, TRANSACTION, window)
            assert span.count == len(list(records(unit, TRANSACTION, window, span))) == count


@pytest.mark.parametrize("hostile", ["", "-", "1:a", "a:b;c,d", "市\n\t'\"\\", "%s %(id)s :until"])
def test_no_text_disturbs_the_form(store: Store, hostile: str) -> None:
    store.run(LOCAL, lambda unit: post_pairs(unit, 2, document_id=hostile))
    with store.reading(LOCAL) as unit:
        found = dict(records(unit, TRANSACTION, EVER, extent(unit, TRANSACTION, EVER)))
        assert found == {packed(number): record for number, record in defined(unit, TRANSACTION)}
