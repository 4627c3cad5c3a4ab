"""Ceilings through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.pricing import case_files
from tests.web.price_bodies import cap_body, cap_year, ceiling_body, new_offering, new_operator, per_unit
from tests.world import World

CEILINGS_TEST = "ceilings_test/ceilings-above-the-maximum-need-a-reason.yaml"


def cap(world: World, operator: str, maximum: str, revenue_basis: str) -> None:
    years = [cap_year(2025, [["platform", "commercial", maximum]])]
    world.regulator.made("/revenue-caps", cap_body(operator, years=years, revenue_basis=revenue_basis))


def test_ceilings_at_their_planned_volumes_are_held_against_the_maximum(
    world: World, subtests: pytest.Subtests
) -> None:
    content = case_files.read(CEILINGS_TEST)
    for number, case in enumerate(content["defaults"] | case for case in content["cases"]):
        with subtests.test(case["name"]):
            operator = new_operator(world, f"operator-{number}")
            cap(world, f"operator-{number}", case["maximum"], case["revenue_basis"])
            *earlier, last = [
                ceiling_body(
                    new_offering(operator, world, f"offering-{number}-{index}", f"product-operator-{number}"),
                    unit_price,
                    per_quantity=per_quantity,
                    planned_sales_volume=planned,
                    **(more[0] if more else {}),
                )
                for index, (unit_price, per_quantity, planned, *more) in enumerate(case["ceilings"])
            ]
            for body in earlier:
                assert not world.grantor.made("/ceilings", body)["ceilings_test"]["above_maximum"]
            judge_last(world, case, last)


def judge_last(world: World, case: dict[str, Any], body: dict[str, Any]) -> None:
    if case.get("refused"):
        problem = world.grantor.refused("/ceilings", body, 422, "above_maximum_needs_reason")
        assert list(problem["errors"]) == ["above_maximum_reason"]
        assert (problem["possible_revenue"], problem["year"]) == (case["possible"], 2025)
        assert problem["possible_revenue"] in problem["detail"]
        assert problem["maximum_permitted_revenue"] in problem["detail"]
        return
    made = world.grantor.made("/ceilings", body)
    tested = made["ceilings_test"]
    assert (tested["possible_revenue"], tested["above_maximum"]) == (case["possible"], case["above"])
    assert made["above_maximum_reason"] == body.get("above_maximum_reason")


def test_only_the_ceiling_in_force_of_each_offering_is_counted(world: World) -> None:
    cap(world, "operator", "1000", "tax_exclusive")
    world.offering("a")
    world.offering("b")
    world.grantor.made("/ceilings", ceiling_body("a", "9.00", planned_sales_volume="100"))
    lowered = ceiling_body("a", "1.00", planned_sales_volume="100", effective_from="2025-04-01")
    world.grantor.made("/ceilings", lowered)
    of_another = ceiling_body("b", "8.00", planned_sales_volume="100")
    world.grantor.refused("/ceilings", of_another, 422, "above_maximum_needs_reason")
    made = world.grantor.made("/ceilings", {**of_another, "effective_from": "2025-04-01"})
    assert made["ceilings_test"]["possible_revenue"] == "900.00"


def test_without_a_maximum_nothing_is_tested(world: World) -> None:
    world.offering()
    made = world.grantor.made("/ceilings", ceiling_body("offering", planned_sales_volume="1000000"))
    assert made["ceilings_test"] is None


def test_a_ceiling_comes_back_as_it_was_sent(world: World) -> None:
    offering = world.offering()
    body = ceiling_body(
        "offering",
        "0.80",
        per_quantity="1000",
        base_price="100.00",
        base_price_period="year",
        planned_sales_volume="2500.5",
        effective_until="2026-01-01",
    )
    made = world.grantor.made("/ceilings", body)
    assert made.items() >= {**body, "factors": {**body["factors"], "sales_volume": None}}.items()
    assert (made["offering_id"], made["grantor"], made["unit"]) == (offering["id"], "grantor", "call")
    assert made["above_maximum_reason"] is made["backdate_reason"] is None
    assert (made["currency"], made["sandbox"]) == ("CNY", True)
    assert world.buyer.seen(f"/ceilings/{made['id']}") == made


def test_a_ceiling_is_decided_by_the_grantor_of_the_authorisation_alone(world: World) -> None:
    world.offering()
    problem = world.other_grantor.refused("/ceilings", ceiling_body("offering"), 404, "not_found")
    assert list(problem["errors"]) == ["offering"]
    world.grantor.refused("/ceilings", ceiling_body("nothing"), 404, "not_found")
    world.operator.refused("/ceilings", {"nonsense": True}, 403, "forbidden")


def test_a_ceiling_takes_effect_only_with_the_record_of_its_report(world: World) -> None:
    world.offering()
    body = ceiling_body("offering")
    without = {name: value for name, value in body.items() if name != "report"}
    problem = world.grantor.refused("/ceilings", without, 422, "report_missing")
    assert list(problem["errors"]) == ["report"]
    world.grantor.refused("/ceilings", {**body, "report": None}, 422, "report_missing")
    half = world.grantor.refused("/ceilings", {**body, "report": {"report_no": "R-1"}}, 400, "malformed")
    assert sorted(half["errors"]) == ["report.recipients", "report.reported_on"]


def test_a_ceiling_counts_what_its_product_is_charged_by_or_periods(world: World) -> None:
    world.offering()
    for form in ("call", "month", "year"):
        assert world.ceiling(charging_form=form)["charging_form"] == form
    problem = world.grantor.refused(
        "/ceilings", ceiling_body("offering", charging_form="volume"), 422, "charging_form_mismatch"
    )
    assert list(problem["errors"]) == ["charging_form"]


def test_what_is_free_has_no_ceiling(world: World) -> None:
    world.offering("rescue", "public_welfare")
    world.offering("proposed", "public_governance", confirmed=False)
    for offering in ("rescue", "proposed"):
        world.grantor.refused("/ceilings", ceiling_body(offering), 422, "offering_not_chargeable")


def test_a_later_ceiling_succeeds_an_open_one_and_two_never_hold_on_one_day(world: World) -> None:
    world.offering()
    world.ceiling(effective_from="2025-03-01")
    world.ceiling(effective_from="2025-06-01", effective_until="2025-09-01")
    world.ceiling(effective_from="2025-09-01")
    for days in (
        {"effective_from": "2025-03-01"},
        {"effective_from": "2025-08-31"},
        {"effective_from": "2025-05-01", "effective_until": "2025-06-02"},
    ):
        problem = world.grantor.refused("/ceilings", ceiling_body("offering", **days), 422, "overlapping_version")
        assert list(problem["errors"]) == ["effective_from"]
    world.ceiling(effective_from="2025-05-01", effective_until="2025-06-01")
    reversed_days = ceiling_body("offering", effective_from="2026-01-02", effective_until="2026-01-01")
    world.grantor.refused("/ceilings", reversed_days, 422, "dates_reversed")


def test_ceilings_leave_no_day_between_them_without_one(world: World) -> None:
    world.offering()
    world.ceiling(effective_from="2025-03-01", effective_until="2025-06-01")
    late = ceiling_body("offering", effective_from="2025-07-01", effective_until="2025-08-01")
    problem = world.grantor.refused("/ceilings", late, 422, "gapped_version")
    assert (problem["gap_from"], problem["gap_until"]) == ("2025-06-01", "2025-07-01")
    assert list(problem["errors"]) == ["effective_from"]
    world.ceiling(effective_from="2025-06-01")
    world.ceiling(effective_from="2025-09-01")
    between = ceiling_body("offering", effective_from="2025-07-01", effective_until="2025-08-01")
    problem = world.grantor.refused("/ceilings", between, 422, "gapped_version")
    assert (list(problem["errors"]), problem["gap_from"], problem["gap_until"]) == (
        ["effective_until"],
        "2025-08-01",
        "2025-09-01",
    )
    world.grantor.made("/ceilings", {**between, "effective_until": "2025-09-01"})
    world.grantor.made("/ceilings", ceiling_body("offering", charging_form="month", effective_from="2025-12-01"))


def test_a_month_ceiling_and_a_call_ceiling_stand_side_by_side(world: World) -> None:
    world.offering()
    world.ceiling(effective_from="2025-03-01")
    world.ceiling(effective_from="2025-03-01", charging_form="month")
    world.grantor.refused("/ceilings", ceiling_body("offering", charging_form="month"), 422, "overlapping_version")


def test_without_a_complete_calendar_year_there_is_no_formal_ceiling(world: World) -> None:
    for code, since, first in (
        ("young", "2024-01-02", "2026-01-01"),
        ("older", "2024-01-01", "2025-01-01"),
        ("unknown", None, "2025-01-01"),
    ):
        operator = new_operator(world, code, operating_since=since)
        offering = new_offering(operator, world, f"offering-{code}", f"product-{code}")
        if code == "young":
            problem = world.grantor.refused("/ceilings", ceiling_body(offering), 422, "trial_required")
            assert problem["formal_prices_from"] == first
            assert list(problem["errors"]) == ["effective_from"]
        world.grantor.made("/ceilings", ceiling_body(offering, effective_from=first))


def test_ceilings_are_read_by_every_key_and_listed_by_offering(world: World) -> None:
    world.offering("a")
    world.offering("b")
    made = [world.ceiling("a"), world.ceiling("b"), world.ceiling("a", effective_from="2025-05-01")]
    for reader in (world.buyer, world.rival, world.other_grantor, world.regulator, world.auditor, world.provider):
        assert reader.seen("/ceilings")["items"] == made
    assert world.buyer.seen("/ceilings", offering="a")["items"] == [made[0], made[2]]
    assert world.buyer.get("/ceilings", offering="c").status_code == 404
    assert world.buyer.get("/ceilings/ceil_0").status_code == 404
    assert Client(world.admin.app).get("/ceilings").status_code == 401


def test_every_fault_of_a_ceiling_is_named_at_once(world: World) -> None:
    body = ceiling_body(
        "offering",
        0.5,  # type: ignore[arg-type]
        per_quantity="0",
        effective_from="2025-2-1",
        factors={"data": 1, "luck": "yes"},
        planned_sales_volume="-1",
    )
    problem = world.grantor.refused("/ceilings", body, 400, "malformed")
    assert sorted(problem["errors"]) == [
        "effective_from",
        "factors.data",
        "factors.luck",
        "per_quantity",
        "planned_sales_volume",
        "unit_price",
    ]
    lacking = world.grantor.refused("/ceilings", ceiling_body("offering", base_price="1"), 400, "malformed")
    assert list(lacking["errors"]) == ["base_price_period"]


def test_a_lowered_ceiling_leaves_the_published_price_and_refuses_the_next_one_above_it(world: World) -> None:
    world.priced(ceiling="1.00", unit_price="0.90")
    world.clock("2025-03-10")
    world.ceiling(price="0.80", effective_from="2025-03-10")
    assert world.buyer.seen("/tariffs", offering="offering")["items"][0]["unit_price"] == "0.90"
    next_price = per_unit("offering", "0.85", effective_from="2025-03-10")
    world.operator.refused("/tariffs", next_price, 422, "price_above_ceiling")
