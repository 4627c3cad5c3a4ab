"""Free use that was found to be commercial, billed by a decision of the grantor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.papers.samples import pages
from tests.web.flow_story import require_sound_books
from tests.world import World

DAYS = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
TIERS = [{"up_to": "100", "unit_price": "0.90"}, {"up_to": None, "unit_price": "0.70"}]


def used_under_a_grant(world: World) -> Any:
    """A grant under which 90 were used in March, of which 30 after a ceiling of 0.80 began, and 120 in April."""
    world.offering("scores")
    world.ceiling("scores", "1.00", decision_no="D-1")
    world.ceiling("scores", "0.80", decision_no="D-2", effective_from="2025-03-16")
    world.tariff("scores", model="graduated", tiers=TIERS)
    world.offering("floods", "public_welfare", reference_offering="scores")
    grant = world.grant("floods")
    world.clock("2025-04-20")
    world.usage(grant["contract"], "floods", "40", "2025-03-05T12:00:00+08:00")
    world.usage(grant["contract"], "floods", "60", "2025-03-10T12:00:00+08:00", id="e-march")
    world.usage(grant["contract"], "floods", "30", "2025-03-20T12:00:00+08:00")
    world.usage(grant["contract"], "floods", "120", "2025-04-10T12:00:00+08:00")
    return grant


def rerate_body(**given: Any) -> dict[str, Any]:
    return {"decision_no": "RR-1", "from_date": "2025-03-10", "reason": "Sold on to insurers", **given}


def test_commercial_use_under_a_grant_is_billed_from_the_stated_day_at_the_prices_of_its_days(world: World) -> None:
    grant = used_under_a_grant(world)
    path = f"/free-use-grants/{grant['id']}/rerate"
    made = world.grantor.made(path, rerate_body())
    assert (made["quantity"], made["offering"]) == ("210", "scores")
    assert (made["from_date"], made["until_date"]) == ("2025-03-10", "2025-04-21")

    bill = world.buyer.seen(f"/invoices/{made['invoice']}")
    lines = [
        (line["service_month"], line["offering"], line["quantity"], line["net"], line["ceiling_decision_no"])
        for line in bill["lines"]
    ]
    assert lines == [
        ("2025-03", "scores", "60", "54.00", "D-1"),
        ("2025-03", "scores", "30", "24.00", "D-2"),
        ("2025-04", "scores", "120", "94.00", "D-2"),
    ]
    assert (bill["net"], bill["tax"], bill["gross"], bill["month"]) == ("172.00", "10.32", "182.32", "2025-04")
    for line in bill["lines"]:
        decided = line["explanation"][-1]
        assert (decided["rule"], decided["inputs"]["decision_no"]) == ("free_use.rerated", "RR-1")
        assert line["rerated_by"] == "RR-1"
    printed = world.buyer.get(f"/invoices/{bill['id']}.pdf", lang="en").data
    assert "Free use found commercial by decision RR-1" in " ".join("".join(pages(printed)).split())

    assert use_of(world, grant["contract"], "floods") == {"accepted": "40", "free": "40", "billed": "0"}
    assert use_of(world, made["contract"], "scores") == {"accepted": "210", "free": "0", "billed": "210"}
    contract = world.buyer.seen(f"/contracts/{made['contract']}")
    assert (contract["kind"], contract["consent_reference"]) == ("rerating", "RR-1")
    assert world.buyer.seen(f"/free-use-grants/{grant['id']}")["reratings"] == [made]
    require_sound_books(world)
    told_in_the_report(world, made)

    again = world.grantor.refused(path, rerate_body(decision_no="RR-2", from_date="2025-04-01"), 409, "already_rerated")
    assert again["decision_no"] == "RR-1"
    earlier = world.grantor.made(path, rerate_body(decision_no="RR-0", from_date="2025-03-01", until_date="2025-03-10"))
    assert (earlier["quantity"], world.buyer.seen(f"/invoices/{earlier['invoice']}")["net"]) == ("40", "36.00")
    require_sound_books(world)


def told_in_the_report(world: World, made: Any) -> None:
    """What was re-rated is revenue of its service months, and free use no more."""
    report = world.regulator.seen("/reports/cap-compliance", **DAYS)
    [register] = report["free_use"]
    assert (register["quantity"], register["value_forgone"]) == ("40", "36.00")
    [rerated] = register["reratings"]
    assert {name: rerated[name] for name in ("decision_no", "quantity", "net", "bill")} == {
        "decision_no": "RR-1",
        "quantity": "210",
        "net": "172.00",
        "bill": made["invoice"],
    }
    assert report["reconciled"] is True, [row for row in report["reconciliation"] if not row["agrees"]]
    assert report["breaches"] == []
    assert {row["actual"] for row in report["revenue"]} == {"172.00"}


def use_of(world: World, contract: str, offering: str) -> dict[str, str]:
    use = world.buyer.seen("/usage", contract=contract, offering=offering)
    return {state: use[state] for state in ("accepted", "free", "billed")}


def test_re_rated_use_is_neither_free_again_nor_taken_back_nor_added_to(world: World) -> None:
    grant = used_under_a_grant(world)
    made = world.grantor.made(f"/free-use-grants/{grant['id']}/rerate", rerate_body())
    late = world.usage(grant["contract"], "floods", "5", "2025-04-10T13:00:00+08:00")
    assert late["results"][0]["code"] == "grant_rerated"
    before = world.usage(grant["contract"], "floods", "5", "2025-03-09T13:00:00+08:00")
    assert before["accepted"] == 1
    listed = f"/free-use-grants/{grant['id']}/reratings"
    assert all(client.seen(listed)["items"] == [made] for client in (world.buyer, world.grantor, world.regulator))
    assert world.other_buyer.get(listed).status_code == 404
    into = world.usage(made["contract"], "scores", "5", "2025-04-10T13:00:00+08:00")
    assert into["results"][0]["code"] == "contract_takes_no_use"
    back = world.usage(grant["contract"], "floods", "60", "2025-04-19T13:00:00+08:00", reversesid="e-march")
    assert back["results"][0]["code"] == "reversal_exceeds_use"
    require_sound_books(world)


def test_the_bill_of_re_rated_use_is_credited_and_billed_anew_like_any_other(world: World) -> None:
    grant = used_under_a_grant(world)
    made = world.grantor.made(f"/free-use-grants/{grant['id']}/rerate", rerate_body())
    credit = {"amount": "182.32", "reason": "issued_in_error", "rebill": True}
    world.operator.made(f"/invoices/{made['invoice']}/credit-notes", credit)
    position = world.regulator.seen("/reports/revenue-position", operator="operator", year="2025")
    assert (position["credited"], position["accrued"], position["actual"]) == ("172.00", "172.00", "172.00")
    world.clock("2025-06-01")
    early = {"contract": made["contract"], "month": "2025-03"}
    world.operator.refused("/invoices", early, 409, "month_not_billable")
    bill = world.invoice(made["contract"], "2025-05")
    assert bill["net"] == "172.00"
    assert [(line["service_month"], line["corrects"]) for line in bill["lines"]] == [
        ("2025-03", made["invoice"]),
        ("2025-04", made["invoice"]),
    ]
    require_sound_books(world)


def test_a_re_rating_in_a_closed_month_is_booked_in_the_first_open_one(world: World) -> None:
    grant = used_under_a_grant(world)
    for month in ("2025-03",):
        world.operator.made("/ledger/periods", {"operator": "operator", "month": month})
    world.grantor.made(f"/free-use-grants/{grant['id']}/rerate", rerate_body())
    booked = world.auditor.seen("/ledger/transactions", operator="operator", limit=1000)["items"]
    moved = [item for item in booked if item["kind"] == "use_rerated"]
    assert [item["effective_on"] for item in moved] == ["2025-04-20"]
    require_sound_books(world)


def test_a_re_rating_without_use_price_or_fit_offering_is_refused(world: World) -> None:
    world.priced("scores")
    world.priced("late", unit_price="0.50", effective_from="2025-03-16")
    world.offering("floods", "public_welfare")
    world.offering("news", "public_governance")
    pending = world.grant("floods", approved=False)
    path = f"/free-use-grants/{pending['id']}/rerate"
    world.grantor.refused(path, rerate_body(offering="scores"), 409, "grant_state")
    grant = world.decide(pending["id"], "approve")
    world.clock("2025-04-01")
    world.grantor.refused(path, rerate_body(offering="scores"), 422, "nothing_to_rerate")
    world.usage(grant["contract"], "floods", "10", "2025-03-12T12:00:00+08:00")
    world.grantor.refused(path, rerate_body(), 422, "rating_offering_missing")
    world.grantor.refused(path, rerate_body(offering="news"), 422, "reference_unfit")
    world.grantor.refused(path, rerate_body(offering="late"), 422, "tariff_missing")
    world.grantor.refused(path, rerate_body(from_date="2025-04-05", offering="scores"), 422, "dates_reversed")
    world.grantor.refused(path, rerate_body(offering="none"), 404, "not_found")
    world.operator.refused(path, rerate_body(offering="scores"), 403, "forbidden")
    world.other_grantor.refused(path, rerate_body(offering="scores"), 404, "not_found")
    assert use_of(world, grant["contract"], "floods")["free"] == "10"


def test_of_parallel_decisions_one_bills_the_use_and_the_others_are_told(world: World) -> None:
    grant = used_under_a_grant(world)
    path, grantor = f"/free-use-grants/{grant['id']}/rerate", world.grantor

    def rerate(number: int) -> int:
        return grantor.post(path, rerate_body(decision_no=f"RR-{number}")).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(rerate, range(4)))
    assert statuses == [201, 409, 409, 409]
    assert len(world.buyer.seen("/invoices")["items"]) == 1
    require_sound_books(world)


def test_use_beyond_a_grant_is_refused_and_never_charged_by_itself(world: World) -> None:
    world.priced("scores")
    world.offering("floods", "public_welfare", reference_offering="scores")
    grant = world.grant("floods", quantity_limit="100")
    world.clock("2025-04-01")
    world.usage(grant["contract"], "floods", "100", "2025-03-05T12:00:00+08:00")
    beyond = world.usage(grant["contract"], "floods", "1", "2025-03-06T12:00:00+08:00")
    assert beyond["results"][0]["code"] == "grant_exhausted"
    assert use_of(world, grant["contract"], "floods") == {"accepted": "100", "free": "100", "billed": "0"}
    assert world.invoice(grant["contract"], "2025-03")["gross"] == "0.00"
    made = world.grantor.made(f"/free-use-grants/{grant['id']}/rerate", rerate_body(from_date="2025-03-01"))
    assert made["quantity"] == "100"
    again = world.usage(grant["contract"], "floods", "1", "2025-04-01T00:00:00+08:00")
    assert again["results"][0]["code"] in ("grant_rerated", "grant_exhausted")
    require_sound_books(world)


def test_no_minimum_is_due_for_a_month_in_which_nothing_was_re_rated(world: World) -> None:
    world.priced("scores", unit_price="0.50", minimum_commitment="20.00")
    world.offering("floods", "public_welfare", reference_offering="scores")
    grant = world.grant("floods")
    world.clock("2025-05-20")
    world.usage(grant["contract"], "floods", "30", "2025-04-05T12:00:00+08:00")
    made = world.grantor.made(f"/free-use-grants/{grant['id']}/rerate", rerate_body())
    lines = world.buyer.seen(f"/invoices/{made['invoice']}")["lines"]
    assert [(line["kind"], line["service_month"], line["net"]) for line in lines] == [
        ("usage", "2025-04", "15.00"),
        ("minimum", "2025-04", "5.00"),
    ]
