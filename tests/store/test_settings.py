from __future__ import annotations

import pytest

from pricing.operating_year import OperatingYear
from store.settings import SettingInvalid, Settings


def test_a_complete_operating_year_is_a_calendar_year_unless_the_environment_says_otherwise() -> None:
    assert Settings.from_environment({}).operating_year is OperatingYear.CALENDAR_YEAR
    told = Settings.from_environment({"TARIFFBOOK_OPERATING_YEAR": "twelve_months"})
    assert told.operating_year is OperatingYear.TWELVE_MONTHS


def test_a_year_that_cannot_be_counted_is_refused_by_the_name_of_its_variable() -> None:
    with pytest.raises(SettingInvalid, match=r"TARIFFBOOK_OPERATING_YEAR.*'moon'"):
        Settings.from_environment({"TARIFFBOOK_OPERATING_YEAR": "moon"})
