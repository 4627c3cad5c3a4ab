"""A ceiling that is lowered: refused at publishing, quoting and accepting, capped at billing, in every unit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pricing import case_files
from tests.web.flow_story import require_sound_books
from tests.web.price_bodies import ceiling_body, tariff_body
from tests.world import World

CASES = "lowered_ceiling/a-ceiling-binds-in-its-own-unit-at-every-step.yaml"
LATER: Any = {"effective_from": "2025-03-20", "effective_until": None}


def _refused(problem: Any, facts: dict[str, str], decision_no: str) -> None:
    assert problem.items() >= {**facts, "decision_no": decision_no}.items(), problem


def test_a_ceiling_binds_in_its_own_unit_at_every_step(world: World, subtests: pytest.Subtests) -> None:
    contracts = {}
    cases = case_files.read(CASES)["cases"]
    for number, case in enumerate(cases):
        with subtests.test(case["name"]):
            offering = f"offering-{number}"
            world.product(f"product-{number}", charging_basis=case["basis"], unit=case["unit"])
            world.offering(offering, product=f"product-{number}")
            form = {"charging_form": case["basis"]}
            world.grantor.made("/ceilings", ceiling_body(offering, **form, **case["ceiling"]))
            above = tariff_body(offering, **case["above"])
            _refused(world.operator.refused("/tariffs", above, 422, "price_above_ceiling"), case["refused"], "D-1")
            world.operator.made("/tariffs", tariff_body(offering, **case["tariff"]))
            contracts[offering], waiting = world.accepted(offering), world.quote(offering, **LATER)
            lowered = {"effective_from": "2025-03-16", "decision_no": "D-2", **case["lowered"]}
            world.grantor.made("/ceilings", ceiling_body(offering, **form, **lowered))
            asked = {"buyer": "buyer", "valid_until": "2025-03-31", "items": [{"offering": offering, "quantity": "1"}]}
            later = tariff_body(offering, **{**case["tariff"], "effective_from": "2025-03-17"})
            for problem in (
                world.operator.refused("/quotes", {**asked, **LATER}, 422, "price_above_ceiling"),
                world.buyer.refused(f"/quotes/{waiting['id']}/accept", None, 422, "price_above_ceiling"),
                world.operator.refused("/tariffs", later, 422, "price_above_ceiling"),
            ):
                _refused(problem, case["refused_later"], "D-2")
    world.clock("2025-04-01")
    for (offering, contract), case in zip(contracts.items(), cases, strict=True):
        with subtests.test(f"the bill of {case['name']}"):
            for quantity, day in zip(case["use"], ("10", "20"), strict=True):
                world.usage(contract, offering, quantity, f"2025-03-{day}T12:00:00+08:00")
            lines = world.invoice(contract, "2025-03")["lines"]
            assert [line["net"] for line in lines] == case["lines"]
            decisions = ["D-1", "D-2"] * (len(lines) // 2)
            assert [line["ceiling_decision_no"] for line in lines] == decisions
            assert [line["service_until"] for line in lines] == ["2025-03-16", "2025-04-01"] * (len(lines) // 2)
    require_sound_books(world)
