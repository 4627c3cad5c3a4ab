"""The law as dated data: what a parameter was on a day, where it comes from, and a hash over the whole set.

Each parameter is one file, ``pricing/law/<jurisdiction>/<act>/<parameter>.yaml``, and is named
``<act>.<parameter>``. ``pricing.law_files`` reads one file strictly; this module holds them together. A province is a
folder of its own, whose ``jurisdiction.yaml`` says over which other it lies (``over: cn``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pricing.canonical import sha256_of
from pricing.errors import NotFound, Problem, Refusal
from pricing.law_files import (
    ORIGIN_PLATFORM,
    FaultyLawFileError,
    LawFault,
    read_jurisdiction,
    read_parameter,
)
from pricing.law_overlay import laid_over
from pricing.law_values import (
    DatedValue,
    Entry,
    JurisdictionText,
    LawValue,
    MonthDay,
    ParameterText,
    Reference,
    Rule,
)

LAW_FOLDER = Path(__file__).parent / "law"
DEFAULT_JURISDICTION = "cn"
VAT_RATE_TABLE = "vat.rate_percent"
DEFAULT_VAT_CATEGORY = "information_services"

_Value = TypeVar("_Value")


class LawInvalid(Problem):
    """The files of law have faults; ``faults`` names each with its file and line."""

    code = "law_invalid"

    def __init__(self, faults: list[LawFault]) -> None:
        super().__init__("the law cannot be used as it is written:\n" + "\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class ParameterUnknown(NotFound):
    """There is no parameter of that name."""

    code = "parameter_unknown"


class ParameterNotInForce(Refusal):
    """The parameter has no value on that day, because its first one is later."""

    code = "parameter_not_in_force"


class VatCategoryUnknown(Refusal):
    """The table of VAT rates has no such category on that day."""

    code = "vat_category_unknown"


@dataclass(frozen=True)
class Parameter:
    """One parameter of law: its values by date, their unit, and whether a person has confirmed them.

    ``verified`` is False until someone has read the text on its issuer's own site; reports print that.
    ``origin`` is ``platform`` for what is the platform's own rule and not law; else ``scope`` says whose law
    it is.
    """

    name: str
    text: ParameterText

    @property
    def unit(self) -> str:
        """What the value is measured in; it also says of what type the value is."""
        return self.text.unit

    @property
    def verified(self) -> bool:
        """Whether a person has confirmed the value against the issuer's own text."""
        return self.text.verified

    @property
    def is_law(self) -> bool:
        """False for a rule that is the platform's own."""
        return self.text.origin != ORIGIN_PLATFORM

    def at(self, day: date) -> LawValue:
        """Return the value on a day; raise ``ParameterNotInForce`` for a day before the first value.

        >>> load_law().parameter("price_notice.bond_yield_markup_limit_points").at(date(2025, 3, 1))
        Decimal('6')
        """
        return self.entry_at(day).value

    def entry_at(self, day: date) -> DatedValue:
        """Return the value on a day with its own first day and its references."""
        entry = next(
            (entry for entry in reversed(self.text.values) if entry.effective_from <= day),
            None,
        )
        if entry is None:
            first = self.text.values[0].effective_from
            message = (
                f"{self.name} has no value on {day}: its first value is of {first}. "
                f"Ask for {first} or later, or add the earlier value to the law with its source."
            )
            raise ParameterNotInForce(message, parameter=self.name, first_value_from=first.isoformat())
        return entry

    def known_day(self, day: date) -> date:
        """Return the day whose value is meant: of a day before the first value, that of the first value.

        >>> load_law().parameter("price_notice.deviation_line_percent").known_day(date(2024, 6, 1))
        datetime.date(2025, 3, 1)
        """
        return max(day, self.text.values[0].effective_from)

    def number(self, day: date) -> Decimal:
        """Return the value of a ``percent`` or ``percentage_points`` parameter."""
        return self._of_type(Decimal, day)

    def whole(self, day: date) -> int:
        """Return the value of a ``years``, ``days``, ``working_days`` or ``count`` parameter."""
        return self._of_type(int, day)

    def month_day(self, day: date) -> MonthDay:
        """Return the value of a ``month_day`` parameter."""
        return self._of_type(MonthDay, day)

    def percent_table(self, day: date) -> Mapping[str, Decimal]:
        """Return the value of a ``percent_table`` parameter, in percent by category."""
        # Mapping is abstract, which the type checker will not have as a type to look for.
        return self._of_type(MappingProxyType, day)

    def codes(self, day: date) -> tuple[str, ...]:
        """Return the value of a ``codes`` parameter."""
        return self._tuple_of(str, day)

    def entries(self, day: date) -> tuple[Entry, ...]:
        """Return the value of an ``entries`` parameter."""
        return self._tuple_of(Entry, day)

    def rules(self, day: date) -> tuple[Rule, ...]:
        """Return the value of a ``rules`` parameter."""
        return self._tuple_of(Rule, day)

    def document(self, day: date | None = None) -> dict[str, object]:
        """Return the parameter as a document of text, booleans and lists: all values, or that of a day."""
        values = self.text.values if day is None else (self.entry_at(day),)
        return {
            "parameter": self.name,
            "description": _plain(self.text.description),
            "unit": self.text.unit,
            "verified": self.text.verified,
            "scope": self.text.scope,
            "origin": self.text.origin,
            "values": [_entry_document(entry) for entry in values],
        }

    def _of_type(self, wanted: type[_Value], day: date) -> _Value:
        value = self.at(day)
        if not isinstance(value, wanted):
            raise self._wrong_type(wanted)
        return value

    def _tuple_of(self, wanted: type[_Value], day: date) -> tuple[_Value, ...]:
        value = self.at(day)
        if not isinstance(value, tuple):
            raise self._wrong_type(wanted)
        items = tuple(item for item in value if isinstance(item, wanted))
        if len(items) != len(value):
            raise self._wrong_type(wanted)
        return items

    def _wrong_type(self, wanted: type) -> TypeError:
        return TypeError(f"{self.name} is in the unit {self.unit!r}, whose values are not {wanted.__name__}")


@dataclass(frozen=True)
class Law:
    """All parameters of one jurisdiction."""

    jurisdiction: JurisdictionText
    parameters: Mapping[str, Parameter]

    @property
    def version(self) -> str:
        """The rule set's version, as its ``jurisdiction.yaml`` names it."""
        return self.jurisdiction.version

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by name; raise ``ParameterUnknown`` where there is none."""
        try:
            return self.parameters[name]
        except KeyError:
            known = ", ".join(sorted(self.parameters))
            message = f"there is no parameter {name!r} in the law of {self.jurisdiction.code}; known: {known}"
            raise ParameterUnknown(message) from None

    def unverified(self) -> tuple[str, ...]:
        """Return the names of the parameters that nobody has confirmed yet."""
        return tuple(name for name, parameter in sorted(self.parameters.items()) if not parameter.verified)

    def digest(self) -> str:
        """Return the rule-set hash that reports print: SHA-256 over the canonical content of every file."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return sha256_of(self.document())

    def document(self) -> dict[str, object]:
        """Return the whole rule set as a document, parameters by name."""
        return {
            "jurisdiction": self.jurisdiction.code,
            "title": _plain(self.jurisdiction.title),
            "version": self.version,
            "parameters": [parameter.document() for _, parameter in sorted(self.parameters.items())],
        }


@cache
def load_law(jurisdiction: str = DEFAULT_JURISDICTION, folder: Path = LAW_FOLDER) -> Law:
    """Return the law of a jurisdiction, read once; raise ``LawInvalid`` with all faults of its files."""
    law, faults = _read_law(jurisdiction, folder)
    if faults or law is None:
        raise LawInvalid(faults)
    return law


def check_law(jurisdiction: str = DEFAULT_JURISDICTION, folder: Path = LAW_FOLDER) -> list[LawFault]:
    """Return every fault in the files of a jurisdiction, by file and line; none means it can be loaded."""
    return _read_law(jurisdiction, folder)[1]


def vat_rate_percent(law: Law, day: date, category: str = DEFAULT_VAT_CATEGORY) -> Decimal:
    """Return the VAT rate of a category on a day, in percent.

    The default category is that of information services (Value-added tax law, article 10; before 2026 the
    provisional regulations, article 2). The operator's accountant confirms which category applies.

    >>> vat_rate_percent(load_law(), date(2025, 7, 1))
    Decimal('6')
    """
    table = law.parameter(VAT_RATE_TABLE).percent_table(day)
    if category not in table:
        message = f"there is no VAT category {category!r} on {day}; known on that day: {', '.join(sorted(table))}"
        raise VatCategoryUnknown(message)
    return table[category]


def _read_law(jurisdiction: str, folder: Path, above: tuple[str, ...] = ()) -> tuple[Law | None, list[LawFault]]:
    """Read a jurisdiction and what it lies over; those named in ``above`` lie over it."""
    root = _root(jurisdiction, folder)
    if not root.is_dir():
        return None, [LawFault(jurisdiction, 1, "there is no folder of law for this jurisdiction")]
    faults: list[LawFault] = _misplaced_files(root)
    parameters: dict[str, Parameter] = {}
    for path in sorted(root.glob("*/*.yaml")):
        name = f"{path.parent.name}.{path.stem}"
        try:
            parameters[name] = Parameter(name, read_parameter(path, _label(path, root)))
        except FaultyLawFileError as error:
            faults += error.faults
    label = _label(root / "jurisdiction.yaml", root)
    try:
        text = read_jurisdiction(root / "jurisdiction.yaml", label)
    except FaultyLawFileError as error:
        return None, faults + error.faults
    law = Law(text, MappingProxyType(parameters))
    if text.over is None:
        return law, faults
    if text.over in (*above, jurisdiction):
        circle = " over ".join((*above, jurisdiction, text.over))
        return None, [*faults, LawFault(label, 1, f"no law can lie over itself: {circle}")]
    under, faults_under = _read_law(text.over, folder, (*above, jurisdiction))
    if under is None:
        return None, faults + faults_under
    return _over(law, under), faults + faults_under + _unlike(root, law, under)


def _over(upper: Law, under: Law) -> Law:
    """Return one law laid over another: every parameter of both."""
    shared = {
        name: Parameter(name, laid_over(parameter.text, under.parameters[name].text))
        for name, parameter in upper.parameters.items()
        if name in under.parameters
    }
    version = f"{under.version}+{upper.jurisdiction.code}.{upper.version}"
    parameters = {**under.parameters, **upper.parameters, **shared}
    return Law(replace(upper.jurisdiction, version=version), MappingProxyType(parameters))


def _unlike(root: Path, upper: Law, under: Law) -> list[LawFault]:
    """Return a fault for each parameter that is in another unit than the one that it would lie over."""
    faults = []
    for name, parameter in sorted(upper.parameters.items()):
        national = under.parameters.get(name)
        if national is not None and national.unit != parameter.unit:
            file = f"{root.name}/{name.replace('.', '/')}.yaml"
            message = f"in {parameter.unit}, but {under.jurisdiction.code} gives {name} in {national.unit}"
            faults.append(LawFault(file, 1, message))
    return faults


def _root(jurisdiction: str, folder: Path) -> Path:
    """Return where a jurisdiction's files are: in the folder named, else among those that come with the program."""
    named = folder / jurisdiction
    return named if named.is_dir() else LAW_FOLDER / jurisdiction


def _misplaced_files(root: Path) -> list[LawFault]:
    """A file that no rule reads would be law that is silently not applied."""
    read = {*root.glob("*/*.yaml"), root / "jurisdiction.yaml"}
    strays = sorted(path for path in root.rglob("*") if path.is_file() and path not in read)
    message = "not read: a parameter is <act>/<parameter>.yaml, directly below an act's folder"
    return [LawFault(_label(path, root), 1, message) for path in strays]


def _label(path: Path, root: Path) -> str:
    return path.relative_to(root.parent).as_posix()


def _entry_document(entry: DatedValue) -> dict[str, object]:
    return {
        "from": entry.effective_from.isoformat(),
        "value": _plain(entry.value),
        "reference": [_reference_document(reference) for reference in entry.references],
    }


def _reference_document(reference: Reference) -> dict[str, object]:
    return {
        "title": reference.title.en,
        "title_zh": reference.title.zh,
        "document": reference.document,
        "article": reference.article,
        "link": reference.link,
        "expires": _plain(reference.expires_on),
    }


def _plain(value: object) -> object:
    """Return a value as text, booleans, lists and mappings, numbers as exact text."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | None):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value)
