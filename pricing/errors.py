"""The one tree of errors: its branches, and the leaves of prices; other leaves stand beside the rules they tell of.

    Problem
    ├── Malformed            400  the request itself is not well formed
    ├── Unauthenticated      401  no key, or a key that is not valid
    ├── Forbidden            403  a role that may not do this
    ├── NotFound             404  no such object, or not one of the caller's
    ├── Conflict             409  the object's state does not allow it
    ├── TooLarge             413  more than the service takes at once
    ├── UnsupportedMedia     415  not the content type the route reads
    ├── Refusal              422  well formed, but against a rule
    ├── TooMany              429  more calls than one key may make in a time
    └── Unavailable          503  cannot be answered at this moment; try again

The doors (web, command line) turn the branch into a status; the leaf's ``code`` is what clients may rely on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

_SHOWN_LENGTH_MAX: Final = 40


def shown(value: object) -> str:
    """A value as a message quotes it, cut short where it is long.

    >>> shown("1e3")
    "'1e3'"
    """
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH_MAX else text[:_SHOWN_LENGTH_MAX] + "…"


class Problem(Exception):
    """A request that cannot be met, with a stable ``code``, a sentence, and the fields at fault.

    ``errors`` maps a field's path (``items.0.quantity``) to messages; ``facts`` are extra members of the
    problem document (prices, decision numbers), given as wire-ready text.
    """

    code: ClassVar[str] = "problem"

    def __init__(
        self,
        detail: str,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        **facts: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors: dict[str, list[str]] = {field: list(messages) for field, messages in (errors or {}).items()}
        self.facts = facts


class Malformed(Problem):
    """The request is not well formed."""

    code = "malformed"


class Unauthenticated(Problem):
    """No key was given, or it is unknown, expired or revoked."""

    code = "unauthenticated"


class Forbidden(Problem):
    """The caller's role may not do this."""

    code = "forbidden"


class NotFound(Problem):
    """There is no such object among those the caller may see."""

    code = "not_found"


class Conflict(Problem):
    """The state of an object does not allow this."""

    code = "conflict"


class TooLarge(Problem):
    """More than the service takes in one request."""

    code = "too_large"


class UnsupportedMedia(Problem):
    """A body of a type that the route does not read."""

    code = "unsupported_media_type"


class Refusal(Problem):
    """Well formed, but against a rule of law, of an agreement or of the books."""

    code = "refused"


class TooMany(Problem):
    """More calls than one key may make in a time; the fact ``retry_after_seconds`` says when it may go on."""

    code = "rate_limited"


class Unavailable(Problem):
    """Cannot be answered at this moment; the same request may be sent again."""

    code = "unavailable"


class MalformedAmount(Malformed):
    """A text that is not an amount of money, a quantity, a unit price or a rate in plain decimal notation."""

    code = "malformed_amount"


class MalformedDate(Malformed):
    """A text that is not a day (``2026-03-31``) or a month (``2026-03``) of the calendar."""

    code = "malformed_date"


class MalformedInstant(Malformed):
    """A text that is not an instant by RFC 3339."""

    code = "malformed_instant"


class InstantWithoutOffset(MalformedInstant):
    """An instant that does not say its offset, so that it could mean many moments."""

    code = "instant_without_offset"


class AmountTooLarge(Refusal):
    """A computed amount of money that the books cannot hold."""

    code = "amount_too_large"


class PriceAboveCeiling(Refusal):
    """An actual price above the ceiling price in force (Price Notice 三)."""

    code = "price_above_ceiling"


class PriceBasisMismatch(Refusal):
    """Prices of different tax bases, which cannot be compared or added."""

    code = "price_basis_mismatch"


class TermNeedsReason(Refusal):
    """A term longer than the law foresees in principle, with no reason stated."""

    code = "term_needs_reason"
