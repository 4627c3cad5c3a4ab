"""Figures: what was measured, in how many runs, against which baseline; and how runs are made comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median
from typing import Any

RUNS = 3


@dataclass(frozen=True)
class Figure:
    """One figure: ``values`` of each run in ``unit``, beside the raw ``baseline`` of the same runs, if there is one.

    ``less_is_better`` is so for seconds and bytes.
    """

    name: str
    database: str
    unit: str
    values: tuple[float, ...]
    baseline: tuple[float, ...] = ()
    against: str = ""
    note: str = ""
    less_is_better: bool = False

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.values)

    @property
    def raw(self) -> float | None:
        """The median of the baseline's runs."""
        return median(self.baseline) if self.baseline else None

    @property
    def ratio(self) -> float | None:
        """The median of value ÷ baseline, run by run, so that a slow minute of the machine falls out of it."""
        if not self.baseline:
            return None
        return median(value / raw for value, raw in zip(self.values, self.baseline, strict=True))

    def document(self) -> dict[str, Any]:
        """Return the figure as it is kept."""
        return {**asdict(self), "median": self.value, "baseline_median": self.raw, "ratio": self.ratio}


def interleaved(
    raw: Callable[[], float], ours: Callable[[], float], runs: int = RUNS
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Run the baseline and the measured thing in turn; return the values of ours and of the baseline."""
    pairs = [(raw(), ours()) for _ in range(runs)]
    return tuple(value for _, value in pairs), tuple(value for value, _ in pairs)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of the values do not exceed.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50), percentile([4.0, 1.0, 3.0, 2.0], 99)
    (2.0, 4.0)
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
