from __future__ import annotations

from tests.cli.command import Command


def test_the_law_is_read_without_fault_and_needs_no_database(on_new_file: Command) -> None:
    lines = on_new_file.done("law", "check").lines
    assert "parameters, version" in lines[0]
    assert "not yet confirmed" in lines[1]


def test_a_parameter_is_shown_with_the_value_of_a_day_and_its_source(on_new_file: Command) -> None:
    shown = on_new_file.done("law", "show", "vat.rate_percent", "--on", "2026-03-31").text
    assert "verified: false" in shown
    assert "6" in shown


def test_all_parameters_are_listed(on_new_file: Command) -> None:
    assert "price_notice.bond_yield_markup_limit_points" in on_new_file.done("law", "show").lines


def test_a_parameter_that_is_not_there_is_refused(on_new_file: Command) -> None:
    assert on_new_file.refused("law", "show", "vat.nothing")


def test_a_day_before_the_first_value_is_refused(on_new_file: Command) -> None:
    assert "2020-01-01" in on_new_file.refused(
        "law", "show", "price_notice.bond_yield_markup_limit_points", "--on", "2020-01-01"
    )
