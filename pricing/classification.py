"""What a product's use in a scenario is: public interest or commercial, and what may never be offered at all.

The rules are dated data (``price_notice.use_category_rules``, ``operation_rules.resource_exclusions``); this
module only holds facts against them. Every rule that applied is returned as a reason that says what fact met
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pricing.errors import Refusal
from pricing.law_values import Condition, Rule
from pricing.parameters import Law

PUBLIC_INTEREST = "public_interest"
COMMERCIAL = "commercial"
CATEGORIES = (PUBLIC_INTEREST, COMMERCIAL)

USE_CATEGORY_RULES = "price_notice.use_category_rules"
RESOURCE_EXCLUSIONS = "operation_rules.resource_exclusions"

_DECIDING_KINDS = ("exception", "general")


class ClassificationConflict(Refusal):
    """Two rules of the same rank both apply, and nothing says which goes first."""

    code = "classification_conflict"


class ClassificationUndetermined(Refusal):
    """No rule gives this use a category."""

    code = "classification_undetermined"


@dataclass(frozen=True)
class OfferingFacts:
    """What is known of an offering: its scenario, its product's form, why a charge is needed if stated."""

    scenario_code: str
    scenario_name: str
    scenario_description: str
    scenario_purpose: str
    product_form: str
    charge_reason: str | None = None

    def by_name(self) -> dict[str, str | None]:
        """Return the facts under the names by which rules ask for them."""
        return {
            "scenario.code": self.scenario_code,
            "scenario.name": self.scenario_name,
            "scenario.description": self.scenario_description,
            "scenario.purpose": self.scenario_purpose,
            "product.form": self.product_form,
            "charge_reason": self.charge_reason,
        }


@dataclass(frozen=True)
class ResourceFacts:
    """What is known of one resource that a product is made from."""

    code: str
    confidentiality: str
    is_raw: bool

    def by_name(self) -> dict[str, str | None]:
        """Return the facts under the names by which rules ask for them."""
        return {
            "resource.code": self.code,
            "resource.confidentiality": self.confidentiality,
            "resource.is_raw": "true" if self.is_raw else "false",
        }


@dataclass(frozen=True)
class Reason:
    """One rule that applied: its name, the document and article behind it, the fact it met, what it says."""

    rule: str
    source: str
    article: str
    fact: str
    outcome: str

    def document(self) -> dict[str, str]:
        """Return the reason in the shape of the wire."""
        return {
            "rule": self.rule,
            "source": self.source,
            "article": self.article,
            "fact": self.fact,
            "outcome": self.outcome,
        }


@dataclass(frozen=True)
class Classification:
    """A category with its reasons: the deciding rule first, then remarks that do not change the category."""

    category: str
    reasons: tuple[Reason, ...]


def classify(facts: OfferingFacts, day: date, law: Law) -> Classification:
    """Return the category of an offering by the rules of a day.

    Price Notice, part 一: a use for public governance or public welfare is free, a use for industry
    chargeable. An exception goes before general rules. Two rules of the same rank that both apply raise
    ``ClassificationConflict`` naming both, even where they agree: the law does not say which of them is the
    reason. Where none applies, ``ClassificationUndetermined`` is raised.

    >>> from pricing.parameters import load_law
    >>> flood_warning = OfferingFacts("s1", "Flood warning", "Warn residents", "public_welfare", "api")
    >>> classify(flood_warning, date(2025, 6, 1), load_law()).category
    'public_interest'
    """
    named = facts.by_name()
    rules = law.parameter(USE_CATEGORY_RULES).rules(day)
    deciding = _deciding_rule([rule for rule in rules if _applies(rule, named)], named)
    remarks = [rule for rule in rules if rule.kind == "remark" and _applies(rule, named)]
    return Classification(deciding.outcome, tuple(_reason(rule, named) for rule in (deciding, *remarks)))


def not_offerable(product_form: str, resources: Iterable[ResourceFacts], day: date, law: Law) -> tuple[Reason, ...]:
    """Return why a product may never be offered, one reason per resource and exclusion; none means it may.

    Opinion, 十二; Operation Rules, article 21: confidential resources, and raw resources sold straight to
    market. That an offering lies within the authorisation's scope and term, and that its registration has not
    lapsed, are facts of the registry and are checked there.
    """
    exclusions = law.parameter(RESOURCE_EXCLUSIONS).rules(day)
    reasons: list[Reason] = []
    for resource in resources:
        facts = {"product.form": product_form} | resource.by_name()
        reasons += (
            _reason(rule, facts, subject=f"resource {resource.code}") for rule in exclusions if _applies(rule, facts)
        )
    return tuple(reasons)


def _deciding_rule(applying: list[Rule], facts: Mapping[str, str | None]) -> Rule:
    for kind in _DECIDING_KINDS:
        of_kind = [rule for rule in applying if rule.kind == kind]
        if len(of_kind) > 1:
            raise _conflict(of_kind)
        if of_kind:
            return of_kind[0]
    message = (
        f"no rule gives a use for {facts['scenario.purpose']!r} a category; "
        "state one of the purposes that the rules know, or have the grantor decide"
    )
    raise ClassificationUndetermined(message)


def _conflict(rules: list[Rule]) -> ClassificationConflict:
    named = " and ".join(f"{rule.rule} ({rule.source}, {rule.article}: {rule.outcome})" for rule in rules)
    message = f"{named} both apply and neither goes before the other; the grantor decides, or the rules are mended"
    return ClassificationConflict(message, rules=[rule.rule for rule in rules])


def _applies(rule: Rule, facts: Mapping[str, str | None]) -> bool:
    return all(_holds(condition, facts) for condition in rule.when)


def _holds(condition: Condition, facts: Mapping[str, str | None]) -> bool:
    value = facts[condition.fact]
    if condition.any_of is not None:
        return value in condition.any_of
    return bool(value and value.strip()) == condition.given


def _reason(rule: Rule, facts: Mapping[str, str | None], subject: str = "") -> Reason:
    met = "; ".join(f"{condition.fact} = {facts[condition.fact] or 'not given'}" for condition in rule.when)
    return Reason(rule.rule, rule.source, rule.article, f"{subject}: {met}" if subject else met, rule.outcome)
