"""Random valid tariffs for property tests."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from pricing.fees import FeePeriod, Proration
from pricing.money import PriceBasis
from pricing.tariff import Relief, Tariff
from pricing.tariff_models import FlatPeriod, Graduated, Model, Package, PerUnit, Tier, TwoPart, Volume

QUANTITY_MAX = 10**12

quantities = st.integers(0, QUANTITY_MAX)
prices = st.decimals(0, 1000, places=8)
fees = st.integers(0, 10**4)


@st.composite
def tiers(draw: st.DrawFn, fees: st.SearchStrategy[int] = fees) -> tuple[Tier, ...]:
    """One to six tiers, the last one open."""
    bounds = sorted(draw(st.sets(st.integers(1, QUANTITY_MAX), max_size=5)))
    return tuple(Tier(bound, draw(prices), draw(fees)) for bound in (*bounds, None))


fee_periods = st.sampled_from(FeePeriod)
prorations = st.sampled_from(Proration)
models = st.one_of(
    st.builds(PerUnit, prices),
    st.builds(Graduated, tiers()),
    st.builds(Volume, tiers()),
    st.builds(Package, st.integers(10**4, QUANTITY_MAX), fees),
    st.builds(FlatPeriod, fee_periods, fees, prorations),
    st.builds(TwoPart, fee_periods, fees, prices, prorations),
)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """A tariff of any model with any options."""
    relief = draw(st.sampled_from(Relief))
    percents = st.decimals("0.01", 100, places=2)
    return Tariff(
        model=draw(models),
        price_basis=PriceBasis.TAX_EXCLUSIVE,
        relief=relief,
        discount_percent=draw(percents) if relief is Relief.DISCOUNT else None,
        ground=draw(st.none() | st.just("数字经济试点")),
        minimum_commitment=draw(st.none() | fees),
    )


def plain(model: Model) -> Tariff:
    """A tariff of a model without options."""
    return Tariff(model, PriceBasis.TAX_EXCLUSIVE)


ONE_YUAN = plain(PerUnit(Decimal("1.00")))
