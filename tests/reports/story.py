"""A spring of one operator, lived through the API, whose every figure is known by hand; and what came after it.

March 2025, all prices without tax:

- ``checks``: a contract at 1.00 under a ceiling of 1.00, from 16 March of 0.80; 1,000 calls before and 2,000 after
  come to 1,000.00 + 1,600.00 = 2,600.00; later 100.00 is credited.
- ``scores``: 300 calls at 0.80 under a ceiling of 0.80 come to 240.00, paid, divided 3 : 1 with the provider. 100 calls
  of April are not billed: 80.00.
- ``bundles``: 100 calls at 0.50 with a minimum of 100.00 under a ceiling of 0.80 come to 80.00.
- ``floods``: 500 calls of free use, worth 400.00 at the price of ``scores``; revoked on the 20th. ``archive``: 10 calls
  of free use without a reference.

The maximum for 2025 is 2,000.00, less 100.00 of the cycle before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.test import TestResponse

from tests.client import Client
from tests.settlement.sharing import agreement_body
from tests.web.price_bodies import cap_body, cap_year
from tests.world import World

REPORT: Final = "/reports/cap-compliance"
PERIOD: Final = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}


@dataclass
class Story:
    """The world after its spring, the moment at which it was reported on, and the bytes of that report."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)
    as_of: str = ""
    first_bytes: bytes = b""

    @classmethod
    def told(cls, admin: Client) -> Story:
        """Live the spring, report on it, and live on."""
        story = cls(World.founded(admin))
        story.set_prices()
        story.open_contracts()
        story.use()
        story.bill()
        story.share()
        story.report_for_the_first_time()
        story.live_on()
        return story

    def get(self, path: str = REPORT, client: Client | None = None, /, **query: Any) -> TestResponse:
        """Ask for a report as of the story's moment, as the regulator unless told otherwise."""
        asker = client or self.world.regulator
        return asker.get(path, **{**PERIOD, "as_of": self.as_of, **query})

    def report(self, client: Client | None = None, /, **query: Any) -> Any:
        """Return the compliance report as of the story's moment."""
        answer = self.get(REPORT, client, **query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def set_prices(self) -> None:
        world = self.world
        year = cap_year(2025, [["platform", "commercial", "2000.00"]])
        cap = world.regulator.made("/revenue-caps", cap_body("operator", years=[year], carry_in="100.00"))
        self.ids["cap"] = cap["id"]
        world.offering("checks")
        world.ceiling("checks", "1.00", decision_no="D-1")
        world.ceiling("checks", "0.80", decision_no="D-2", effective_from="2025-03-16")
        world.tariff("checks", "1.00")
        world.priced("scores", ceiling="0.80", unit_price="0.80")
        world.priced("bundles", ceiling="0.80", unit_price="0.50", minimum_commitment="100.00")
        world.offering("floods", "public_welfare", reference_offering="scores")
        world.offering("archive", "public_governance")
        too_high = {
            "offering": "scores",
            "effective_from": "2025-05-01",
            "price_basis": "tax_exclusive",
            "model": "per_unit",
            "unit_price": "0.81",
            "relief": "none",
        }
        world.operator.refused("/tariffs", too_high, 422, "price_above_ceiling")

    def open_contracts(self) -> None:
        world = self.world
        self.ids["checks"] = world.accepted("checks", "3000")
        self.ids["scores"] = world.contract("scores")["id"]
        self.ids["bundles"] = world.contract("bundles")["id"]
        self.ids["open_quote"] = world.quote("scores", "10", valid_until="2025-12-31")["id"]
        for offering in ("floods", "archive"):
            grant = world.grant(offering)
            self.ids[offering], self.ids[f"{offering}_grant"] = grant["contract"], grant["id"]

    def use(self) -> None:
        world, ids = self.world, self.ids
        world.clock("2025-03-20T10:00:00+08:00")
        world.usage(ids["checks"], "checks", "1000", "2025-03-15T23:59:59+08:00")
        world.usage(ids["checks"], "checks", "2000", "2025-03-16T00:00:00+08:00")
        world.usage(ids["scores"], "scores", "300", "2025-03-12T12:00:00+08:00")
        world.usage(ids["bundles"], "bundles", "100", "2025-03-05T12:00:00+08:00")
        world.usage(ids["floods"], "floods", "500", "2025-03-10T12:00:00+08:00")
        world.usage(ids["archive"], "archive", "10", "2025-03-10T12:00:00+08:00")
        world.decide(ids["floods_grant"], "revoke")
        world.clock("2025-03-21")
        late = world.usage(ids["floods"], "floods", "7", "2025-03-20T23:00:00+08:00")
        assert late["results"][0]["code"] == "grant_revoked"

    def bill(self) -> None:
        world, ids = self.world, self.ids
        world.clock("2025-04-10")
        world.usage(ids["scores"], "scores", "100", "2025-04-05T12:00:00+08:00")
        for offering in ("checks", "scores", "bundles"):
            ids[f"{offering}_bill"] = world.invoice(ids[offering], "2025-03")["id"]
        credit = {"amount": "106.00", "reason": "allowance"}
        world.operator.made(f"/invoices/{ids['checks_bill']}/credit-notes", credit)
        world.payment(ids["scores_bill"], "254.40", "2025-04-09")

    def share(self) -> None:
        world = self.world
        agreement = world.operator.made(
            "/distribution-agreements", agreement_body((), {"operator": "3", "provider": "1"}, offerings=["scores"])
        )
        for client in (world.operator, world.grantor):
            client.made(f"/distribution-agreements/{agreement['id']}/sign", status=200)
        world.clock("2025-05-02")
        run = world.operator.made("/settlements", {"operator": "operator", "month": "2025-04"})
        statement = next(each["id"] for each in run["statements"] if each["beneficiary"] == "provider")
        world.operator.made("/payouts", {"statement": statement, "paid_on": "2025-05-02", "bank_reference": "p-1"})

    def report_for_the_first_time(self) -> None:
        answer = self.world.regulator.get(REPORT, **PERIOD)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        self.as_of, self.first_bytes = answer.json["as_of"], answer.data

    def live_on(self) -> None:
        """Record more of everything that the report tells of."""
        world, ids = self.world, self.ids
        world.buyer.made(f"/quotes/{ids['open_quote']}/accept", status=200)
        world.ceiling("scores", "0.70", effective_from="2025-03-02", backdate_reason="decided late")
        world.ceiling("checks", "0.90", effective_from="2025-03-10", backdate_reason="decided late", decision_no="D-3")
        world.tariff("scores", "0.60", effective_from="2025-06-01")
        world.confirm("scores", "2025-12-31")
        world.usage(ids["scores"], "scores", "50", "2025-03-25T12:00:00+08:00")
        world.usage(ids["archive"], "archive", "5", "2025-03-25T12:00:00+08:00")
        world.decide(ids["archive_grant"], "suspend")
        world.invoice(ids["scores"], "2025-04")
        credit = {"amount": "1.06", "reason": "allowance"}
        world.operator.made(f"/invoices/{ids['checks_bill']}/credit-notes", credit)
        world.payment(ids["checks_bill"], "10.00", "2025-05-01")
        world.priced("newcomer")
        year = cap_year(2026, [["platform", "commercial", "5000.00"]])
        later = {"cycle_from": "2026-01-01", "cycle_until": "2027-01-01", "decision_no": "C-2"}
        world.regulator.made("/revenue-caps", cap_body("operator", years=[year], **later))
        world.clock("2025-06-02")
        world.operator.made("/settlements", {"operator": "operator", "month": "2025-05"})


def row(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """Return the one row that has these members."""
    found = [each for each in rows if each.items() >= wanted.items()]
    assert len(found) == 1, (wanted, rows)
    return found[0]
