"""Tariffs through the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app import create_app
from pricing.operating_year import OperatingYear
from store.settings import Settings
from tests.client import Client
from tests.pricing import case_files
from tests.web.price_bodies import ceiling_body, new_offering, new_operator, per_unit, tariff_body
from tests.world import World

PUBLISHED = "published_tariff/a-price-above-the-ceiling-is-not-published.yaml"
MALFORMED = "tariff_body/every-fault-of-a-tariff-is-named-by-its-field.yaml"
TRIAL = {"trial": True, "guidance_no": "G-1"}


def test_a_price_is_published_at_the_ceiling_and_refused_above_it(world: World, subtests: pytest.Subtests) -> None:
    for number, case in enumerate(case_files.read(PUBLISHED)["cases"]):
        with subtests.test(case["name"]):
            world.offering(f"offering-{number}")
            world.grantor.made("/ceilings", ceiling_body(f"offering-{number}", **case["ceiling"]))
            body = tariff_body(f"offering-{number}", **case["tariff"])
            if "refused" not in case:
                made = world.operator.made("/tariffs", body)
                assert made["model"] == body["model"]
                names = ("quantity", "amount", "more_quantity", "more_amount")
                assert [[told[name] for name in names] for told in made["warnings"]] == case.get("warnings", [])
                continue
            problem = world.operator.refused("/tariffs", body, 422, case["refused"])
            assert problem.items() >= case.get("facts", {}).items()
            assert sorted(problem["errors"]) == case["fields"]
            assert all(words in problem["detail"] for words in case.get("says", ()))


def test_every_fault_of_a_tariff_is_named_by_its_field(world: World, subtests: pytest.Subtests) -> None:
    for case in case_files.read(MALFORMED)["cases"]:
        with subtests.test(case["name"]):
            body = tariff_body(**{"offering": "offering", **case["body"]})
            problem = world.operator.refused("/tariffs", body, 400, "malformed")
            assert sorted(problem["errors"]) == sorted(case["fields"])
            assert all(len(messages) == 1 for messages in problem["errors"].values()), problem["errors"]


def test_a_tariff_comes_back_as_it_was_sent(world: World) -> None:
    world.offering()
    ceiling = world.ceiling(price="0.10")
    tiers = [
        {"up_to": "10000", "unit_price": "0.10", "flat_fee": "2.00"},
        {"up_to": None, "unit_price": "0.0008", "flat_fee": "0.00"},
    ]
    body = tariff_body(
        "offering",
        model="graduated",
        tiers=tiers,
        tier_period="month",
        minimum_commitment="50.00",
        relief="discount",
        discount_percent="12.5",
        ground="start-ups",
        guidance_no="G-7",
    )
    made = world.operator.made("/tariffs", body)
    assert made.items() >= body.items()
    named = {"unit_price": "0.10", "per_quantity": "1", "decision_no": ceiling["decision_no"]}
    assert (made["ceiling"], made["ceiling_id"]) == (named, ceiling["id"])
    assert (made["operator"], made["unit"], made["trial"]) == ("operator", "call", False)
    assert (made["currency"], made["sandbox"], made["effective_until"]) == ("CNY", True, None)
    assert world.buyer.seen(f"/tariffs/{made['id']}") == made


def test_nulls_of_other_models_are_no_fields(world: World) -> None:
    world.offering()
    world.ceiling()
    made = world.operator.made("/tariffs", {**per_unit("offering", "0.5"), "tiers": None, "package_size": None})
    assert made["unit_price"] == "0.50"
    assert "tiers" not in made


def test_a_tariff_is_published_by_the_operator_of_the_offering_alone(world: World) -> None:
    world.offering()
    world.ceiling()
    problem = world.rival.refused("/tariffs", per_unit("offering", "0.50"), 404, "not_found")
    assert list(problem["errors"]) == ["offering"]
    world.grantor.refused("/tariffs", {"nonsense": True}, 403, "forbidden")


def test_what_is_free_has_no_tariff(world: World) -> None:
    world.offering("rescue", "public_welfare")
    world.operator.refused("/tariffs", per_unit("rescue", "0.00"), 422, "offering_not_chargeable")


def test_a_formal_tariff_needs_a_ceiling_in_force_on_its_first_day(world: World) -> None:
    world.offering()
    world.operator.refused("/tariffs", per_unit("offering", "0.50"), 422, "ceiling_missing")
    world.ceiling(effective_from="2025-03-01", effective_until="2025-06-01")
    world.ceiling(effective_from="2025-03-01", charging_form="month")
    for day, status in (("2025-02-28", 422), ("2025-03-01", 201), ("2025-05-31", 201), ("2025-06-01", 422)):
        answer = world.operator.post("/tariffs", per_unit("offering", "0.50", effective_from=day))
        assert answer.status_code == status, answer.text
        assert answer.json is not None
        assert answer.json.get("code") == (None if status == 201 else "ceiling_missing")


def test_a_price_is_judged_by_the_ceiling_of_its_first_day_and_by_todays(world: World) -> None:
    world.offering()
    world.ceiling(price="1.00", effective_from="2025-01-01")
    world.ceiling(price="0.80", effective_from="2025-02-15")
    world.ceiling(price="1.20", effective_from="2025-04-01")
    past = per_unit("offering", "0.90", effective_from="2025-02-01")
    problem = world.operator.refused("/tariffs", past, 422, "price_above_ceiling")
    assert problem["ceiling"] == "0.80"
    world.operator.made("/tariffs", {**past, "unit_price": "0.80"})
    world.operator.made("/tariffs", per_unit("offering", "1.20", effective_from="2025-04-01"))


def test_a_tariff_holds_until_the_next_one_and_two_never_start_on_one_day(world: World) -> None:
    world.offering()
    world.ceiling()
    first = world.tariff(effective_from="2025-03-01")
    world.tariff(effective_from="2025-06-01")
    world.operator.refused("/tariffs", per_unit("offering", "0.40"), 422, "overlapping_version")
    between = world.tariff(effective_from="2025-05-01")
    assert between["effective_until"] == "2025-06-01"
    assert world.buyer.seen(f"/tariffs/{first['id']}")["effective_until"] == "2025-05-01"


def test_without_a_complete_calendar_year_there_are_trial_prices_only(world: World) -> None:
    operator = new_operator(world, "young", operating_since="2024-06-01")
    offering = new_offering(operator, world, "fresh", "product-young")
    formal = per_unit(offering, "0.50")
    problem = operator.refused("/tariffs", formal, 422, "trial_required")
    assert (problem["formal_prices_from"], list(problem["errors"])) == ("2026-01-01", ["trial"])
    made = operator.made("/tariffs", {**formal, **TRIAL})
    assert (made["trial"], made["guidance_no"], made["ceiling"]) == (True, "G-1", None)
    missing = operator.refused("/tariffs", {**formal, "effective_from": "2026-01-01"}, 422, "ceiling_missing")
    assert missing["offering"] == "fresh"


def test_after_a_complete_year_a_trial_price_lasts_until_there_is_a_ceiling(world: World) -> None:
    world.offering()
    trial = {**per_unit("offering", "0.50"), **TRIAL}
    world.operator.made("/tariffs", {**trial, "effective_from": "2025-03-01"})
    world.ceiling(effective_from="2025-04-01")
    problem = world.operator.refused("/tariffs", {**trial, "effective_from": "2025-04-01"}, 422, "trial_not_allowed")
    assert list(problem["errors"]) == ["trial"]
    world.operator.made("/tariffs", {**per_unit("offering", "0.50"), "effective_from": "2025-04-01"})


def test_where_the_start_of_operation_is_not_known_the_regime_is_not_judged(world: World) -> None:
    operator = new_operator(world, "silent", operating_since=None)
    offering = new_offering(operator, world, "quiet", "product-silent")
    operator.refused("/tariffs", per_unit(offering, "0.50"), 422, "ceiling_missing")
    operator.made("/tariffs", {**per_unit(offering, "0.50"), **TRIAL})


def test_tariffs_are_read_by_every_key_and_listed_by_offering(world: World) -> None:
    world.priced("a")
    world.priced("b")
    for reader in (world.buyer, world.rival, world.grantor, world.regulator, world.auditor):
        assert [tariff["offering"] for tariff in reader.seen("/tariffs")["items"]] == ["a", "b"]
    assert [tariff["offering"] for tariff in world.buyer.seen("/tariffs", offering="b")["items"]] == ["b"]
    page = world.buyer.seen("/tariffs", limit=1)
    assert world.buyer.seen("/tariffs", cursor=page["next_cursor"])["items"][0]["offering"] == "b"
    assert world.buyer.get("/tariffs/trf_0").status_code == 404


def test_a_price_starts_in_the_past_only_where_nothing_was_used_since_or_with_a_reason(world: World) -> None:
    world.priced(ceiling="1.00", unit_price="0.50")
    contract = world.contract()["id"]
    world.clock("2025-03-20")
    world.usage(contract, "offering", "5", "2025-03-12T10:00:00+08:00")
    world.clock("2025-04-02")
    unused_since = per_unit("offering", "0.60", effective_from="2025-03-13")
    world.operator.made("/tariffs", unused_since)
    used_since = per_unit("offering", "0.60", effective_from="2025-03-12")
    problem = world.operator.refused("/tariffs", used_since, 422, "backdated")
    assert (list(problem["errors"]), problem["today"]) == (["effective_from"], "2025-04-02")
    made = world.operator.made("/tariffs", {**used_since, "backdate_reason": "a clerk's error"})
    assert made["backdate_reason"] == "a clerk's error"
    world.operator.made("/tariffs", per_unit("offering", "0.60", effective_from="2025-04-02"))


def test_a_ceiling_starts_in_the_past_by_the_same_rule(world: World) -> None:
    world.priced(ceiling="1.00", unit_price="0.50")
    contract = world.contract()["id"]
    world.clock("2025-03-20")
    world.usage(contract, "offering", "5", "2025-03-12T10:00:00+08:00")
    used_since = ceiling_body("offering", "0.40", effective_from="2025-03-12")
    world.grantor.refused("/ceilings", used_since, 422, "backdated")
    world.grantor.made("/ceilings", {**used_since, "effective_from": "2025-03-13"})
    world.grantor.made("/ceilings", {**used_since, "backdate_reason": "decided on the 12th, recorded late"})


def test_of_two_tariffs_published_at_once_for_one_day_one_is_refused(world: World) -> None:
    world.offering()
    world.ceiling()
    world.operator.seen("/tariffs")
    bodies = [per_unit("offering", price) for price in ("0.10", "0.20", "0.30", "0.40")]
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(lambda body: world.operator.post("/tariffs", body), bodies))
    codes = sorted((answer.json or {}).get("code", "published") for answer in answers)
    assert codes == ["overlapping_version"] * 3 + ["published"]
    assert len(world.buyer.seen("/tariffs")["items"]) == 1


def test_an_installation_may_count_twelve_months_as_a_complete_operating_year(settings: Settings) -> None:
    app = create_app(replace(settings, operating_year=OperatingYear.TWELVE_MONTHS))
    world = World.founded(Client.administrator(app))
    operator = new_operator(world, "young", operating_since="2024-03-02")
    offering = new_offering(operator, world, "fresh", "product-young")
    problem = operator.refused("/tariffs", per_unit(offering, "0.50"), 422, "trial_required")
    assert problem["formal_prices_from"] == "2025-03-02"
    world.ceiling(offering, effective_from="2025-03-02")
    operator.made("/tariffs", per_unit(offering, "0.50", effective_from="2025-03-02"))
    app.extensions["tariffbook"].close()


def test_a_tax_basis_that_open_contracts_cannot_follow_is_refused(world: World) -> None:
    world.priced()
    contract = world.contract(effective_until="2025-06-01")
    world.ceiling(effective_from="2025-05-01", price_basis="tax_inclusive")
    body = {"offering": "offering", "price_basis": "tax_inclusive", "model": "per_unit", "unit_price": "0.40"}
    body |= {"relief": "none", "effective_from": "2025-05-01"}
    problem = world.operator.refused("/tariffs", body, 422, "price_basis_mismatch")
    assert contract["id"] in problem["detail"]
    world.operator.made("/tariffs", {**body, "effective_from": "2025-06-01"})
