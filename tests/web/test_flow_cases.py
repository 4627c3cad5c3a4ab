"""Quotes and bills by case, through the API: rating, ceilings, late use, tax."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pricing.case_files import cases
from tests.web.flow_story import Story
from tests.world import World


def test_quotes_come_to_what_their_cases_say(world: World) -> None:
    for number, parameter in enumerate(cases("quotes")):
        case: dict[str, Any] = parameter.values[0]
        offering = f"offering-{number}"
        world.offering(offering)
        basis = case["tariff"].get("price_basis", "tax_exclusive")
        world.ceiling(offering, case["ceiling"], price_basis=basis, **case.get("base", {}))
        world.tariff(offering, **case["tariff"])
        for quantity, net, tax, gross in case["quotes"]:
            quote = world.quote(offering, quantity)
            for paper in (quote, quote["lines"][0]):
                assert (paper["net"], paper["tax"], paper["gross"]) == (net, tax, gross), (case["name"], quantity)
            assert quote["lines"][0]["explanation"], case["name"]


@pytest.mark.parametrize("case", cases("bills"))
def test_a_contract_is_billed(world: World, case: dict[str, Any]) -> None:
    Story(world, case).play(case["steps"])
