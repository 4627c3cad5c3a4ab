"""One step of an explanation: a rule, what it was applied to, what came out, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PRICE_NOTICE: Final = "发改价格〔2025〕65号"
"""关于建立公共数据资源授权运营价格形成机制的通知, in force from 2025-03-01."""
FUJIAN_TRIAL: Final = "福建省公共数据运营服务费收费标准（试行）"
"""Published 2025-03-28; the structure of its charges only."""


@dataclass(frozen=True)
class Step:
    """A rule as it was applied, in English and Chinese.

    ``rule`` is a stable key (``tariff.band``); ``inputs`` and ``amount`` (yuan) are wire text; ``source`` and
    ``article`` name the document that the rule comes from, where it is not the contract's own.
    """

    rule: str
    text_en: str
    text_zh: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    amount: str | None = None
    source: str | None = None
    article: str | None = None

    def as_wire(self) -> dict[str, object]:
        """The step as a JSON object."""
        return {
            "rule": self.rule,
            "text_en": self.text_en,
            "text_zh": self.text_zh,
            "inputs": dict(self.inputs),
            "amount": self.amount,
            "source": self.source,
            "article": self.article,
        }
