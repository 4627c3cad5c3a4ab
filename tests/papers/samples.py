"""Sample documents as the API answers them; the parties are invented."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any

from openpyxl import Workbook, load_workbook
from pypdf import PdfReader

OPERATOR = {"name": "示例数据运营有限公司", "code": "demo-op", "credit_code": "91350100M000100Y43"}
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

BILL: dict[str, Any] = {
    "number": "B-2026-000123",
    "month": "2026-03",
    "issued_on": "2026-04-02",
    "contract": "ct_01JQ8Z3XW2",
    "price_basis": "tax_exclusive",
    "seller": OPERATOR,
    "buyer": {"name": "示例普惠金融股份有限公司", "code": "demo-buyer", "credit_code": "91110000802100433B"},
    "vat_rate_percent": "6",
    "net": "11620.50",
    "tax": "697.23",
    "gross": "12317.73",
    "gross_in_words": "人民币壹万贰仟叁佰壹拾柒元柒角叁分",
    "credited": "106.00",
    "paid": "5000.00",
    "outstanding": "7211.73",
    "sandbox": True,
    "lines": [
        {
            "offering": "CREDIT.sme-loan",
            "offering_name": "企业信用评分（小微贷款）",
            "kind": "usage",
            "service_month": "2026-03",
            "quantity": "150000",
            "unit": "CALL",
            "unit_price": "0.08",
            "net": "10700.00",
            "tax": "642.00",
            "gross": "11342.00",
            "ceiling_decision_no": "示例改价〔2025〕118号",
            "description": "10,000 × 0.10 + 90,000 × 0.08 + 50,000 × 0.05",
        },
        {
            "offering": "WEATHER.agri",
            "offering_name": "精细化预报（农业保险）",
            "kind": "usage",
            "service_month": "2026-03",
            "quantity": "2.125",
            "unit": "GB",
            "unit_price": "400.00",
            "net": "850.00",
            "tax": "51.00",
            "gross": "901.00",
            "trial": True,
        },
        {
            "offering": "TRAFFIC.logistics",
            "offering_name": "道路通行指数（物流调度）",
            "kind": "correction",
            "service_month": "2026-01",
            "quantity": "200.000001",
            "unit": "CALL",
            "unit_price": "0.5025",
            "net": "100.50",
            "tax": "6.03",
            "gross": "106.53",
            "corrects": "B-2026-000087",
        },
        {
            "offering": "TRAFFIC.logistics",
            "kind": "ceiling_relief",
            "service_month": "2026-03",
            "net": "-30.00",
            "tax": "-1.80",
            "gross": "-31.80",
        },
    ],
    "credit_notes": [
        {
            "number": "C-2026-000004",
            "issued_on": "2026-04-10",
            "reason": "allowance",
            "net": "100.00",
            "tax": "6.00",
            "gross": "106.00",
        }
    ],
    "payments": [{"received_on": "2026-04-12", "bank_reference": "R20260412000045", "amount": "5000.00"}],
    "how_to_pay": {"account_name": "示例数据运营有限公司", "bank": "示例银行", "due_on": "2026-04-30"},
}

STATEMENT: dict[str, Any] = {
    "number": "st_01JQ8Z3XW2",
    "month": "2026-03",
    "as_of": "2026-04-03T10:00:00.123456+08:00",
    "basis": "collected",
    "operator": OPERATOR,
    "beneficiary": {"name": "示例市数据局", "code": "demo-bureau"},
    "agreement": {"agreement_no": "示例数运〔2025〕7号", "clause": "第十二条第二款"},
    "payable_to": "示例市财政局",
    "collecting_body": "示例市数据局",
    "revenue_item": "公共数据授权运营收入",
    "opening": "1250.00",
    "paid": "1250.00",
    "closing": "5836.33",
    "lines": [
        {
            "offering": "CREDIT.sme-loan",
            "offering_name": "企业信用评分（小微贷款）",
            "step": "1",
            "kind": "percentage",
            "pool": "10700.00",
            "due": "6420.00",
            "taken": "6420.00",
            "carried": "0.00",
        },
        {
            "offering": "TRAFFIC.logistics",
            "step": "1",
            "kind": "cost_recovery",
            "pool": "66.33",
            "due": "100.00",
            "taken": "66.33",
            "carried": "33.67",
        },
    ],
    "adjustments": [
        {
            "month": "2026-01",
            "offering": "TRAFFIC.logistics",
            "reference": "C-2026-000004",
            "reason": "allowance",
            "amount": "-50.00",
        }
    ],
    "payouts": [
        {
            "paid_on": "2026-03-20",
            "bank_reference": "R0320991",
            "remittance_no": "350100202603200017",
            "amount": "1250.00",
        }
    ],
    "holdback": {"withheld": "600.00", "released": "0.00", "held": "1800.00"},
    "control_totals": {"pool": "10766.33", "shares": "10766.33", "difference": "0.00"},
    "sha256": SHA256,
}

REPORT: dict[str, Any] = {
    "header": {
        "operator": OPERATOR,
        "grantor": {"name": "示例市数据主管部门", "code": "demo-grantor"},
        "legal_basis": ["发改价格〔2025〕65号", "发改数据规〔2025〕27号"],
        "decision_numbers": ["示例改价〔2025〕11号"],
        "period": {"from": "2025-04-01", "until": "2026-04-01"},
        "zone": "Asia/Shanghai",
        "as_of": "2026-04-03T10:00:00+08:00",
        "report_version": "1",
        "rule_set": {"version": "2026-01-01", "hash": SHA256},
        "settings": {"tax_basis": "tax_exclusive", "a_new_setting": "its value"},
        "sandbox": True,
    },
    "offerings": [
        {
            "code": "CREDIT.sme-loan",
            "name": "企业信用评分（小微贷款）",
            "category": "commercial",
            "charging_basis": "call",
            "unit": "CALL",
        }
    ],
    "price_tests": [
        {
            "offering": "CREDIT.sme-loan",
            "unit": "CALL",
            "quantity": "150000",
            "charges": 12,
            "net": "10700.00",
            "lowest": "0.05",
            "highest": "0.10",
            "volume_weighted": "0.07133333",
            "ceiling": "0.80",
            "headroom": "0.70",
            "count_above": 0,
            "value_above": "0.00",
            "nominal_ok": True,
            "effective_ok": True,
        },
        {
            "offering": "WEATHER.agri",
            "unit": "GB",
            "quantity": "2.125",
            "charges": 3,
            "net": "850.00",
            "lowest": "400.00",
            "highest": "400.00",
            "volume_weighted": "400.00",
            "ceiling": "380.00",
            "headroom": "-20.00",
            "count_above": 3,
            "value_above": "42.50",
            "nominal_ok": False,
            "effective_ok": False,
            "trial": True,
            "not_in_the_table": "ignored",
        },
    ],
    "revenue": {
        "year": "2025",
        "maximum_permitted_revenue": "9156000.00",
        "actual": "1001200.50",
        "deviation_percent": "-89.07",
        "duty": "adjust_ceilings",
    },
    "breaches": [],
    "report_hash": SHA256,
}


def bill(**changes: object) -> dict[str, Any]:
    """A copy of the sample bill with other members."""
    return {**deepcopy(BILL), **changes}


def statement(**changes: object) -> dict[str, Any]:
    """A copy of the sample statement with other members."""
    return {**deepcopy(STATEMENT), **changes}


def report(**changes: object) -> dict[str, Any]:
    """A copy of the sample report with other sections."""
    return {**deepcopy(REPORT), **changes}


def pages(pdf: bytes) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def book(xlsx: bytes, *, values: bool = False) -> Workbook:
    """The workbook as another program reads it: its formulas, or the values stored with them."""
    return load_workbook(io.BytesIO(xlsx), data_only=values)


def cells(xlsx: bytes, sheet: str | None = None, *, values: bool = False) -> list[list[Any]]:
    """The rows of a sheet, by default the first."""
    read = book(xlsx, values=values)
    return [list(row) for row in read[sheet or read.sheetnames[0]].iter_rows(values_only=True)]
