from __future__ import annotations

from tests.cli.command import Command


def test_the_law_is_read_without_fault_and_needs_no_database(on_new_file: Command) -> None:
    lines = on_new_file.done("law", "check").lines
    assert "parameters, version" in lines[0]
    assert "not yet confirmed" in lines[1]


def test_parameters_are_listed_and_shown_with_value_and_source(on_new_file: Command) -> None:
    assert "vat.rate_percent" in on_new_file.done("law", "show").lines
    shown = on_new_file.done("law", "show", "vat.rate_percent", "--on", "2026-03-31").text
    assert "verified: false" in shown
    assert "reference" in shown


def test_a_day_before_the_first_value_is_refused(on_new_file: Command) -> None:
    parameter = "price_notice.bond_yield_markup_limit_points"
    assert "2020-01-01" in on_new_file.refused("law", "show", parameter, "--on", "2020-01-01")
