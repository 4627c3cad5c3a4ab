"""Offerings and their classification through the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.books import AccountRef, Posting, credit, debit, post
from registry.authorisations import AuthorisationLapsed
from registry.offerings import category_expected, category_on, require_offerable
from registry.tables import Offering
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.world import World, offering_body


def use_on(store: Store, offering: dict[str, Any], day: date) -> None:
    """Book one accepted use of an offering, as the metering does."""

    def book(unit: Unit) -> None:
        month = day.isoformat()[:7]
        operator, code = offering["operator_id"], offering["id"]
        used = AccountRef("unbilled_use", operator, "CALL", contract_id="ctr_x", offering_id=code)
        delivered = AccountRef("delivered_use", operator, "CALL", offering_id=code)
        legs = (*debit(used, 1_000_000, month, day), *credit(delivered, 1_000_000, month, day))
        post(unit, [Posting(f"use:{code}:{day}", "usage", operator, day, legs)])

    store.run(LOCAL, book)


def test_an_offering_comes_back_as_it_was_sent_with_the_category_that_the_rules_propose(world: World) -> None:
    body = {**offering_body(), "charge_reason": "Each check costs a look-up."}
    made = world.operator.made("/offerings", body)
    assert {name: made[name] for name in body} == body
    assert (made["operator"], made["unit"], made["decisions"]) == ("operator", "call", [])
    assert made["reference_offering"] is None
    classification = made["classification"]
    assert (classification["category"], classification["status"]) == ("commercial", "proposed")
    for reason in classification["reasons"]:
        assert all(reason[part] for part in ("rule", "source", "article", "fact", "outcome"))
    assert world.buyer.seen("/offerings/offering") == world.rival.seen(f"/offerings/{made['id']}") == made


@pytest.mark.parametrize(
    ("purpose", "category"),
    [("public_governance", "public_interest"), ("public_welfare", "public_interest"), ("industry", "commercial")],
)
def test_the_category_hangs_on_the_purpose_of_use_and_not_on_the_product(
    world: World, purpose: str, category: str
) -> None:
    assert world.offering(purpose=purpose, confirmed=False)["classification"]["category"] == category


FAULTY_OFFERINGS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"code": "offering"}, 409, "code_taken", "code"),
    ({"product": "none"}, 404, "not_found", "product"),
    ({"reference_offering": "none"}, 404, "not_found", "reference_offering"),
    ({"reference_offering": "free"}, 422, "reference_unfit", "reference_offering"),
    ({"reference_offering": "by-record"}, 422, "reference_unfit", "reference_offering"),
    ({"scenario": {}}, 400, "malformed", "scenario.code"),
    ({"scenario": {**offering_body()["scenario"], "purpose": "fun"}}, 400, "malformed", "scenario.purpose"),
    ({"scenario": {**offering_body()["scenario"], "name": 7}}, 400, "malformed", "scenario.name"),
    ({"charge_reason": "x" * 4001}, 400, "malformed", "charge_reason"),
    ({"price": "1.00"}, 400, "malformed", "price"),
]


def test_a_faulty_offering_is_refused_by_the_field_at_fault(world: World) -> None:
    world.offering()
    world.offering("free", "public_welfare")
    world.product("records", unit="record")
    world.offering("by-record", product="records")
    for change, status, code, field in FAULTY_OFFERINGS:
        problem = world.operator.refused("/offerings", {**offering_body("o-2"), **change}, status, code)
        assert field in problem["errors"]


def test_a_free_offering_names_the_commercial_one_at_whose_price_it_is_reckoned(world: World) -> None:
    world.offering()
    free = world.offering("free", "public_welfare", reference_offering="offering")
    assert free["reference_offering"] == "offering"


def test_nobody_offers_the_product_of_another(world: World) -> None:
    problem = world.rival.refused("/offerings", offering_body(), 404, "not_found")
    assert list(problem["errors"]) == ["product"]


@pytest.mark.parametrize(
    ("resource", "form"),
    [
        ({"confidentiality": "classified"}, "api"),
        ({"is_raw": True}, "dataset"),
    ],
)
def test_what_must_never_be_offered_is_refused_with_rule_and_article(
    world: World, resource: dict[str, Any], form: str
) -> None:
    world.resource("secret", **resource)
    world.product("p-2", resources=["resource", "secret"], form=form)
    problem = world.operator.refused("/offerings", {**offering_body(), "product": "p-2"}, 422, "resource_not_offerable")
    assert [reason["outcome"] for reason in problem["reasons"]] == ["resource_not_offerable"]
    assert "resource secret" in problem["detail"]


def test_a_processed_product_of_raw_resources_is_offered(world: World) -> None:
    world.resource("raw", is_raw=True)
    world.product("p-2", resources=["raw"], form="index")
    world.offering(product="p-2")


def test_a_scenario_that_the_authorisation_does_not_cover_is_refused(world: World) -> None:
    world.authorisation("narrow", scope={"scenarios": ["s-1"]}, mode="scenario")
    world.product("p-2", agreement_no="narrow")
    body = {**offering_body(), "product": "p-2"}
    problem = world.operator.refused("/offerings", body, 422, "out_of_scope")
    assert list(problem["errors"]) == ["scenario.code"]
    world.operator.made("/offerings", {**body, "scenario": {**body["scenario"], "code": "s-1"}})


def test_an_offering_ends_with_its_authorisation(world: World) -> None:
    world.authorisation("short", effective_until="2025-04-01")
    world.product("p-2", agreement_no="short")
    world.clock("2025-04-01")
    body = {**offering_body(), "product": "p-2"}
    world.operator.refused("/offerings", body, 422, "authorisation_lapsed")


def test_nothing_is_offered_from_a_resource_whose_registration_has_lapsed(world: World) -> None:
    world.resource("brief", registration_expires_on="2025-04-01")
    world.product("p-2", resources=["brief"])
    world.clock("2025-03-31")
    world.offering("in-time", product="p-2")
    world.clock("2025-04-01")
    problem = world.operator.refused(
        "/offerings", {**offering_body("late"), "product": "p-2"}, 422, "registration_lapsed"
    )
    assert problem["resource"] == "brief"


def test_what_may_be_offered_is_judged_for_the_day_asked_about(world: World, store: Store) -> None:
    world.authorisation("later", effective_from="2025-05-01", effective_until="2027-01-01")
    world.product("p-2", agreement_no="later")
    made = world.offering(product="p-2")
    with store.reading(LOCAL) as unit:
        offering = unit.session.get_one(Offering, made["id"])
        require_offerable(unit, offering, date(2025, 5, 1))
        require_offerable(unit, offering, date(2026, 12, 31))
        for day in (date(2025, 4, 30), date(2027, 1, 1)):
            with pytest.raises(AuthorisationLapsed, match="in force from 2025-05-01 until 2027-01-01"):
                require_offerable(unit, offering, day)


def test_the_grantor_confirms_the_proposed_category_from_a_day_on(world: World, store: Store) -> None:
    world.offering(confirmed=False)
    made = world.confirm("offering", "2025-03-10", decision_no="闽价〔2025〕1号")
    classification = made["classification"]
    assert (classification["status"], classification["effective_from"]) == ("confirmed", "2025-03-10")
    assert (classification["decision_no"], classification["reason"]) == ("闽价〔2025〕1号", None)
    with store.reading(LOCAL) as unit:
        assert category_on(unit, made["id"], date(2025, 3, 9)) is None
        assert category_on(unit, made["id"], date(2025, 3, 10)) == "commercial"
        assert category_expected(unit, unit.session.get_one(Offering, made["id"])) == "commercial"


def test_only_the_grantor_of_that_product_confirms(world: World) -> None:
    world.offering(confirmed=False)
    decision = {"decision_no": "d", "effective_from": "2025-03-10"}
    path = "/offerings/offering/classification/confirm"
    world.other_grantor.refused(path, decision, 404, "not_found")
    world.operator.refused(path, decision, 403, "forbidden")
    world.grantor.refused("/offerings/none/classification/confirm", decision, 404, "not_found")


def test_overruling_and_changing_a_category_need_a_reason(world: World, store: Store) -> None:
    made = world.offering(confirmed=False)
    path = "/offerings/offering/classification/confirm"
    overruled = {"decision_no": "d-1", "effective_from": "2025-03-10", "category": "public_interest"}
    world.grantor.refused(path, overruled, 422, "reason_needed")
    answer = world.grantor.made(path, {**overruled, "reason": "It serves schools only."}, 200)
    first = answer["classification"]["reasons"][0]
    assert (first["rule"], first["source"], first["outcome"]) == ("decided_by_grantor", "d-1", "public_interest")
    back = {"decision_no": "d-2", "effective_from": "2025-06-01"}
    world.grantor.refused(path, back, 422, "reason_needed")
    world.grantor.made(path, {**back, "reason": "Schools are no longer served."}, 200)
    with store.reading(LOCAL) as unit:
        days = (date(2025, 3, 9), date(2025, 3, 10), date(2025, 5, 31), date(2025, 6, 1))
        found = [category_on(unit, made["id"], day) for day in days]
    assert found == [None, "public_interest", "public_interest", "commercial"]


def test_two_decisions_from_one_day_on_are_refused(world: World) -> None:
    world.offering()
    decision = {"decision_no": "d", "effective_from": "2024-01-01"}
    world.grantor.refused("/offerings/offering/classification/confirm", decision, 422, "overlapping_version")


def test_a_decision_starts_in_the_past_only_where_no_use_has_been_accepted_since(world: World, store: Store) -> None:
    made = world.offering()
    use_on(store, made, date(2025, 2, 10))
    path = "/offerings/offering/classification/confirm"
    change = {"decision_no": "d", "category": "public_interest", "reason": "It serves schools only."}
    world.grantor.refused(path, {**change, "effective_from": "2025-02-10"}, 422, "backdated")
    world.grantor.made(path, {**change, "effective_from": "2025-02-11"}, 200)
    use_on(store, made, date(2025, 3, 1))
    change = {"decision_no": "e", "category": "commercial", "reason": "It does not."}
    world.grantor.refused(path, {**change, "effective_from": "2025-02-28"}, 422, "backdated")
    world.grantor.made(path, {**change, "effective_from": "2025-03-01"}, 200)


def test_what_was_known_at_an_instant_leaves_out_later_decisions(world: World, store: Store) -> None:
    made = world.offering(confirmed=False)
    with store.reading(LOCAL) as unit:
        before = unit.now
    world.confirm("offering", "2025-01-01")
    with store.reading(LOCAL) as unit:
        assert category_on(unit, made["id"], date(2025, 2, 1)) == "commercial"
        assert category_on(unit, made["id"], date(2025, 2, 1), as_of=before) is None


def test_a_faulty_decision_is_malformed(world: World) -> None:
    world.offering(confirmed=False)
    problem = world.grantor.refused(
        "/offerings/offering/classification/confirm",
        {"effective_from": "soon", "category": "free", "reason": "\x00"},
        400,
        "malformed",
    )
    assert set(problem["errors"]) == {"decision_no", "effective_from", "category", "reason"}
