from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.grants import TRANSITIONS, grant_refusal, grant_status, next_state
from registry.tables import FreeUseGrant, GrantDecision

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2025, 3, 20, 4, tzinfo=UTC)
STATES = ("pending", "approved", "suspended", "revoked")
ACTIONS = ("approve", "suspend", "revoke")
GRANT = FreeUseGrant(
    id="grt",
    offering_id="off",
    buyer_id="pty",
    purpose_statement="flood warning",
    effective_from=date(2025, 3, 10),
    effective_until=date(2025, 4, 1),
    undertakings={},
    conditions={},
    use="end_use",
    recorded_at=NOON,
)


def decided(action: str, at: datetime) -> GrantDecision:
    return GrantDecision(id="gdc", grant_id="grt", action=action, reason="r", effective_at=at, recorded_at=at)


@pytest.mark.parametrize(
    ("state", "approve", "suspend", "revoke"),
    [
        ("pending", "approved", None, "revoked"),
        ("approved", None, "suspended", "revoked"),
        ("suspended", "approved", None, "revoked"),
        ("revoked", None, None, None),
    ],
)
def test_what_each_state_of_a_grant_allows(
    state: str, approve: str | None, suspend: str | None, revoke: str | None
) -> None:
    assert [next_state(state, action) for action in ACTIONS] == [approve, suspend, revoke]


@given(st.lists(st.sampled_from(ACTIONS)))
def test_a_revoked_grant_stays_revoked_whatever_is_decided_later(actions: Sequence[str]) -> None:
    decisions = [decided(action, NOON + timedelta(hours=number)) for number, action in enumerate(["revoke", *actions])]
    assert grant_status(decisions, NOON + timedelta(days=999)) == "revoked"


@given(st.lists(st.sampled_from(ACTIONS)))
def test_the_status_is_the_fold_of_the_allowed_transitions(actions: Sequence[str]) -> None:
    decisions = [decided(action, NOON) for action in actions]
    state = "pending"
    for action in actions:
        state = TRANSITIONS.get((state, action), state)
    assert grant_status(decisions, NOON) == state


def test_a_decision_counts_from_the_very_instant_it_takes_effect() -> None:
    decisions = [decided("approve", NOON)]
    assert grant_status(decisions, NOON - timedelta(microseconds=1)) == "pending"
    assert grant_status(decisions, NOON) == "approved"


@pytest.mark.parametrize(
    ("instant", "refusal"),
    [
        ("2025-03-09T15:59:59.999999+00:00", "grant_not_begun"),
        ("2025-03-09T16:00:00+00:00", None),
        ("2025-03-20T03:59:59+00:00", None),
        ("2025-03-20T04:00:00+00:00", "grant_suspended"),
        ("2025-03-21T04:00:00+00:00", None),
        ("2025-03-22T04:00:00+00:00", "grant_revoked"),
        ("2025-03-31T16:00:00+00:00", "grant_expired"),
    ],
)
def test_use_is_covered_from_the_first_moment_of_the_term_in_shanghai_until_its_end(
    instant: str, refusal: str | None
) -> None:
    decisions = [
        decided("approve", datetime(2025, 3, 9, 16, tzinfo=UTC)),
        decided("suspend", NOON),
        decided("approve", NOON + timedelta(days=1)),
        decided("revoke", NOON + timedelta(days=2)),
    ]
    assert grant_refusal(GRANT, decisions, datetime.fromisoformat(instant), ZONE) == refusal


def test_use_under_a_grant_that_nobody_approved_is_not_covered() -> None:
    assert grant_refusal(GRANT, [], NOON, ZONE) == "grant_pending"
