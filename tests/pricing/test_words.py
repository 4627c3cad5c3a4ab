from __future__ import annotations

from decimal import Decimal

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.errors import AmountTooLarge
from pricing.money import MONEY_LIMIT, parse_money
from pricing.words import amount_in_words
from tests.pricing import case_files

AMOUNTS = case_files.read("words/an-amount-in-words-follows-the-bank-note-rules.yaml")


@pytest.mark.parametrize(("amount", "words"), AMOUNTS.items())
def test_an_amount_in_words_follows_the_bank_note_rules(amount: str, words: str) -> None:
    assert amount_in_words(parse_money(amount)) == words


def _zero_after_yuan_is_optional(fen: int) -> bool:
    """Whether the yuan end in 0 before jiao, where the rules allow 零 and the oracle leaves it out."""
    return fen >= 100 and fen // 100 % 10 == 0 and fen // 10 % 10 != 0


@given(st.integers(1, MONEY_LIMIT - 1).filter(lambda fen: not _zero_after_yuan_is_optional(fen)))
def test_words_agree_with_an_independent_converter(fen: int) -> None:
    oracle = cn2an.an2cn(str(Decimal(fen).scaleb(-2)), "rmb")
    assert amount_in_words(fen) == f"人民币{oracle}"


@given(st.integers(1, MONEY_LIMIT // 1000 - 1), st.integers(10, 99))
def test_yuan_that_end_in_zero_are_followed_by_a_zero_before_jiao(tens_of_yuan: int, rest: int) -> None:
    fen = tens_of_yuan * 1000 + rest
    oracle = cn2an.an2cn(str(Decimal(fen).scaleb(-2)), "rmb")
    assert amount_in_words(fen) == f"人民币{oracle.replace('元', '元零')}"


@given(st.integers(1, MONEY_LIMIT - 1))
def test_a_negative_amount_is_the_positive_with_its_sign(fen: int) -> None:
    assert amount_in_words(-fen) == amount_in_words(fen).replace("人民币", "人民币负")


def test_an_amount_beyond_the_books_has_no_words() -> None:
    with pytest.raises(AmountTooLarge):
        amount_in_words(MONEY_LIMIT)
