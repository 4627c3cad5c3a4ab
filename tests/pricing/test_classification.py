from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pricing.classification import OfferingFacts, ResourceFacts, classify, not_offerable
from pricing.errors import Problem
from pricing.parameters import LAW_FOLDER, Law, load_law
from tests.pricing import case_files

DAY = date(2026, 3, 1)


def facts_of(case: dict[str, Any]) -> OfferingFacts:
    return OfferingFacts(
        "s-1", "Site choice", "Where to open a shop", case["purpose"], "api", case.get("charge_reason")
    )


def law_with_rule(folder: Path, rule: str) -> Law:
    """The shipped law with one more rule of classification, as a local set would add it."""
    shipped = LAW_FOLDER / "cn" / "price_notice" / "use_category_rules.yaml"
    local = folder / "xx" / "price_notice" / shipped.name
    local.parent.mkdir(parents=True)
    local.write_text(shipped.read_text(encoding="utf-8").replace("    value:\n", f"    value:\n      - {rule}\n", 1))
    jurisdiction = (LAW_FOLDER / "cn" / "jurisdiction.yaml").read_text(encoding="utf-8")
    (folder / "xx" / "jurisdiction.yaml").write_text(jurisdiction)
    return load_law("xx", folder)


def local_rule(rule: str, kind: str, outcome: str, purpose: str) -> str:
    when = f"[{{fact: scenario.purpose, in: [{purpose}]}}]"
    wording = "source: Local rules, article: '3', en: Local, zh: 地方"
    return f"{{rule: {rule}, kind: {kind}, when: {when}, outcome: {outcome}, {wording}}}"


@pytest.mark.parametrize("case", case_files.cases("classification"))
def test_the_use_decides_the_category(case: dict[str, Any]) -> None:
    day = case.get("day", DAY)
    if "refused" in case:
        with pytest.raises(Problem) as caught:
            classify(facts_of(case), day, load_law())
        assert caught.value.code == case["refused"]
        assert all(part in caught.value.detail for part in case["naming"])
    else:
        classification = classify(facts_of(case), day, load_law())
        assert classification.category == case["category"]
        assert {reason.rule: reason.outcome for reason in classification.reasons} == case["says"]


def test_a_reason_says_rule_source_article_fact_and_outcome() -> None:
    reason = classify(facts_of({"purpose": "public_welfare"}), DAY, load_law()).reasons[0]
    assert reason.document() == {
        "rule": "free_for_public_welfare",
        "source": "发改价格〔2025〕65号",
        "article": "一",
        "fact": "scenario.purpose = public_welfare",
        "outcome": "public_interest",
    }


def test_a_fact_that_is_not_given_is_named_as_such() -> None:
    reasons = classify(facts_of({"purpose": "industry"}), DAY, load_law()).reasons
    assert reasons[1].fact == "scenario.purpose = industry; charge_reason = not given"


def test_an_exception_goes_before_the_general_rule(tmp_path: Path) -> None:
    law = law_with_rule(tmp_path, local_rule("free_start", "exception", "public_interest", "industry"))
    classification = classify(facts_of({"purpose": "industry"}), DAY, law)
    assert (classification.category, classification.reasons[0].rule) == ("public_interest", "free_start")


def test_an_exception_that_does_not_apply_changes_nothing(tmp_path: Path) -> None:
    law = law_with_rule(tmp_path, local_rule("free_start", "exception", "public_interest", "public_welfare"))
    assert classify(facts_of({"purpose": "industry"}), DAY, law).category == "commercial"


@pytest.mark.parametrize("outcome", ["commercial", "public_interest"])
def test_two_exceptions_that_both_apply_are_a_conflict_that_names_both(tmp_path: Path, outcome: str) -> None:
    first = local_rule("free_start", "exception", "public_interest", "industry")
    second = local_rule("park_tenants", "exception", outcome, "industry")
    law = law_with_rule(tmp_path, f"{first}\n      - {second}")
    with pytest.raises(Problem, match=r"free_start \(Local rules, 3: public_interest\) and park_tenants") as caught:
        classify(facts_of({"purpose": "industry"}), DAY, law)
    assert (caught.value.code, caught.value.facts) == (
        "classification_conflict",
        {"rules": ["free_start", "park_tenants"]},
    )


def test_two_general_rules_that_both_apply_are_a_conflict_too(tmp_path: Path) -> None:
    law = law_with_rule(tmp_path, local_rule("all_free", "general", "public_interest", "industry"))
    with pytest.raises(Problem, match=r"all_free .* and chargeable_for_industry"):
        classify(facts_of({"purpose": "industry"}), DAY, law)


@pytest.mark.parametrize("case", case_files.cases("exclusions"))
def test_secret_and_raw_resources_are_not_offered(case: dict[str, Any]) -> None:
    resources = [ResourceFacts(*resource) for resource in case["resources"]]
    reasons = not_offerable(case["form"], resources, DAY, load_law())
    assert [[reason.rule, reason.fact.split(":")[0].removeprefix("resource ")] for reason in reasons] == case[
        "excluded"
    ]
    assert {reason.outcome for reason in reasons} <= {"resource_not_offerable"}


def test_an_exclusion_says_which_resource_and_what_of_it() -> None:
    (reason,) = not_offerable("dataset", [ResourceFacts("water-levels", "open", is_raw=True)], DAY, load_law())
    assert reason.fact == "resource water-levels: resource.is_raw = true; product.form = dataset"
    assert (reason.source, reason.article) == ("发改数据规〔2025〕27号", "第二十一条")
