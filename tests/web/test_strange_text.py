"""Text that no column and no answer can hold ends in a problem document, not in a fault."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from tests.client import Client
from tests.web.everything import distribution_body
from tests.world import World

LONE_SURROGATE = "\ud800"


@pytest.mark.parametrize("path", ["/parties", "/offerings", "/contracts", "/free-use-grants"])
def test_a_name_with_nul_in_it_names_nothing(admin: Client, path: str) -> None:
    assert admin.get(f"{path}/a%00b").status_code == 404


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_a_cursor_with_nul_in_it_was_not_given_out_here(admin: Client, text: str) -> None:
    answer = admin.get("/parties", cursor=urlsafe_b64encode(text.encode()).decode())
    assert (answer.status_code, (answer.json or {})["code"]) == (400, "cursor_invalid")


def test_half_a_character_is_refused_and_quoted_back_as_json_can(admin: Client) -> None:
    party = {"code": "p", "name": "P", "kinds": ["buyer"]}
    for change in (
        {LONE_SURROGATE: 1},
        {"code": LONE_SURROGATE},
        {"kinds": [LONE_SURROGATE]},
        {"name": LONE_SURROGATE},
    ):
        problem = admin.refused("/parties", {**party, **change}, 400, "malformed")
        assert problem["errors"]


@pytest.mark.parametrize("text", ["a\0b", LONE_SURROGATE, "\x1b[31m"])
def test_terms_of_an_agreement_name_nobody_by_what_is_no_text(world: World, text: str) -> None:
    payee = {"payable_to": text, "collecting_body": text, "revenue_item": text}
    step = {"kind": "fixed_fee", "beneficiary": text, "shortfall": "carry", "amount": "1.00", **payee}
    rest = {"weights": "fixed", "shares": [{"beneficiary": text, "weight": "1"}]}
    body = distribution_body(steps=[step], residual=rest)
    problem = world.operator.refused("/distribution-agreements", body, 400, "malformed")
    assert set(problem["errors"]) == {
        "steps.0.beneficiary",
        "steps.0.payable_to",
        "steps.0.collecting_body",
        "steps.0.revenue_item",
        "residual.shares.0.beneficiary",
    }
