"""Rows as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.csv_table import table_csv
from papers.layout import Column
from papers.wording import Label

COLUMNS = (Column("name", Label("名称", "Name")), Column("amount", Label("金额", "Amount"), "money"))


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(start: str) -> None:
    assert read(table_csv([{"name": f"{start}1+1"}], COLUMNS))[1][0] == f"'{start}1+1"


def test_a_negative_number_stays_a_number() -> None:
    assert read(table_csv([{"name": "x", "amount": "-20.00"}], COLUMNS))[1] == ["x", "-20.00"]


def test_a_number_column_that_holds_no_number_is_guarded_as_text() -> None:
    assert read(table_csv([{"amount": "-2+3"}], COLUMNS))[1] == ["", "'-2+3"]


def test_the_heading_is_the_keys_or_on_request_the_words() -> None:
    assert read(table_csv([], COLUMNS)) == [["name", "amount"]]
    assert read(table_csv([], COLUMNS, "zh")) == [["名称", "金额"]]


def test_lists_objects_and_truths_stand_on_one_line() -> None:
    rows: list[dict[str, object]] = [
        {"name": ["a", {"code": "b", "name": "c"}]},
        {"name": {"x": 1}},
        {"name": True},
        {"name": None},
    ]
    assert [row[0] for row in read(table_csv(rows, COLUMNS))[1:]] == ["a; b", "x=1", "true", ""]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_but_for_the_guard(text: str) -> None:
    cell = read(table_csv([{"name": text, "amount": "1.00"}], COLUMNS))[1][0]
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not cell.startswith(("=", "+", "-", "@"))
