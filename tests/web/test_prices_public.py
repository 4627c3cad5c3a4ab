"""What anybody may read without a key."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from papers.csv_table import wire_text
from tests.client import Client
from tests.web.price_bodies import new_offering, new_operator, per_unit
from tests.world import World

ROUTES = ("catalogue", "prices", "ceilings", "authorisations", "usage")


@pytest.fixture
def public(world: World) -> Client:
    """A client without a key."""
    return Client(world.admin.app)


def items(public: Client, what: str, **query: Any) -> list[Any]:
    found: list[Any] = public.seen(f"/public/{what}", **query)["items"]
    return found


def test_what_is_published_is_read_without_a_key_and_says_that_it_is_a_sandbox(world: World, public: Client) -> None:
    world.priced()
    contract = world.contract()["id"]
    world.usage(contract, "offering", "5", "2025-03-01T00:00:00+08:00")
    for route in ROUTES:
        found = items(public, route)
        assert len(found) == 1, route
        assert found[0]["sandbox"] is True
        assert public.get(f"/public/{route}", colour="red").status_code == 400


def test_nothing_published_names_a_key_a_buyer_or_an_id(world: World, public: Client) -> None:
    world.priced()
    contract = world.contract()["id"]
    world.usage(contract, "offering", "5", "2025-03-01T00:00:00+08:00")
    for route in ROUTES:
        text = public.get(f"/public/{route}").text
        assert "buyer" not in text
        assert contract not in text
        assert not re.search(r'"[a-z]+_[0-9a-f]{32}"', text), route


def test_the_catalogue_says_what_each_use_is_and_by_which_decision(world: World, public: Client) -> None:
    world.offering("credit", charge_reason="computing costs money")
    world.offering("rescue", "public_welfare")
    world.offering("planned", confirmed=False)
    credit, rescue, planned = items(public, "catalogue")
    assert (credit["offering"], credit["classification"]["category"]) == ("credit", "commercial")
    assert credit["classification"]["decision_no"].startswith("decision-")
    assert credit["charge_reason"] == "computing costs money"
    assert rescue["classification"]["category"] == "public_interest"
    assert {reason["source"] for reason in rescue["classification"]["reasons"]} >= {"发改价格〔2025〕65号"}
    assert planned["classification"]["status"] == "proposed"
    assert credit["operator"] == {"code": "operator", "name": "Party operator"}
    assert (credit["agreement_no"], credit["unit"], credit["product"]["form"]) == ("agreement", "call", "api")


def test_prices_are_shown_with_their_days_their_ceiling_and_their_ground(world: World, public: Client) -> None:
    world.priced(ceiling="1.00", unit_price="0.50")
    lower = world.ceiling(price="0.80", effective_from="2025-03-01")
    world.tariff(unit_price="0.70", effective_from="2025-06-01")
    now, then = items(public, "prices", offering="offering")
    assert (now["effective_from"], now["effective_until"], now["status"]) == ("2025-01-01", "2025-06-01", "in_force")
    assert (then["effective_from"], then["effective_until"], then["status"]) == ("2025-06-01", None, "upcoming")
    assert (now["unit_price"], now["currency"], now["unit"]) == ("0.50", "CNY", "call")
    assert now["ceiling"] == {"unit_price": "0.80", "per_quantity": "1", "decision_no": lower["decision_no"]}
    assert (now["kind"], now["trial"]) == ("具体收费标准", False)
    assert now["legal_ground"]["source"] == "发改价格〔2025〕65号"
    world.clock("2025-06-01")
    assert [price["status"] for price in items(public, "prices")] == ["ended", "in_force"]


def test_a_trial_price_is_marked_as_one(world: World, public: Client) -> None:
    operator = new_operator(world, "young", operating_since="2024-06-01")
    offering = new_offering(operator, world, "fresh", "product-young")
    operator.made("/tariffs", per_unit(offering, "0.50", trial=True, guidance_no="G-1"))
    (price,) = items(public, "prices")
    assert (price["kind"], price["trial"], price["guidance_no"]) == ("试行收费标准", True, "G-1")
    assert price["ceiling"] is None


def test_ceilings_are_shown_with_the_number_of_the_decision_and_of_the_report(world: World, public: Client) -> None:
    world.offering()
    old = world.ceiling(price="1.00", effective_until="2025-02-01")
    new = world.ceiling(price="0.80", effective_from="2025-02-01", per_quantity="1000")
    ended, in_force = items(public, "ceilings", offering="offering")
    assert (ended["status"], ended["decision_no"]) == ("ended", old["decision_no"])
    assert (in_force["status"], in_force["report_no"]) == ("in_force", new["report"]["report_no"])
    assert (in_force["unit_price"], in_force["per_quantity"]) == ("0.80", "1000")
    assert (in_force["kind"], in_force["grantor"]["code"]) == ("上限收费标准", "grantor")
    assert public.get("/public/ceilings", offering="nothing").status_code == 404


def test_authorisations_are_shown_with_parties_scope_and_term(world: World, public: Client) -> None:
    world.authorisation("second", scope={"resources": ["resource"], "fields": [], "scenarios": []})
    first, second = items(public, "authorisations")
    assert (first["agreement_no"], first["status"]) == ("agreement", "in_force")
    assert [first[role]["code"] for role in ("grantor", "operator", "regulator")] == [
        "grantor",
        "operator",
        "regulator",
    ]
    assert second["scope"]["resources"] == ["resource"]
    assert first["operating_since"] == "2020-01-01"


def test_use_is_shown_by_offering_and_month_of_all_buyers_together(world: World, public: Client) -> None:
    for offering in ("a", "b"):
        world.priced(offering)
    first = world.contract("a", "b")["id"]
    second = world.contract("a", buyer="other-buyer")["id"]
    world.clock("2025-04-30")
    for contract, offering, quantity, day in (
        (first, "a", "5", "2025-03-31"),
        (second, "a", "7.5", "2025-03-02"),
        (second, "a", "1", "2025-04-01"),
        (first, "b", "2", "2025-04-30"),
    ):
        world.usage(contract, offering, quantity, f"{day}T00:00:00+08:00")
    use = [(row["offering"], row["month"], row["accepted"]) for row in items(public, "usage")]
    assert use == [("a", "2025-03", "12.5"), ("a", "2025-04", "1"), ("b", "2025-04", "2")]
    assert [row["offering"] for row in items(public, "usage", month="2025-04")] == ["a", "b"]
    assert [row["month"] for row in items(public, "usage", offering="b")] == ["2025-04"]


def test_each_list_is_a_table_too_which_says_what_the_list_says(world: World, public: Client) -> None:
    world.priced("a")
    world.tariff("a", effective_from="2025-06-01", model="graduated", tiers=[{"up_to": None, "unit_price": "0.40"}])
    contract = world.contract("a")["id"]
    world.clock("2025-04-30")
    world.usage(contract, "a", "5", "2025-03-31T00:00:00+08:00")
    world.usage(contract, "a", "2", "2025-04-01T00:00:00+08:00")
    for route in ROUTES:
        answer = public.get(f"/public/{route}.csv")
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        table = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        listed = items(public, route)
        assert len(table) == len(listed)
        assert "buyer" not in answer.text
        for row, item in zip(table, listed, strict=True):
            assert set(flat(item)) <= set(row), route
            assert {name: row[name] for name in flat(item)} == {
                name: wire_text(value) for name, value in flat(item).items()
            }
    assert public.get("/public/usage.csv", month="2025-04").text.splitlines()[1:] == ["a,2025-04,2,call,true"]
    assert public.get("/public/prices.csv", offering="nothing").status_code == 404


LEFT_OUT = (
    "classification.reasons",
    "classification.effective_from",
    "classification.reason",
    "classification.recorded_at",
)


def flat(item: Any) -> dict[str, Any]:
    """The members of a document under dotted names, but those that a table leaves out."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        found |= (
            {f"{name}.{inner}": said for inner, said in value.items()} if isinstance(value, dict) else {name: value}
        )
    nothing = {name for name, value in found.items() if value is None}
    return {name: value for name, value in found.items() if name not in {*LEFT_OUT, *nothing}}


def test_pages_of_use_follow_one_another_without_a_gap(world: World, public: Client) -> None:
    world.priced("a")
    world.priced("b")
    contract = world.contract("a", "b")["id"]
    world.clock("2025-05-01")
    for month in ("03", "04"):
        for offering in ("a", "b"):
            world.usage(contract, offering, "1", f"2025-{month}-15T00:00:00+08:00")
    whole = items(public, "usage")
    found, cursor = [], None
    for _ in whole:
        page = public.seen("/public/usage", limit=1, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
    assert (found, cursor) == (whole, None)
    assert public.get("/public/usage", cursor="nonsense").status_code == 400
