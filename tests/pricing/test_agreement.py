from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from pricing.agreement import Agreement, Holdback, Payee, PercentOf, Shortfall, agreement_from_document, treasury_faults
from pricing.errors import Malformed
from tests.pricing import case_files

TREASURY = {"payable_to": "treasury", "collecting_body": "finance-bureau", "revenue_item": "103070699"}
WHOLE: dict[str, Any] = {
    "steps": [
        {"kind": "fixed_fee", "beneficiary": "platform", "shortfall": "lapse", "amount": "100.00"},
        {
            "kind": "cost_recovery",
            "beneficiary": "operator",
            "shortfall": "carry",
            "due": "1.50",
            "cumulative_cap": None,
        },
        {"kind": "percentage", "beneficiary": "bureau", "shortfall": "carry", "percent": "2.5", "of": "pool"}
        | TREASURY,
        {"kind": "holdback", "beneficiary": "grantor", "shortfall": "lapse", "percent": "5", "of": "remaining"}
        | {"release_after_months": 12},
    ],
    "residual": {"weights": "contribution", "shares": [{"beneficiary": "a"}, {"beneficiary": "b"} | TREASURY]},
    "utility_table": [
        {"coalition": ["a"], "utility": "1"},
        {"coalition": ["b"], "utility": "2.5"},
        {"coalition": ["a", "b"], "utility": "5"},
    ],
    "carry_odd_fen": True,
    "minimum_payout": "10.00",
}


def agreement_with(**changes: Any) -> Agreement:
    return agreement_from_document(WHOLE | changes)


def test_an_agreement_reads_the_same_after_it_was_written() -> None:
    assert agreement_with().document() == WHOLE
    assert agreement_from_document(agreement_with().document()) == agreement_with()


def test_what_may_be_left_out_is_filled_in() -> None:
    agreement = agreement_from_document(
        {
            "steps": [{"kind": "holdback", "beneficiary": "a", "percent": 5, "release_after_months": 6}],
            "residual": {"weights": "fixed", "shares": [{"beneficiary": "a", "weight": 1}]},
        }
    )
    (step,) = agreement.steps
    assert step == Holdback(
        beneficiary="a", shortfall=Shortfall.LAPSE, percent=Decimal(5), of=PercentOf.REMAINING, release_after_months=6
    )
    assert (agreement.carry_odd_fen, agreement.minimum_payout, agreement.utility_table) == (False, 0, ())


@pytest.mark.parametrize("case", case_files.cases("agreement"))
def test_every_fault_of_an_agreement_is_named(case: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        agreement_from_document(json.loads(case["document"]))
    assert sorted(caught.value.errors) == case["fields"]


def test_a_missing_field_is_said_once() -> None:
    with pytest.raises(Malformed) as caught:
        agreement_from_document({"steps": []})
    assert caught.value.errors == {"residual": ["is required"]}


def test_the_utility_table_is_pinned_by_its_content_and_not_by_its_order() -> None:
    table = WHOLE["utility_table"]
    turned = agreement_with(utility_table=[table[2] | {"coalition": ["b", "a"]}, table[0], table[1]])
    assert turned.utility_digest() == agreement_with().utility_digest()
    other = agreement_with(utility_table=[*table[:2], {"coalition": ["a", "b"], "utility": "5.1"}])
    assert other.utility_digest() != agreement_with().utility_digest()


def test_an_administrative_body_must_name_how_the_treasury_is_paid() -> None:
    agreement = agreement_with()
    assert agreement.residual.shares[1].payee == Payee("treasury", "finance-bureau", "103070699")
    assert treasury_faults(agreement, {"b", "bureau"}) == {}
    assert list(treasury_faults(agreement, {"a", "platform"})) == ["steps.0.payable_to", "residual.shares.0.payable_to"]
    assert "a is an administrative body" in treasury_faults(agreement, {"a"})["residual.shares.0.payable_to"][0]
