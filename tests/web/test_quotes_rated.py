"""Prices asked for in bulk: what each item's own quote would say, and a bad one by itself."""

from __future__ import annotations

from typing import Any

from tests.world import World

TIERS = [
    {"up_to": "10000", "unit_price": "0.10"},
    {"up_to": "100000", "unit_price": "0.08"},
    {"up_to": None, "unit_price": "0.05"},
]
QUANTITIES = ("1", "0.000001", "10000", "10000.5", "100000", "150000", "1.005", "999999999")
SAID = ("quantity", "net", "tax", "gross", "nominal_unit_price", "effective_unit_price")


def item(offering: Any, quantity: Any) -> dict[str, Any]:
    return {"offering": offering, "quantity": quantity}


def test_an_item_costs_what_a_quote_of_it_alone_says(world: World) -> None:
    world.priced("tiered", ceiling="0.12", model="graduated", tiers=TIERS)
    world.priced("inclusive", unit_price="0.067", price_basis="tax_inclusive")
    world.priced("least", unit_price="0.50", minimum_commitment="100.00")
    items = [item(offering, quantity) for offering in ("tiered", "inclusive", "least") for quantity in QUANTITIES]
    rated = world.buyer.made("/quotes/rate", {"items": items}, 200)
    assert (rated["rated"], rated["refused"]) == (len(items), 0)
    for asked, told in zip(items, rated["results"], strict=True):
        [line] = world.quote(asked["offering"], asked["quantity"])["lines"]
        assert {name: told[name] for name in SAID} == {name: line[name] for name in SAID}
    assert world.operator.seen("/quotes")["items"][-1]["lines"]


def test_a_bad_item_is_refused_by_itself_and_its_neighbours_are_priced(world: World) -> None:
    world.priced()
    world.offering("free", "public_welfare")
    world.offering("unpriced")
    world.offering("unconfirmed", confirmed=False)
    bad = [
        (item("nowhere", "1"), "not_found"),
        (item("unpriced", "1"), "tariff_missing"),
        (item("unconfirmed", "1"), "classification_unconfirmed"),
        (item("offering", 1), "malformed_amount"),
        (item("offering", "-1"), "malformed_amount"),
        (item("offering", "1e3"), "malformed_amount"),
        ({**item("offering", "1"), "more": 1}, "malformed"),
        ({"offering": "offering"}, "malformed"),
        (item("offering", None), "malformed_amount"),
        ("offering", "malformed"),
        (item(["offering"], "1"), "malformed"),
        (item("\u202e", "1"), "malformed"),
        (item("o" * 129, "1"), "malformed"),
    ]
    items = [item("offering", "2"), *(each for each, _ in bad), item("free", "7"), item("offering", "0")]
    rated = world.auditor.made("/quotes/rate", {"items": items, "on": "2025-03-20"}, 200)
    first, *refused, free, none = rated["results"]
    assert (rated["on"], rated["rated"], rated["refused"]) == ("2025-03-20", 3, len(bad))
    assert (first["net"], first["index"]) == ("1.00", 0)
    assert [(each["index"], each["code"]) for each in refused] == [
        (index, code) for index, (_, code) in enumerate(bad, start=1)
    ]
    assert all(each["detail"] for each in refused)
    assert (free["category"], free["gross"], none["net"]) == ("public_interest", "0.00", "0.00")


def test_a_batch_that_is_no_list_or_too_long_is_refused_whole(world: World) -> None:
    wrong: tuple[Any, ...] = ([], "x", None, {}, [0] * 100_001)
    for items in wrong:
        refused = world.buyer.refused("/quotes/rate", {"items": items}, 400, "malformed")
        assert refused["errors"].keys() == {"items"}
