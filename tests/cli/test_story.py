"""Stories: how they are read, and what playing them does and does not do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cli.play import Player
from cli.story import Step, StoryBroken, read_steps, read_yaml, resolved
from registry.tables import Party
from store.unit import Store
from tests.conftest import LOCAL

NOON = datetime.fromisoformat("2025-03-03T12:00:00+08:00")


def told(folder: Path, text: str) -> list[Step]:
    """The steps of a story that is one file."""
    (folder / "chapter.yaml").write_text(text, encoding="utf-8")
    return read_steps(folder)


def party(key: str, code: str, *, refused: str | None = None) -> Step:
    """A step that registers a party."""
    body = {"code": code, "name": code, "kinds": ["buyer"]}
    return Step(key, NOON, "admin", None, "register_party", None, body, keep=code, refused=refused)


def count_of_parties(store: Store) -> int:
    with store.reading(LOCAL) as unit:
        return int(unit.session.execute(select(func.count()).select_from(Party)).scalar_one())


def test_dates_and_decimal_numbers_stay_text_and_whole_numbers_do_not(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text("{day: 2025-03-01, price: 0.10, year: 2025, on: true, note: off, none: null}", encoding="utf-8")
    expected = {"day": "2025-03-01", "price": "0.10", "year": 2025, "on": True, "note": "off", "none": None}
    assert read_yaml(path) == expected


def test_steps_come_in_the_order_of_their_instants_and_else_as_they_are_written(tmp_path: Path) -> None:
    steps = told(
        tmp_path,
        """
        steps:
          - {at: "2025-03-02T00:00:00+08:00", as: admin, do: b}
          - {as: operator one, do: c, on_each: {x: {n: 1}, y: {n: 2}}}
          - {at: "2025-03-01T00:00:00+08:00", as: admin, do: a, each: [{n: 1}, {n: 2}]}
        """,
    )
    assert [(step.do, step.on, step.body) for step in steps] == [
        ("a", None, {"n": 1}),
        ("a", None, {"n": 2}),
        ("b", None, None),
        ("c", "x", {"n": 1}),
        ("c", "y", {"n": 2}),
    ]
    assert (steps[3].role, steps[3].party) == ("operator", "one")
    assert len({step.key for step in steps}) == len(steps)


@pytest.mark.parametrize(
    "text",
    [
        "steps: [{as: admin, do: a}]",
        'steps: [{at: "2025-03-01T00:00:00+08:00", as: admin, do: a, whit: {}}]',
    ],
)
def test_a_step_without_an_instant_or_with_an_unknown_field_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoryBroken):
        told(tmp_path, text)


def test_what_was_kept_is_found_at_any_depth() -> None:
    kept = {"offer": {"contract": {"id": "ctr_1"}}}
    assert resolved({"items": [{"contract": "$offer.contract.id"}]}, kept) == {"items": [{"contract": "ctr_1"}]}
    with pytest.raises(StoryBroken, match="quote"):
        resolved("$quote.id", kept)


def test_a_step_played_again_answers_as_before_and_changes_nothing(store: Store) -> None:
    first = Player(store).play(party("chapter/0.0", "bank"))
    player = Player(store)
    assert player.play(party("chapter/0.0", "bank")) == first
    assert player.kept["bank"]["id"] == first["id"]
    assert count_of_parties(store) == 1


def test_the_clock_stands_where_the_step_is(store: Store) -> None:
    Player(store).play(party("chapter/0.0", "bank"))
    with store.reading(LOCAL) as unit:
        assert unit.now >= NOON


def test_an_end_that_the_story_does_not_tell_breaks_it(store: Store) -> None:
    player = Player(store)
    player.play(party("chapter/0.0", "bank"))
    player.play(party("chapter/0.1", "bank", refused="code_taken"))
    with pytest.raises(StoryBroken, match="code_taken"):
        player.play(party("chapter/0.2", "bank"))
    with pytest.raises(StoryBroken, match="was done"):
        player.play(party("chapter/0.3", "insurer", refused="code_taken"))
    with pytest.raises(StoryBroken, match="code"):
        player.play(party("chapter/0.4", "no code at all"))
