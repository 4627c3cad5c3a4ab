"""Distribution agreements through the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from registry.prices import OverlappingVersion
from settlement.agreements import sign_agreement
from store.unit import Call, Principal, Store, Unit
from tests.settlement.sharing import NET, agreement_body
from tests.world import World

PATH = "/distribution-agreements"
TREASURY = {"payable_to": "treasury", "collecting_body": "Bureau of Data", "revenue_item": "103070699"}


@pytest.fixture
def world(world: World) -> World:
    for code in ("a", "b"):
        world.admin.made("/parties", {"code": code, "name": code, "kinds": ["provider"]})
    bureau = {"code": "bureau", "name": "Bureau", "kinds": ["provider"], "legal_form": "administrative"}
    world.admin.made("/parties", bureau)
    world.offering(NET)
    return world


def body(**given: Any) -> dict[str, Any]:
    return agreement_body(**{"offerings": [NET], **given})


def test_an_agreement_is_signed_once_both_sides_have_signed(world: World) -> None:
    made = world.operator.made(PATH, body())
    assert made["status"] == "proposed"
    assert made["signatures"] == []
    once = world.grantor.made(f"{PATH}/{made['id']}/sign", status=200)
    assert (once["status"], [each["role"] for each in once["signatures"]]) == ("proposed", ["grantor"])
    world.grantor.refused(f"{PATH}/{made['id']}/sign", None, 409, "already_signed")
    twice = world.operator.made(f"{PATH}/{made['id']}/sign", status=200)
    assert (twice["status"], [each["party"] for each in twice["signatures"]]) == ("signed", ["grantor", "operator"])
    assert world.operator.seen(f"{PATH}/{made['id']}") == twice
    assert world.grantor.seen(PATH)["items"] == [twice]


def test_what_was_sent_comes_back(world: World) -> None:
    steps = [
        {"kind": "fixed_fee", "beneficiary": "a", "shortfall": "lapse", "amount": "10.00"},
        {
            "kind": "cost_recovery",
            "beneficiary": "operator",
            "shortfall": "carry",
            "due": "40.00",
            "cumulative_cap": "100.00",
        },
        {"kind": "percentage", "beneficiary": "region", "shortfall": "lapse", "percent": "10.00", "of": "pool"},
        {
            "kind": "holdback",
            "beneficiary": "b",
            "shortfall": "lapse",
            "percent": "5",
            "of": "remaining",
            "release_after_months": 12,
        },
    ]
    sent = body(steps=steps, carry_odd_fen=True, minimum_payout="1.00", basis="collected")
    made = world.grantor.made(PATH, sent)
    assert {name: made[name] for name in sent} == sent
    assert made["utility_table"] is None
    assert made["grantor"] == "grantor"


def test_parties_may_be_named_by_id_and_are_shown_by_code(world: World) -> None:
    ids = {world.admin.seen(f"/parties/{code}")["id"]: weight for code, weight in (("a", "1"), ("b", "2"))}
    made = world.operator.made(PATH, body(weights=ids))
    assert [share["beneficiary"] for share in made["residual"]["shares"]] == ["a", "b"]


def test_every_fault_comes_back_by_its_field(world: World) -> None:
    steps = [
        {"kind": "percentage", "beneficiary": "a", "percent": "101", "of": "pool"},
        {"kind": "fixed_fee", "beneficiary": "a", "shortfall": "carry", "amount": 10},
        {"kind": "tithe", "beneficiary": "a"},
    ]
    problem = world.operator.refused(PATH, {**body(steps=steps), "basis": "hoped", "colour": "red"}, 400, "malformed")
    assert set(problem["errors"]) == {
        "basis",
        "colour",
        "steps.0.percent",
        "steps.0.shortfall",
        "steps.1.amount",
        "steps.2.kind",
    }
    missing = world.operator.refused(PATH, {}, 400, "malformed")
    assert {"operator", "steps", "residual", "offerings", "basis"} <= set(missing["errors"])


def test_parties_that_are_not_there_are_named_together(world: World) -> None:
    steps = [{"kind": "fixed_fee", "beneficiary": "nobody", "shortfall": "carry", "amount": "1.00"}]
    problem = world.operator.refused(PATH, body(steps=steps, weights={"a": "1", "no-one": "1"}), 404, "not_found")
    assert set(problem["errors"]) == {"steps.0.beneficiary", "residual.shares.1.beneficiary"}


def test_a_share_of_an_administrative_body_says_how_the_treasury_is_paid(world: World) -> None:
    shares = [{"beneficiary": "bureau", "weight": "1"}, {"beneficiary": "a", "weight": "1"}]
    residual = {"weights": "fixed", "shares": shares}
    problem = world.operator.refused(PATH, {**body(), "residual": residual}, 422, "treasury_particulars_missing")
    assert set(problem["errors"]) == {"residual.shares.0.payable_to"}
    residual["shares"] = [{**shares[0], **TREASURY, "payable_to": "b"}, shares[1]]
    world.operator.refused(PATH, {**body(), "residual": residual}, 422, "payee_not_treasury")
    residual["shares"] = [{**shares[0], **TREASURY}, shares[1]]
    made = world.operator.made(PATH, {**body(), "residual": residual})
    assert made["residual"]["shares"][0] == {**shares[0], **TREASURY}


def test_a_beneficiary_has_one_payee(world: World) -> None:
    def shared(**payee: str) -> dict[str, Any]:
        return {"weights": "fixed", "shares": [{"beneficiary": "b", "weight": "1", **payee}]}

    steps = [{"kind": "fixed_fee", "beneficiary": "b", "shortfall": "carry", "amount": "1.00"}]
    world.operator.refused(PATH, {**body(steps=steps), "residual": shared(**TREASURY)}, 422, "payee_differs")
    signed(world, residual=shared(**TREASURY))
    later = {**body(effective_from="2025-05-01"), "residual": shared()}
    world.operator.refused(PATH, later, 422, "payee_differs")


def test_weights_by_use_are_refused_and_by_contribution_taken(world: World) -> None:
    shares = [{"beneficiary": "a"}, {"beneficiary": "b"}]
    by_use = {**body(), "residual": {"weights": "usage", "shares": shares}}
    world.operator.refused(PATH, by_use, 422, "usage_weights_unavailable")
    table = [
        {"coalition": ["a"], "utility": "1"},
        {"coalition": ["b"], "utility": "2"},
        {"coalition": ["a", "b"], "utility": "5"},
    ]
    by_contribution = {**body(), "residual": {"weights": "contribution", "shares": shares}, "utility_table": table}
    assert world.operator.made(PATH, by_contribution)["utility_table"] == table
    by_contribution["utility_table"] = table[:2]
    assert "utility_table" in world.operator.refused(PATH, by_contribution, 400, "malformed")["errors"]


def test_one_agreement_holds_for_an_offering_and_month_and_a_later_one_succeeds_it(world: World) -> None:
    signed(world)
    again = body(agreement_no="distribution-2", effective_from="2025-03-15")
    problem = world.operator.refused(PATH, again, 422, "overlapping_version")
    assert set(problem["errors"]) == {"effective_from"}
    signed(world, agreement_no="distribution-2", effective_from="2025-05-01")
    signed(world, agreement_no="distribution-3", effective_from="2024-01-01")


def test_of_two_proposals_for_a_month_the_first_one_signed_stands(world: World) -> None:
    first, second = (world.operator.made(PATH, body(agreement_no=name))["id"] for name in ("one", "two"))
    for client in (world.operator, world.grantor):
        client.made(f"{PATH}/{second}/sign", status=200)
    world.operator.refused(f"{PATH}/{first}/sign", None, 422, "overlapping_version")


def test_what_was_signed_after_a_signature_was_begun_and_before_it_was_judged_counts(app: Flask, world: World) -> None:
    store: Store = app.extensions["tariffbook"]
    if store.engine.dialect.name == "sqlite":
        pytest.skip("on SQLite nothing is signed while another writer has begun")
    first, second = (world.operator.made(PATH, body(agreement_no=name))["id"] for name in ("one", "two"))
    for agreement in (first, second):
        world.operator.made(f"{PATH}/{agreement}/sign", status=200)

    def sign_late(unit: Unit) -> None:
        world.grantor.made(f"{PATH}/{second}/sign", status=200)
        sign_agreement(unit, first)

    grantor_id = world.admin.seen("/parties/grantor")["id"]
    with pytest.raises(OverlappingVersion):
        store.run(Call(Principal("grantor", grantor_id), "sign"), sign_late)


def test_the_same_clause_is_recorded_once(world: World) -> None:
    world.operator.made(PATH, body())
    world.operator.refused(PATH, body(), 409, "agreement_exists")
    world.operator.made(PATH, body(clause="§ 8"))


def test_others_neither_propose_nor_sign_nor_see_it(world: World) -> None:
    made = world.operator.made(PATH, body())
    for client in (world.rival, world.other_grantor):
        client.refused(f"{PATH}/{made['id']}/sign", None, 404, "not_found")
        assert client.get(f"{PATH}/{made['id']}").status_code == 404
        assert client.seen(PATH)["items"] == []
    world.rival.refused(PATH, body(agreement_no="x"), 404, "not_found")
    world.other_grantor.refused(PATH, body(agreement_no="x"), 404, "not_found")
    assert world.provider.get(PATH).status_code == 403
    assert world.buyer.post(PATH, {}).status_code == 403
    for overseer in (world.regulator, world.auditor):
        assert overseer.seen(f"{PATH}/{made['id']}") == made
    assert world.other_regulator.get(f"{PATH}/{made['id']}").status_code == 404


def signed(world: World, **given: Any) -> Any:
    made = world.operator.made(PATH, {**body(), **given})
    world.operator.made(f"{PATH}/{made['id']}/sign", status=200)
    return world.grantor.made(f"{PATH}/{made['id']}/sign", status=200)
