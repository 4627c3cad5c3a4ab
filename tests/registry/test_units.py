from __future__ import annotations

import pytest

from registry.units import UNIT_BY_CHARGING_BASIS, UnitUnusable, asset_of


@pytest.mark.parametrize(
    ("unit", "asset"),
    [
        ("call", "CALL"),
        ("Calls", "CALL"),
        ("次", "CALL"),
        ("record", "RECORD"),
        ("条", "RECORD"),
        ("item", "ITEM"),
        ("GB", "GB"),
        ("tb", "TB"),
        ("天", "DAY"),
        ("hour", "HOUR"),
        ("月", "MONTH"),
        ("flight", "FLIGHT"),
        ("km_2", "KM_2"),
        ("A" * 16, "A" * 16),
    ],
)
def test_a_unit_is_booked_under_one_code_however_it_is_written(unit: str, asset: str) -> None:
    assert asset_of(unit) == asset


@pytest.mark.parametrize("unit", ["", "2x", "_a", "a_", "per call", "千次", "A" * 17, "CNY", "cny", "A:B", "é"])
def test_a_unit_that_no_account_can_be_kept_in_is_refused_with_the_way_out(unit: str) -> None:
    with pytest.raises(UnitUnusable, match="write a known unit such as call"):
        asset_of(unit)


def test_every_charging_basis_has_a_unit_of_its_own() -> None:
    assert {basis: asset_of(unit) for basis, unit in UNIT_BY_CHARGING_BASIS.items()} == UNIT_BY_CHARGING_BASIS
