"""What the reports' routes take, and what they say to what they do not."""

from __future__ import annotations

import pytest

from tests.world import World

PERIOD = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
REPORT = "/reports/cap-compliance"


def test_faults_of_a_query_come_back_together_by_their_names(world: World, subtests: pytest.Subtests) -> None:
    faulty = [
        (REPORT, {}, {"operator", "from", "until"}),
        (REPORT, {**PERIOD, "from": "2025-13-01", "until": "soon", "colour": "red"}, {"from", "until", "colour"}),
        (REPORT, {**PERIOD, "as_of": "2025-03-01T00:00:00"}, {"as_of"}),
        (f"{REPORT}.pdf", {**PERIOD, "lang": "fr"}, {"lang"}),
        (f"{REPORT}.csv", {**PERIOD, "section": "nonsense"}, {"section"}),
        (f"{REPORT}/charges", {**PERIOD, "limit": "1001"}, {"limit"}),
        (f"{REPORT}/charges", {**PERIOD, "cursor": "x"}, {"cursor"}),
        ("/reports/revenue-position", {"operator": "operator", "year": "soon"}, {"year"}),
        ("/reports/revenue-position", {"operator": "operator", "year": "10000"}, {"year"}),
    ]
    for path, query, fields in faulty:
        with subtests.test(path, query=query):
            answer = world.regulator.get(path, **query)
            assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), answer.text
            assert answer.json is not None
            assert set(answer.json["errors"]) == fields


def test_an_operator_without_any_history_has_a_report(world: World) -> None:
    report = world.operator.seen(REPORT, **PERIOD)
    empty = ("offerings", "ceilings", "prices", "price_tests", "free_use", "breaches", "refused_attempts")
    assert [report[section] for section in empty] == [[]] * len(empty)
    assert [entry["actual"] for entry in report["revenue"]] == ["0.00"]
    assert report["reconciled"] is True
    for form in ("pdf", "xlsx", "csv"):
        assert world.operator.get(f"{REPORT}.{form}", **PERIOD).status_code == 200
    position = world.operator.seen("/reports/revenue-position", operator="operator", year=2025)
    assert (position["actual"], position["maximum_permitted_revenue"], position["offerings"]) == ("0.00", None, [])


def test_a_report_on_somebody_who_is_no_operator_is_not_there(world: World) -> None:
    for nobody in ("buyer", "nobody"):
        answer = world.auditor.get(REPORT, **{**PERIOD, "operator": nobody})
        assert answer.status_code == 404


@pytest.mark.parametrize(("until", "status"), [("2045-01-01", 200), ("2045-01-02", 422), ("2500-01-01", 422)])
def test_a_report_is_of_twenty_years_at_most(world: World, until: str, status: int) -> None:
    for path in ("/reports/cap-compliance", "/reports/price-parity"):
        answer = world.regulator.get(path, operator="operator", **{"from": "2025-01-01", "until": until})
        assert answer.status_code == status
        assert status == 200 or (answer.json or {})["code"] == "period_too_long"


def test_who_does_not_oversee_an_operator_is_told_nothing_of_it(world: World) -> None:
    query = {"operator": "operator", "from": "2025-01-01", "until": "2025-02-01"}
    answer = world.other_regulator.get("/reports/cap-compliance", **query)
    assert (answer.status_code, "pty_" in answer.text) == (404, False)
