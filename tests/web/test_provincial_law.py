from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from pricing.parameters import load_law
from store.settings import Settings
from store.unit import Store
from tests.world import World

HEAD = 'code: pp\ntitle: {en: Province, zh: 省}\nversion: "3"\nover: cn\n'
RULES = """\
description: {en: Rules of the province, zh: 省级规则}
unit: rules
verified: false
scope: provincial
values:
  - from: 2025-01-01
    value:
      - {rule: welfare_is_charged_here, kind: exception, when: [{fact: scenario.purpose, in: [public_welfare]}],
         outcome: commercial, source: "Province 12", article: "3", en: Charged here., zh: 本省收费。}
      - {rule: governance_is_charged_here, kind: exception, when: [{fact: scenario.purpose, in: [public_governance]}],
         outcome: commercial, source: "Province 12", article: "4", en: Charged here., zh: 本省收费。}
      - {rule: governance_of_this_kind, kind: exception, when: [{fact: scenario.code, in: [scenario-both]}],
         outcome: public_interest, source: "Province 12", article: "5", en: Free here., zh: 本省免费。}
    reference: [{title: Rules, title_zh: 规则, document: "Province 12", article: "3", link: null}]
"""


@pytest.fixture
def province(world: World, app: Flask, settings: Settings, tmp_path: Path) -> Iterator[World]:
    """The small jurisdiction, served under the law of a province."""
    folder = tmp_path / "law" / "pp"
    (folder / "price_notice").mkdir(parents=True)
    (folder / "jurisdiction.yaml").write_text(HEAD, encoding="utf-8")
    (folder / "price_notice" / "use_category_rules.yaml").write_text(RULES, encoding="utf-8")
    national = app.extensions["tariffbook"]
    app.extensions["tariffbook"] = Store(replace(settings, jurisdiction="pp", law_folder=str(tmp_path / "law")))
    yield world
    app.extensions["tariffbook"].close()
    app.extensions["tariffbook"] = national


def test_a_provinces_exception_decides_and_its_quotes_and_conflicts_say_whose_law_it_was(province: World) -> None:
    [deciding, *_] = province.offering("welfare", "public_welfare")["classification"]["reasons"]
    assert (deciding["rule"], deciding["source"], deciding["outcome"]) == (
        "welfare_is_charged_here",
        "Province 12",
        "commercial",
    )
    province.ceiling("welfare")
    province.tariff("welfare")
    quote = province.quote("welfare", "1")
    snapshot = province.buyer.seen(f"/quotes/{quote['id']}/snapshot")
    assert (snapshot["rule_set"]["jurisdiction"], snapshot["rule_set"]["version"]) == (
        "pp",
        f"{load_law().version}+pp.3",
    )


def test_two_exceptions_of_a_province_that_both_apply_are_refused_with_both_names(province: World) -> None:
    scenario = {"code": "scenario-both", "name": "Both", "description": "Both", "purpose": "public_governance"}
    refused = province.operator.post("/offerings", {"code": "both", "product": "product", "scenario": scenario})
    problem = refused.json or {}
    assert (refused.status_code, problem["code"]) == (422, "classification_conflict")
    assert problem["rules"] == ["governance_is_charged_here", "governance_of_this_kind"]
