"""Where a year's revenue goes: the projection to its end, and the straight line of its maximum, month by month.

The method is one and stated: the revenue of the months that are over, divided by their number, times the months of the
year that the cap holds. It is the platform's own; the Price Notice has none. Exact until it is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

METHOD: Final = "complete_months_pro_rata"


@dataclass(frozen=True)
class Projection:
    """Revenue projected to the end of a year, exact, in fen; and the months that it was reckoned from."""

    months_observed: int
    months_not_begun: int
    months_held: int
    amount: Fraction

    def exceeds(self, maximum: int) -> bool:
        """Whether the projected revenue is above a maximum in fen, compared without rounding."""
        return self.amount > maximum


def project(complete: Sequence[int], months_held: int, months_not_begun: int, once: int = 0) -> Projection | None:
    """Return the projection from the revenue of the complete months, in fen; None before the first one is over.

    ``once`` counts as it is, with no month: what the year has of earlier ones does not come again.

    >>> project([30, 20, 50], months_held=12, months_not_begun=8).amount
    Fraction(400, 1)
    >>> project([], months_held=12, months_not_begun=11) is None
    True
    """
    if not complete:
        return None
    amount = Fraction(sum(complete) * months_held, len(complete)) + once
    return Projection(len(complete), months_not_begun, months_held, amount)


def straight_line(maximum: int, months_held: int, month: int) -> Fraction:
    """Return the part of a maximum that belongs to the first ``month`` months of those held, exact.

    >>> straight_line(1_200, months_held=12, month=3), straight_line(1_000, months_held=12, month=1)
    (Fraction(300, 1), Fraction(250, 3))
    """
    return Fraction(maximum * month, months_held)
