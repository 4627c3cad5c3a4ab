"""The amount in words (大写金额) that a Chinese bill carries beside its figures."""

from __future__ import annotations

from typing import Final

from pricing.money import FEN_PER_YUAN, within_money_limit

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("仟", "佰", "拾", "")
_GROUPS: Final = ("亿", "万", "")


def amount_in_words(fen: int) -> str:
    """Write an amount of fen in words, by the bank-note rules, from 人民币 to 整 or 分.

    Source: 支付结算办法 (银发〔1997〕393号), annex 1 正确填写票据和结算凭证的基本规定. Where the rules leave
    a choice, this form is kept: zeros in a row are read once; no 零 after 万 or 亿 that is followed at once
    by thousands; 零 between 元 and 角 when the yuan end in 0; 整 after 元 only, not after 角. A negative
    amount takes 负.

    Raises ``AmountTooLarge`` from 10¹¹ yuan on.

    >>> amount_in_words(140_950), amount_in_words(32_504), amount_in_words(0)
    ('人民币壹仟肆佰零玖元伍角', '人民币叁佰贰拾伍元零肆分', '人民币零元整')
    """
    within_money_limit(fen, "amount to be written in words")
    yuan, rest = divmod(abs(fen), FEN_PER_YUAN)
    sign = "负" if fen < 0 else ""
    return f"人民币{sign}{_yuan_words(yuan) if yuan or not rest else ''}{_fraction_words(yuan, rest)}"


def _yuan_words(yuan: int) -> str:
    """The whole yuan, up to 999,999,999,999, closed with 元."""
    digits = f"{yuan:012d}"
    words = ""
    zero_pending = False
    for name, group in zip(_GROUPS, (digits[:4], digits[4:8], digits[8:]), strict=True):
        if group == "0000":
            zero_pending = bool(words)
            continue
        zero_pending = bool(words) and (zero_pending or group[0] == "0")
        words += ("零" if zero_pending else "") + _group_words(group) + name
        zero_pending = False
    return (words or _DIGITS[0]) + "元"


def _group_words(group: str) -> str:
    """Four digits without the zeros at either end, and with one 零 for each run of zeros inside."""
    words = ""
    zero_pending = False
    for digit, place in zip(group, _PLACES, strict=True):
        if digit == "0":
            zero_pending = bool(words)
            continue
        words += ("零" if zero_pending else "") + _DIGITS[int(digit)] + place
        zero_pending = False
    return words


def _fraction_words(yuan: int, rest: int) -> str:
    """The jiao and fen that follow ``yuan``, or 整 where there are none."""
    if rest == 0:
        return "整"
    jiao, fen = divmod(rest, 10)
    if jiao == 0:
        return ("零" if yuan else "") + _DIGITS[fen] + "分"
    zero = "零" if yuan and yuan % 10 == 0 else ""
    return zero + _DIGITS[jiao] + "角" + (_DIGITS[fen] + "分" if fen else "")
