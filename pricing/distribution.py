"""Distributing a pool of revenue by an agreement, and what of a bill is there to be distributed.

No national ratio exists: every share comes from a dated agreement. A pool is revenue without output VAT. Each
step takes min(available, due); what it could not take is carried to the next run or lapses, as the step says.
What is left is divided by weights, largest remainder. The parts always sum to the pool. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from pricing.agreement import (
    Agreement,
    CostRecovery,
    FixedFee,
    Holdback,
    Payee,
    Percentage,
    PercentOf,
    ResidualWeights,
    Shortfall,
    Step,
)
from pricing.allocation import Weight, largest_remainder_carrying
from pricing.money import percent_of, round_half_up, spread

RESIDUAL: Final = "residual"


@dataclass(frozen=True)
class Carried:
    """What earlier runs of an agreement left behind, by the index of the step; nothing, in the first run.

    ``shortfalls`` are the dues carried to this run, ``recovered`` what cost recoveries have taken in all runs
    so far, ``odd_fen`` what each beneficiary of the rest is owed in fractions of a fen.
    """

    shortfalls: Mapping[int, int] = field(default_factory=dict)
    recovered: Mapping[int, int] = field(default_factory=dict)
    odd_fen: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One part of a distribution. ``step`` is the index of the step; None for a part of the rest."""

    step: int | None
    kind: str
    beneficiary: str
    due: int
    taken: int
    carried: int
    payee: Payee | None


@dataclass(frozen=True)
class Distribution:
    """The parts of a pool, whose ``taken`` sum to it, and the fractions of a fen that are still owed."""

    pool: int
    rows: tuple[Row, ...]
    odd_fen: dict[str, Fraction]


def distribute(
    pool: int,
    agreement: Agreement,
    carried: Carried | None = None,
    usage: Mapping[str, Weight] | None = None,
) -> Distribution:
    """Divide a pool by an agreement: its steps in order, then the rest by weights.

    A percentage is rounded half up to fen and never takes more than is available. Where the agreement divides
    by use, ``usage`` says what counts for each beneficiary of the rest; who is not in it gets a row of 0.00.
    Raises ``WeightsInvalid`` where something is left and nobody has a weight; ``ValueError`` for a negative
    pool, which reverses stored rows instead.

    >>> from pricing.agreement import agreement_from_document
    >>> step = {"kind": "cost_recovery", "beneficiary": "operator", "shortfall": "carry", "due": "90.00"}
    >>> shares = [{"beneficiary": party, "weight": weight} for party, weight in zip("abc", (70, 20, 10))]
    >>> document = {"steps": [step], "residual": {"weights": "fixed", "shares": shares}}
    >>> [row.taken for row in distribute(9_434, agreement_from_document(document)).rows]
    [9000, 304, 87, 43]
    """
    if pool < 0:
        raise ValueError(f"a pool of {pool} fen is not distributed: reverse the rows of earlier runs instead")
    carried = carried or Carried()
    rows: list[Row] = []
    available = pool
    for index, step in enumerate(agreement.steps):
        due = _due(step, pool, available, carried.shortfalls.get(index, 0), carried.recovered.get(index, 0))
        rows.append(_step_row(index, step, due, available))
        available -= rows[-1].taken
    rest = largest_remainder_carrying(
        available, _residual_weights(agreement, usage), carried.odd_fen if agreement.carry_odd_fen else {}
    )
    for share in agreement.residual.shares:
        part = rest.parts[share.beneficiary]
        rows.append(Row(None, RESIDUAL, share.beneficiary, part, part, 0, share.payee))
    return Distribution(pool, tuple(rows), rest.owed if agreement.carry_odd_fen else {})


def distributable_collected(net_after_credits: int, gross_after_credits: int, paid: int) -> int:
    """Return what of a bill may have been distributed so far on collected basis, cumulatively.

    round(net after credits × min(paid, gross after credits) ÷ gross after credits), half up; zero for a bill
    that is fully credited. Each month takes the difference to what was taken before, so that part payments
    never drift.

    >>> distributable_collected(5_000, 5_300, paid=5_300), distributable_collected(0, 0, paid=5_300)
    (5000, 0)
    """
    if gross_after_credits == 0:
        return 0
    return round_half_up(Fraction(net_after_credits * min(paid, gross_after_credits), gross_after_credits))


def vat_of_credits(tax: int, gross: int, credited: int) -> int:
    """Return the VAT of all credits so far of a bill: round(tax × gross credited ÷ gross), half up.

    Each credit note takes the difference to what those before it took, so that a bill fully credited in any
    number of notes gives back exactly its tax.

    >>> vat_of_credits(600, 10_600, 5_300), vat_of_credits(600, 10_600, 10_600)
    (300, 600)
    """
    return round_half_up(Fraction(tax * credited, gross)) if gross else 0


def allot_to_lines(cumulative: int, line_nets: Sequence[int], allotted_before: Sequence[int]) -> list[int]:
    """Return what each line of a bill takes now of its cumulative distributable, in the order of the lines.

    The cumulative amount is allotted by net after credits, largest remainder, ties by position; each line
    takes the difference to what it was allotted before. A single line may so take back a fen that another one
    gains.

    >>> allot_to_lines(5_000, [6_000, 3_000], [0, 0]), allot_to_lines(9_000, [6_000, 3_000], [3_333, 1_667])
    ([3333, 1667], [2667, 1333])
    """
    allotted = spread(cumulative, line_nets)
    return [now - before for now, before in zip(allotted, allotted_before, strict=True)]


def _due(step: Step, pool: int, available: int, carried: int, recovered: int) -> int:
    match step:
        case FixedFee():
            return step.amount + carried
        case CostRecovery():
            due = step.due + carried
            return due if step.cumulative_cap is None else max(0, min(due, step.cumulative_cap - recovered))
        case Percentage() | Holdback():
            base = pool if step.of is PercentOf.POOL else available
            return round_half_up(percent_of(base, step.percent)) + carried


def _step_row(index: int, step: Step, due: int, available: int) -> Row:
    taken = min(due, available)
    left = due - taken if step.shortfall is Shortfall.CARRY else 0
    return Row(index, step.kind.value, step.beneficiary, due, taken, left, step.payee)


def _residual_weights(agreement: Agreement, usage: Mapping[str, Weight] | None) -> list[tuple[str, Weight]]:
    match agreement.residual.weights:
        case ResidualWeights.FIXED:
            return [(share.beneficiary, share.weight or 0) for share in agreement.residual.shares]
        case ResidualWeights.CONTRIBUTION:
            return list(agreement.contribution_weights().items())
        case ResidualWeights.USAGE:
            return _usage_weights([share.beneficiary for share in agreement.residual.shares], usage)


def _usage_weights(parties: Sequence[str], usage: Mapping[str, Weight] | None) -> list[tuple[str, Weight]]:
    if usage is None:
        raise ValueError("this agreement divides the rest by use, and no use was given")
    if foreign := sorted(set(usage) - set(parties)):
        raise ValueError(f"{', '.join(foreign)} used something but take no part in the rest")
    return [(party, usage.get(party, 0)) for party in parties]
