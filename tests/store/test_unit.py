from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from pricing.errors import Problem, Refusal
from store.idempotency import Claim, claim_each, claim_of, forget_older
from store.sandbox import move_clock
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


def test_a_request_is_another_wherever_its_parts_are_cut() -> None:
    def said(method: str, path: str, body: bytes) -> str:
        return claim_of("key", LOCAL.principal, method, path, body).request_hash

    assert len({said("POST", "/a", b"b"), said("POST", "/ab", b""), said("POST/", "a", b"b")}) == 3


def test_an_answer_is_forgotten_once_it_is_older_than_it_is_kept(store: Store) -> None:
    def ask(name: str) -> bool:
        claim = claim_of(name, LOCAL.principal, "POST", "/x", b"{}")
        return store.answer(LOCAL, claim, lambda _unit: (201, b"done"), worded).replayed

    assert not ask("old")
    store.run(LOCAL, lambda unit: move_clock(unit, unit.now + timedelta(days=2)))
    assert not ask("young")
    assert store.run(LOCAL, lambda unit: forget_older(unit, timedelta(days=1))) == 1
    assert (ask("young"), ask("old")) == (True, False)


def test_of_callers_that_claim_in_opposite_orders_none_waits_for_the_other_in_turn(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    claims = [Claim(f"k{number:04}", "hash") for number in range(5000)]
    start, begun = Barrier(2), []

    def call(order: list[Claim]) -> set[str]:
        def take(unit: Unit) -> set[str]:
            begun.append(order[0].key)
            if len(begun) <= 2:
                start.wait(30)
            return claim_each(unit, order)

        return store.run(LOCAL, take)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(call, [claims, claims[::-1]])
    assert len(begun) == 2
    assert {len(one), len(other)} == {0, len(claims)}
