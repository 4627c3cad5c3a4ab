"""Every word that documents print exists in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import papers
from papers import bill, compliance, disclosure, operation, parts, public, statement
from papers.layout import Column
from papers.report import Form, Section
from papers.wording import WORDS, Label, word

SOURCES = sorted(Path(papers.__file__).parent.glob("*.py"))
BY_TABLE_KEY = {
    "yes",
    "no",
    "bill.credit_notes",
    "bill.payments",
    "statement.adjustments",
    "statement.payouts",
}
GROUPS_BY_VALUE = {
    "unit",
    "line_kind",
    "price_basis",
    "credit_reason",
    "basis",
    "step_kind",
    "control",
    "setting",
    "setting_value",
    "category",
    "charging_basis",
    "charging_form",
    "model",
    "price_source",
    "grant_status",
    "breach_status",
    "duty",
    "duty_role",
    "duty_status",
    "due_given_by",
    "registration_level",
    "classification_status",
    "quote_status",
    "relief_kind",
    "adjustment",
    "revenue_scope",
    "reconciliation",
    "reconciliation_side",
    "law_origin",
    "cost_head",
    "account",
    "authorisation_mode",
    "form",
    "grade",
    "confidentiality",
    "level",
}


def labels(thing: object) -> Iterator[Label]:
    """All labels inside a value of the tables."""
    match thing:
        case Label():
            yield thing
        case Column():
            yield thing.heading
        case Section():
            yield from labels((thing.title, thing.columns))
        case Form():
            yield from labels((thing.title, thing.header, thing.sections, thing.notes))
        case tuple():
            for part in thing:
                yield from labels(part)


def columns(thing: object) -> Iterator[Column]:
    match thing:
        case Column():
            yield thing
        case Section() | Form():
            yield from columns(thing.columns if isinstance(thing, Section) else (thing.header, thing.sections))
        case tuple():
            for part in thing:
                yield from columns(part)


TABLES = [
    value
    for module in (bill, statement, compliance, operation, disclosure, public, parts)
    for value in vars(module).values()
]
ALL_LABELS = {*WORDS.values(), *(label for table in TABLES for label in labels(table))}


def test_no_label_lacks_a_language() -> None:
    assert len(ALL_LABELS) > 150
    for label in ALL_LABELS:
        assert label.zh.strip(), label
        assert label.en.strip(), label
        assert not label.zh.isascii(), label
        assert label.en.isascii(), label


def test_both_languages_have_the_same_blanks() -> None:
    for label in ALL_LABELS:
        assert sorted(re.findall(r"\{\w+\}", label.zh)) == sorted(re.findall(r"\{\w+\}", label.en)), label


def test_every_word_that_the_code_asks_for_is_there() -> None:
    asked = {key for source in SOURCES for key in re.findall(r'\bword\("([a-z_.0-9]+)"', source.read_text("utf-8"))}
    assert len(asked) > 20
    assert asked <= set(WORDS)


def test_no_word_is_kept_that_nothing_asks_for() -> None:
    text = "".join(source.read_text("utf-8") for source in SOURCES if source.name != "wording.py")
    for key in WORDS:
        is_looked_up = key.partition(".")[0] in GROUPS_BY_VALUE
        assert is_looked_up or f'"{key}"' in text or key in BY_TABLE_KEY, key


def test_every_column_that_translates_codes_has_words_for_some() -> None:
    groups = {column.words for table in TABLES for column in columns(table) if column.words}
    assert groups
    for group in groups:
        assert any(key.startswith(f"{group}.") for key in WORDS), group


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        word("no.such.word", "zh")
