from __future__ import annotations

from pathlib import Path

from pricing.parameters import load_law
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


def test_the_law_of_a_province_in_a_folder_of_its_own_is_checked_and_shown(
    on_new_file: Command, tmp_path: Path
) -> None:
    province = tmp_path / "law" / "pp"
    province.mkdir(parents=True)
    head = 'code: pp\ntitle: {en: P, zh: 省}\nversion: "3"\nover: cn\n'
    (province / "jurisdiction.yaml").write_text(head, encoding="utf-8")
    at = ("--jurisdiction", "pp", "--folder", str(tmp_path / "law"))
    assert f"version {load_law().version}+pp.3" in on_new_file.done("law", "check", *at).lines[0]
    assert "vat.rate_percent" in on_new_file.done("law", "show", *at).lines
