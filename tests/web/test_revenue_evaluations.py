"""A year is evaluated against its maximum, and what a deviation obliges to is followed to its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pricing import case_files
from tests.web.price_bodies import cap_body, cap_year, ceiling_body, new_offering, new_operator, per_unit
from tests.world import World, authorisation_body, usage_event

EVALUATIONS = "/revenue-evaluations"
CASES = "evaluation/a-deviation-raises-its-duty-and-none-raises-none.yaml"
DONE = {"statement": "done", "no_change_reason": "guided by letter"}


def evaluation(operator: str = "operator", year: int = 2024, **given: Any) -> dict[str, Any]:
    return {"operator": operator, "year": year, **given}


@pytest.fixture
def idle(world: World) -> World:
    """A world in which the maximum of 2024, a year without any revenue, is 100.00."""
    body = cap_body(
        "operator",
        cycle_from="2024-01-01",
        cycle_until="2025-01-01",
        years=[cap_year(2024, [["platform", "commercial", "100.00"]])],
    )
    world.regulator.made("/revenue-caps", body)
    return world


def duty_of(made: Any, party: str) -> str:
    return str(next(duty["id"] for duty in made["duties"] if duty["party"] == party))


def sold(world: World, operator: str, calls: str) -> None:
    """Let an operator with a maximum of 1,000,000.00 in 2025 sell so many calls at 1.00."""
    client = new_operator(world, operator)
    offering = new_offering(client, world, f"offering-{operator}", f"product-{operator}")
    world.grantor.made("/ceilings", ceiling_body(offering))
    client.made("/tariffs", per_unit(offering, "1.00"))
    world.regulator.made("/revenue-caps", cap_body(operator))
    contract = {"buyer": "buyer", "offerings": [offering], "effective_from": "2025-03-01", "consent_reference": "c"}
    contract_id = client.made("/contracts", contract)["id"]
    event = usage_event("e", contract_id, offering, calls, "2025-03-01T00:00:00+08:00")
    assert client.made("/usage-events", {"events": [event]})["accepted"] == 1


def test_a_deviation_raises_its_duty_and_none_raises_none(world: World, subtests: pytest.Subtests) -> None:
    cases = case_files.read(CASES)["cases"]
    for number, case in enumerate(cases):
        sold(world, f"operator-{number}", case["calls"])
    world.clock("2026-01-01")
    for number, case in enumerate(cases):
        with subtests.test(case["name"]):
            made = world.regulator.made(EVALUATIONS, evaluation(f"operator-{number}", 2025))
            names = ("actual", "deviation", "deviation_exact", "deviation_percent", "duty")
            assert [made[name] for name in names] == [
                case[name] for name in ("actual", "deviation", "exact", "percent", "duty")
            ]
            bearers = {duty["party_role"]: duty["kind"] for duty in made["duties"]}
            assert bearers == ({"operator": case["duty"], "grantor": case["duty"]} if case["duty"] else {})
            assert made["exceeds_line"] == (case["duty"] == "adjust_ceilings")


def test_a_year_is_evaluated_when_it_is_over_and_once(idle: World) -> None:
    idle.regulator.made("/revenue-caps", cap_body("operator"))
    idle.regulator.refused(EVALUATIONS, evaluation(year=2025), 409, "year_not_ended")
    missing = idle.regulator.refused(EVALUATIONS, evaluation(year=2023), 422, "maximum_missing")
    assert list(missing["errors"]) == ["year"]
    late = evaluation(due_on="2025-02-28")
    assert idle.regulator.refused(EVALUATIONS, late, 422, "deadline_passed")["today"] == "2025-03-01"
    made = idle.regulator.made(EVALUATIONS, evaluation(due_on="2025-03-01"))
    assert made["deviation_percent"] == "-100.00"
    again = idle.regulator.refused(EVALUATIONS, evaluation(), 409, "year_evaluated")
    assert again["evaluation"] == made["id"]
    assert idle.auditor.seen(f"{EVALUATIONS}/{made['id']}") == made
    for stranger in (idle.rival, idle.other_regulator, idle.other_grantor):
        assert stranger.seen(EVALUATIONS)["items"] == []


def test_what_is_recorded_later_leaves_an_evaluation_as_it_was(world: World) -> None:
    sold(world, "seller", "1050000")
    world.clock("2026-01-01")
    made = world.regulator.made(EVALUATIONS, evaluation("seller", 2025))
    seller = world.client("operator", "seller")
    contract = seller.seen("/contracts")["items"][0]["id"]
    late = usage_event("late", contract, "offering-seller", "9", "2025-12-31T00:00:00+08:00")
    seller.made("/usage-events", {"events": [late]})
    position = world.regulator.seen("/reports/revenue-position", operator="seller", year="2025")
    assert (position["actual"], made["actual"]) == ("1050009.00", "1050000.00")
    assert world.regulator.seen(f"{EVALUATIONS}/{made['id']}") == made


def test_a_deadline_that_is_not_given_is_the_platforms_own(idle: World) -> None:
    made = idle.regulator.made(EVALUATIONS, evaluation())
    duty = idle.operator.seen(f"/duties/{duty_of(made, 'operator')}")
    assert (duty["due_on"], duty["due_given_by"]) == ("2025-04-30", "platform")
    shown = {"operator": "operator", "from": "2024-01-01", "until": "2025-01-01"}
    parameters = idle.regulator.seen("/reports/cap-compliance", **shown)["parameters"]
    own = next(each for each in parameters if each["parameter"] == "platform.deviation_duty_days")
    assert (own["value"], own["origin"]) == ("60", "platform")


def test_a_duty_is_fulfilled_by_its_party_and_closed_by_the_price_authority(idle: World) -> None:
    made = idle.regulator.made(EVALUATIONS, evaluation(due_on="2025-03-31"))
    path = f"/duties/{duty_of(made, 'operator')}"
    idle.regulator.refused(f"{path}/confirm", {"statement": "fine"}, 409, "duty_state")
    idle.grantor.refused(f"{path}/fulfil", DONE, 404, "not_found")
    empty = idle.operator.refused(f"{path}/fulfil", {"statement": "done"}, 422, "fulfilment_empty")
    assert list(empty["errors"]) == ["no_change_reason"]
    idle.priced()
    tariff = idle.operator.seen("/tariffs", offering="offering")["items"][0]["id"]
    done = idle.operator.made(f"{path}/fulfil", {"statement": "lowered", "tariffs": [tariff]}, 200)
    assert (done["status"], done["steps"][0]["decisions"][0]["id"]) == ("fulfilled", tariff)
    assert idle.operator.made(f"{path}/fulfil", DONE, 200)["status"] == "fulfilled"
    confirmed = idle.regulator.made(f"{path}/confirm", {"statement": "seen"}, 200)
    assert [step["action"] for step in confirmed["steps"]] == ["fulfil", "fulfil", "confirm"]
    idle.operator.refused(f"{path}/fulfil", DONE, 409, "duty_state")
    idle.regulator.refused(f"{path}/confirm", {"statement": "seen"}, 409, "duty_state")


def test_what_was_decided_before_a_duty_or_for_another_operator_does_not_fulfil_it(idle: World) -> None:
    idle.priced()
    tariff = idle.operator.seen("/tariffs", offering="offering")["items"][0]["id"]
    made = idle.regulator.made(EVALUATIONS, evaluation())
    path = f"/duties/{duty_of(made, 'operator')}/fulfil"
    body = {"statement": "done", "tariffs": [tariff]}
    assert list(idle.operator.refused(path, body, 422, "decision_before_duty")["errors"]) == ["tariffs.0"]
    second = new_operator(idle, "second")
    offering = new_offering(second, idle, "other", "product-second")
    others = idle.grantor.made("/ceilings", ceiling_body(offering))["id"]
    body = {"statement": "done", "ceilings": [others]}
    assert list(idle.operator.refused(path, body, 422, "decision_before_duty")["errors"]) == ["ceilings.0"]
    idle.operator.refused(path, {"statement": "done", "ceilings": ["ceil_unknown"]}, 404, "not_found")


def test_duties_are_listed_by_party_and_state_and_are_overdue_by_the_day(idle: World) -> None:
    made = idle.regulator.made(EVALUATIONS, evaluation(due_on="2025-03-31"))

    def listed(status: str, party: str = "operator") -> list[str]:
        return [duty["id"] for duty in idle.regulator.seen("/duties", party=party, status=status)["items"]]

    operators, grantors = duty_of(made, "operator"), duty_of(made, "grantor")
    idle.clock("2025-03-31T23:59:59+08:00")
    assert (listed("open"), listed("overdue")) == ([operators], [])
    idle.clock("2025-04-01")
    assert (listed("open"), listed("overdue")) == ([operators], [operators])
    assert idle.operator.seen(f"/duties/{operators}")["is_overdue"] is True
    idle.operator.made(f"/duties/{operators}/fulfil", DONE, 200)
    assert (listed("open"), listed("overdue"), listed("fulfilled")) == ([], [], [operators])
    assert idle.operator.seen(f"/duties/{operators}")["is_overdue"] is False
    idle.regulator.made(f"/duties/{operators}/confirm", {"statement": "late, but done"}, 200)
    assert (listed("confirmed"), listed("overdue", "grantor")) == ([operators], [grantors])
    assert len(idle.grantor.seen("/duties")["items"]) == len(idle.operator.seen("/duties")["items"]) == 2
    assert idle.rival.seen("/duties")["items"] == idle.other_grantor.seen("/duties")["items"] == []


def test_the_compliance_report_tells_duties_as_they_stood_at_its_moment(idle: World) -> None:
    shown = {"operator": "operator", "from": "2024-01-01", "until": "2025-01-01"}
    path = "/reports/cap-compliance"
    first = idle.regulator.seen(path, **shown)
    made = idle.regulator.made(EVALUATIONS, evaluation(due_on="2025-03-31", finding="nothing was sold"))
    before = idle.regulator.seen(path, **shown)
    idle.operator.made(f"/duties/{duty_of(made, 'operator')}/fulfil", DONE, 200)
    idle.clock("2025-04-01")
    now = {row["party"]: row for row in idle.regulator.seen(path, **shown)["duties"]}
    assert (now["operator"]["status"], now["operator"]["statements"]) == ("fulfilled", ["done"])
    assert (now["grantor"]["status"], now["grantor"]["is_overdue"]) == ("open", True)
    for earlier in (first, before):
        assert idle.regulator.seen(path, **shown, as_of=earlier["as_of"]) == earlier
    assert first["duties"] == []
    assert [row["status"] for row in before["duties"]] == ["open", "open"]
    assert idle.regulator.seen(path, **{**shown, "from": "2025-01-01", "until": "2026-01-01"})["duties"] == []
    table = idle.regulator.get(f"{path}.csv", **shown, section="duties").text
    assert "adjust_ceilings" in table
    for form in ("pdf", "xlsx"):
        assert idle.regulator.get(f"{path}.{form}", **shown).status_code == 200


def test_each_grantor_has_the_duty_and_sees_its_own_and_the_operators(idle: World) -> None:
    idle.other_grantor.made("/authorisations", authorisation_body("agreement-2"))
    later = {**authorisation_body("agreement-3"), "effective_from": "2025-01-01", "effective_until": "2026-01-01"}
    idle.admin.made("/parties", {"code": "late-grantor", "name": "Late", "kinds": ["grantor"]})
    idle.client("grantor", "late-grantor").made("/authorisations", later)
    made = idle.regulator.made(EVALUATIONS, evaluation())
    assert {duty["party"] for duty in made["duties"]} == {"operator", "grantor", "other-grantor"}
    shown = {"operator": "operator", "from": "2024-01-01", "until": "2025-01-01"}
    for client, own in ((idle.grantor, "grantor"), (idle.other_grantor, "other-grantor")):
        seen = {duty["party"] for duty in client.seen("/duties")["items"]}
        told = {row["party"] for row in client.seen("/reports/cap-compliance", **shown)["duties"]}
        assert seen == told == {own, "operator"}


def test_a_duty_about_a_level_is_its_grantors_and_closed_by_its_authority_of_the_day(world: World) -> None:
    world.other_grantor.made("/authorisations", authorisation_body("agreement-2"))
    figures = [cap_year(2024, [["platform", "commercial", "100.00"]])]
    days = {"cycle_from": "2024-01-01", "cycle_until": "2025-01-01", "registration_level": "local"}
    world.regulator.made("/revenue-caps", cap_body("operator", years=figures, **days))
    made = world.regulator.made(EVALUATIONS, evaluation())
    assert {duty["party"] for duty in made["duties"]} == {"operator", "grantor"}
    for client, party in ((world.operator, "operator"), (world.grantor, "grantor")):
        client.made(f"/duties/{duty_of(made, party)}/fulfil", DONE, 200)
    appointment = {
        "operator": "operator",
        "regulator": "other-regulator",
        "registration_level": "local",
        "effective_from": "2025-03-01",
        "effective_until": "2025-04-01",
        "decision_no": "A-1",
    }
    world.admin.made("/price-authority-appointments", appointment)
    seen = {"statement": "seen"}
    world.other_regulator.made(f"/duties/{duty_of(made, 'operator')}/confirm", seen, 200)
    world.clock("2025-04-01")
    path = f"/duties/{duty_of(made, 'grantor')}/confirm"
    world.other_regulator.refused(path, seen, 422, "not_price_authority")
    world.regulator.made(path, seen, 200)
