from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pricing.law_values import Entry, LawValue, MonthDay, Rule
from pricing.parameters import (
    LAW_FOLDER,
    LawInvalid,
    ParameterNotInForce,
    ParameterUnknown,
    VatCategoryUnknown,
    check_law,
    load_law,
    vat_rate_percent,
)
from tests.pricing import case_files

GOLDEN = case_files.read("law/what-the-law-says-by-date.yaml")
SHIPPED = sorted(load_law().parameters)

SOUND = """\
description:
  en: Most points
  zh: 上限
unit: percentage_points
verified: false
scope: national
values:
  - from: 2025-03-01
    value: "6"
    reference:
      - {title: Notice, title_zh: 通知, document: "65", article: 三, link: null}
  - from: 2026-01-01
    value: "5.5"
    reference:
      - {title: Notice, title_zh: 通知, document: "65", article: 三, link: "https://example.org/65"}
"""
JURISDICTION = """\
code: xx
title: {en: Somewhere, zh: 某地}
version: "1"
"""
TABLE = SOUND.replace("percentage_points", "percent_table").replace('"6"', '{a: "6"}').replace('"5.5"', '{a: "5"}')
RULES = """\
description: {en: Rules, zh: 规则}
unit: rules
verified: true
origin: platform
values:
  - from: 2025-03-01
    value:
      - {rule: r, kind: general, when: [{fact: scenario.purpose, in: [industry]}], outcome: commercial,
         source: s, article: "1", en: e, zh: z}
    reference:
      - {title: Notice, title_zh: 通知, document: "65", article: null, link: null}
"""


def law_of(folder: Path, text: str, name: str = "act/limit.yaml") -> Path:
    """A folder of law whose jurisdiction xx has one parameter, written as given."""
    path = folder / "xx" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (folder / "xx" / "jurisdiction.yaml").write_text(JURISDICTION, encoding="utf-8")
    return folder


def faults_of(folder: Path, text: str) -> list[str]:
    return [str(fault) for fault in check_law("xx", law_of(folder, text))]


def in_short(value: LawValue) -> Any:
    """A value as the golden table shows it: numbers as text, lists by their codes."""
    if isinstance(value, tuple):
        return [
            item.code if isinstance(item, Entry) else item.rule if isinstance(item, Rule) else item for item in value
        ]
    if isinstance(value, MonthDay):
        return f"{value.month:02}-{value.day:02}"
    return str(value) if not hasattr(value, "items") else {key: str(rate) for key, rate in value.items()}


def test_the_shipped_law_has_no_fault() -> None:
    assert check_law() == []


def test_the_golden_table_shows_every_parameter() -> None:
    assert sorted(GOLDEN["values"]) == SHIPPED


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        pytest.param(name, day, expected, id=f"{name} on {day}")
        for name, by_day in GOLDEN["values"].items()
        for day, expected in by_day.items()
    ],
)
def test_the_law_says_what_the_golden_table_says(name: str, day: date, expected: object) -> None:
    parameter = load_law().parameter(name)
    if expected == "none":
        with pytest.raises(ParameterNotInForce):
            parameter.at(day)
    else:
        assert in_short(parameter.at(day)) == expected


def test_a_change_of_the_law_shows_in_its_hash_and_its_version() -> None:
    law = load_law()
    assert (law.version, law.digest()) == (GOLDEN["version"], GOLDEN["digest"]), (
        "the law changed: raise the version in jurisdiction.yaml, and write both into the golden table"
    )


def test_the_changelog_tells_the_version_and_the_days_of_every_value() -> None:
    law, changelog = load_law(), (LAW_FOLDER.parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"Rule set {law.version}." in changelog
    for name, parameter in law.parameters.items():
        told = [line for line in changelog.splitlines() if f"`{name}`" in line]
        days = [entry.effective_from.isoformat() for entry in parameter.text.values]
        assert all(any(day in line for line in told) for day in days), (name, days)


def test_a_day_before_the_first_value_names_the_first_day() -> None:
    with pytest.raises(ParameterNotInForce, match=r"no value on 2025-02-28: its first value is of 2025-03-01"):
        load_law().parameter("price_notice.deviation_line_percent").at(date(2025, 2, 28))


def test_a_parameter_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ParameterUnknown, match=r"no parameter 'price_notice.markup'.*price_notice.cost_heads"):
        load_law().parameter("price_notice.markup")


def test_nothing_shipped_claims_to_be_verified() -> None:
    assert list(load_law().unverified()) == SHIPPED


def test_what_the_law_leaves_to_the_platform_is_told_as_its_own() -> None:
    law = load_law()
    own = [name for name in SHIPPED if not law.parameter(name).is_law]
    assert own == ["platform.complaints_wide_from", "platform.deviation_duty_days", "platform.free_use_conditions"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_says_where_it_comes_from(name: str) -> None:
    for entry in load_law().parameter(name).text.values:
        assert all(reference.document and reference.title.zh for reference in entry.references)


def test_a_value_is_read_as_its_unit_says_and_as_nothing_else() -> None:
    law, day = load_law(), date(2026, 6, 1)
    assert law.parameter("price_notice.annual_report_due").month_day(day).of(2027) == date(2027, 3, 31)
    assert law.parameter("asset_notice.treasury_legal_forms").codes(day) == ("administrative",)
    assert law.parameter("registration_rules.validity_years").whole(day) == 3
    assert len(law.parameter("price_notice.cost_heads").entries(day)) == 5
    with pytest.raises(TypeError, match="'years'"):
        law.parameter("registration_rules.validity_years").number(day)
    with pytest.raises(TypeError, match="'entries'"):
        law.parameter("price_notice.cost_heads").rules(day)
    with pytest.raises(TypeError, match="'years'"):
        law.parameter("registration_rules.validity_years").codes(day)


def test_the_vat_rate_of_a_category_is_dated() -> None:
    law = load_law()
    assert str(vat_rate_percent(law, date(2026, 1, 1))) == "6"
    assert str(vat_rate_percent(law, date(2026, 1, 1), "small_scale")) == "1"
    with pytest.raises(VatCategoryUnknown, match=r"'small_scale' on 2021-01-01; known on that day: .*levy"):
        vat_rate_percent(law, date(2021, 1, 1), "small_scale")


def test_a_parameter_is_shown_with_all_its_values_or_with_that_of_a_day() -> None:
    parameter = load_law().parameter("vat.rate_percent")
    entries = parameter.document()["values"]
    assert isinstance(entries, list)
    assert [entry["from"] for entry in entries] == ["2019-04-01", "2023-01-01", "2026-01-01", "2028-01-01"]
    shown = parameter.document(date(2025, 7, 1))
    assert (shown["verified"], shown["unit"]) == (False, "percent_table")
    assert [entry["from"] for entry in entries if entry in shown["values"]] == ["2023-01-01"]  # type: ignore[operator]


def test_a_sound_file_is_read_by_date(tmp_path: Path) -> None:
    parameter = load_law("xx", law_of(tmp_path, SOUND)).parameter("act.limit")
    assert [str(parameter.number(day)) for day in (date(2025, 12, 31), date(2026, 1, 1))] == ["6", "5.5"]
    assert parameter.entry_at(date(2026, 1, 1)).references[0].link == "https://example.org/65"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param(SOUND.replace('"6"', "6"), 9, 'write "6"', id="a number without quotes"),
        pytest.param(SOUND.replace('"6"', "6.0"), 9, 'not exact: write "6.0"', id="a float"),
        pytest.param(SOUND.replace('"6"', '"6,5"'), 9, "'6,5'", id="a number with a comma"),
        pytest.param(SOUND.replace('"6"', '"-6"'), 9, "'-6'", id="a negative number"),
        pytest.param(SOUND.replace('"6"', '["6"]'), 9, "not a list or mapping", id="a list for a number"),
        pytest.param(SOUND.replace("unit: p", "unti: p"), 4, "unknown key 'unti'", id="an unknown key"),
        pytest.param(SOUND.replace("unit: p", "unti: p"), 1, "the key 'unit' is missing", id="a missing key"),
        pytest.param(SOUND + "verified: true\n", 16, "'verified' is given twice", id="a key given twice"),
        pytest.param(
            SOUND.replace("document:", "title: Again, document:"), 11, "'title' is given twice", id="twice, deeper"
        ),
        pytest.param(SOUND.replace("percentage_points", "percent_points"), 4, "is none of: percent,", id="unit"),
        pytest.param(SOUND.replace("2026-01-01", "2025-03-01"), 12, "dates go upwards", id="a date given twice"),
        pytest.param(SOUND.replace("2026-01-01", "2024-01-01"), 12, "dates go upwards", id="dates out of order"),
        pytest.param(SOUND.replace("2026-01-01", '"2026-01-01"'), 12, "a date such as", id="a quoted date"),
        pytest.param(SOUND.replace("2026-01-01", "2026-02-30"), 12, "a date such as", id="a day that is none"),
        pytest.param(SOUND.replace("false", '"no"'), 5, "true or false", id="verified neither true nor false"),
        pytest.param(
            SOUND.replace("scope: national\n", ""), 1, "exactly one of the keys", id="neither scope nor origin"
        ),
        pytest.param(SOUND + "origin: platform\n", 1, "exactly one of the keys", id="both scope and origin"),
        pytest.param(SOUND.replace("national", "world"), 6, "'world' is none of", id="an unknown scope"),
        pytest.param(SOUND.replace('"https', '"ftp'), 15, "a link starts with", id="a link that is none"),
        pytest.param(SOUND.replace("Notice,", '"",'), 11, "the text is empty", id="an empty title"),
        pytest.param(SOUND.replace('"65", article', "65, article"), 11, "put '65' in quotes", id="a number for a text"),
        pytest.param(SOUND[: SOUND.index("      - {t")] + "      []\n", 11, "at least one item", id="no reference"),
        pytest.param("", 1, "the file is empty", id="an empty file"),
        pytest.param("- a\n- b\n", 1, "a mapping", id="a list for the whole"),
        pytest.param("a: [1\n", 2, "cannot be read", id="no YAML"),
        pytest.param(TABLE.replace('{a: "6"}', "{A: '6'}"), 9, "'A' is not a code", id="a category that is no code"),
        pytest.param(TABLE.replace('{a: "6"}', '{a: "6", a: "7"}'), 9, "'a' is given twice", id="a category twice"),
        pytest.param(TABLE.replace('{a: "6"}', "{a: 6}"), 9, 'write "6"', id="a category without quotes"),
        pytest.param(
            SOUND.replace("percentage_points", "days").replace('"5.5"', '"5"').replace('"6"', '"6.5"'),
            9,
            "a quoted whole number",
            id="half a day",
        ),
        pytest.param(
            SOUND.replace("percentage_points", "month_day").replace('"5.5"', '"03-31"').replace('"6"', '"02-29"'),
            9,
            "not a day of every year",
            id="a deadline on a leap day",
        ),
        pytest.param(
            SOUND.replace("percentage_points", "codes").replace('"5.5"', "[a]").replace('"6"', "[a, b, a]"),
            9,
            "'a' stands twice",
            id="a code twice",
        ),
        pytest.param(RULES.replace("scenario.purpose", "mood"), 8, "'mood' is none of", id="an unknown fact"),
        pytest.param(RULES.replace("in: [industry]", ""), 8, "exactly one of the keys 'in'", id="an empty condition"),
        pytest.param(RULES.replace("outcome: commercial", "outcome: free"), 8, "'free' is none of", id="no category"),
        pytest.param(RULES.replace("kind: general", "kind: vague"), 8, "'vague' is none of", id="an unknown kind"),
    ],
)
def test_a_fault_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    faults = faults_of(tmp_path, text)
    assert [fault for fault in faults if fault.startswith(f"xx/act/limit.yaml:{line}: ") and message in fault], faults


def test_many_faults_come_back_together(tmp_path: Path) -> None:
    text = SOUND.replace('"6"', "6").replace("2026-01-01", "2024-01-01").replace("national", "world")
    assert [fault.split(":")[1] for fault in faults_of(tmp_path, text)] == ["6", "9", "12"]


def test_law_with_a_fault_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(LawInvalid, match=r"xx/act/limit.yaml:9: ") as caught:
        load_law("xx", law_of(tmp_path, SOUND.replace('"6"', "6")))
    assert len(caught.value.faults) == 1


def test_a_file_that_no_rule_reads_is_a_fault(tmp_path: Path) -> None:
    law_of(tmp_path, SOUND)
    faults = check_law("xx", law_of(tmp_path, SOUND, name="act/deeper/limit.yaml"))
    assert [str(fault) for fault in faults] == [
        "xx/act/deeper/limit.yaml:1: not read: a parameter is <act>/<parameter>.yaml, directly below an act's folder"
    ]


def test_a_jurisdiction_without_its_own_file_is_a_fault(tmp_path: Path) -> None:
    (law_of(tmp_path, SOUND) / "xx" / "jurisdiction.yaml").unlink()
    assert [fault.file for fault in check_law("xx", tmp_path)] == ["xx/jurisdiction.yaml"]


def test_a_jurisdiction_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LawInvalid, match="no folder of law"):
        load_law("atlantis", LAW_FOLDER)


def test_the_hash_changes_with_any_value(tmp_path: Path) -> None:
    before = load_law("xx", law_of(tmp_path / "before", SOUND)).digest()
    after = load_law("xx", law_of(tmp_path / "after", SOUND.replace('"5.5"', '"5.6"'))).digest()
    assert before != after


def test_the_hash_does_not_hang_on_how_a_file_is_laid_out(tmp_path: Path) -> None:
    plain = load_law("xx", law_of(tmp_path / "plain", SOUND)).digest()
    commented = load_law("xx", law_of(tmp_path / "commented", "# A comment.\n" + SOUND)).digest()
    assert plain == commented
