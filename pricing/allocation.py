"""Dividing whole amounts by weights without losing or making a fen, and the weights of a fair contribution.

What holds of every division here: the parts sum to the total, no party is dropped, no part is negative, and
the same input gives the same parts in whatever order the parties are named (ties go by party code).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import factorial
from typing import Final

from pricing.errors import Refusal

PLAYERS_MAX: Final = 12
"""Exact Shapley values look at every coalition; 12 players have 4,096 of them."""

Weight = int | Decimal | Fraction


class WeightsInvalid(Refusal):
    """Weights by which nothing can be divided: negative, all zero, or two for one party."""

    code = "weights_invalid"


class UtilityTableInvalid(Refusal):
    """A utility table from which no contribution can be computed."""

    code = "utility_table_invalid"


class ReversalTooLarge(Refusal):
    """More is to be reversed than what remains of the rows."""

    code = "reversal_too_large"


@dataclass(frozen=True)
class Allocation:
    """Parts by party, and by how much each party's exact shares so far exceed what it was given."""

    parts: dict[str, int]
    owed: dict[str, Fraction]


def largest_remainder(total: int, weights: Sequence[tuple[str, Weight]]) -> dict[str, int]:
    """Divide ``total`` by weights: whole shares, then one each to the largest remainders, ties by code.

    A party of weight zero is kept, with 0. Raises ``WeightsInvalid`` where the weights are negative, name a
    party twice, or are all zero though there is something to divide; ``ValueError`` for a negative total (a
    reversal negates the stored rows, see ``reverse_in_proportion``).

    >>> largest_remainder(12_501, [("a", Decimal("33.34")), ("b", Decimal("33.34")), ("c", Decimal("33.33"))])
    {'a': 4168, 'b': 4167, 'c': 4166}
    >>> largest_remainder(1, [("c", 1), ("b", 1), ("a", 1)])
    {'c': 0, 'b': 0, 'a': 1}
    """
    return largest_remainder_carrying(total, weights, {}).parts


def largest_remainder_carrying(
    total: int, weights: Sequence[tuple[str, Weight]], owed: Mapping[str, Fraction]
) -> Allocation:
    """Divide as ``largest_remainder`` does, but the odd fen goes to those owed most from earlier divisions.

    ``owed`` is what the last division answered; handed on from period to period, the odd fen rotates.

    >>> first = largest_remainder_carrying(1, [("a", 1), ("b", 1)], {})
    >>> first.parts, largest_remainder_carrying(1, [("a", 1), ("b", 1)], first.owed).parts
    ({'a': 1, 'b': 0}, {'a': 0, 'b': 1})
    """
    shares = _exact_shares(total, weights)
    parts = {party: int(share) for party, share in shares.items()}
    claims = {party: share - int(share) + owed.get(party, Fraction(0)) for party, share in shares.items()}
    odd = total - sum(parts.values())
    # A party with nothing due in this division gets no odd fen, whatever earlier ones left.
    candidates = [party for party, share in shares.items() if share]
    for party in sorted(candidates, key=lambda party: (-claims[party], party))[:odd]:
        parts[party] += 1
        claims[party] -= 1
    return Allocation(parts, claims)


def reverse_in_proportion(rows: Mapping[str, int], already_reversed: Mapping[str, int], amount: int) -> dict[str, int]:
    """Return what to add to each row to take ``amount`` back: parts of zero or less that sum to ``-amount``.

    The amount is divided in proportion to what remains of the rows, so no row is ever taken below zero and
    the last reversal leaves nothing. The split itself is never run on a negative amount: it would round
    differently. Raises ``ReversalTooLarge`` where less than ``amount`` remains, ``ValueError`` for rows or
    amounts below zero.

    >>> reverse_in_proportion({"a": 4, "b": 1}, {}, 5)
    {'a': -4, 'b': -1}
    >>> reverse_in_proportion({"a": 4, "b": 1}, {"a": 2}, 3)
    {'a': -2, 'b': -1}
    """
    remaining = {party: row - already_reversed.get(party, 0) for party, row in rows.items()}
    if amount < 0 or min(rows.values(), default=0) < 0 or min(remaining.values(), default=0) < 0:
        raise ValueError(f"{amount} cannot be reversed out of {dict(rows)}, reversed so far {dict(already_reversed)}")
    if amount > (left := sum(remaining.values())):
        raise ReversalTooLarge(f"{amount} fen cannot be reversed: only {left} fen remain of these rows")
    parts = largest_remainder(amount, list(remaining.items()))
    return {party: -part for party, part in parts.items()}


def shapley(players: Sequence[str], utility: Mapping[frozenset[str], Fraction | int]) -> dict[str, Fraction]:
    """Return each player's exact Shapley value: its marginal utility, averaged over all orders of joining.

    ``utility`` gives the worth of every coalition; that of nobody is 0 and may be left out. At most
    ``PLAYERS_MAX`` players. Raises ``UtilityTableInvalid`` with what is missing or foreign. (L. S. Shapley, A
    value for n-person games, 1953.)

    >>> worth = {frozenset("a"): 1, frozenset("b"): 2, frozenset("ab"): 5}
    >>> shapley(["a", "b"], worth)
    {'a': Fraction(2, 1), 'b': Fraction(3, 1)}
    """
    worths = _worths(players, utility)
    count = len(players)
    weights = [factorial(size) * factorial(count - 1 - size) for size in range(count)]
    values: dict[str, Fraction] = {}
    for position, player in enumerate(players):
        bit = 1 << position
        marginal = sum(
            weights[coalition.bit_count()] * (worths[coalition | bit] - worths[coalition])
            for coalition in range(1 << count)
            if not coalition & bit
        )
        values[player] = Fraction(marginal, factorial(count))
    return values


def _exact_shares(total: int, weights: Sequence[tuple[str, Weight]]) -> dict[str, Fraction]:
    if total < 0:
        raise ValueError(f"{total} cannot be divided: a negative amount reverses stored rows instead")
    exact = {party: Fraction(weight) for party, weight in weights}
    if len(exact) < len(weights):
        repeated = sorted({party for party, _ in weights if [other for other, _ in weights].count(party) > 1})
        raise WeightsInvalid(f"more than one weight for {', '.join(repeated)}; give each party one weight")
    if negative := sorted(party for party, weight in exact.items() if weight < 0):
        raise WeightsInvalid(f"the weight of {', '.join(negative)} is negative; weights are zero or more")
    whole = sum(exact.values(), Fraction(0))
    if whole == 0 and total:
        raise WeightsInvalid(f"{total} fen cannot be divided: no party has a weight above zero")
    return {party: total * weight / whole if whole else Fraction(0) for party, weight in exact.items()}


def _worths(players: Sequence[str], utility: Mapping[frozenset[str], Fraction | int]) -> list[Fraction]:
    """Return the worth of every coalition, by the bits of its members' positions."""
    if not 0 < len(players) <= PLAYERS_MAX:
        raise UtilityTableInvalid(f"{len(players)} players: exact values are computed for 1 to {PLAYERS_MAX}")
    if len(set(players)) < len(players):
        raise UtilityTableInvalid(f"a player is named twice: {', '.join(players)}")
    if foreign := sorted({member for coalition in utility for member in coalition} - set(players)):
        raise UtilityTableInvalid(f"the utility table names {', '.join(foreign)}, who take no part")
    coalitions = [_members(players, bits) for bits in range(1 << len(players))]
    if utility.get(frozenset(), 0):
        raise UtilityTableInvalid("the utility of nobody must be 0")
    missing = [coalition for coalition in coalitions[1:] if coalition not in utility]
    if missing:
        example = ", ".join(sorted(missing[0]))
        raise UtilityTableInvalid(f"the utility of {len(missing)} coalitions is missing, first that of {{{example}}}")
    return [Fraction(utility.get(coalition, 0)) for coalition in coalitions]


def _members(players: Sequence[str], bits: int) -> frozenset[str]:
    return frozenset(player for position, player in enumerate(players) if bits >> position & 1)
