"""Reading one file of law strictly: what a parameter file may hold, and every fault in it with its line.

A file states one parameter. Beside YAML's own rules these hold, and each breach is reported:

1. An unknown key and a key given twice are faults (PyYAML takes the last of two keys without a word, so the
   tree of nodes is read here instead of the values).
2. Numbers are quoted. An unquoted number would be an int or a float, and a float is not exact.
3. Values are dated, in order, no date twice; each carries at least one reference.
4. Exactly one of ``scope`` (a text of law) and ``origin: platform`` (the platform's own) is given.
5. Every value has the form that the parameter's ``unit`` asks for; a rule asks only for known facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import yaml

from pricing.law_values import (
    Bilingual,
    Condition,
    DatedValue,
    Entry,
    JurisdictionText,
    LawValue,
    MonthDay,
    ParameterText,
    Reference,
    Rule,
)

SCOPES = ("national", "provincial")
ORIGIN_PLATFORM = "platform"
RULE_KINDS = ("general", "exception", "remark", "exclusion")
RULE_CATEGORIES = ("public_interest", "commercial")
"""What a general rule or an exception can say; remarks and exclusions have outcomes of their own."""
RULE_FACTS = (
    "scenario.code",
    "scenario.name",
    "scenario.description",
    "scenario.purpose",
    "product.form",
    "charge_reason",
    "resource.code",
    "resource.confidentiality",
    "resource.is_raw",
)

_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE = re.compile(r"0|[1-9][0-9]*")
_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, order=True)
class LawFault:
    """One fault in the files of law: where it is and what is wrong.

    >>> str(LawFault("cn/vat/rate_percent.yaml", 12, "the key 'unit' is given twice"))
    "cn/vat/rate_percent.yaml:12: the key 'unit' is given twice"
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class FaultyLawFileError(ValueError):
    """One file of law with faults; all of them are in ``faults``."""

    def __init__(self, faults: list[LawFault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def read_parameter(path: Path, label: str) -> ParameterText:
    """Return what the file says; raise ``FaultyLawFileError`` with every fault, by ``label`` and line."""
    reader = _Reader(label)
    text = reader.parameter(reader.root(path))
    reader.finish()
    return text


def read_jurisdiction(path: Path, label: str) -> JurisdictionText:
    """Return what ``jurisdiction.yaml`` says; raise ``FaultyLawFileError`` with every fault."""
    reader = _Reader(label)
    fields = reader.mapping(reader.root(path), required=("code", "title", "version"), optional=("over",))
    over = fields.get("over")
    text = JurisdictionText(
        code=reader.code(fields.get("code")),
        title=reader.bilingual(fields.get("title")),
        version=reader.text(fields.get("version")),
        over=None if over is None else reader.code(over),
    )
    reader.finish()
    return text


class _Reader:
    """Walks the nodes of one file.

    A method that meets a fault reports it and returns a placeholder, so that the walk goes on and finds the
    others; ``finish`` raises when there was any, and nothing built of placeholders ever leaves this module. A
    node of None is a key that is missing, which was reported where it is missing.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._faults: list[LawFault] = []

    def root(self, path: Path) -> yaml.Node:
        """Return the top node of a file."""
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            raise FaultyLawFileError([LawFault(self._label, line, f"cannot be read: {error}")]) from error
        if node is None:
            raise FaultyLawFileError([LawFault(self._label, 1, "the file is empty")])
        return node

    def finish(self) -> None:
        """Raise what was found, in the order of the file."""
        if self._faults:
            raise FaultyLawFileError(sorted(self._faults))

    def parameter(self, node: yaml.Node) -> ParameterText:
        """Read the top of a parameter's file."""
        fields = self.mapping(
            node,
            required=("description", "unit", "verified", "values"),
            optional=("scope", "origin"),
        )
        unit = self.choice(fields.get("unit"), tuple(_VALUE_READERS))
        scope, origin = fields.get("scope"), fields.get("origin")
        if (scope is None) == (origin is None):
            self._fault(
                node,
                "exactly one of the keys 'scope' (a text of law) and 'origin' is needed",
            )
        return ParameterText(
            description=self.bilingual(fields.get("description")),
            unit=unit,
            verified=self.truth(fields.get("verified")),
            scope=None if scope is None else self.choice(scope, SCOPES),
            origin=None if origin is None else self.choice(origin, (ORIGIN_PLATFORM,)),
            values=self._dated_values(fields.get("values"), unit),
        )

    def _dated_values(self, node: yaml.Node | None, unit: str) -> tuple[DatedValue, ...]:
        values: list[DatedValue] = []
        for item in self.items(node):
            value = self._dated_value(item, unit)
            if values and value.effective_from <= values[-1].effective_from:
                earlier = values[-1].effective_from
                self._fault(
                    item,
                    f"dates go upwards, each once: {value.effective_from} follows {earlier}",
                )
            values.append(value)
        return tuple(values)

    def _dated_value(self, node: yaml.Node, unit: str) -> DatedValue:
        fields = self.mapping(node, required=("from", "value", "reference"))
        return DatedValue(
            effective_from=self.day(fields.get("from")),
            value=_VALUE_READERS.get(unit, _Reader.text_value)(self, fields.get("value")),
            references=tuple(self._reference(item) for item in self.items(fields.get("reference"))),
        )

    def _reference(self, node: yaml.Node) -> Reference:
        fields = self.mapping(
            node,
            required=("title", "title_zh", "document", "article", "link"),
            optional=("expires",),
        )
        expires = fields.get("expires")
        return Reference(
            title=Bilingual(self.text(fields.get("title")), self.text(fields.get("title_zh"))),
            document=self.text(fields.get("document")),
            article=self.text_or_null(fields.get("article")),
            link=self._link(fields.get("link")),
            expires_on=None if expires is None else self.day(expires),
        )

    def _link(self, node: yaml.Node | None) -> str | None:
        link = self.text_or_null(node)
        if node is not None and link is not None and not link.startswith(("https://", "http://")):
            self._fault(
                node,
                f"a link starts with https:// or http://, or is null where it is not known: {link!r}",
            )
        return link

    def number(self, node: yaml.Node | None) -> Decimal:
        """Read a quoted decimal number, not negative."""
        return Decimal(self._matching(node, _NUMBER, 'a quoted decimal number such as "6.5"', "0"))

    def whole(self, node: yaml.Node | None) -> int:
        """Read a quoted whole number."""
        return int(self._matching(node, _WHOLE, 'a quoted whole number such as "20"', "0"))

    def month_day(self, node: yaml.Node | None) -> MonthDay:
        """Read a quoted day of the year, MM-DD."""
        text = self._matching(node, _MONTH_DAY, 'a quoted day of the year such as "03-31"', "01-01")
        try:
            # A year without 29 February: a yearly deadline must exist in every year.
            day = date.fromisoformat(f"2001-{text}")
        except ValueError:
            day = date.min
            if node is not None:
                self._fault(node, f"{text!r} is not a day of every year")
        return MonthDay(day.month, day.day)

    def percent_table(self, node: yaml.Node | None) -> Mapping[str, Decimal]:
        """Read a table of quoted percentages by code."""
        fields = self.mapping(node)
        return MappingProxyType({self._as_code(key, node): self.number(value) for key, value in fields.items()})

    def codes(self, node: yaml.Node | None) -> tuple[str, ...]:
        """Read a list of codes, each once."""
        codes = tuple(self.code(item) for item in self.items(node))
        self._refuse_repeated(node, codes)
        return codes

    def entries(self, node: yaml.Node | None) -> tuple[Entry, ...]:
        """Read a list of codes with their wording, each code once."""
        entries = tuple(self._entry(item) for item in self.items(node))
        self._refuse_repeated(node, tuple(entry.code for entry in entries))
        return entries

    def _entry(self, node: yaml.Node) -> Entry:
        fields = self.mapping(node, required=("code", "en", "zh"))
        return Entry(self.code(fields.get("code")), self._wording(fields))

    def rules(self, node: yaml.Node | None) -> tuple[Rule, ...]:
        """Read a list of rules, each name once."""
        rules = tuple(self._rule(item) for item in self.items(node))
        self._refuse_repeated(node, tuple(rule.rule for rule in rules))
        return rules

    def _rule(self, node: yaml.Node) -> Rule:
        fields = self.mapping(
            node,
            required=(
                "rule",
                "kind",
                "when",
                "outcome",
                "source",
                "article",
                "en",
                "zh",
            ),
        )
        kind, outcome = self.choice(fields.get("kind"), RULE_KINDS), fields.get("outcome")
        decides = kind in ("general", "exception")
        return Rule(
            rule=self.code(fields.get("rule")),
            kind=kind,
            when=tuple(self._condition(item) for item in self.items(fields.get("when"))),
            outcome=self.choice(outcome, RULE_CATEGORIES) if decides else self.code(outcome),
            source=self.text(fields.get("source")),
            article=self.text(fields.get("article")),
            wording=self._wording(fields),
        )

    def _condition(self, node: yaml.Node) -> Condition:
        fields = self.mapping(node, required=("fact",), optional=("in", "given"))
        any_of, given = fields.get("in"), fields.get("given")
        if (any_of is None) == (given is None):
            self._fault(node, "a condition has exactly one of the keys 'in' and 'given'")
        return Condition(
            fact=self.choice(fields.get("fact"), RULE_FACTS),
            any_of=None if any_of is None else tuple(self.text(item) for item in self.items(any_of)),
            given=None if given is None else self.truth(given),
        )

    def bilingual(self, node: yaml.Node | None) -> Bilingual:
        """Read a text in both languages."""
        return self._wording(self.mapping(node, required=("en", "zh")))

    def _wording(self, fields: Mapping[str, yaml.Node]) -> Bilingual:
        return Bilingual(self.text(fields.get("en")), self.text(fields.get("zh")))

    def mapping(
        self,
        node: yaml.Node | None,
        *,
        required: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
    ) -> dict[str, yaml.Node]:
        """Read a mapping; with neither required nor optional keys, any key may stand in it, but not none."""
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self._fault(node, "a mapping (key: value) is expected here")
            return {}
        fields = dict(self._pairs(node, known=required + optional))
        for key in required:
            if key not in fields:
                self._fault(node, f"the key {key!r} is missing")
        return fields

    def _pairs(self, node: yaml.MappingNode, known: tuple[str, ...]) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = self.text(key_node)
            if key in seen:
                self._fault(key_node, f"the key {key!r} is given twice")
            elif known and key not in known:
                self._fault(key_node, f"unknown key {key!r}; known here: {', '.join(known)}")
            else:
                yield key, value_node
            seen.add(key)

    def items(self, node: yaml.Node | None) -> list[yaml.Node]:
        """Read a list that has at least one item."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._fault(node, "a list with at least one item is expected here")
            return []
        return list(node.value)

    def text(self, node: yaml.Node | None) -> str:
        """Read a text that is not empty."""
        if node is None:
            return ""
        if not _is_scalar(node, "str"):
            self._fault(
                node,
                f"a text is expected here; put {node.value!r} in quotes if it is one",
            )
            return ""
        if not node.value.strip():
            self._fault(node, "the text is empty")
        return str(node.value)

    def text_value(self, node: yaml.Node | None) -> LawValue:
        """Stand in for the reader of a value whose unit is unknown: that is the fault, and it is reported."""
        return (str(node.value),) if node is not None else ()

    def text_or_null(self, node: yaml.Node | None) -> str | None:
        """Read a text, or null for what is not known."""
        return None if node is None or _is_scalar(node, "null") else self.text(node)

    def truth(self, node: yaml.Node | None) -> bool:
        """Read true or false."""
        if node is None:
            return False
        if not _is_scalar(node, "bool") or node.value not in ("true", "false"):
            self._fault(node, f"true or false is expected here, not {node.value!r}")
        return bool(node.value == "true")

    def day(self, node: yaml.Node | None) -> date:
        """Read a date, unquoted as YAML writes it."""
        if node is None:
            return date.min
        try:
            if _is_scalar(node, "timestamp"):
                return date.fromisoformat(node.value)
        except ValueError:
            pass
        self._fault(node, f"a date such as 2025-03-01 is expected here, not {node.value!r}")
        return date.min

    def code(self, node: yaml.Node | None) -> str:
        """Read a code: lower-case letters, digits and underscores."""
        return self._matching(node, _CODE, "a code in lower-case letters, digits and _", "")

    def choice(self, node: yaml.Node | None, known: tuple[str, ...]) -> str:
        """Read one of the known words."""
        text = self.text(node)
        if node is not None and text and text not in known:
            self._fault(node, f"{text!r} is none of: {', '.join(known)}")
        return text

    def _matching(
        self,
        node: yaml.Node | None,
        pattern: re.Pattern[str],
        wanted: str,
        placeholder: str,
    ) -> str:
        if node is None:
            return placeholder
        if _is_scalar(node, "str") and pattern.fullmatch(node.value):
            return str(node.value)
        bare = _is_scalar(node, "int") or _is_scalar(node, "float")
        hint = f'; a number without quotes is not exact: write "{node.value}"' if bare else ""
        self._fault(node, f"{wanted} is expected here, not {_shown(node)}{hint}")
        return placeholder

    def _as_code(self, key: str, node: yaml.Node | None) -> str:
        if node is not None and key and not _CODE.fullmatch(key):
            self._fault(node, f"{key!r} is not a code in lower-case letters, digits and _")
        return key

    def _refuse_repeated(self, node: yaml.Node | None, names: tuple[str, ...]) -> None:
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            if node is not None:
                self._fault(node, f"{name!r} stands twice in this list")

    def _fault(self, node: yaml.Node, message: str) -> None:
        self._faults.append(LawFault(self._label, node.start_mark.line + 1, message))


_VALUE_READERS: Mapping[str, Callable[[_Reader, yaml.Node | None], LawValue]] = MappingProxyType(
    {
        "percent": _Reader.number,
        "percentage_points": _Reader.number,
        "years": _Reader.whole,
        "days": _Reader.whole,
        "working_days": _Reader.whole,
        "count": _Reader.whole,
        "month_day": _Reader.month_day,
        "percent_table": _Reader.percent_table,
        "codes": _Reader.codes,
        "entries": _Reader.entries,
        "rules": _Reader.rules,
    }
)


def _is_scalar(node: yaml.Node, kind: str) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"tag:yaml.org,2002:{kind}"


def _shown(node: yaml.Node) -> str:
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
