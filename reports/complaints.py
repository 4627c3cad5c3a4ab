"""Complaints by offering in the compliance report: prices that many find too high, and what is widely complained about.

From how many complainants on is the platform's own parameter (``platform.complaints_wide_from``) and not law.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from pricing.period import instant_of
from registry.complaint_tables import Complaint, ComplaintStep
from registry.complaints import KINDS, complaint_status
from reports.frame import Frame
from store.unit import Unit

WIDE_FROM: Final = "platform.complaints_wide_from"


def complaint_rows(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return what was complained of in the period, offering by offering; who complains twice counts once."""
    parameter = unit.law.parameter(WIDE_FROM)
    wide_from = parameter.whole(parameter.known_day(frame.last_day))
    complaints, steps = _complaints(unit, frame), _steps(unit, frame)
    return [
        _row(frame, offering_id, complaints[offering_id], steps, wide_from)
        for offering_id in frame.offerings
        if offering_id in complaints
    ]


def _row(
    frame: Frame, offering_id: str, rows: Sequence[Complaint], steps: dict[str, list[ComplaintStep]], wide_from: int
) -> dict[str, Any]:
    offered = frame.offerings[offering_id]
    by_status = [complaint_status(steps[row.id]) for row in rows]
    complainants = {row.recorded_by for row in rows}
    of_price = {row.recorded_by for row in rows if row.kind == "price_too_high"}
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "complaints": len(rows),
        "complainants": len(complainants),
        **{kind: sum(row.kind == kind for row in rows) for kind in KINDS},
        **{status: by_status.count(status) for status in ("open", "answered", "closed")},
        "wide_from": wide_from,
        "price_found_too_high": len(of_price) >= wide_from,
        "widely_complained": len(complainants) >= wide_from,
        "links": {"complaints": frame.link("/complaints", offering=offered.code)},
    }


def _complaints(unit: Unit, frame: Frame) -> dict[str, list[Complaint]]:
    query = select(Complaint).where(
        col(Complaint.offering_id).in_(list(frame.offerings)),
        col(Complaint.recorded_at) <= frame.as_of,
        col(Complaint.recorded_at) >= instant_of(frame.period.start, frame.zone),
        col(Complaint.recorded_at) < instant_of(frame.until, frame.zone),
    )
    found: dict[str, list[Complaint]] = defaultdict(list)
    for row in unit.session.execute(query.order_by(col(Complaint.id))).scalars():
        found[row.offering_id].append(row)
    return found


def _steps(unit: Unit, frame: Frame) -> dict[str, list[ComplaintStep]]:
    query = (
        select(ComplaintStep)
        .join(Complaint, col(Complaint.id) == col(ComplaintStep.complaint_id))
        .where(col(Complaint.operator_id) == frame.operator.id, col(ComplaintStep.recorded_at) <= frame.as_of)
        .order_by(col(ComplaintStep.id))
    )
    found: dict[str, list[ComplaintStep]] = defaultdict(list)
    for step in unit.session.execute(query).scalars():
        found[step.complaint_id].append(step)
    return found
