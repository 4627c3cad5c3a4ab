"""Plays steps on a sandbox: moves its clock, and does each step as the API would, under an idempotency key of its own.

The key names the step, so that a play that was stopped half way goes on when it is started again: what was done
answers as it answered then, and changes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select
from sqlmodel import col

from cli.operations import OPERATIONS, Operation
from cli.story import Step, StoryBroken, resolved
from cli.terminal import call
from pricing.errors import Problem
from pricing.money import parse_money
from registry.tables import Party
from store.horizon import advance
from store.idempotency import Answer, claim_of
from store.sandbox import move_clock
from store.unit import Call, Principal, Store, Unit

REFUSED_STATUS = 422


class Player:
    """Plays steps on the sandbox of a store.

    ``kept`` holds the answers that steps have kept, by name; ``owed`` what each bill that was made still comes to, in
    fen, by its id.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kept: dict[str, Any] = {}
        self.owed: dict[str, int] = defaultdict(int)
        self._parties: dict[str, str] = {}
        self._now = self._read_clock()

    def move_clock(self, at: datetime) -> None:
        """Move the sandbox's clock to an instant, unless it is there or beyond."""
        if at > self._now:
            self._now = self.store.run(call("sample clock"), lambda unit: max(unit.now, _moved(unit, at)))

    def play(self, step: Step) -> Any:
        """Play a step and return its answer; raises StoryBroken when it ends in another way than the story says."""
        self.move_clock(step.at)
        operation = OPERATIONS[step.do]
        on = resolved(step.on, self.kept)
        body = resolved(step.body, self.kept)
        answer = self._answer(step, operation, on, body)
        said = json.loads(answer.body)
        _require_foreseen(step, said, refused=answer.status >= REFUSED_STATUS)
        if step.keep is not None:
            self.kept[step.keep] = said
        if step.refused is None:
            self._follow(step.do, body, said)
        return said

    def _follow(self, do: str, body: Any, said: Any) -> None:
        """Follow what bills come to from the answers alone: asked later, the books would answer a replay otherwise."""
        if do == "bill_contract":
            self.owed[said["id"]] += parse_money(said["gross"])
        elif do == "credit_invoice":
            self.owed[said["invoice"]] -= parse_money(said["gross"])
        elif do == "accept_dispute":
            self.owed[said["invoice"]] -= parse_money(body["amount"])
        elif do == "record_payment":
            for allocation in said["allocations"]:
                self.owed[allocation["invoice"]] -= parse_money(allocation["amount"])

    def _answer(self, step: Step, operation: Operation, on: str | None, body: Any) -> Answer:
        doer = Call(self._principal(step), f"sample {step.do}")
        sent = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
        claim = claim_of(f"sample/{step.key}", doer.principal, "PLAY", f"{step.do} {on or ''}", sent)
        try:
            given = operation.read(sent)
            if operation.at_horizon:
                advance(self.store)
            return self.store.answer(doer, claim, lambda unit: (201, operation.perform(unit, given, on)), _wording)
        except (Problem, ValidationError) as fault:
            raise StoryBroken(f"{step.key} ({step.do}): {fault}") from fault

    def _principal(self, step: Step) -> Principal:
        if step.party is not None and step.party not in self._parties:
            with self.store.reading(call("sample party")) as unit:
                query = select(col(Party.code), col(Party.id))
                self._parties = {row.code: row.id for row in unit.session.execute(query)}
        return Principal(step.role, self._parties[step.party] if step.party else None, "local")

    def _read_clock(self) -> datetime:
        with self.store.reading(call("sample clock")) as unit:
            return unit.now


def _moved(unit: Unit, at: datetime) -> datetime:
    return move_clock(unit, at) if at > unit.now else unit.now


def _wording(problem: Problem) -> tuple[int, bytes]:
    said = {"code": problem.code, "detail": problem.detail}
    return REFUSED_STATUS, json.dumps(said, ensure_ascii=False).encode()


def _require_foreseen(step: Step, said: Any, *, refused: bool) -> None:
    code = said["code"] if refused else None
    if code != step.refused:
        ended = f"was refused: {code}: {said['detail']}" if refused else "was done"
        foreseen = f"be refused: {step.refused}" if step.refused else "be done"
        raise StoryBroken(f"{step.key} ({step.do}) {ended}; by the story it would {foreseen}")
