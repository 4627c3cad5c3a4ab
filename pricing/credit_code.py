"""The unified social credit code of an organisation, by GB 32100-2015."""

from __future__ import annotations

import re
from typing import Final

from stdnum.cn import uscc

from pricing.errors import Refusal, shown

# Two characters of department and kind, six digits of the region, nine of the organisation, one check.
_FORM: Final = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")
_ORGANISATION: Final = slice(8, 17)
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


class CreditCodeInvalid(Refusal):
    """A text that is not a unified social credit code by GB 32100."""

    code = "credit_code_invalid"


def check_credit_code(code: str) -> str:
    """Return the code in capitals and without blanks or hyphens, or raise ``CreditCodeInvalid``.

    Three things are checked: the form (18 characters; the letters I, O, S, V and Z do not occur), the check
    character at the end (GB 32100, modulo 31), and the check character of the organisation code at places 9
    to 17 (GB 11714, modulo 11). Older taxpayer numbers follow other rules and are not for this function.

    >>> check_credit_code("91350100m000100y43")
    '91350100M000100Y43'
    """
    compact = uscc.compact(code)
    if not _FORM.fullmatch(compact):
        raise _invalid(
            code,
            "it needs 18 characters: 2 letters or digits, 6 digits of the region, 10 letters or digits; "
            "I, O, S, V and Z do not occur",
        )
    if compact[-1] != (expected := uscc.calc_check_digit(compact[:-1])):
        raise _invalid(code, f"the check character at the end is {compact[-1]} and would have to be {expected}")
    organisation = compact[_ORGANISATION]
    if organisation[-1] != (expected := _organisation_check_character(organisation[:-1])):
        raise _invalid(code, f"its organisation code {organisation} would have to end in {expected}")
    return compact


def _organisation_check_character(digits: str) -> str:
    """Return the ninth character of an organisation code (GB 11714): modulo 11, ten written as X."""
    total = sum(int(digit, 36) * weight for digit, weight in zip(digits, _ORGANISATION_WEIGHTS, strict=True))
    remainder = -total % 11
    return "X" if remainder == 10 else str(remainder)  # noqa: PLR2004 - modulo 11 leaves one value beyond the digits


def _invalid(code: str, problem: str) -> CreditCodeInvalid:
    return CreditCodeInvalid(
        f"{shown(code)} is not a unified social credit code: {problem}. Check it against the licence."
    )
