from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pricing.classification import ClassificationConflict, OfferingFacts, classify
from pricing.parameters import LawInvalid, check_law, load_law

HEAD = """\
description: {en: Said, zh: 说}
unit: UNIT
verified: true
ORIGIN
values:
"""
REFERENCE = "    reference: [{title: T, title_zh: 题, document: D, article: null, link: null}]\n"


def wrote(folder: Path, unit: str, values: dict[str, str], name: str, origin: str = "scope: national") -> None:
    text = HEAD.replace("UNIT", unit).replace("ORIGIN", origin)
    for day, value in values.items():
        text += f"  - from: {day}\n    value: {value}\n{REFERENCE}"
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def founded(folder: Path, code: str, over: str | None = None, version: str = "1") -> Path:
    root = folder / code
    root.mkdir(parents=True, exist_ok=True)
    said = f'code: {code}\ntitle: {{en: Place, zh: 地}}\nversion: "{version}"\n' + (f"over: {over}\n" if over else "")
    (root / "jurisdiction.yaml").write_text(said, encoding="utf-8")
    return root


def rule(name: str, kind: str, purpose: str, outcome: str) -> str:
    return (
        f"{{rule: {name}, kind: {kind}, when: [{{fact: scenario.purpose, in: [{purpose}]}}], outcome: {outcome}, "
        "source: S, article: '1', en: e, zh: z}"
    )


FOUNDED_ON = date(2025, 6, 1)
FLOODS = OfferingFacts("s1", "Flood warning", "Warn residents", "public_welfare", "api")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nation = founded(tmp_path, "nn", version="7")
    wrote(nation, "percent", {"2025-01-01": '"10"', "2026-01-01": '"12"'}, "act/line")
    wrote(nation, "percent", {"2025-01-01": '"3"'}, "act/other")
    wrote(nation, "percent_table", {"2025-01-01": '{a: "1", b: "2"}'}, "act/table")
    general = [
        rule("welfare_is_free", "general", "public_welfare", "public_interest"),
        rule("industry_is_charged", "general", "industry", "commercial"),
    ]
    wrote(nation, "rules", {"2025-01-01": f"[{', '.join(general)}]"}, "price_notice/use_category_rules")
    founded(tmp_path, "pp", over="nn")
    return tmp_path


def test_a_province_without_a_file_has_the_nations_law_and_names_both_versions(folder: Path) -> None:
    law = load_law("pp", folder)
    assert sorted(law.parameters) == sorted(load_law("nn", folder).parameters)
    assert law.version == "7+pp.1"
    assert law.digest() != load_law("nn", folder).digest()


def test_a_province_s_value_holds_from_its_own_day_whatever_the_nation_says_later(folder: Path) -> None:
    wrote(folder / "pp", "percent", {"2025-07-01": '"8"'}, "act/line", "scope: provincial")
    line = load_law("pp", folder).parameter("act.line")
    days = [date(2025, 6, 30), date(2025, 7, 1), date(2026, 3, 1)]
    assert [str(line.number(day)) for day in days] == ["10", "8", "8"]
    assert (line.text.scope, line.verified) == ("provincial", True)
    assert str(load_law("pp", folder).parameter("act.other").number(days[0])) == "3"


def test_a_province_s_table_is_taken_over_category_by_category(folder: Path) -> None:
    wrote(folder / "pp", "percent_table", {"2025-07-01": '{b: "5", c: "6"}'}, "act/table", "scope: provincial")
    table = load_law("pp", folder).parameter("act.table")
    entry = table.entry_at(date(2025, 7, 1))
    assert {code: str(rate) for code, rate in table.percent_table(date(2025, 7, 1)).items()} == {
        "a": "1",
        "b": "5",
        "c": "6",
    }
    assert len(entry.references) == 2


def test_a_province_s_exception_goes_before_the_nation_s_general_rule(folder: Path) -> None:
    charged = rule("welfare_is_charged_here", "exception", "public_welfare", "commercial")
    wrote(
        folder / "pp", "rules", {"2025-07-01": f"[{charged}]"}, "price_notice/use_category_rules", "scope: provincial"
    )
    assert classify(FLOODS, date(2025, 6, 30), load_law("pp", folder)).category == "public_interest"
    assert classify(FLOODS, date(2025, 7, 1), load_law("pp", folder)).category == "commercial"


def test_a_rule_of_the_same_name_takes_the_place_of_the_nation_s(folder: Path) -> None:
    other = rule("welfare_is_free", "general", "public_governance", "public_interest")
    wrote(folder / "pp", "rules", {"2025-07-01": f"[{other}]"}, "price_notice/use_category_rules", "scope: provincial")
    rules = load_law("pp", folder).parameter("price_notice.use_category_rules").rules(date(2025, 7, 1))
    assert [(each.rule, each.when[0].any_of) for each in rules] == [
        ("industry_is_charged", ("industry",)),
        ("welfare_is_free", ("public_governance",)),
    ]


def test_two_exceptions_that_both_apply_are_refused_with_both_names(folder: Path) -> None:
    nations = rule("nation_s_exception", "exception", "public_welfare", "public_interest")
    wrote(folder / "nn", "rules", {"2025-01-01": f"[{nations}]".replace("_s_", "_")}, "price_notice/use_category_rules")
    charged = rule("province_exception", "exception", "public_welfare", "commercial")
    wrote(
        folder / "pp", "rules", {"2025-01-01": f"[{charged}]"}, "price_notice/use_category_rules", "scope: provincial"
    )
    with pytest.raises(ClassificationConflict, match=r"nation_exception .*province_exception .*both apply") as caught:
        classify(FLOODS, FOUNDED_ON, load_law("pp", folder))
    assert caught.value.facts["rules"] == ["nation_exception", "province_exception"]


def test_a_city_may_lie_over_its_province(folder: Path) -> None:
    wrote(folder / "pp", "percent", {"2025-07-01": '"8"'}, "act/line", "scope: provincial")
    wrote(founded(folder, "cc", over="pp", version="3"), "percent", {"2025-09-01": '"5"'}, "act/line")
    law = load_law("cc", folder)
    days = [date(2025, 6, 1), date(2025, 8, 1), date(2025, 9, 1)]
    assert [str(law.parameter("act.line").number(day)) for day in days] == ["10", "8", "5"]
    assert law.version == "7+pp.1+cc.3"


def test_another_unit_than_the_nation_s_is_a_fault(folder: Path) -> None:
    wrote(folder / "pp", "days", {"2025-07-01": '"8"'}, "act/line", "scope: provincial")
    assert [str(fault) for fault in check_law("pp", folder)] == [
        "pp/act/line.yaml:1: in days, but nn gives act.line in percent"
    ]


def test_law_that_lies_over_itself_or_over_nothing_is_a_fault(folder: Path) -> None:
    founded(folder, "nn", over="pp")
    assert [str(fault) for fault in check_law("pp", folder)] == [
        "nn/jurisdiction.yaml:1: no law can lie over itself: pp over nn over pp"
    ]
    founded(folder, "pp", over="atlantis")
    with pytest.raises(LawInvalid, match="atlantis:1: there is no folder of law"):
        load_law("pp", folder)


def test_a_province_may_lie_over_the_law_that_comes_with_the_program(folder: Path) -> None:
    wrote(founded(folder, "pq", over="cn"), "percent", {"2025-07-01": '"8"'}, "price_notice/deviation_line_percent")
    line = load_law("pq", folder).parameter("price_notice.deviation_line_percent")
    assert [str(line.number(day)) for day in (date(2025, 6, 30), date(2025, 7, 1))] == ["10", "8"]
