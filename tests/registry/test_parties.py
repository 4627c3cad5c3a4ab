from __future__ import annotations

from registry.parties import affiliated
from registry.tables import Party
from store.unit import Store, Unit
from tests.client import Client
from tests.conftest import LOCAL


def _party(admin: Client, code: str, affiliate_of: str | None = None) -> str:
    body = {"code": code, "name": code, "kinds": ["buyer"], "affiliate_of": affiliate_of}
    return str(admin.made("/parties", body)["id"])


def test_parties_are_affiliated_either_way_over_any_number_of_steps(admin: Client, store: Store) -> None:
    group = _party(admin, "group")
    operator = _party(admin, "operator", "group")
    sister = _party(admin, "sister", "group")
    niece = _party(admin, "niece", "sister")
    stranger = _party(admin, "stranger")
    with store.reading(LOCAL) as unit:
        for one, other in (
            (operator, operator),
            (operator, group),
            (group, niece),
            (niece, operator),
            (operator, sister),
        ):
            assert affiliated(unit, one, other)
            assert affiliated(unit, other, one)
        assert not affiliated(unit, stranger, operator)
        assert not affiliated(unit, niece, stranger)


def test_a_long_line_of_affiliates_is_followed_to_its_head(store: Store) -> None:
    def line(unit: Unit) -> None:
        for number in range(1100):
            above = f"pty_{number - 1}" if number else None
            party = Party(
                id=f"pty_{number}", code=f"p{number}", name="p", kinds=[], affiliate_of=above, recorded_at=unit.now
            )
            unit.session.add(party)
            unit.session.flush()

    store.run(LOCAL, line)
    with store.reading(LOCAL) as unit:
        assert affiliated(unit, "pty_1099", "pty_0")
