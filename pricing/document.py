"""Reading a document of the wire field by field, with every fault collected by the path of its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from pricing.errors import Malformed, shown
from pricing.money import format_rate, parse_money, parse_quantity, parse_rate, parse_unit_price

TEXT_LENGTH_MAX: Final = 200
NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line break, and halves of characters: no database or paper keeps them."""
_HUNDRED_PERCENT: Final = 100

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)


class Field:
    """A value of a document with its path.

    A method that meets a fault keeps it and answers a placeholder, so that the faults behind it are found
    too. Call ``finish`` on the root before anything that was read is used: it raises where there was any
    fault, and then the placeholders go with it.
    """

    def __init__(self, value: object, path: str = "", faults: dict[str, list[str]] | None = None) -> None:
        self.value = value
        self.path = path
        self._faults: dict[str, list[str]] = {} if faults is None else faults

    def fault(self, message: str) -> None:
        """Keep a fault of this field."""
        self._faults.setdefault(self.path or "document", []).append(message)

    def finish(self, what: str) -> None:
        """Raise ``Malformed`` with all faults found so far, or do nothing; ``what`` names the document."""
        if self._faults:
            message = f"{what} cannot be read; at fault: {', '.join(self._faults)}"
            raise Malformed(message, errors=self._faults)

    def child(self, name: str) -> Field:
        """Return one field of an object, its value None where it is absent, without judging the others."""
        return self._child(name, self.value.get(name) if isinstance(self.value, Mapping) else None)

    def is_sound(self) -> bool:
        """Whether no fault at all has been found so far."""
        return not self._faults

    def has_fault(self) -> bool:
        """Whether a fault of this very field has been found so far."""
        return self.path in self._faults

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> Mapping[str, Field]:
        """Return the fields of an object, absent and null ones too; missing and unknown ones are faults."""
        if not isinstance(self.value, Mapping):
            self.fault("must be an object")
            return {name: _silent() for name in (*required, *optional)}
        for name, value in self.value.items():
            if name not in required and name not in optional:
                self._child(name, value).fault(f"unknown field; known here: {', '.join((*required, *optional))}")
        fields = {name: self._child(name, self.value.get(name)) for name in (*required, *optional)}
        for name in required:
            if fields[name].value is None:
                fields[name].fault("is required")
                fields[name] = _silent()
        return fields

    def items(self, least: int, most: int) -> list[Field]:
        """Return the items of a list of ``least`` to ``most``."""
        if not isinstance(self.value, list | tuple):
            self.fault("must be a list")
            return []
        if not least <= len(self.value) <= most:
            self.fault(f"must have {least} to {most} items, not {len(self.value)}")
            return []
        return [self._child(str(index), value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a text that is not blank."""
        if not isinstance(self.value, str) or not 0 < len(self.value.strip()) <= TEXT_LENGTH_MAX:
            self.fault(f"must be a text of 1 to {TEXT_LENGTH_MAX} characters")
            return ""
        if (found := NOT_TEXT.search(self.value)) is not None:
            self.fault(f"holds the character {found[0]!r}, which is not text")
            return ""
        return self.value

    def truth(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.fault("must be true or false")
        return self.value is True

    def whole(self, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            self.fault(f"must be a whole number from {least} to {most}, not {shown(self.value)}")
            return least
        return self.value

    def choice(self, choices: type[_Choice]) -> _Choice:
        """Return one of the members of an enumeration, by its value."""
        known = list(choices)
        if isinstance(self.value, str) and self.value in [choice.value for choice in known]:
            return choices(self.value)
        problem = "is required" if self.value is None else f"{shown(self.value)} is none of these"
        self.fault(f"{problem}: {', '.join(known)}")
        return known[0]

    def money(self) -> int:
        """Return an amount of money that is not negative, in fen."""
        fen = self._parsed(parse_money, 0)
        if fen < 0:
            self.fault("must not be negative")
        return fen

    def quantity(self) -> int:
        """Return a quantity that is not negative, in millionths of its unit."""
        return self._parsed(parse_quantity, 0)

    def unit_price(self) -> Decimal:
        """Return a price in yuan for one unit that is not negative."""
        return self._parsed(parse_unit_price, Decimal(0))

    def number(self) -> Decimal:
        """Return a number that is not negative, from decimal text or a whole number; a float is not exact."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return Field(str(self.value), self.path, self._faults).number()
        return self._parsed(parse_rate, Decimal(0))

    def percent(self) -> Decimal:
        """Return a percentage from 0 to 100, as ``number`` reads it."""
        percent = self.number()
        if percent > _HUNDRED_PERCENT:
            self.fault(f"must be at most 100, not {format_rate(percent)}")
        return percent

    def _parsed(self, parse: Callable[[str], _Value], placeholder: _Value) -> _Value:
        try:
            # The parsers refuse what is not text by themselves.
            return parse(self.value)  # type: ignore[arg-type]
        except Malformed as malformed:
            self.fault(malformed.detail)
            return placeholder

    def _child(self, name: str, value: object) -> Field:
        return Field(value, f"{self.path}.{name}" if self.path else str(name), self._faults)


def _silent() -> Field:
    """Return a field whose fault was already said: what its reader finds wrong with None goes nowhere."""
    return Field(None, faults={})
