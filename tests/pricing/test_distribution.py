from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.agreement import Agreement, agreement_from_document
from pricing.distribution import (
    RESIDUAL,
    Carried,
    allot_to_lines,
    distributable_collected,
    distribute,
    vat_of_credits,
)
from pricing.errors import Problem
from pricing.money import format_money, parse_money, tax_in_gross
from tests.pricing import case_files

HALVES = {"weights": "fixed", "shares": [{"beneficiary": "a", "weight": "1"}, {"beneficiary": "b", "weight": "1"}]}


def agreement_of(case: dict[str, Any]) -> Agreement:
    shares = [
        {"beneficiary": party} | ({} if weight == "none" else {"weight": weight})
        for party, weight in case["shares"].items()
    ]
    document = {"steps": case["steps"], "residual": {"weights": case["weights"], "shares": shares}}
    if "utility" in case:
        rows = [{"coalition": names.split(), "utility": worth} for names, worth in case["utility"].items()]
        document["utility_table"] = rows
    return agreement_from_document(document)


def by_step(amounts: dict[int, str]) -> dict[int, int]:
    return {step: parse_money(amount) for step, amount in amounts.items()}


@pytest.mark.parametrize("case", case_files.cases("distribution"))
def test_steps_take_in_order_and_the_rest_is_divided(case: dict[str, Any]) -> None:
    carried = Carried(shortfalls=by_step(case.get("carried", {})), recovered=by_step(case.get("recovered", {})))
    usage = {party: Decimal(used) for party, used in case["usage"].items()} if "usage" in case else None
    if "refused" in case:
        with pytest.raises(Problem) as caught:
            distribute(parse_money(case["pool"]), agreement_of(case), carried, usage)
        assert caught.value.code == case["refused"]
    else:
        rows = distribute(parse_money(case["pool"]), agreement_of(case), carried, usage).rows
        shown = [[row.beneficiary, *map(format_money, (row.due, row.taken, row.carried))] for row in rows]
        assert shown == case["rows"]


def test_d3_a_receipt_gives_up_its_vat_before_it_is_a_pool() -> None:
    receipt = tax_in_gross(10_000, Decimal("0.06"))
    assert (receipt.tax, receipt.net) == (566, 9_434)
    assert (
        sum(
            row.taken
            for row in distribute(receipt.net, agreement_from_document({"steps": [], "residual": HALVES})).rows
        )
        == 9_434
    )


def test_d6_the_part_of_an_administrative_body_names_the_treasury() -> None:
    treasury = {"payable_to": "treasury", "collecting_body": "finance-bureau", "revenue_item": "103070699"}
    shares = [{"beneficiary": "a", "weight": "1"} | treasury, {"beneficiary": "b", "weight": "1"}]
    agreement = agreement_from_document({"steps": [], "residual": {"weights": "fixed", "shares": shares}})
    first, second = distribute(10_000, agreement).rows
    assert (first.taken, first.payee and first.payee.payable_to) == (5_000, "treasury")
    assert (second.taken, second.payee) == (5_000, None)


def test_the_odd_fen_rotates_where_the_agreement_says_so() -> None:
    agreement = agreement_from_document({"steps": [], "residual": HALVES, "carry_odd_fen": True})
    first = distribute(1, agreement)
    second = distribute(1, agreement, Carried(odd_fen=first.odd_fen))
    assert [[row.taken for row in run.rows] for run in (first, second)] == [[1, 0], [0, 1]]


def test_the_odd_fen_stays_with_the_first_where_it_does_not() -> None:
    agreement = agreement_from_document({"steps": [], "residual": HALVES})
    run = distribute(1, agreement, Carried(odd_fen={"b": Fraction(1, 2)}))
    assert ([row.taken for row in run.rows], run.odd_fen) == ([1, 0], {})


def test_a_negative_pool_is_not_distributed() -> None:
    with pytest.raises(ValueError, match="reverse the rows"):
        distribute(-1, agreement_from_document({"steps": [], "residual": HALVES}))


def test_division_by_use_asks_for_the_use_of_those_who_take_part() -> None:
    shares = [{"beneficiary": "a"}]
    agreement = agreement_from_document({"steps": [], "residual": {"weights": "usage", "shares": shares}})
    with pytest.raises(ValueError, match="no use was given"):
        distribute(1, agreement)
    with pytest.raises(ValueError, match="z used something"):
        distribute(1, agreement, usage={"a": 1, "z": 1})


parties = st.sampled_from(["a", "b", "c"])
money = st.integers(0, 10**9).map(format_money)
percents = st.decimals(0, 100, places=4).map(str)
shortfalls = st.sampled_from(["carry", "lapse"])
steps = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("fixed_fee"), "beneficiary": parties, "shortfall": shortfalls, "amount": money}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("cost_recovery"), "beneficiary": parties, "shortfall": shortfalls, "due": money}
        | {"cumulative_cap": st.none() | money}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("percentage"), "beneficiary": parties, "shortfall": shortfalls, "percent": percents}
        | {"of": st.sampled_from(["remaining", "pool"])}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("holdback"), "beneficiary": parties, "shortfall": shortfalls, "percent": percents}
        | {"of": st.sampled_from(["remaining", "pool"]), "release_after_months": st.integers(1, 24)}
    ),
)


@given(steps=st.lists(steps, max_size=6), pools=st.lists(st.integers(0, 10**10), min_size=1, max_size=4))
def test_every_run_gives_out_its_pool_to_the_fen(steps: list[dict[str, Any]], pools: list[int]) -> None:
    agreement = agreement_from_document({"steps": steps, "residual": HALVES, "carry_odd_fen": True})
    carried = Carried()
    recovered = dict.fromkeys(range(len(steps)), 0)
    for pool in pools:
        run = distribute(pool, agreement, carried)
        by_step = {row.step: row for row in run.rows if row.step is not None}
        assert sum(row.taken for row in run.rows) == pool
        assert all(0 <= row.taken <= row.due for row in run.rows)
        assert all(row.carried in (0, row.due - row.taken) for row in run.rows)
        assert sorted(by_step) == list(range(len(steps)))
        assert [row.beneficiary for row in run.rows if row.kind == RESIDUAL] == ["a", "b"]
        recovered = {step: recovered[step] + row.taken for step, row in by_step.items()}
        carried = Carried({step: row.carried for step, row in by_step.items()}, recovered, run.odd_fen)
    for index, step in enumerate(steps):
        if (cap := step.get("cumulative_cap")) is not None:
            assert recovered[index] <= parse_money(cap)


@pytest.mark.parametrize("case", case_files.cases("collected"))
def test_what_is_paid_is_distributed_without_drift(case: dict[str, Any]) -> None:
    gross, tax = parse_money(case["gross"]), parse_money(case["tax"])
    taken, pools = 0, []
    for paid, credited in case["months"]:
        gross_after = gross - parse_money(credited)
        net_after = gross_after - (tax - vat_of_credits(tax, gross, parse_money(credited)))
        cumulative = distributable_collected(net_after, gross_after, parse_money(paid))
        pools.append(format_money(cumulative - taken))
        taken = cumulative
    assert pools == case["pools"]


@pytest.mark.parametrize("case", case_files.cases("vat_of_credits"))
def test_each_credit_note_takes_the_difference(case: dict[str, Any]) -> None:
    credited, taken, notes = 0, 0, []
    for amount in case["credits"]:
        credited += parse_money(amount)
        cumulative = vat_of_credits(parse_money(case["tax"]), parse_money(case["gross"]), credited)
        notes.append(format_money(cumulative - taken))
        taken = cumulative
    assert notes == case["vat"]


@given(net=st.integers(1, 10**9), payments=st.lists(st.integers(1, 10**8), min_size=1, max_size=6))
def test_a_bill_paid_in_full_is_distributed_in_full_whatever_its_parts(net: int, payments: list[int]) -> None:
    gross, paid, pools, taken = sum(payments), 0, [], 0
    for payment in payments:
        paid += payment
        cumulative = distributable_collected(min(net, gross), gross, paid)
        pools.append(cumulative - taken)
        taken = cumulative
    assert sum(pools) == min(net, gross)
    assert min(pools) >= 0


@given(nets=st.lists(st.integers(0, 10**8), min_size=1, max_size=8), cuts=st.lists(st.fractions(0, 1), max_size=4))
def test_lines_take_exactly_what_their_bill_takes_and_in_the_end_their_nets(
    nets: list[int], cuts: list[Fraction]
) -> None:
    allotted = [0] * len(nets)
    for cut in [*sorted(cuts), Fraction(1)]:
        cumulative = int(sum(nets) * cut)
        now = allot_to_lines(cumulative, nets, allotted)
        allotted = [before + part for before, part in zip(allotted, now, strict=True)]
        assert sum(allotted) == cumulative
    assert allotted == nets
