"""Quotes through the API: who may ask, what is refused, how long they hold, and what acceptance opens."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.world import World


@pytest.fixture
def world(world: World) -> World:
    """A jurisdiction with one offering at 0.50 under a ceiling of 1.00."""
    world.priced()
    return world


def body(**given: Any) -> dict[str, Any]:
    """The body of a quote that is in order."""
    return {
        "buyer": "buyer",
        "valid_until": "2025-03-31",
        "effective_from": "2025-03-01",
        "effective_until": "2026-03-01",
        "items": [{"offering": "offering", "quantity": "100"}],
        **given,
    }


def test_a_quote_says_all_that_was_sent_and_what_it_comes_to(world: World) -> None:
    quote = world.operator.made("/quotes", body())
    assert body() == {name: quote[name] for name in body()}
    assert (quote["number"], quote["status"], quote["quantity_is"], quote["use"]) == (
        "00000001",
        "open",
        "estimate",
        "end_use",
    )
    line = quote["lines"][0]
    wanted = {
        "offering": "offering",
        "category": "commercial",
        "quantity": "100",
        "unit": "call",
        "tier_period": "month",
        "net": "50.00",
        "tax": "3.00",
        "gross": "53.00",
        "nominal_unit_price": "0.50",
        "effective_unit_price": "0.50",
    }
    assert wanted == {name: line[name] for name in wanted}
    assert (line["ceiling"]["unit_price"], line["ceiling"]["per_quantity"]) == ("1.00", "1")
    assert (quote["net"], quote["tax"], quote["gross"]) == ("50.00", "3.00", "53.00")
    assert len(quote["snapshot_hash"]) == len(hashlib.sha256().hexdigest())
    assert world.buyer.seen(f"/quotes/{quote['id']}") == quote
    assert world.operator.seen("/quotes")["items"] == [quote]


def test_a_buyer_asks_for_itself_alone_and_for_ninety_days_at_most(world: World) -> None:
    world.buyer.made("/quotes", body(valid_until="2025-05-30"))
    problem = world.buyer.refused("/quotes", body(valid_until="2025-05-31"), 422, "validity_too_long")
    assert problem["latest"] == "2025-05-30"
    world.operator.made("/quotes", body(valid_until="2025-12-31"))
    problem = world.buyer.refused("/quotes", body(buyer="other-buyer"), 404, "not_found")
    assert "buyer" in problem["errors"]


def test_nobody_else_sees_a_quote(world: World) -> None:
    quote = world.quote()
    for client in (world.other_buyer, world.rival, world.other_regulator):
        assert client.get(f"/quotes/{quote['id']}").status_code == 404
        assert client.seen("/quotes")["items"] == []
    for client in (world.regulator, world.auditor):
        client.seen(f"/quotes/{quote['id']}")
    for client in (world.grantor, world.provider):
        assert client.get(f"/quotes/{quote['id']}").status_code == 403
    assert world.other_buyer.post(f"/quotes/{quote['id']}/accept").status_code == 404
    assert world.operator.post(f"/quotes/{quote['id']}/accept").status_code == 403
    assert world.rival.post(f"/quotes/{quote['id']}/withdraw").status_code == 404
    assert world.rival.post("/quotes", body()).status_code == 404


FAULTY: list[tuple[dict[str, Any], int, str]] = [
    ({"items": []}, 400, "malformed"),
    ({"items": [{"offering": "offering", "quantity": 100}]}, 400, "malformed"),
    ({"items": [{"offering": "offering", "quantity": "-1"}]}, 400, "malformed"),
    ({"items": [{"offering": "offering", "quantity": "0"}], "quantity_is": "limit"}, 400, "malformed"),
    ({"items": [{"offering": "offering", "quantity": "1.0000001"}]}, 400, "malformed"),
    ({"items": [{"offering": "offering", "quantity": "1"}] * 2}, 422, "offering_repeated"),
    ({"items": [{"offering": "unknown", "quantity": "1"}]}, 404, "not_found"),
    ({"buyer": "operator"}, 404, "not_found"),
    ({"valid_until": "2025-02-28"}, 422, "validity_in_the_past"),
    ({"effective_until": "2025-03-01"}, 422, "dates_reversed"),
    ({"effective_from": "2024-01-01", "effective_until": "2024-06-01"}, 422, "dates_reversed"),
    ({"use": "resale"}, 400, "malformed"),
    ({"net": "1.00"}, 400, "malformed"),
]


def test_a_quote_that_is_not_in_order_is_refused_and_names_the_field(world: World) -> None:
    for given, status, code in FAULTY:
        assert world.operator.refused("/quotes", body(**given), status, code)["errors"], given


def test_what_may_not_be_offered_is_not_quoted(world: World) -> None:
    world.offering("unconfirmed", confirmed=False)
    items = [{"offering": "unconfirmed", "quantity": "1"}]
    world.operator.refused("/quotes", body(items=items), 422, "classification_unconfirmed")
    world.offering("unpriced")
    items = [{"offering": "unpriced", "quantity": "1"}]
    problem = world.operator.refused("/quotes", body(items=items), 422, "tariff_missing")
    assert list(problem["errors"]) == ["items.0.offering"]
    late = body(effective_from="2029-01-01", effective_until="2029-06-01")
    world.operator.refused("/quotes", late, 422, "authorisation_lapsed")


def test_prices_of_both_tax_bases_are_not_in_one_quote(world: World) -> None:
    world.offering("inclusive")
    world.ceiling("inclusive", "1.00", price_basis="tax_inclusive")
    world.tariff("inclusive", "0.50", price_basis="tax_inclusive")
    items = [{"offering": code, "quantity": "1"} for code in ("offering", "inclusive")]
    world.operator.refused("/quotes", body(items=items), 422, "price_basis_mismatch")


def test_free_use_is_quoted_at_nothing_and_says_that_it_needs_a_grant(world: World) -> None:
    world.offering("flood", "public_welfare")
    items = [{"offering": "flood", "quantity": "500"}, {"offering": "offering", "quantity": "2"}]
    quote = world.operator.made("/quotes", body(items=items))
    free, charged = quote["lines"]
    assert (free["category"], free["gross"], free["ceiling"]) == ("public_interest", "0.00", None)
    assert [step["rule"] for step in free["explanation"]] == ["free_use", "free_use.grant_required"]
    assert charged["net"] == quote["net"] == "1.00"


def test_an_affiliate_of_the_operator_may_use_but_not_redevelop(world: World) -> None:
    world.admin.made("/parties", {"code": "sister", "name": "Sister", "kinds": ["buyer"], "affiliate_of": "operator"})
    world.operator.made("/quotes", body(buyer="sister"))
    redevelopment = body(buyer="sister", use="redevelopment")
    world.operator.refused("/quotes", redevelopment, 422, "redevelopment_by_affiliate")
    world.operator.made("/quotes", body(use="redevelopment"))


def test_a_price_above_the_ceiling_is_neither_quoted_nor_accepted(world: World) -> None:
    earlier = world.quote()
    world.ceiling(price="0.40", effective_from="2025-03-02", decision_no="D-40")
    world.buyer.made("/quotes", body())
    world.clock("2025-03-02")
    problem = world.operator.refused("/quotes", body(), 422, "price_above_ceiling")
    assert (problem["price"], problem["ceiling"], problem["unit"], problem["decision_no"]) == (
        "0.50",
        "0.40",
        "call",
        "D-40",
    )
    assert list(problem["errors"]) == ["items.0.offering"]
    world.buyer.refused(f"/quotes/{earlier['id']}/accept", None, 422, "price_above_ceiling")
    assert world.buyer.seen(f"/quotes/{earlier['id']}")["status"] == "open"


def test_a_quote_is_priced_on_the_first_day_of_its_contract(world: World) -> None:
    world.tariff("offering", "0.60", effective_from="2025-06-01")
    later = world.operator.made("/quotes", body(effective_from="2025-06-01"))
    assert (later["priced_on"], later["net"]) == ("2025-06-01", "60.00")
    assert world.quote()["net"] == "50.00"


@pytest.mark.parametrize(
    ("instant", "status"), [("2025-03-31T23:59:59.500+08:00", 200), ("2025-04-01T00:00:00+08:00", 409)]
)
def test_q1_a_quote_holds_to_the_end_of_its_last_day_in_shanghai(world: World, instant: str, status: int) -> None:
    quote = world.quote()
    if status == 200:
        instant = "2025-03-31T23:59:50+08:00"
    world.clock(instant)
    answer = world.buyer.post(f"/quotes/{quote['id']}/accept")
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    if status == 200:
        assert answer.json["contract"]["id"].startswith("ctr_")
    else:
        assert answer.json["code"] == "quote_expired"
        assert world.buyer.seen(f"/quotes/{quote['id']}")["status"] == "expired"
        world.operator.refused(f"/quotes/{quote['id']}/withdraw", None, 409, "quote_expired")


def test_a_quote_is_accepted_once_and_opens_its_contract(world: World) -> None:
    quote = world.operator.made("/quotes", body(quantity_is="limit"))
    accepted = world.buyer.made(f"/quotes/{quote['id']}/accept", status=200)
    contract = accepted["contract"]
    assert (accepted["status"], contract["quote"], contract["status"]) == ("accepted", quote["id"], "active")
    assert contract["terms"][0]["quantity_limit"] == "100"
    assert contract["terms"][0]["tariff"]["unit_price"] == "0.50"
    world.buyer.refused(f"/quotes/{quote['id']}/accept", None, 409, "quote_not_open")
    world.operator.refused(f"/quotes/{quote['id']}/withdraw", None, 409, "quote_not_open")
    shown = world.operator.seen(f"/quotes/{quote['id']}")
    assert shown["contract"]["id"] == contract["id"]
    assert world.buyer.seen(f"/contracts/{contract['id']}") == contract


def test_a_withdrawn_quote_cannot_be_accepted(world: World) -> None:
    quote = world.quote()
    assert world.operator.made(f"/quotes/{quote['id']}/withdraw", status=200)["status"] == "withdrawn"
    world.buyer.refused(f"/quotes/{quote['id']}/accept", None, 409, "quote_not_open")


def test_an_offering_classified_anew_is_quoted_anew(world: World) -> None:
    quote = world.quote()
    world.confirm("offering", "2025-03-02", category="public_interest", reason="overruled")
    world.clock("2025-03-02")
    world.buyer.refused(f"/quotes/{quote['id']}/accept", None, 409, "classification_changed")


def test_what_was_offered_stays_as_it_was(world: World) -> None:
    quote = world.quote()
    world.tariff("offering", "0.30", effective_from="2025-03-02")
    world.clock("2025-03-02")
    shown = world.buyer.seen(f"/quotes/{quote['id']}")
    assert json.dumps(shown) == json.dumps(quote)
    assert world.quote()["net"] == "30.00"


def test_the_snapshot_is_given_in_the_bytes_that_its_hash_is_of(world: World) -> None:
    quote = world.quote()
    answer = world.buyer.get(f"/quotes/{quote['id']}/snapshot")
    assert hashlib.sha256(answer.data).hexdigest() == quote["snapshot_hash"]
    assert answer.json is not None
    assert answer.json["lines"] == quote["lines"]
    assert len(answer.json["rule_set"]["hash"]) == len(quote["snapshot_hash"])
    assert world.other_buyer.get(f"/quotes/{quote['id']}/snapshot").status_code == 404
    assert world.grantor.get(f"/quotes/{quote['id']}/snapshot").status_code == 403


@pytest.mark.parametrize(
    ("quantity", "charge", "relief", "net", "effective"),
    [
        ("0", "100.00", "-100.00", "0.00", None),
        ("100", "100.00", "-20.00", "80.00", "1.00"),
        ("125", "100.00", "0.00", "100.00", "0.80"),
        ("300", "150.00", "0.00", "150.00", "0.50"),
    ],
)
def test_a_quote_shows_what_a_minimum_charges_and_what_the_ceiling_takes_off(
    world: World, quantity: str, charge: str, relief: str, net: str, effective: str | None
) -> None:
    world.priced("least", ceiling="0.80", unit_price="0.50", minimum_commitment="100.00")
    [line] = world.quote("least", quantity)["lines"]
    said = (line["charge"], line["relief"], line["net"], line["effective_unit_price"])
    assert said == (charge, relief, net, effective)


def test_what_is_calculated_and_not_collected_shows_charge_and_relief(world: World) -> None:
    world.priced("pilot", unit_price="1.00", relief="calculated_not_collected", ground="pilot")
    [line] = world.quote("pilot", "1234.56")["lines"]
    assert (line["charge"], line["relief"], line["gross"]) == ("1234.56", "-1234.56", "0.00")
