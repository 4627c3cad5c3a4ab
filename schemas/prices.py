"""Documents of prices: ceilings, tariffs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields, post_load, validates_schema
from marshmallow.exceptions import ValidationError

from pricing.ceiling import ChargingForm
from pricing.document import TEXT_LENGTH_MAX
from pricing.errors import Malformed
from pricing.fees import FeePeriod, Proration
from pricing.money import PriceBasis
from pricing.tariff import Relief, TierPeriod, tariff_from_document
from pricing.tariff_models import TIERS_MAX, ModelName
from schemas.fields import (
    WIRE_FORMS,
    Choice,
    Day,
    Instant,
    Items,
    Money,
    Quantity,
    Rate,
    Ref,
    UnitPrice,
    Words,
    YesNo,
)
from schemas.wire import PageQuery, Wire

BASES = tuple(PriceBasis)
NUMBER_LENGTH_MAX = 128
RECIPIENTS_MAX = 50


class Factors(Wire):
    """What the grantor weighed for a ceiling, in its own words or figures (Price Notice 三)."""

    data = Words(load_default=None, allow_none=True)
    computing = Words(load_default=None, allow_none=True)
    storage = Words(load_default=None, allow_none=True)
    personnel = Words(load_default=None, allow_none=True)
    sales_volume = Words(load_default=None, allow_none=True)


class CeilingReport(Wire):
    """The record of the grantor's written report of a ceiling."""

    report_no = Words(required=True, longest=NUMBER_LENGTH_MAX)
    reported_on = Day(required=True)
    recipients = Items(Words(longest=200), required=True, least=1, most=RECIPIENTS_MAX)


class CeilingIn(Wire):
    """A ceiling price: ``unit_price`` yuan for ``per_quantity`` units, from a day on."""

    offering = Ref(required=True)
    price_basis = Choice(*BASES, required=True)
    charging_form = Choice(*ChargingForm, required=True)
    unit_price = UnitPrice(required=True)
    per_quantity = Quantity(required=True, above=0)
    effective_from = Day(required=True)
    effective_until = Day(load_default=None, allow_none=True)
    decision_no = Words(required=True, longest=NUMBER_LENGTH_MAX)
    factors = fields.Nested(Factors, required=True)
    report = fields.Nested(CeilingReport, load_default=None, allow_none=True)
    base_price = UnitPrice(load_default=None, allow_none=True)
    base_price_period = Choice(*FeePeriod, load_default=None, allow_none=True)
    planned_sales_volume = Quantity(load_default=None, allow_none=True)
    above_maximum_reason = Words(load_default=None, allow_none=True)
    backdate_reason = Words(load_default=None, allow_none=True)

    @validates_schema
    def require_period_of_base_price(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse a base price without the period that it is for, and a period without a price."""
        given = [name for name in ("base_price", "base_price_period") if data[name] is not None]
        if len(given) == 1:
            lacking = "base_price_period" if given == ["base_price"] else "base_price"
            raise ValidationError({lacking: ["A base price and the period that it is for go together."]})
        if given and data["charging_form"] in (ChargingForm.MONTH, ChargingForm.YEAR):
            message = f"A ceiling by the {data['charging_form']} is itself for the fixed part: its unit_price is that."
            raise ValidationError({"base_price": [message]})


class TestedCeiling(Wire):
    """A ceiling as it was counted in the test of the sum."""

    offering = fields.String(required=True)
    charging_form = fields.String(required=True)
    decision_no = fields.String(required=True)
    price_basis = fields.String(required=True)
    unit_price = fields.String(required=True)
    per_quantity = fields.String(required=True)
    planned_sales_volume = fields.String(required=True)


class CeilingsTest(Wire):
    """Ceilings at their planned volumes against the maximum permitted revenue, when the ceiling was recorded."""

    year = fields.Integer(required=True)
    decision_no = fields.String(required=True)
    revenue_basis = fields.String(required=True)
    possible_revenue = fields.String(required=True)
    maximum_permitted_revenue = fields.String(required=True)
    above_maximum = fields.Boolean(required=True)
    ceilings = fields.List(fields.Nested(TestedCeiling), required=True)


class CeilingOut(CeilingIn):
    """A ceiling as decided. ``ceilings_test`` is null where no maximum is determined for its first year."""

    id = fields.String(required=True)
    offering_id = fields.String(required=True)
    grantor = fields.String(required=True)
    unit = fields.String(required=True)
    ceilings_test = fields.Nested(CeilingsTest, required=True, allow_none=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)
    recorded_at = Instant(required=True)


class OfferingQuery(PageQuery):
    """Of which offering."""

    offering = Ref(load_default=None)


def _exact(form: type[fields.Field[Any]], meaning: str) -> fields.Raw:
    """A field of a tariff that the tariff's own reader judges; the schema tells clients its form."""
    pattern, example = WIRE_FORMS[form]
    described = {"type": "string", "pattern": pattern, "example": example, "description": meaning}
    return fields.Raw(load_default=None, allow_none=True, metadata=described)


def _word(choices: Iterable[str], meaning: str, *, required: bool = False) -> fields.Raw:
    described = {"type": "string", "description": f"{meaning} One of: {', '.join(choices)}."}
    if required:
        return fields.Raw(required=True, metadata={**described, "enum": list(choices)})
    return fields.Raw(load_default=None, allow_none=True, metadata={**described, "enum": [*choices, None]})


_TIER = {
    "type": "object",
    "required": ["unit_price"],
    "additionalProperties": False,
    "properties": {
        "up_to": {"type": ["string", "null"], "pattern": WIRE_FORMS[Quantity][0], "example": "10000"},
        "unit_price": {"type": "string", "pattern": WIRE_FORMS[UnitPrice][0], "example": "0.10"},
        "flat_fee": {"type": ["string", "null"], "pattern": WIRE_FORMS[Money][0], "example": "0.00"},
    },
}


class TariffFields(Wire):
    """The tariff itself. Its reader in ``pricing.tariff`` judges these fields, all of them together."""

    price_basis = _word(BASES, "The tax basis of the prices: that of the ceiling.", required=True)
    model = _word(ModelName, "How use is charged; each model has fields of its own.", required=True)
    unit_price = _exact(UnitPrice, "per_unit, two_part: yuan for one unit.")
    tiers = fields.Raw(
        load_default=None,
        allow_none=True,
        metadata={
            "type": "array",
            "items": _TIER,
            "maxItems": TIERS_MAX,
            "description": "graduated, volume: ascending bands, each up to and with `up_to`; the last is open (null).",
        },
    )
    package_size = _exact(Quantity, "package: units in one package.")
    package_price = _exact(Money, "package: yuan for one package.")
    period = _word(FeePeriod, "flat_period, two_part: what the fixed price is for.")
    price = _exact(Money, "flat_period: yuan for one period, use included.")
    base_price = _exact(Money, "two_part: yuan for one period, beside the price of use.")
    proration = _word(Proration, "flat_period, two_part: what a part of a period costs; by_day if not given.")
    tier_period = _word(TierPeriod, "Over which tiers, packages and minimums accumulate; month if not given.")
    relief = _word(Relief, "What is taken off the charge; none if not given.")
    discount_percent = _exact(Rate, "With the relief discount: how much of the charge.")
    ground = Words(longest=TEXT_LENGTH_MAX, load_default=None, allow_none=True)
    minimum_commitment = _exact(
        Money, "The least charge of a tier period, with use or without; whole in one that began late."
    )


_TARIFF_FIELDS = tuple(TariffFields._declared_fields)  # noqa: SLF001 - marshmallow's own list of a schema's fields


class TariffIn(TariffFields):
    """A tariff to publish from a day on: its model with the model's fields, and the options around it."""

    offering = Ref(required=True)
    effective_from = Day(required=True)
    trial = YesNo(load_default=False)
    guidance_no = Words(load_default=None, allow_none=True, longest=NUMBER_LENGTH_MAX)
    backdate_reason = Words(load_default=None, allow_none=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def require_sound_tariff(self, data: Mapping[str, Any], original: object, **_kwargs: Any) -> None:
        """Refuse fields that are not the model's, that it lacks, or that its reader cannot read: all at once."""
        if not isinstance(original, Mapping):
            return
        faults = {
            **_tariff_faults(_tariff_document(original, data)),
            **_trial_faults(original),
        }
        told = {name for name, field in self.fields.items() if field.required and original.get(name) is None}
        faults = {path: messages for path, messages in faults.items() if path not in told}
        if faults:
            raise ValidationError(faults)

    @post_load
    def read_tariff(self, data: Mapping[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """Give the tariff as a value."""
        rest = {name: value for name, value in data.items() if name not in _TARIFF_FIELDS}
        return {**rest, "tariff": tariff_from_document(_tariff_document(data, data))}


class CeilingNamed(Wire):
    """The ceiling that a price was held against."""

    unit_price = fields.String(required=True)
    per_quantity = fields.String(required=True)
    decision_no = fields.String(required=True)


class FixedCeilingNamed(Wire):
    """What a ceiling allows for the fixed part of a price."""

    price = fields.String(required=True)
    period = Choice(*FeePeriod, required=True)
    decision_no = fields.String(required=True)


class PriceWarning(Wire):
    """Where more use costs less: a quantity, what it costs, and a greater one that costs less."""

    code = fields.String(required=True)
    text_en = fields.String(required=True)
    text_zh = fields.String(required=True)
    quantity = fields.String(required=True)
    amount = fields.String(required=True)
    more_quantity = fields.String(required=True)
    more_amount = fields.String(required=True)


class TariffOut(TariffFields):
    """A tariff as published, with the ceiling in force on its first day (null for a trial price without one).

    ``effective_until`` is the start of the version that follows, null while there is none. ``fixed_ceiling`` is for
    the fixed part of a price, where both have one; ``warnings`` say where more use costs less.
    """

    id = fields.String(required=True)
    offering = Ref(required=True)
    offering_id = fields.String(required=True)
    operator = fields.String(required=True)
    unit = fields.String(required=True)
    effective_from = Day(required=True)
    effective_until = Day(required=True, allow_none=True)
    trial = fields.Boolean(required=True)
    guidance_no = fields.String(allow_none=True)
    backdate_reason = fields.String(allow_none=True)
    ceiling = fields.Nested(CeilingNamed, required=True, allow_none=True)
    ceiling_id = fields.String(required=True, allow_none=True)
    fixed_ceiling = fields.Nested(FixedCeilingNamed, required=True, allow_none=True)
    warnings = fields.List(fields.Nested(PriceWarning), required=True)
    currency = fields.String(required=True)
    sandbox = fields.Boolean(required=True)
    recorded_at = Instant(required=True)


def _tariff_document(given: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body that are the tariff's, as its reader takes them; text is taken as the schema read it."""
    document = {name: given[name] for name in _TARIFF_FIELDS if given.get(name) is not None}
    document.pop("ground", None)
    ground = read.get("ground")
    return document if ground is None else {**document, "ground": ground}


def _tariff_faults(document: Mapping[str, Any]) -> dict[str, list[str]]:
    try:
        tariff_from_document(document)
    except Malformed as malformed:
        return malformed.errors
    return {}


def _trial_faults(given: Mapping[str, Any]) -> dict[str, list[str]]:
    if given.get("trial") is True and given.get("guidance_no") is None:
        return {"guidance_no": ["A trial price is set under the grantor's guidance: name its number."]}
    return {}
