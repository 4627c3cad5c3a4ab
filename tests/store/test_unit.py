from __future__ import annotations

import pytest

from pricing.errors import Problem, Refusal
from store.idempotency import claim_of
from store.unit import Store, Unit
from tests.conftest import LOCAL


class Refused(Refusal):
    """A use case that is refused when it is nearly done."""

    code = "refused_at_last"


def worded(problem: Problem) -> tuple[int, bytes]:
    """Return how a door words the refusal."""
    return 422, problem.code.encode()


def test_what_is_refused_is_replayed_as_refused_whatever_was_to_be_kept(store: Store) -> None:
    def work(unit: Unit) -> tuple[int, bytes]:
        unit.stored_body = b"without the secret"
        raise Refused("no")

    claim = claim_of("key-1", LOCAL.principal, "POST", "/keys", b"{}")
    answers = [store.answer(LOCAL, claim, work, worded) for _ in range(2)]
    assert [(answer.status, answer.body, answer.replayed) for answer in answers] == [
        (422, b"refused_at_last", False),
        (422, b"refused_at_last", True),
    ]


def test_a_secret_is_in_the_first_answer_only(store: Store) -> None:
    def work(unit: Unit) -> tuple[int, bytes]:
        unit.stored_body = b"without the secret"
        return 201, b"with the secret"

    claim = claim_of("key-1", LOCAL.principal, "POST", "/keys", b"{}")
    assert [store.answer(LOCAL, claim, work, worded).body for _ in range(2)] == [
        b"with the secret",
        b"without the secret",
    ]


def test_a_fault_leaves_nothing_behind_and_frees_the_key(store: Store) -> None:
    claim = claim_of("key-1", LOCAL.principal, "POST", "/x", b"{}")

    def breaks(_unit: Unit) -> tuple[int, bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.answer(LOCAL, claim, breaks, worded)
    assert not store.answer(LOCAL, claim, lambda _unit: (201, b"done"), worded).replayed
