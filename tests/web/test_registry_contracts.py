"""Contracts at the public tariff, and who sees contracts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pricing.errors import NotFound
from registry.relations import operators_overseen, require_operator, require_overseer
from store.unit import Call, Principal, Store
from tests.client import Client
from tests.world import World


def body(**given: Any) -> dict[str, Any]:
    return {"buyer": "buyer", "offerings": ["offering"], "effective_from": "2025-03-01", **given}


def test_a_contract_at_the_public_tariff_waits_for_its_buyer(world: World) -> None:
    world.priced()
    made = world.operator.made("/contracts", body(effective_until="2026-03-01"))
    assert (made["kind"], made["status"], made["price_basis"]) == ("public_tariff", "pending", "tax_exclusive")
    assert (made["buyer"], made["offerings"], made["effective_until"]) == ("buyer", ["offering"], "2026-03-01")
    assert (made["consent_reference"], made["accepted_at"], made["quote"]) == (None, None, None)
    assert made["terms"] == [
        {"offering": "offering", "category": "commercial", "tariff_id": None, "tariff": None, "quantity_limit": None}
    ]
    accepted = world.buyer.made(f"/contracts/{made['id']}/accept", status=200)
    assert accepted["status"] == "active"
    assert world.operator.seen(f"/contracts/{made['id']}") == accepted
    world.buyer.refused(f"/contracts/{made['id']}/accept", None, 409, "contract_not_pending")


def test_a_consent_that_is_named_makes_acceptance_needless(world: World) -> None:
    world.priced()
    made = world.contract(consent_reference="order 77")
    assert (made["status"], made["consent_reference"]) == ("active", "order 77")
    world.buyer.refused(f"/contracts/{made['id']}/accept", None, 409, "contract_not_pending")


def test_a_contract_ends_with_its_last_day_and_cannot_be_accepted_then(world: World) -> None:
    world.priced()
    made = world.operator.made("/contracts", body(effective_until="2025-04-01"))
    world.clock("2025-03-31T23:59:00+08:00")
    assert world.operator.seen(f"/contracts/{made['id']}")["status"] == "pending"
    world.clock("2025-04-01")
    assert world.operator.seen(f"/contracts/{made['id']}")["status"] == "ended"
    world.buyer.refused(f"/contracts/{made['id']}/accept", None, 409, "contract_not_pending")


def test_what_cannot_be_sold_makes_no_contract(world: World) -> None:
    world.priced()
    world.offering("free", "public_welfare")
    world.offering("unconfirmed", confirmed=False)
    world.offering("unpriced")
    refusals = {"free": "grant_required", "unconfirmed": "classification_unconfirmed", "unpriced": "tariff_missing"}
    for code, refusal in refusals.items():
        problem = world.operator.refused("/contracts", body(offerings=["offering", code]), 422, refusal)
        assert code in problem["detail"]
    assert world.operator.seen("/contracts")["items"] == []


def test_a_product_off_the_register_makes_no_contract_and_no_acceptance(world: World) -> None:
    unregistered = {"registration_code": None, "registered_on": None, "registration_expires_on": None}
    world.product("p-2", delivered_on="2025-02-28", **unregistered)
    world.offering(product="p-2")
    world.ceiling()
    world.tariff()
    pending = world.operator.made("/contracts", body())
    world.clock("2025-03-29")
    world.operator.refused("/contracts", body(), 422, "registration_lapsed")
    world.buyer.refused(f"/contracts/{pending['id']}/accept", None, 422, "registration_lapsed")


def test_the_first_day_of_a_contract_has_a_tariff_too(world: World) -> None:
    world.priced()
    world.operator.refused("/contracts", body(effective_from="2024-12-31"), 422, "tariff_missing")
    assert world.contract(effective_from="2025-01-01")["effective_from"] == "2025-01-01"


def test_one_contract_has_one_price_basis(world: World) -> None:
    world.priced()
    world.priced("with-tax", price_basis="tax_inclusive")
    mixed = body(offerings=["offering", "with-tax"])
    problem = world.operator.refused("/contracts", mixed, 422, "price_basis_mismatch")
    assert "with-tax" in problem["detail"]
    assert world.contract("with-tax")["price_basis"] == "tax_inclusive"


def test_an_offering_named_twice_counts_once(world: World) -> None:
    offering = world.priced()
    assert world.contract("offering", offering["id"])["offerings"] == ["offering"]


FAULTY_CONTRACTS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"buyer": "none"}, 404, "not_found", "buyer"),
    ({"buyer": "grantor"}, 404, "not_found", "buyer"),
    ({"offerings": ["offering", "none"]}, 404, "not_found", "offerings.1"),
    ({"offerings": []}, 400, "malformed", "offerings"),
    ({"offerings": ["offering"] * 501}, 400, "malformed", "offerings"),
    ({"effective_until": "2025-03-01"}, 422, "dates_reversed", "effective_until"),
    ({"effective_from": "2025-3-1"}, 400, "malformed", "effective_from"),
    ({"consent_reference": ""}, 400, "malformed", "consent_reference"),
    ({"price": "1.00"}, 400, "malformed", "price"),
]


def test_a_faulty_contract_is_refused_by_the_field_at_fault(world: World) -> None:
    world.priced()
    for change, status, code, field in FAULTY_CONTRACTS:
        problem = world.operator.refused("/contracts", body(**change), status, code)
        assert list(problem["errors"]) == [field]


def test_nobody_sells_the_offering_of_another(world: World) -> None:
    world.priced()
    problem = world.rival.refused("/contracts", body(), 404, "not_found")
    assert list(problem["errors"]) == ["offerings.0"]


def test_a_contract_is_seen_by_its_parties_and_those_who_oversee_it(world: World) -> None:
    world.priced()
    contract = world.operator.made("/contracts", body())["id"]
    seeing = (world.operator, world.buyer, world.grantor, world.regulator, world.auditor, world.admin)
    blind = (world.rival, world.other_buyer, world.other_grantor, world.other_regulator)
    for client in seeing:
        assert [item["id"] for item in client.seen("/contracts")["items"]] == [contract]
        client.seen(f"/contracts/{contract}")
    for client in blind:
        assert client.seen("/contracts")["items"] == []
        assert client.get(f"/contracts/{contract}").status_code == 404
    assert world.provider.get("/contracts").status_code == 403
    world.other_buyer.refused(f"/contracts/{contract}/accept", None, 404, "not_found")
    world.operator.refused(f"/contracts/{contract}/accept", None, 403, "forbidden")


def test_of_parallel_acceptances_one_is_taken(world: World) -> None:
    world.priced()
    contract = world.operator.made("/contracts", body())["id"]
    buyer: Client = world.buyer

    def accept(_number: int) -> int:
        return buyer.post(f"/contracts/{contract}/accept").status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(accept, range(6))) == [200, 409, 409, 409, 409, 409]


def test_an_operators_affairs_are_read_by_those_whom_an_authorisation_names(world: World, store: Store) -> None:
    ids = {party["code"]: party["id"] for party in world.admin.seen("/parties")["items"]}
    operator = ids["operator"]
    expected = {
        ("operator", "operator"): [operator],
        ("operator", "rival"): [ids["rival"]],
        ("regulator", "regulator"): [operator],
        ("regulator", "other-regulator"): [],
        ("grantor", "grantor"): [operator],
        ("grantor", "other-grantor"): [],
        ("buyer", "buyer"): [],
        ("auditor", None): None,
        ("admin", None): None,
    }
    for (role, party), overseen in expected.items():
        principal = Principal(role, ids[party] if party else None)
        with store.reading(Call(principal, "test")) as unit:
            assert operators_overseen(unit) == overseen
            assert _passes(require_overseer, unit, operator) == (overseen is None or operator in overseen)
            assert _passes(require_operator, unit, operator) == ((role, party) == ("operator", "operator"))


def _passes(requirement: Any, *given: Any) -> bool:
    try:
        requirement(*given)
    except NotFound:
        return False
    return True


def test_a_tariff_that_a_lowered_ceiling_left_above_it_is_neither_offered_nor_accepted(world: World) -> None:
    world.priced(ceiling="1.00", unit_price="0.90")
    pending = world.contract(consent_reference=None)
    world.ceiling(price="0.80", effective_from="2025-03-16")
    world.clock("2025-03-16")
    body = {"buyer": "buyer", "offerings": ["offering"], "effective_from": "2025-03-16"}
    problem = world.operator.refused("/contracts", body, 422, "price_above_ceiling")
    assert "0.90" in problem["detail"]
    world.buyer.refused(f"/contracts/{pending['id']}/accept", None, 422, "price_above_ceiling")
