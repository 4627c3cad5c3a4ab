"""The calendar of duties: every day worked out by hand from the law's own days."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.web.price_bodies import cap_body, cap_year
from tests.web.test_breaches import billed_above_a_ceiling_recorded_later, breach_body
from tests.world import World, product_body


def duties(client: Client, kind: str | None = None, **query: Any) -> list[tuple[str, str, str]]:
    items = client.seen("/calendar", **query)["items"]
    return [(item["about"], item["due_on"], item["status"]) for item in items if kind in (None, item["kind"])]


@pytest.fixture
def ruled(world: World) -> World:
    """The small jurisdiction on 2025-03-03: authorised from 2024 to 2028, a product registered on 2025-02-01."""
    world.clock("2025-03-03")
    return world


def test_yearly_reports_are_due_on_31_march_of_the_following_year(ruled: World) -> None:
    reports = duties(ruled.operator, "annual_operating_report", until="2027-12-31")
    assert reports == [
        ("2024", "2025-03-31", "due"),
        ("2025", "2026-03-31", "upcoming"),
        ("2026", "2027-03-31", "upcoming"),
    ]
    ruled.clock("2025-04-01")
    assert duties(ruled.operator, "annual_operating_report")[0] == ("2024", "2025-03-31", "overdue")
    ruled.operator.made("/reports/filings", {"report": "annual_operation", "operator": "operator", "year": 2024})
    first = next(
        item for item in ruled.operator.seen("/calendar")["items"] if item["kind"] == "annual_operating_report"
    )
    assert (first["about"], first["status"]) == ("2024", "done")
    assert first["links"]["object"] == "/api/v1/reports/annual-operation?operator=operator&year=2024"


def test_disclosure_is_due_from_both_sides_once_its_notice_is_in_force(ruled: World) -> None:
    expected = [("2025", "2026-03-31", "upcoming")]
    for client in (ruled.operator, ruled.grantor):
        assert duties(client, "disclosure_table", until="2026-12-31") == expected
    ruled.clock("2026-01-05")
    ruled.grantor.made("/reports/filings", {"report": "disclosure", "grantor": "grantor", "year": 2025})
    assert duties(ruled.grantor, "disclosure_table") == [("2025", "2026-03-31", "done")]
    assert duties(ruled.operator, "disclosure_table") == [("2025", "2026-03-31", "due")]


def test_a_product_is_registered_within_twenty_working_days_and_renewed_in_the_last_sixty_days(ruled: World) -> None:
    absent = dict.fromkeys(("registration_code", "registered_on", "registration_expires_on"))
    bare = {name: value for name, value in product_body("late").items() if name not in absent}
    ruled.operator.made("/products", {**bare, "delivered_on": "2025-09-26"})
    ruled.operator.made("/products", {**bare, "code": "later", "delivered_on": "2098-12-31"})
    # After 15 January, 26 January and 8 February are worked; 28 January to 4 February are holidays.
    # 27 September is a Saturday, 28 a Sunday that is worked, 1 to 8 October are holidays, 11 October is worked.
    assert duties(ruled.operator, "product_registration", until="2099-12-31") == [
        ("product", "2025-02-18", "done"),
        ("late", "2025-10-30", "upcoming"),
        ("later", "2099-01-28", "upcoming"),
    ]
    items = ruled.operator.seen("/calendar", until="2099-12-31")["items"]
    certain = {item["about"]: item["certain"] for item in items if item["kind"] == "product_registration"}
    assert certain == {"product": True, "late": True, "later": False}
    [renewal] = [item for item in items if item["kind"] == "registration_renewal"]
    assert (renewal["opens_on"], renewal["due_on"], renewal["status"]) == ("2027-12-03", "2028-01-31", "upcoming")
    assert (renewal["source"], renewal["article"]) == ("发改数据规〔2025〕26号", "第十三条、第十五条")
    assert ruled.provider.seen(renewal["links"]["object"].removeprefix("/api/v1"))["code"] == "product"


def test_a_cycle_that_ends_is_the_price_authoritys_until_the_next_one_is_determined(ruled: World) -> None:
    ruled.regulator.made("/revenue-caps", cap_body("operator"))
    assert duties(ruled.regulator, "cap_cycle_end") == [("C-1", "2025-12-31", "due")]
    following = cap_body("operator", cycle_from="2026-01-01", cycle_until="2027-01-01", decision_no="C-2")
    following["years"][0]["year"] = 2026
    ruled.regulator.made("/revenue-caps", following)
    ends = [("C-1", "2025-12-31", "done"), ("C-2", "2026-12-31", "due")]
    assert duties(ruled.regulator, "cap_cycle_end", until="2026-12-31") == ends
    assert duties(ruled.other_regulator, until="2026-12-31") == []


def test_grants_and_agreements_end_for_those_who_have_them(ruled: World) -> None:
    ruled.offering("free", "public_welfare")
    grant = ruled.grant("free")["id"]
    pending = ruled.grant("free", approved=False)["id"]
    for client in (ruled.buyer, ruled.grantor):
        assert duties(client, "grant_end") == [(grant, "2026-02-28", "due")]
    assert duties(ruled.grantor, "grant_review") == []
    ruled.decide(pending, "approve", review_every_months=6)
    review = {"finding": "As granted", "outcome": "continue", "next_review_on": "2025-12-01"}
    ruled.grantor.made(f"/free-use-grants/{pending}/review", review, 200)
    assert [each[1:] for each in duties(ruled.grantor, "grant_review")] == [
        ("2025-09-03", "done"),
        ("2025-12-01", "due"),
    ]
    for client in (ruled.operator, ruled.grantor):
        assert duties(client, "authorisation_end", until="2028-12-31") == [("agreement", "2028-12-30", "due")]
    assert duties(ruled.provider, "resource_registration_renewal", until="2029-12-31") == [
        ("resource", "2029-12-31", "upcoming")
    ]


def test_who_oversees_an_operator_reads_its_duties_and_nobody_elses(ruled: World) -> None:
    expected = duties(ruled.operator, until="2027-12-31")
    assert expected
    for client in (ruled.regulator, ruled.grantor, ruled.auditor, ruled.admin):
        assert duties(client, party="operator", until="2027-12-31") == expected
    for client in (ruled.other_regulator, ruled.rival, ruled.buyer, ruled.provider):
        answer = client.get("/calendar", party="operator")
        assert (answer.status_code, (answer.json or {})["errors"].keys()) == (404, {"party"})
    assert ruled.admin.get("/calendar").status_code == 404


def test_duties_are_chosen_by_status(ruled: World) -> None:
    done = ruled.operator.seen("/calendar", status="done")["items"]
    assert [item["kind"] for item in done] == ["product_registration"]
    assert ruled.operator.get("/calendar", status="late").status_code == 400


def test_what_a_deviation_obliges_to_is_in_the_calendar_of_those_who_have_to(ruled: World) -> None:
    years = [cap_year(2024, [["platform", "commercial", "100.00"]])]
    cycle = {"cycle_from": "2024-01-01", "cycle_until": "2025-01-01"}
    ruled.regulator.made("/revenue-caps", cap_body("operator", **cycle, years=years))
    evaluation = {"operator": "operator", "year": 2024, "due_on": "2025-04-30"}
    made = ruled.regulator.made("/revenue-evaluations", evaluation)
    expected = [("operator 2024", "2025-04-30", "due")]
    for client in (ruled.operator, ruled.grantor):
        assert duties(client, "deviation_adjust_ceilings") == expected
    assert duties(ruled.regulator, "deviation_adjust_ceilings") == []
    [mine] = [duty["id"] for duty in made["duties"] if duty["party"] == "operator"]
    ruled.operator.made(f"/duties/{mine}/fulfil", {"statement": "done", "no_change_reason": "by letter"}, 200)
    assert duties(ruled.operator, "deviation_adjust_ceilings") == [("operator 2024", "2025-04-30", "done")]
    assert duties(ruled.grantor, "deviation_adjust_ceilings") == expected


def test_an_order_on_a_breach_is_due_until_it_is_answered(world: World) -> None:
    billed_above_a_ceiling_recorded_later(world)
    path = f"/breaches/{world.regulator.made('/breaches', breach_body())['id']}"
    order = {"decision_no": "O-1", "measures": ["refund"], "text": "Refund all", "due_on": "2025-05-01"}
    world.regulator.made(f"{path}/order", order, 200)
    assert duties(world.operator, "breach_order") == [("O-1", "2025-05-01", "due")]
    world.operator.made(f"{path}/answer", {"text": "Refunded"}, 200)
    world.regulator.made(f"{path}/order", {**order, "decision_no": "O-2", "due_on": "2025-06-01"}, 200)
    assert duties(world.operator, "breach_order") == [("O-1", "2025-05-01", "done"), ("O-2", "2025-06-01", "due")]


def test_a_grant_is_in_the_calendar_from_its_approval_until_it_is_revoked(ruled: World) -> None:
    ruled.offering("free", "public_welfare")
    grant = ruled.grant("free", approved=False)["id"]
    assert duties(ruled.buyer, "grant_end") == []
    ruled.decide(grant, "approve")
    assert [about for about, _, _ in duties(ruled.buyer, "grant_end")] == [grant]
    assert duties(ruled.buyer, "grant_end", as_of="2025-03-03T00:00:00+08:00") == []
    ruled.decide(grant, "revoke")
    assert duties(ruled.buyer, "grant_end") == []
