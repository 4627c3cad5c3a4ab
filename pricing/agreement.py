"""A distribution agreement as a value: its steps, the weights of the rest, and its form on the wire.

Reading a document collects every fault by the path of its field; writing gives a document that reads the
same. Amounts are in fen, percentages exact decimals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final

from pricing.allocation import PLAYERS_MAX, UtilityTableInvalid, shapley
from pricing.canonical import sha256_of
from pricing.document import Field
from pricing.money import format_money, format_rate

STEPS_MAX: Final = 50
SHARES_MAX: Final = 200
RELEASE_MONTHS_MAX: Final = 120


class Shortfall(StrEnum):
    """What becomes of the part of a step's due that the pool did not hold."""

    CARRY = "carry"
    LAPSE = "lapse"


class PercentOf(StrEnum):
    """What a percentage is taken of: the whole pool, or what the steps before have left of it."""

    REMAINING = "remaining"
    POOL = "pool"


class ResidualWeights(StrEnum):
    """By what the rest is divided: agreed weights, use of one unit, or contribution (Shapley values)."""

    FIXED = "fixed"
    USAGE = "usage"
    CONTRIBUTION = "contribution"


class StepKind(StrEnum):
    """The kinds of step, by their names on the wire."""

    FIXED_FEE = "fixed_fee"
    COST_RECOVERY = "cost_recovery"
    PERCENTAGE = "percentage"
    HOLDBACK = "holdback"


@dataclass(frozen=True)
class Payee:
    """Who is paid instead of an administrative body: the treasury, by which body, as which revenue item.

    Asset Notice: what an administrative body would receive is non-tax revenue of the treasury.
    """

    payable_to: str
    collecting_body: str
    revenue_item: str


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What every step says: who takes, what becomes of a shortfall, and who is paid instead, if anyone."""

    beneficiary: str
    shortfall: Shortfall
    payee: Payee | None = None


@dataclass(frozen=True, kw_only=True)
class FixedFee(_Terms):
    """A fixed amount in each run."""

    kind: ClassVar = StepKind.FIXED_FEE
    amount: int


@dataclass(frozen=True, kw_only=True)
class CostRecovery(_Terms):
    """Costs of ``due`` in each run, until ``cumulative_cap`` is reached over all runs (None: no cap)."""

    kind: ClassVar = StepKind.COST_RECOVERY
    due: int
    cumulative_cap: int | None = None


@dataclass(frozen=True, kw_only=True)
class Percentage(_Terms):
    """A percentage of the pool or of what remains, rounded half up to fen."""

    kind: ClassVar = StepKind.PERCENTAGE
    percent: Decimal
    of: PercentOf


@dataclass(frozen=True, kw_only=True)
class Holdback(_Terms):
    """A percentage kept back for the beneficiary, released so many months later, rounded half up to fen."""

    kind: ClassVar = StepKind.HOLDBACK
    percent: Decimal
    of: PercentOf
    release_after_months: int


Step = FixedFee | CostRecovery | Percentage | Holdback


@dataclass(frozen=True)
class Share:
    """A party's part in the rest; ``weight`` is None where use or contribution gives it."""

    beneficiary: str
    weight: Decimal | None
    payee: Payee | None = None


@dataclass(frozen=True)
class Residual:
    """How the rest is divided, and among whom."""

    weights: ResidualWeights
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class CoalitionWorth:
    """What the data of some beneficiaries, taken together, is worth: one row of a utility table."""

    coalition: tuple[str, ...]
    utility: Decimal


@dataclass(frozen=True)
class Agreement:
    """The arithmetic of a distribution agreement.

    ``utility_table`` rates each coalition of the rest's beneficiaries; it is empty unless the weights are by
    contribution. With ``carry_odd_fen`` the odd fen rotates from period to period; ``minimum_payout`` is in
    fen.
    """

    steps: tuple[Step, ...]
    residual: Residual
    utility_table: tuple[CoalitionWorth, ...] = ()
    carry_odd_fen: bool = False
    minimum_payout: int = 0

    def contribution_weights(self) -> dict[str, Fraction]:
        """Return the exact Shapley value of each beneficiary of the rest; raise ``UtilityTableInvalid``."""
        players = [share.beneficiary for share in self.residual.shares]
        return shapley(players, {frozenset(row.coalition): Fraction(row.utility) for row in self.utility_table})

    def utility_digest(self) -> str:
        """Return the SHA-256 of the utility table, by which a statement pins it."""
        return sha256_of(_utility_document(self.utility_table))

    def document(self) -> dict[str, object]:
        """Return the agreement in the form of the wire."""
        document: dict[str, object] = {
            "steps": [_step_document(step) for step in self.steps],
            "residual": {
                "weights": self.residual.weights.value,
                "shares": [_share_document(share) for share in self.residual.shares],
            },
            "carry_odd_fen": self.carry_odd_fen,
            "minimum_payout": format_money(self.minimum_payout),
        }
        if self.utility_table:
            document["utility_table"] = _utility_document(self.utility_table)
        return document


def agreement_from_document(document: object) -> Agreement:
    """Read an agreement in the form of the wire; raise ``Malformed`` with every fault by its field.

    Money is text (``"10.00"``); percentages and weights are text or whole numbers. ``shortfall`` may be left
    out of a percentage or holdback of what remains, which cannot fall short; ``of`` of a holdback is
    ``remaining`` where it is left out; a ``cumulative_cap`` that is left out is no cap.

    >>> half_each = {"weights": "fixed", "shares": [{"beneficiary": b, "weight": "1"} for b in ("a", "b")]}
    >>> agreement_from_document({"steps": [], "residual": half_each}).residual.shares[0]
    Share(beneficiary='a', weight=Decimal('1'), payee=None)
    """
    root = Field(document)
    fields = root.fields(("steps", "residual"), ("utility_table", "carry_odd_fen", "minimum_payout"))
    table, carry, minimum = fields["utility_table"], fields["carry_odd_fen"], fields["minimum_payout"]
    agreement = Agreement(
        steps=tuple(_step(item) for item in fields["steps"].items(0, STEPS_MAX)),
        residual=_residual(fields["residual"]),
        utility_table=() if table.value is None else _utility_table(table),
        carry_odd_fen=False if carry.value is None else carry.truth(),
        minimum_payout=0 if minimum.value is None else minimum.money(),
    )
    if root.is_sound():
        _check_weights(agreement, fields["residual"], table)
    root.finish("the distribution agreement")
    return agreement


def treasury_faults(agreement: Agreement, administrative: Collection[str]) -> dict[str, list[str]]:
    """Return the shares of administrative bodies that do not say how the treasury is paid, by field.

    Asset Notice: such a share is payable to the treasury, so it names payee, collecting body and revenue
    item. ``administrative`` holds the codes of the parties whose legal form the law lists for this.
    """
    parts: dict[str, Step | Share] = {f"steps.{index}": step for index, step in enumerate(agreement.steps)}
    parts |= {f"residual.shares.{index}": share for index, share in enumerate(agreement.residual.shares)}
    payee_fields = ", ".join(_PAYEE_FIELDS)
    return {
        f"{path}.payable_to": [
            f"{part.beneficiary} is an administrative body and the treasury is paid: name {payee_fields}"
        ]
        for path, part in parts.items()
        if part.beneficiary in administrative and part.payee is None
    }


_PAYEE_FIELDS: Final = ("payable_to", "collecting_body", "revenue_item")
_STEP_FIELDS: Final[Mapping[StepKind, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    StepKind.FIXED_FEE: (("shortfall", "amount"), ()),
    StepKind.COST_RECOVERY: (("shortfall", "due"), ("cumulative_cap",)),
    StepKind.PERCENTAGE: (("percent", "of"), ("shortfall",)),
    StepKind.HOLDBACK: (("percent", "release_after_months"), ("shortfall", "of")),
}
"""The required and the optional fields of each kind, beside those that every step has."""
_UNREAD: Final = FixedFee(beneficiary="", shortfall=Shortfall.LAPSE, amount=0)


def _step(field: Field) -> Step:
    if not isinstance(field.value, Mapping):
        field.fault("must be an object")
        return _UNREAD
    given = field.child("kind")
    kind = given.choice(StepKind)
    if given.value != kind:
        # Which other fields there should be hangs on the kind: to judge them now would only mislead.
        return _UNREAD
    required, optional = _STEP_FIELDS[kind]
    fields = field.fields(("kind", "beneficiary", *required), (*optional, *_PAYEE_FIELDS))
    beneficiary, payee = fields["beneficiary"].text(), _payee(fields)
    of = _percent_of(fields)
    is_of_remaining = "of" in fields and of is PercentOf.REMAINING
    shortfall = _shortfall(fields["shortfall"], cannot_fall_short=is_of_remaining)
    match kind:
        case StepKind.FIXED_FEE:
            amount = fields["amount"].money()
            return FixedFee(beneficiary=beneficiary, shortfall=shortfall, payee=payee, amount=amount)
        case StepKind.COST_RECOVERY:
            cap = fields["cumulative_cap"]
            return CostRecovery(
                beneficiary=beneficiary,
                shortfall=shortfall,
                payee=payee,
                due=fields["due"].money(),
                cumulative_cap=None if cap.value is None else cap.money(),
            )
        case StepKind.PERCENTAGE:
            percent = fields["percent"].percent()
            return Percentage(beneficiary=beneficiary, shortfall=shortfall, payee=payee, percent=percent, of=of)
        case StepKind.HOLDBACK:
            return Holdback(
                beneficiary=beneficiary,
                shortfall=shortfall,
                payee=payee,
                percent=fields["percent"].percent(),
                of=of,
                release_after_months=fields["release_after_months"].whole(1, RELEASE_MONTHS_MAX),
            )


def _percent_of(fields: Mapping[str, Field]) -> PercentOf:
    """What a percentage is taken of; a step that is no percentage has no such field, nor use for it."""
    of = fields.get("of")
    return PercentOf.REMAINING if of is None or of.value is None else of.choice(PercentOf)


def _shortfall(field: Field, *, cannot_fall_short: bool) -> Shortfall:
    if field.value is None and cannot_fall_short:
        return Shortfall.LAPSE
    return field.choice(Shortfall)


def _payee(fields: Mapping[str, Field]) -> Payee | None:
    given = [fields[name] for name in _PAYEE_FIELDS]
    if all(field.value is None for field in given):
        return None
    payable_to, collecting_body, revenue_item = (field.text() for field in given)
    return Payee(payable_to, collecting_body, revenue_item)


def _residual(field: Field) -> Residual:
    fields = field.fields(("weights", "shares"))
    weights = fields["weights"].choice(ResidualWeights)
    shares = tuple(_share(item, weights) for item in fields["shares"].items(1, SHARES_MAX))
    named = [share.beneficiary for share in shares]
    for beneficiary in sorted({each for each in named if each and named.count(each) > 1}):
        fields["shares"].fault(f"{beneficiary} stands here more than once; give each party one share")
    return Residual(weights, shares)


def _share(field: Field, weights: ResidualWeights) -> Share:
    required = ("beneficiary", "weight") if weights is ResidualWeights.FIXED else ("beneficiary",)
    fields = field.fields(required, _PAYEE_FIELDS)
    weight = fields["weight"].number() if "weight" in fields else None
    return Share(fields["beneficiary"].text(), weight, _payee(fields))


def _utility_table(field: Field) -> tuple[CoalitionWorth, ...]:
    return tuple(_coalition_worth(item) for item in field.items(1, 2**PLAYERS_MAX))


def _coalition_worth(field: Field) -> CoalitionWorth:
    fields = field.fields(("coalition", "utility"))
    members = tuple(sorted(member.text() for member in fields["coalition"].items(1, PLAYERS_MAX)))
    return CoalitionWorth(members, fields["utility"].number())


def _check_weights(agreement: Agreement, residual: Field, table: Field) -> None:
    """Whether the rest can be divided at all, in a document whose fields are sound one by one."""
    by_contribution = agreement.residual.weights is ResidualWeights.CONTRIBUTION
    is_fixed = agreement.residual.weights is ResidualWeights.FIXED
    if is_fixed and not any(share.weight for share in agreement.residual.shares):
        residual.child("shares").fault("at least one weight must be above zero")
    if not by_contribution and agreement.utility_table:
        table.fault("goes with weights by contribution only")
    if by_contribution and _is_sound_table(agreement.utility_table, table):
        _check_contribution(agreement, table)


def _is_sound_table(rows: tuple[CoalitionWorth, ...], table: Field) -> bool:
    coalitions = [row.coalition for row in rows]
    if not rows:
        table.fault("is required for weights by contribution")
    if len(set(coalitions)) < len(coalitions):
        table.fault("rates a coalition more than once")
    return table.is_sound()


def _check_contribution(agreement: Agreement, table: Field) -> None:
    try:
        weights = agreement.contribution_weights()
    except UtilityTableInvalid as invalid:
        table.fault(invalid.detail)
        return
    if negative := sorted(party for party, weight in weights.items() if weight < 0):
        table.fault(f"gives {', '.join(negative)} a contribution below zero, which is no weight")
    if not any(weights.values()):
        table.fault("gives nobody a contribution above zero")


def _step_document(step: Step) -> dict[str, object]:
    document: dict[str, object] = {
        "kind": step.kind.value,
        "beneficiary": step.beneficiary,
        "shortfall": step.shortfall.value,
    }
    match step:
        case FixedFee():
            document["amount"] = format_money(step.amount)
        case CostRecovery():
            cap = step.cumulative_cap
            document |= {
                "due": format_money(step.due),
                "cumulative_cap": None if cap is None else format_money(cap),
            }
        case Percentage():
            document |= {"percent": format(step.percent, "f"), "of": step.of.value}
        case Holdback():
            months = step.release_after_months
            document |= {
                "percent": format(step.percent, "f"),
                "of": step.of.value,
                "release_after_months": months,
            }
    return document | _payee_document(step.payee)


def _share_document(share: Share) -> dict[str, object]:
    weight = {} if share.weight is None else {"weight": format(share.weight, "f")}
    return {"beneficiary": share.beneficiary} | weight | _payee_document(share.payee)


def _payee_document(payee: Payee | None) -> dict[str, object]:
    return {} if payee is None else {name: getattr(payee, name) for name in _PAYEE_FIELDS}


def _utility_document(table: tuple[CoalitionWorth, ...]) -> list[dict[str, object]]:
    rows = sorted(table, key=lambda row: (len(row.coalition), row.coalition))
    return [{"coalition": list(row.coalition), "utility": format_rate(row.utility)} for row in rows]
