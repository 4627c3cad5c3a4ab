"""What an operator charges for an offering: a validated value, read from and written to its wire form.

The exact charge comes from one of the models in ``tariff_models``; the options around it (minimum, discount,
relief) are applied to a whole period by ``rating``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar

from pricing.ceiling import Ceiling, require_same_basis
from pricing.errors import Malformed, shown
from pricing.explanation import FUJIAN_TRIAL, Step
from pricing.money import (
    PriceBasis,
    format_exact,
    format_money,
    format_quantity,
    format_rate,
    format_unit_price,
    parse_money,
    parse_quantity,
    parse_rate,
    parse_unit_price,
)
from pricing.tariff_models import (
    TIERS_MAX,
    Band,
    BandCharge,
    Faults,
    Graduated,
    Model,
    Package,
    PerUnit,
    Tier,
    UnitPrice,
    Volume,
    bound_faults,
    flat_fee_fault,
    package_faults,
    refuse_faults,
)

GROUND_LENGTH_MAX: Final = 1000
_HUNDRED_PERCENT: Final = Decimal(100)


class Relief(StrEnum):
    """What is taken off the charge: nothing, a percentage, or all of it (计费不收费)."""

    NONE = "none"
    DISCOUNT = "discount"
    CALCULATED_NOT_COLLECTED = "calculated_not_collected"


class TierPeriod(StrEnum):
    """The period over which tiers, minimums and packages accumulate."""

    MONTH = "month"


@dataclass(frozen=True)
class Tariff:
    """A price version of an offering.

    ``minimum_commitment`` is fen for one ``tier_period``; ``discount_percent`` goes with the relief
    ``discount``, and ``ground`` says for which supported scenario. Raises ``Malformed`` with every fault, by
    field.

    >>> tariff = Tariff(PerUnit(Decimal("0.0004")), PriceBasis.TAX_EXCLUSIVE)
    >>> tariff.charge(10_000 * 10**6)
    Fraction(400, 1)
    """

    model: Model
    price_basis: PriceBasis
    tier_period: TierPeriod = TierPeriod.MONTH
    relief: Relief = Relief.NONE
    discount_percent: Decimal | None = None
    ground: str | None = None
    minimum_commitment: int | None = None

    def __post_init__(self) -> None:
        refuse_faults(
            _option_faults(self.relief, self.discount_percent, self.ground, self.minimum_commitment)
        )

    def charge(self, quantity_micro: int) -> Fraction:
        """The charge for a quantity in fen, exact, before minimum, discount and relief."""
        return sum((band.amount for band in self.model.bands(quantity_micro)), Fraction(0))

    def charge_between(self, start_micro: int, end_micro: int) -> list[BandCharge]:
        """T(end) − T(start), band by band: what more use costs where ``start_micro`` has been used before it.

        Where a volume tariff changes the band, the earlier use is taken back at its old price and charged at
        the new one.
        """
        before = {band.price_field: band for band in self.model.bands(start_micro)}
        bands = []
        for band in self.model.bands(end_micro):
            earlier = before.pop(band.price_field, None)
            bands.append(band if earlier is None else band.less(earlier))
        return [band for band in (*(band.taken_back() for band in before.values()), *bands) if band.moves]

    def charge_steps(self, quantity_micro: int) -> list[Step]:
        """The charge for a quantity explained band by band, at the published prices."""
        return [band_step(band) for band in self.charge_between(0, quantity_micro)]

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """Each price for one unit that a buyer can meet, with the field that states it."""
        return self.model.priced_fields()

    def nominal_prices(self) -> list[UnitPrice]:
        """Each price for one unit that a buyer can meet; of a package, its price ÷ its size, exact."""
        return [price for _, price in self.priced_fields()]

    def clipped(self, ceiling: Ceiling) -> Tariff:
        """The tariff as it is billed under a ceiling: each band at the lower of its price and the ceiling.

        Flat fees and minimums stay; what they add above quantity × ceiling is relieved over the whole period.
        Raises ``PriceBasisMismatch``. The result charges; it is not published and has no document where it
        was clipped.
        """
        require_same_basis(self, ceiling)
        return replace(self, model=self.model.clipped(ceiling.per_unit))

    def document(self) -> dict[str, object]:
        """The tariff in wire form, every field present; ``tariff_from_document`` reads it back."""
        discount, minimum = self.discount_percent, self.minimum_commitment
        return {
            "model": self.model.name,
            **self.model.document(),
            "price_basis": self.price_basis.value,
            "tier_period": self.tier_period.value,
            "relief": self.relief.value,
            "discount_percent": None if discount is None else format_rate(discount),
            "ground": self.ground,
            "minimum_commitment": None if minimum is None else format_money(minimum),
        }


def band_step(band: BandCharge) -> Step:
    """One band of a charge as a step of its explanation."""
    amount = format_exact(band.amount)
    text_en, text_zh = _band_text(band)
    return Step(
        rule=band.kind.value,
        text_en=f"{text_en} = {amount}",
        text_zh=f"{text_zh} = {amount}",
        inputs=_band_inputs(band),
        amount=amount,
        source=FUJIAN_TRIAL if band.kind is Band.GRADUATED else None,
        article="分档累加" if band.kind is Band.GRADUATED else None,
    )


def _band_inputs(band: BandCharge) -> dict[str, str]:
    inputs = {
        "quantity": format_quantity(band.quantity_micro),
        "unit_price": format_unit_price(band.unit_price),
    }
    if band.kind is Band.PACKAGE:
        inputs["packages"] = str(band.packages)
    if band.kind in (Band.GRADUATED, Band.VOLUME):
        inputs |= {"above": format_quantity(band.lower_micro), "flat_fee": format_money(band.flat_fee)}
        if band.upper_micro is not None:
            inputs["up_to"] = format_quantity(band.upper_micro)
    return inputs


def _band_text(band: BandCharge) -> tuple[str, str]:
    """The reckoning of a band in English and Chinese, without its result."""
    quantity, price = format_quantity(band.quantity_micro), format_unit_price(band.unit_price)
    if band.kind is Band.PACKAGE:
        each = format_exact(band.amount / band.packages) if band.packages else "0.00"
        return (
            f"{quantity} units, packages begun: {band.packages} × {each}",
            f"用量{quantity}，计费包：{band.packages} × {each}",
        )
    where_en, where_zh = "", ""
    if band.kind is not Band.UNIT_PRICE:
        lower = format_quantity(band.lower_micro)
        upper = None if band.upper_micro is None else format_quantity(band.upper_micro)
        whole_en, whole_zh = (
            ("All use at the band", "全部用量按") if band.kind is Band.VOLUME else ("Band", "")
        )
        where_en = f"{whole_en} above {lower}{f' up to {upper}' if upper else ''}: "
        where_zh = f"{whole_zh}{lower}以上{f'至{upper}' if upper else ''}的档："
    fee_en, fee_zh = "", ""
    if band.flat_fee:
        fee = format_money(band.flat_fee)
        fee_en, fee_zh = f" + flat fee {fee}", f" + 固定费{fee}"
    return f"{where_en}{quantity} × {price}{fee_en}", f"{where_zh}{quantity} × {price}{fee_zh}"


def _option_faults(
    relief: Relief | None,
    discount_percent: Decimal | None,
    ground: str | None,
    minimum_commitment: int | None,
) -> Faults:
    """The faults of the options; relief is None where it could not be read."""
    if discount_percent is not None and not 0 < discount_percent <= _HUNDRED_PERCENT:
        yield "discount_percent", f"{format_rate(discount_percent)} is not above 0 and at most 100."
    if relief is Relief.DISCOUNT and discount_percent is None:
        yield "discount_percent", 'The relief "discount" needs its percentage.'
    if relief in (Relief.NONE, Relief.CALCULATED_NOT_COLLECTED) and discount_percent is not None:
        yield "discount_percent", f'A percentage goes with the relief "discount", and here it is "{relief}".'
    if ground is not None and not 1 <= len(ground.strip()) <= GROUND_LENGTH_MAX:
        yield "ground", f"A ground has 1 to {GROUND_LENGTH_MAX} characters."
    if minimum_commitment is not None and minimum_commitment < 0:
        yield (
            "minimum_commitment",
            f"A minimum is never negative, and here it is {format_money(minimum_commitment)}.",
        )


_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)

_OPTIONS: Final = frozenset(
    {"model", "price_basis", "tier_period", "relief", "discount_percent", "ground", "minimum_commitment"}
)
_TIER_FIELDS: Final = frozenset({"up_to", "unit_price", "flat_fee"})


@dataclass
class _Reading:
    """An object of a document that is being read, and all faults found so far, by path from the root."""

    document: Mapping[str, object]
    errors: dict[str, list[str]] = field(default_factory=dict)
    prefix: str = ""

    def inside(self, document: Mapping[str, object], prefix: str) -> _Reading:
        """The reading of an object inside this one, whose faults are kept with this one's."""
        return _Reading(document, self.errors, f"{self.prefix}{prefix}.")

    def fault(self, name: str, message: str) -> None:
        self.errors.setdefault(self.prefix + name, []).append(message)

    def faults(self, faults: Faults) -> None:
        for name, message in faults:
            self.fault(name, message)

    def failed(self, name: str) -> bool:
        return self.prefix + name in self.errors

    def optional(self, name: str, parse: Callable[[str], _Value]) -> _Value | None:
        """The value of a field; None where it is absent, null or at fault."""
        raw = self.document.get(name)
        if raw is None:
            return None
        try:
            return parse(raw)  # type: ignore[arg-type]  # every parser refuses what is not text by itself
        except Malformed as malformed:
            self.fault(name, malformed.detail)
            return None

    def required(self, name: str, parse: Callable[[str], _Value]) -> _Value | None:
        """As ``optional``, and it is a fault where the field is absent or null."""
        if self.document.get(name) is None:
            self.fault(name, "This field is required.")
        return self.optional(name, parse)

    def refuse_unknown(self, known: frozenset[str]) -> None:
        for name in self.document:
            if name not in known:
                self.fault(name, f"There is no such field here; there are {', '.join(sorted(known))}.")


def tariff_from_document(document: Mapping[str, object]) -> Tariff:
    """Read a tariff from its wire form: ``model`` with its fields, ``price_basis``, and the options.

    Raises ``Malformed`` with all faults at once, each under its field's path (``tiers.1.up_to``).

    >>> document = {"model": "per_unit", "unit_price": "0.50", "price_basis": "tax_exclusive"}
    >>> tariff_from_document(document).model
    PerUnit(unit_price=Decimal('0.50'))
    """
    reading = _Reading(document)
    name = reading.required("model", _one_of(_MODELS))
    price_basis = reading.required("price_basis", _member(PriceBasis))
    tier_period = reading.optional("tier_period", _member(TierPeriod)) or TierPeriod.MONTH
    relief = reading.optional("relief", _member(Relief))
    if relief is None and not reading.failed("relief"):
        relief = Relief.NONE
    discount_percent = reading.optional("discount_percent", parse_rate)
    ground = reading.optional("ground", _text)
    minimum_commitment = reading.optional("minimum_commitment", parse_money)
    if reading.failed("discount_percent"):
        reading.faults(_option_faults(None, None, ground, minimum_commitment))
    else:
        reading.faults(_option_faults(relief, discount_percent, ground, minimum_commitment))
    model = None
    if name is not None:
        fields, read_model = _MODELS[name]
        reading.refuse_unknown(_OPTIONS | fields)
        model = read_model(reading)
    refuse_faults((path, message) for path, messages in reading.errors.items() for message in messages)
    if model is None or price_basis is None or relief is None:
        raise AssertionError("a field that could not be read left no fault")
    return Tariff(model, price_basis, tier_period, relief, discount_percent, ground, minimum_commitment)


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise Malformed(f"{shown(text)} is none of {', '.join(names)}.")
        return text

    return parse


def _member(choices: type[_Choice]) -> Callable[[str], _Choice]:
    name_of = _one_of([choice.value for choice in choices])
    return lambda text: choices(name_of(text))


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise Malformed(f"{shown(text)} is not text.")
    return text


def _read_per_unit(reading: _Reading) -> PerUnit | None:
    unit_price = reading.required("unit_price", parse_unit_price)
    return None if unit_price is None else PerUnit(unit_price)


def _read_package(reading: _Reading) -> Package | None:
    size_micro = reading.required("package_size", parse_quantity)
    price = reading.required("package_price", parse_money)
    reading.faults(package_faults(size_micro, price))
    return None if reading.errors or size_micro is None or price is None else Package(size_micro, price)


def _read_graduated(reading: _Reading) -> Graduated | None:
    tiers = _read_tiers(reading)
    return None if reading.errors else Graduated(tiers)


def _read_volume(reading: _Reading) -> Volume | None:
    tiers = _read_tiers(reading)
    return None if reading.errors else Volume(tiers)


def _read_tiers(reading: _Reading) -> tuple[Tier, ...]:
    """The tiers that can be read; the faults of all of them, and of their order, go to the reading."""
    rows = reading.document.get("tiers")
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > TIERS_MAX:
        reading.fault("tiers", f"A list of 1 to {TIERS_MAX} tiers is needed.")
        return ()
    tiers: list[Tier] = []
    bounds: dict[int, int | None] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            reading.fault(f"tiers.{index}", "A tier is an object with up_to and unit_price.")
            continue
        row_reading = reading.inside(row, f"tiers.{index}")
        tier = _read_tier(row_reading)
        if not row_reading.failed("up_to"):
            bounds[index] = tier.up_to
        tiers.append(tier)
    reading.faults(bound_faults(bounds, len(rows)))
    return tuple(tiers)


def _read_tier(reading: _Reading) -> Tier:
    """A tier; what could not be read of it is a fault of the reading, and stands as open or zero here."""
    reading.refuse_unknown(_TIER_FIELDS)
    flat_fee = reading.optional("flat_fee", parse_money) or 0
    reading.faults(flat_fee_fault("flat_fee", flat_fee))
    return Tier(
        up_to=reading.optional("up_to", parse_quantity),
        unit_price=reading.required("unit_price", parse_unit_price) or Decimal(0),
        flat_fee=flat_fee,
    )


_MODELS: Final[Mapping[str, tuple[frozenset[str], Callable[[_Reading], Model | None]]]] = {
    PerUnit.name: (frozenset({"unit_price"}), _read_per_unit),
    Graduated.name: (frozenset({"tiers"}), _read_graduated),
    Volume.name: (frozenset({"tiers"}), _read_volume),
    Package.name: (frozenset({"package_size", "package_price"}), _read_package),
}
