from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.allocation import (
    PLAYERS_MAX,
    UtilityTableInvalid,
    largest_remainder,
    largest_remainder_carrying,
    reverse_in_proportion,
    shapley,
)
from pricing.errors import Problem
from pricing.money import format_money, parse_money
from tests.pricing import case_files

codes = st.text("abcdef", min_size=1, max_size=3)
positive_weights = st.dictionaries(codes, st.fractions(0, 1000, max_denominator=1000), min_size=1, max_size=8).filter(
    lambda weights: any(weights.values())
)
totals = st.integers(0, 10**13)


def in_yuan(parts: dict[str, int]) -> dict[str, str]:
    return {party: format_money(part) for party, part in parts.items()}


@pytest.mark.parametrize("case", case_files.cases("largest_remainder"))
def test_parts_always_sum_to_the_total(case: dict[str, Any]) -> None:
    weights = [(party, Fraction(weight)) for party, weight in case["weights"].items()]
    if "refused" in case:
        with pytest.raises(Problem) as caught:
            largest_remainder(parse_money(case["total"]), weights)
        assert caught.value.code == case["refused"]
    else:
        assert in_yuan(largest_remainder(parse_money(case["total"]), weights)) == case["parts"]


def test_two_weights_for_one_party_are_refused() -> None:
    with pytest.raises(Problem, match="more than one weight for a;"):
        largest_remainder(1, [("a", 1), ("b", 1), ("a", 1)])


def test_a_negative_total_is_not_divided() -> None:
    with pytest.raises(ValueError, match="reverses stored rows"):
        largest_remainder(-1, [("a", 1)])


@given(total=totals, weights=positive_weights)
def test_no_fen_is_lost_and_no_party_gets_more_than_a_fen_off_its_share(
    total: int, weights: dict[str, Fraction]
) -> None:
    parts = largest_remainder(total, list(weights.items()))
    whole = sum(weights.values())
    assert sum(parts.values()) == total
    assert list(parts) == list(weights)
    assert all(abs(parts[party] - total * weight / whole) < 1 for party, weight in weights.items())
    assert all(parts[party] == 0 for party, weight in weights.items() if weight == 0)


@given(total=totals, weights=positive_weights, shuffled=st.randoms())
def test_the_order_of_the_parties_changes_nothing(total: int, weights: dict[str, Fraction], shuffled: Any) -> None:
    pairs = list(weights.items())
    parts = largest_remainder(total, pairs)
    shuffled.shuffle(pairs)
    assert largest_remainder(total, pairs) == parts


@given(totals=st.lists(st.integers(0, 1000), min_size=1, max_size=30), weights=positive_weights)
def test_with_the_odd_fen_carried_what_is_owed_always_sums_to_nothing(
    totals: list[int], weights: dict[str, Fraction]
) -> None:
    whole, owed = sum(weights.values()), dict.fromkeys(weights, Fraction(0))
    given_so_far = dict.fromkeys(weights, 0)
    for total in totals:
        allocation = largest_remainder_carrying(total, list(weights.items()), owed)
        assert sum(allocation.parts.values()) == total
        assert min(allocation.parts.values()) >= 0
        owed = allocation.owed
        given_so_far = {party: given_so_far[party] + part for party, part in allocation.parts.items()}
    assert sum(owed.values()) == 0
    assert all(owed[party] == sum(totals) * weight / whole - given_so_far[party] for party, weight in weights.items())


def test_the_odd_fen_goes_round() -> None:
    owed: dict[str, Fraction] = {}
    got = []
    for _ in range(6):
        allocation = largest_remainder_carrying(1, [("a", 1), ("b", 1), ("c", 1)], owed)
        owed = allocation.owed
        got += [party for party, part in allocation.parts.items() if part]
    assert got == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.parametrize("case", case_files.cases("reversal"))
def test_a_reversal_takes_rows_back_in_proportion(case: dict[str, Any]) -> None:
    rows = {party: parse_money(amount) for party, amount in case["rows"].items()}
    taken_back = dict.fromkeys(rows, 0)

    def reverse_all() -> None:
        for amount in case["amounts"]:
            reversal = reverse_in_proportion(rows, taken_back, parse_money(amount))
            taken_back.update({party: taken_back[party] - part for party, part in reversal.items()})

    if "refused" in case:
        with pytest.raises(Problem) as caught:
            reverse_all()
        assert caught.value.code == case["refused"]
    else:
        reverse_all()
        assert in_yuan({party: rows[party] - taken_back[party] for party in rows}) == case["rows_after"]


@given(
    rows=st.dictionaries(codes, st.integers(0, 10**10), min_size=1, max_size=8),
    cuts=st.lists(st.fractions(0, 1, max_denominator=100), max_size=6),
)
def test_reversals_of_any_parts_end_exactly_at_nothing(rows: dict[str, int], cuts: list[Fraction]) -> None:
    taken_back = dict.fromkeys(rows, 0)
    for cut in [*cuts, Fraction(1)]:
        amount = int(sum(rows.values(), -sum(taken_back.values())) * cut)
        reversal = reverse_in_proportion(rows, taken_back, amount)
        assert sum(reversal.values()) == -amount
        taken_back = {party: taken_back[party] - reversal[party] for party in rows}
        assert all(0 <= taken_back[party] <= rows[party] for party in rows)
    assert taken_back == rows


def test_a_reversal_of_a_negative_amount_is_no_reversal() -> None:
    with pytest.raises(ValueError, match="cannot be reversed"):
        reverse_in_proportion({"a": 1}, {}, -1)


def test_users_of_an_airport_share_the_stretches_they_need() -> None:
    game = case_files.read("shapley/users-of-an-airport-share-the-stretches-they-need.yaml")
    costs, users = [Fraction(cost) for cost in game["runway_costs"]], [int(count) for count in game["users"]]
    needs = {f"type-{kind}-{each}": cost for kind, cost in enumerate(costs) for each in range(users[kind])}
    players = list(needs)
    worth = {
        frozenset(coalition): max(needs[player] for player in coalition)
        for size in range(1, len(players) + 1)
        for coalition in combinations(players, size)
    }
    values = shapley(players, worth)
    assert len(players) == PLAYERS_MAX
    for kind, pays in enumerate(game["pays"]):
        exact = sum((Fraction(1) / sum(users[stretch:]) for stretch in range(kind + 1)), Fraction(0))
        assert {values[player] for player in players if player.startswith(f"type-{kind}-")} == {exact}
        assert f"{float(exact):.9f}" == pays
    assert sum(values.values()) == max(costs)


@st.composite
def games(draw: st.DrawFn) -> tuple[list[str], dict[frozenset[str], Fraction]]:
    players = draw(st.lists(codes, min_size=1, max_size=5, unique=True))
    coalitions = [frozenset(each) for size in range(1, len(players) + 1) for each in combinations(players, size)]
    worth = st.fractions(-100, 100, max_denominator=100)
    return players, {coalition: draw(worth) for coalition in coalitions}


@given(game=games())
def test_contributions_sum_to_what_all_are_worth_together(
    game: tuple[list[str], dict[frozenset[str], Fraction]],
) -> None:
    players, worth = game
    assert sum(shapley(players, worth).values()) == worth[frozenset(players)]


@given(game=games())
def test_players_who_can_stand_for_each_other_contribute_the_same(
    game: tuple[list[str], dict[frozenset[str], Fraction]],
) -> None:
    players, worth = game
    by_size = {coalition: worth[frozenset(players[: len(coalition)])] for coalition in worth}
    assert len(set(shapley(players, by_size).values())) == 1


@given(game=games())
def test_a_player_who_adds_nothing_contributes_nothing(game: tuple[list[str], dict[frozenset[str], Fraction]]) -> None:
    players, worth = game
    idle = (
        worth | {coalition | {"idle"}: value for coalition, value in worth.items()} | {frozenset({"idle"}): Fraction(0)}
    )
    assert shapley([*players, "idle"], idle) == shapley(players, worth) | {"idle": 0}


@pytest.mark.parametrize(
    ("players", "worth", "message"),
    [
        pytest.param([], {}, "0 players", id="nobody"),
        pytest.param([str(each) for each in range(13)], {}, "13 players", id="thirteen"),
        pytest.param(["a", "a"], {}, "named twice", id="one twice"),
        pytest.param(["a"], {frozenset("ab"): 1}, "names b, who take no part", id="a stranger"),
        pytest.param(["a", "b"], {frozenset("a"): 1}, "2 coalitions is missing, first that of {b}", id="a gap"),
        pytest.param(["a"], {frozenset("a"): 1, frozenset(): 1}, "of nobody must be 0", id="something for nobody"),
    ],
)
def test_a_utility_table_that_is_not_whole_is_refused(
    players: list[str], worth: dict[frozenset[str], int], message: str
) -> None:
    with pytest.raises(UtilityTableInvalid, match=message):
        shapley(players, worth)
