"""Resources and authorisations through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.world import World, authorisation_body

RESOURCE = {
    "code": "res-2",
    "name": "Weather stations",
    "provider": "provider",
    "grade": "important",
    "confidentiality": "open",
    "is_raw": True,
    "registered_on": "2025-01-01",
    "registration_expires_on": "2028-01-01",
}


def codes(client: Client, path: str, name: str = "code") -> set[str]:
    return {item[name] for item in client.seen(path)["items"]}


def test_a_provider_registers_a_resource_of_its_own_and_gets_back_what_it_sent(world: World) -> None:
    made = world.provider.made("/resources", RESOURCE)
    assert {name: made[name] for name in RESOURCE} == RESOURCE
    assert world.provider.seen("/resources/res-2") == world.provider.seen(f"/resources/{made['id']}") == made


def test_a_provider_registers_nothing_for_another(world: World) -> None:
    problem = world.other_provider.refused("/resources", RESOURCE, 404, "not_found")
    assert list(problem["errors"]) == ["provider"]
    world.admin.made("/resources", RESOURCE)


def test_a_provider_sees_its_own_resources_only(world: World) -> None:
    world.other_provider.made("/resources", {**RESOURCE, "provider": "other-provider"})
    assert codes(world.provider, "/resources") == {"resource"}
    assert codes(world.other_provider, "/resources") == {"res-2"}
    assert world.provider.get("/resources/res-2").status_code == 404
    for overseer in (world.grantor, world.operator, world.regulator, world.auditor, world.admin):
        assert codes(overseer, "/resources") == {"resource", "res-2"}
    assert world.buyer.get("/resources").status_code == 403


FAULTY_RESOURCES: list[tuple[dict[str, Any], int, str, str]] = [
    ({"code": "resource"}, 409, "code_taken", "code"),
    ({"provider": "nobody"}, 404, "not_found", "provider"),
    ({"provider": "buyer"}, 404, "not_found", "provider"),
    ({"registration_expires_on": "2025-01-01"}, 422, "dates_reversed", "registration_expires_on"),
    ({"registered_on": "2025-02-30"}, 400, "malformed", "registered_on"),
    ({"grade": "secret"}, 400, "malformed", "grade"),
    ({"is_raw": "no"}, 400, "malformed", "is_raw"),
    ({"is_raw": 1}, 400, "malformed", "is_raw"),
    ({"name": " "}, 400, "malformed", "name"),
    ({"name": "x" * 201}, 400, "malformed", "name"),
    ({"code": "a/b"}, 400, "malformed", "code"),
    ({"colour": "red"}, 400, "malformed", "colour"),
    ({"name": None}, 400, "malformed", "name"),
]


def test_a_faulty_resource_is_refused_by_the_field_at_fault(world: World) -> None:
    for change, status, code, field in FAULTY_RESOURCES:
        problem = world.admin.refused("/resources", {**RESOURCE, **change}, status, code)
        assert list(problem["errors"]) == [field]


def test_an_authorisation_comes_back_as_it_was_sent_and_is_found_by_its_agreement_number(world: World) -> None:
    body = {
        **authorisation_body("榕数授〔2025〕3号"),
        "scope": {"resources": ["resource"], "fields": ["transport"], "scenarios": ["s-1"]},
    }
    made = world.grantor.made("/authorisations", body)
    assert {name: made[name] for name in body} == body
    assert (made["grantor"], made["term_reason"]) == ("grantor", None)
    assert world.operator.seen("/authorisations/榕数授〔2025〕3号") == made
    assert world.regulator.seen(f"/authorisations/{made['id']}") == made


def test_an_authorisation_is_seen_by_its_three_parties_and_by_the_auditor(world: World) -> None:
    mine = world.authorisation("other-agreement", operator="rival", regulator="other-regulator")
    both = {"agreement", "other-agreement"}
    expected: list[tuple[Client, set[str]]] = [
        (world.grantor, both),
        (world.auditor, both),
        (world.admin, both),
        (world.operator, {"agreement"}),
        (world.regulator, {"agreement"}),
        (world.rival, {"other-agreement"}),
        (world.other_regulator, {"other-agreement"}),
        (world.other_grantor, set()),
    ]
    for client, seen in expected:
        assert codes(client, "/authorisations", "agreement_no") == seen
        status = 200 if "other-agreement" in seen else 404
        assert client.get(f"/authorisations/{mine['id']}").status_code == status
    assert world.buyer.get("/authorisations").status_code == 403


def test_a_term_of_five_years_needs_no_reason_and_one_day_more_does(world: World) -> None:
    term = {"effective_from": "2025-03-01", "effective_until": "2030-03-01"}
    world.authorisation("five-years", **term)
    longer = {**authorisation_body("longer"), **term, "effective_until": "2030-03-02"}
    problem = world.grantor.refused("/authorisations", longer, 422, "term_needs_reason")
    assert "2030-03-01" in problem["detail"]
    world.authorisation("longer", **{**term, "effective_until": "2030-03-02", "term_reason": "A bridge is built."})


FAULTY_AUTHORISATIONS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"agreement_no": "agreement"}, 409, "code_taken", "agreement_no"),
    ({"operator": "buyer"}, 404, "not_found", "operator"),
    ({"regulator": "grantor"}, 404, "not_found", "regulator"),
    ({"effective_until": "2024-01-01"}, 422, "dates_reversed", "effective_until"),
    ({"mode": "partly"}, 400, "malformed", "mode"),
    ({"scope": {"resources": ["resource", "none"]}}, 404, "not_found", "scope.resources.1"),
    ({"scope": {"resources": "resource"}}, 400, "malformed", "scope.resources"),
    ({"scope": {"places": []}}, 400, "malformed", "scope.places"),
    ({"scope": {"fields": ["x"] * 501}}, 400, "malformed", "scope.fields"),
    ({"scope": None}, 400, "malformed", "scope"),
    ({"operating_since": "yesterday"}, 400, "malformed", "operating_since"),
]


def test_a_faulty_authorisation_is_refused_by_the_field_at_fault(world: World) -> None:
    for change, status, code, field in FAULTY_AUTHORISATIONS:
        body = {**authorisation_body("agreement-2"), **change}
        problem = world.grantor.refused("/authorisations", body, status, code)
        assert list(problem["errors"]) == [field]


@pytest.mark.parametrize("who", ["operator", "regulator", "auditor", "admin"])
def test_only_a_grantor_authorises(world: World, who: str) -> None:
    client: Client = getattr(world, who)
    client.refused("/authorisations", authorisation_body("agreement-2"), 403, "forbidden")
