from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.credit_code import CreditCodeInvalid, check_credit_code
from tests.pricing import case_files

SOUND = "91350211M000100Y46"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("case", case_files.cases("credit_code"))
def test_a_credit_code_is_checked_by_its_characters(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(CreditCodeInvalid) as caught:
            check_credit_code(case["code"])
        assert case["refused"] in caught.value.detail
        assert caught.value.code == "credit_code_invalid"
    else:
        assert check_credit_code(case["code"]) == case["valid"]


@given(place=st.integers(0, len(SOUND) - 1), character=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(place: int, character: str) -> None:
    changed = SOUND[:place] + character + SOUND[place + 1 :]
    if changed == SOUND:
        assert check_credit_code(changed) == SOUND
    else:
        with pytest.raises(CreditCodeInvalid):
            check_credit_code(changed)
