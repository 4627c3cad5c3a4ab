"""Figures: what was measured, in how many runs, against which baseline; and how runs are made comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from math import ceil
from statistics import median
from typing import Any, Literal, TypeVar

RUNS = 3

T = TypeVar("T")


class Scale(Enum):
    """How much of everything is measured: a little to see that it works, as usual, or as much as can be waited for."""

    QUICK = 0
    USUAL = 1
    FULL = 2

    def of(self, quick: T, usual: T, full: T | None = None) -> T:
        """Return what this scale takes; in full it is what is usual, where nothing else is said."""
        return (quick, usual, usual if full is None else full)[self.value]


@dataclass(frozen=True)
class Goal:
    """What a figure has to ``reach``, and what the best should show (``aim``): of its ``ratio`` or of its ``value``."""

    reach: float
    aim: float | None = None
    of: Literal["ratio", "value"] = "ratio"


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
    goal: Goal | None = None

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

    @property
    def reached(self) -> Literal["aim", "reach", "no"] | None:
        """Which of its goals the figure has come to; None where it has none, or nothing to be held against.

        >>> [Figure("calls", "sqlite", "/s", (9.0,), (rate,), goal=Goal(0.5, 0.9)).reached for rate in (10, 15, 20)]
        ['aim', 'reach', 'no']
        >>> Figure("time", "sqlite", "ms", (16.0,), less_is_better=True, goal=Goal(15, of="value")).reached
        'no'
        """
        found = None if self.goal is None else self.ratio if self.goal.of == "ratio" else self.value
        if self.goal is None or found is None:
            return None
        if self.goal.aim is not None and self._is_good(found, self.goal.aim):
            return "aim"
        return "reach" if self._is_good(found, self.goal.reach) else "no"

    def _is_good(self, found: float, wanted: float) -> bool:
        return found <= wanted if self.less_is_better else found >= wanted

    def document(self) -> dict[str, Any]:
        """Return the figure as it is kept."""
        medians = {"median": self.value, "baseline_median": self.raw, "ratio": self.ratio}
        return {**asdict(self), **medians, "reached": self.reached}


def interleaved(
    raw: Callable[[], float], ours: Callable[[], float], runs: int = RUNS
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Run the baseline and the measured thing in turn; return the values of ours and of the baseline."""
    pairs = [(raw(), ours()) for _ in range(runs)]
    return tuple(value for _, value in pairs), tuple(value for value, _ in pairs)


def paired(
    raw: Callable[[], float], ours: Callable[[], float], pairs: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Run both in turn, each of them first every second time; return the values of ours and of the baseline."""
    values: list[float] = []
    baselines: list[float] = []
    for pair in range(pairs):
        for kept, run in ((baselines, raw), (values, ours))[:: -1 if pair % 2 else 1]:
            kept.append(run())
    return tuple(values), tuple(baselines)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of the values do not exceed.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50), percentile([4.0, 1.0, 3.0, 2.0], 99)
    (2.0, 4.0)
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
