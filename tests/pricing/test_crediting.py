"""Credit notes: what they take of each line, and what can never happen however they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.crediting import (
    BilledLine,
    Taken,
    Wanted,
    credit_by_amount,
    credit_by_lines,
    gross_for_net,
    left_of,
)
from pricing.errors import Problem
from pricing.money import format_money, parse_money, parse_quantity
from tests.pricing.case_files import cases

groups = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 100), st.integers(0, 10)), min_size=1, max_size=5)


@pytest.mark.parametrize("case", cases("crediting"))
def test_notes_take(case: dict[str, Any]) -> None:
    bill = [
        BilledLine(position, group, parse_quantity(quantity), parse_money(gross), parse_money(tax))
        for position, (group, quantity, gross, tax) in enumerate(case["bill"], start=1)
    ]
    for note in case["notes"]:
        if "refused" in note:
            with pytest.raises(Problem) as refused:
                _take(bill, note)
            assert (refused.value.code, refused.value.facts.get("left")) == (note["refused"], note.get("left"))
            continue
        taken = _take(bill, note)
        found = {line.position: [format_money(line.gross), format_money(line.tax)] for line in taken}
        assert found == note["takes"]
        bill = _credited(bill, taken)


def _take(bill: Sequence[BilledLine], note: Mapping[str, Any]) -> list[Taken]:
    if "amount" in note:
        return credit_by_amount(bill, parse_money(note["amount"]))
    wanted = [
        Wanted(
            line["position"],
            parse_quantity(line["quantity"]) if "quantity" in line else None,
            parse_money(line["amount"]) if "amount" in line else None,
        )
        for line in note["lines"]
    ]
    return credit_by_lines(bill, wanted)


def _credited(bill: Sequence[BilledLine], taken: Sequence[Taken]) -> list[BilledLine]:
    by_position = {line.position: line for line in taken}
    return [
        replace(
            line,
            credited_quantity=line.credited_quantity + by_position[line.position].quantity,
            credited_gross=line.credited_gross + by_position[line.position].gross,
            credited_tax=line.credited_tax + by_position[line.position].tax,
        )
        if line.position in by_position
        else line
        for line in bill
    ]


def _bill(drawn: Sequence[tuple[int, int, int]]) -> list[BilledLine]:
    """Return a bill of charges of these amounts, each with a relief of some per cent, and a tax of some per cent."""
    lines: list[BilledLine] = []
    for number, (charge, relief_percent, tax_percent) in enumerate(drawn):
        relief = charge * relief_percent // 100
        for sign, size in ((1, charge), (-1, relief)):
            tax = sign * (size * tax_percent // 100)
            lines.append(BilledLine(len(lines) + 1, str(number), 10**6, sign * size, tax))
    return lines


@settings(deadline=None)
@given(groups, st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_notes_by_amount_together_give_back_the_bill_and_its_tax(
    drawn: list[tuple[int, int, int]], amounts: list[int]
) -> None:
    bill = _bill(drawn)
    for amount in [*amounts, None]:
        left = left_of(bill)
        if not left:
            break
        taken = credit_by_amount(bill, left if amount is None else min(amount, left))
        assert sum(line.gross for line in taken) == (left if amount is None else min(amount, left))
        bill = _credited(bill, taken)
        for group in {line.group for line in bill}:
            assert left_of([line for line in bill if line.group == group]) >= 0
    assert left_of(bill) == 0
    assert sum(line.tax - line.credited_tax for line in bill) == 0


@settings(deadline=None)
@given(groups, st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10**6)), max_size=6))
def test_notes_by_lines_leave_no_group_below_nothing(
    drawn: list[tuple[int, int, int]], wanted: list[tuple[int, int]]
) -> None:
    bill = _bill(drawn)
    for place, amount in wanted:
        line = bill[place % len(bill)]
        members = [other for other in bill if other.group == line.group]
        most = min(max(0, line.left), left_of(members))
        if not most:
            continue
        bill = _credited(bill, credit_by_lines(bill, [Wanted(line.position, None, min(amount, most))]))
    left = left_of(bill)
    if left:
        bill = _credited(bill, credit_by_amount(bill, left))
    assert left_of(bill) == 0
    assert sum(line.tax - line.credited_tax for line in bill) == 0


@settings(deadline=None)
@given(st.integers(1, 10**8), st.integers(0, 15), st.integers(0, 10**8), st.integers(0, 10**8))
def test_the_gross_of_a_net_amount_takes_exactly_that_net(net: int, percent: int, credited: int, wanted: int) -> None:
    tax = net * percent // 100
    line = BilledLine(1, "a", 0, net + tax, tax)
    before = [Taken(1, 0, 0, 0)] if not credited % (net + tax) else credit_by_amount([line], credited % (net + tax))
    bill = _credited([line], before)
    left_net = bill[0].left - (tax - bill[0].credited_tax)
    if left_net <= 0:
        return
    net_wanted = wanted % left_net + 1
    taken = credit_by_amount(bill, min(left_of(bill), gross_for_net(bill, net_wanted)))
    assert sum(line.net for line in taken) == net_wanted
