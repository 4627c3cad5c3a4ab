"""What a credit note takes from each line of its bill: by amount, or by lines with their quantities and amounts.

A bill's lines come in groups: the charge of one offering and service month with its minimum and reliefs, which are
negative lines. However the notes of a bill are made, none takes more than is left of a line, of a group or of the
bill, and together they give back exactly the bill's tax. Amounts are gross, in fen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing.distribution import vat_of_credits
from pricing.errors import Malformed, Refusal
from pricing.money import format_money, format_quantity, round_half_up, spread


class CreditExceedsInvoice(Refusal):
    """More is to be credited than is left of a bill, or of a line of it."""

    code = "credit_exceeds_invoice"


class NothingCredited(Malformed):
    """A credit note that would credit neither money nor use."""

    code = "nothing_credited"


@dataclass(frozen=True)
class BilledLine:
    """A line of a bill with what notes have taken of it so far; ``group`` says with which lines it belongs together."""

    position: int
    group: str
    quantity: int
    gross: int
    tax: int
    credited_quantity: int = 0
    credited_gross: int = 0
    credited_tax: int = 0

    @property
    def left(self) -> int:
        """What is left of the line: gross, in fen; below zero for a relief."""
        return self.gross - self.credited_gross

    @property
    def left_quantity(self) -> int:
        """What is left of the use, in millionths."""
        return self.quantity - self.credited_quantity


@dataclass(frozen=True)
class Wanted:
    """What is to be taken from one line: use in millionths, gross in fen, or both."""

    position: int
    quantity: int | None = None
    amount: int | None = None


@dataclass(frozen=True)
class Taken:
    """What a note takes from one line."""

    position: int
    quantity: int
    gross: int
    tax: int

    @property
    def net(self) -> int:
        """The amount without tax."""
        return self.gross - self.tax


def left_of(lines: Sequence[BilledLine]) -> int:
    """Return what is left of a bill to be credited: gross, in fen."""
    return sum(line.left for line in lines)


def credit_by_amount(lines: Sequence[BilledLine], amount: int, positions: Collection[int] | None = None) -> list[Taken]:
    """Spread an amount over a bill by what is left of its groups, and within each by what is left of its lines.

    Where ``positions`` are given, only those lines give. Raises CreditExceedsInvoice, naming what is left.

    >>> bill = [BilledLine(1, "a", 0, 6_360, 360), BilledLine(2, "b", 0, 4_240, 240)]
    >>> [(line.gross, line.tax) for line in credit_by_amount(bill, 5_300)]
    [(3180, 180), (2120, 120)]
    """
    chosen = [line for line in lines if positions is None or line.position in positions]
    _require_left(chosen, amount)
    groups = _grouped(chosen)
    parts = spread(amount, [max(0, left_of(members)) for members in groups.values()])
    gross: dict[int, int] = {}
    for part, members in zip(parts, groups.values(), strict=True):
        shares = spread(part, [line.left for line in members])
        gross |= {line.position: share for line, share in zip(members, shares, strict=True)}
    return _taxed(lines, gross, {})


def credit_by_lines(lines: Sequence[BilledLine], wanted: Sequence[Wanted]) -> list[Taken]:
    """Take from each line what is wanted of it.

    A quantity without an amount takes its part of what the line came to after the reliefs of its group, reckoned on
    all of the line's quantity credited so far, so that returns in parts never drift. Raises CreditExceedsInvoice,
    Malformed for a position that is not there or named twice, and NothingCredited.

    >>> bill = [BilledLine(1, "a", 3_000_000, 10_000, 566)]
    >>> [line.gross for line in credit_by_lines(bill, [Wanted(1, quantity=1_000_000)])]
    [3333]
    """
    by_position = {line.position: line for line in lines}
    _require_positions(by_position, wanted)
    after_reliefs = _after_reliefs(lines)
    gross: dict[int, int] = {}
    quantities: dict[int, int] = {}
    for index, want in enumerate(wanted):
        line = by_position[want.position]
        quantities[line.position] = _quantity(line, want, index)
        gross[line.position] = _amount(line, want, index, after_reliefs[line.position])
    for members in _grouped(lines).values():
        _require_left(members, sum(gross.get(line.position, 0) for line in members))
    if not any(gross.values()) and not any(quantities.values()):
        message = "the lines named credit neither money nor use; give a quantity or an amount above zero"
        raise NothingCredited(message, errors={"lines": [message]})
    return _taxed(lines, gross, quantities)


def gross_for_net(lines: Sequence[BilledLine], net: int) -> int:
    """Return the gross amount whose credit takes exactly this net amount from a bill, the tax being what it is then.

    >>> gross_for_net([BilledLine(1, "a", 0, 10_600, 600)], 5_000)
    5300
    """
    bill_gross, bill_tax = sum(line.gross for line in lines), sum(line.tax for line in lines)
    credited = sum(line.credited_gross for line in lines)
    before = vat_of_credits(bill_tax, bill_gross, credited)
    gross = round_half_up(Fraction(net * bill_gross, bill_gross - bill_tax))
    # One fen more of gross is at most one fen more of net: at most a few steps lead to the exact net.
    while gross - (vat_of_credits(bill_tax, bill_gross, credited + gross) - before) > net:
        gross -= 1
    while gross - (vat_of_credits(bill_tax, bill_gross, credited + gross) - before) < net:
        gross += 1
    return gross


def _require_left(lines: Sequence[BilledLine], amount: int, field: str = "amount") -> None:
    left = max(0, left_of(lines))
    if amount > left:
        message = f"{format_money(amount)} is more than what is left to be credited: {format_money(left)}"
        raise CreditExceedsInvoice(message, errors={field: [message]}, left=format_money(left))


def _require_positions(lines: Mapping[int, BilledLine], wanted: Sequence[Wanted]) -> None:
    errors: dict[str, list[str]] = {}
    seen: set[int] = set()
    for index, want in enumerate(wanted):
        if want.position not in lines:
            errors[f"lines.{index}.position"] = [f"the bill has no line {want.position}"]
        elif want.position in seen:
            errors[f"lines.{index}.position"] = [f"the line {want.position} is named twice"]
        elif want.quantity is None and want.amount is None:
            errors[f"lines.{index}"] = ["give a quantity, an amount, or both"]
        seen.add(want.position)
    if errors:
        message = "the lines to credit cannot be read: " + "; ".join(found[0] for found in errors.values())
        raise Malformed(message, errors=errors)


def _quantity(line: BilledLine, want: Wanted, index: int) -> int:
    quantity = want.quantity or 0
    if quantity > line.left_quantity:
        left = format_quantity(line.left_quantity)
        message = f"{format_quantity(quantity)} is more than what is left of line {line.position}: {left}"
        raise CreditExceedsInvoice(message, errors={f"lines.{index}.quantity": [message]}, left=left)
    return quantity


def _amount(line: BilledLine, want: Wanted, index: int, after_reliefs: int) -> int:
    if want.amount is not None:
        _require_left([line], want.amount, f"lines.{index}.amount")
        return want.amount
    before, after = line.credited_quantity, line.credited_quantity + (want.quantity or 0)
    if not line.quantity:
        return 0
    return min(
        max(0, line.left),
        round_half_up(Fraction(after_reliefs * after, line.quantity))
        - round_half_up(Fraction(after_reliefs * before, line.quantity)),
    )


def _after_reliefs(lines: Sequence[BilledLine]) -> dict[int, int]:
    """What each charging line came to once the reliefs of its group are spread over the charges they relieve."""
    amounts: dict[int, int] = {}
    for members in _grouped(lines).values():
        charges = [line for line in members if line.gross > 0]
        amounts |= {line.position: 0 for line in members}
        if charges:
            whole = max(0, sum(line.gross for line in members))
            parts = spread(whole, [line.gross for line in charges])
            amounts |= {line.position: part for line, part in zip(charges, parts, strict=True)}
    return amounts


def _grouped(lines: Sequence[BilledLine]) -> dict[str, list[BilledLine]]:
    groups: dict[str, list[BilledLine]] = defaultdict(list)
    for line in lines:
        groups[line.group].append(line)
    return groups


def _taxed(lines: Sequence[BilledLine], gross: Mapping[int, int], quantities: Mapping[int, int]) -> list[Taken]:
    """Give each line its part of the note's tax: what it carried of the bill's, in proportion, cumulatively.

    The note's tax is the difference of the bill's cumulative VAT of credits. The lines' own parts are rounded, and
    what that leaves over goes, fen by fen, to the lines that are furthest from their exact part.
    """
    touched = [line for line in lines if gross.get(line.position, 0) or quantities.get(line.position, 0)]
    bill_gross, bill_tax = sum(line.gross for line in lines), sum(line.tax for line in lines)
    before = sum(line.credited_gross for line in lines)
    due = vat_of_credits(bill_tax, bill_gross, before + sum(gross.values()))
    due -= vat_of_credits(bill_tax, bill_gross, before)
    exact = [_exact_tax(line, gross.get(line.position, 0)) for line in touched]
    taxes = [round_half_up(part) for part in exact]
    over = due - sum(taxes)
    step = 1 if over > 0 else -1
    for _ in range(abs(over)):
        index = max(range(len(taxes)), key=lambda number: step * (exact[number] - taxes[number]))
        taxes[index] += step
    return [
        Taken(line.position, quantities.get(line.position, 0), gross.get(line.position, 0), tax)
        for line, tax in zip(touched, taxes, strict=True)
    ]


def _exact_tax(line: BilledLine, gross: int) -> Fraction:
    if not line.gross:
        return Fraction(0)
    return Fraction(line.tax * (line.credited_gross + gross), line.gross) - line.credited_tax
