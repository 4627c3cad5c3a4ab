"""Laying a province's law over the national one: which value holds on each day when both say something.

A province's file has the name of the national one. A number, day or list of the province holds from its own first day
on, whatever the nation's later values say; a table of rates is taken over category by category; rules are added to the
national ones, and take the place of one with the same name. Two exceptions that then both apply are no matter of order:
whoever classifies is told of both (``pricing.classification``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from pricing.law_values import DatedValue, LawValue, ParameterText, Rule


def laid_over(upper: ParameterText, under: ParameterText) -> ParameterText:
    """Return what holds on each day of two files of one parameter and unit; ``upper`` goes before ``under``.

    It is verified where both are. Its references are those of all that it takes its value from.
    """
    days = sorted({entry.effective_from for text in (upper, under) for entry in text.values})
    return replace(
        upper,
        verified=upper.verified and under.verified,
        values=tuple(_on(day, _last(upper, day), _last(under, day)) for day in days),
    )


def _last(text: ParameterText, day: date) -> DatedValue | None:
    return next((entry for entry in reversed(text.values) if entry.effective_from <= day), None)


def _on(day: date, upper: DatedValue | None, under: DatedValue | None) -> DatedValue:
    if upper is None or under is None:
        only = upper or under
        assert only is not None  # noqa: S101 - the day is that of one of the two
        return replace(only, effective_from=day)
    value = _joined(upper.value, under.value)
    is_joined = value is not upper.value
    references = (*upper.references, *under.references) if is_joined else upper.references
    return DatedValue(day, value, references)


def _joined(upper: LawValue, under: LawValue) -> LawValue:
    if isinstance(upper, Mapping) and isinstance(under, Mapping):
        return MappingProxyType({**under, **upper})
    if isinstance(upper, tuple) and isinstance(under, tuple):
        added = [item for item in upper if isinstance(item, Rule)]
        kept = [item for item in under if isinstance(item, Rule)]
        if added and kept:
            names = {rule.rule for rule in added}
            return (*(rule for rule in kept if rule.rule not in names), *added)
    return upper
