"""A year's revenue against its maximum as a picture: SVG, the same bytes for the same report.

Bars are the months' revenue, the line their sum so far, the rising line the maximum's share by month, the upper line
the maximum after deduction; the dotted line leads to the projection. Title and description are in both languages, for
those who read a picture aloud. Places are whole tenths of a pixel, reckoned from fen with integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree as ET

from papers.wording import Label, Lang, word

SVG: Final = "http://www.w3.org/2000/svg"
_WIDTH, _HEIGHT = 9600, 4800
_LEFT, _RIGHT, _TOP, _BOTTOM = 1400, 300, 900, 700
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_FEN: Final = 100
_STEPS: Final = 5
_NICE: Final[tuple[int, ...]] = (1, 2, 5, 10)

_BAR, _SUM, _SHARE, _MAXIMUM, _GRID, _TEXT = "#8fb3d9", "#1f4e79", "#7a7a7a", "#b3261e", "#d9d9d9", "#222222"

_TITLE: Final = Label("{operator} {year}年收入与最高准许收入", "Revenue of {operator} in {year} and its maximum")
_DESCRIPTION: Final = Label(
    "截至{as_of}：实际收入{actual}元；扣减后最高准许收入{maximum}；已使用{used}；预计全年{projected}。",
    "As of {as_of}: actual revenue {actual} CNY; maximum after deduction {maximum}; used {used}; projected to the "
    "year's end {projected}.",
)
_NOT_DETERMINED: Final = Label("未核定", "not determined")
_NONE_YET: Final = Label("尚无完整月份", "no complete month yet")
_LEGEND: Final = (
    (_BAR, Label("当月收入", "Revenue of the month")),
    (_SUM, Label("累计收入（虚线为预计）", "Revenue so far (dotted: projected)")),
    (_SHARE, Label("最高准许收入按月均摊", "Maximum, evenly by month")),
    (_MAXIMUM, Label("扣减后最高准许收入", "Maximum after deduction")),
)


@dataclass(frozen=True)
class _Plot:
    """The area of the picture: so many months across, and fen from the lowest to the highest line up."""

    months: int
    lowest: int
    step: int

    @property
    def highest(self) -> int:
        return self.lowest + self.step * _STEPS

    def x(self, halves: int) -> int:
        """The place of a number of half months from the left."""
        return _LEFT + _PLOT_WIDTH * halves // (2 * self.months)

    def y(self, fen: int) -> int:
        """The place of an amount, zero or not."""
        return _TOP + _PLOT_HEIGHT - _PLOT_HEIGHT * (fen - self.lowest) // (self.highest - self.lowest)


def position_svg(position: Mapping[str, Any], lang: Lang) -> bytes:
    """Return the chart of a revenue position (``reports.position``), its labels in one language."""
    months: Sequence[Mapping[str, Any]] = position["months"]
    plot = _plot(position, months)
    root = ET.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {_WIDTH // 10} {_HEIGHT // 10}",
            "role": "img",
            "xml:lang": lang,
            "font-family": "sans-serif",
            "font-size": "11",
        },
    )
    root.extend(_spoken(position))
    ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    root.extend(_headings(position, lang))
    root.extend(_grid(plot))
    root.extend(_bars(plot, months))
    root.extend(_lines(plot, position, months))
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _plot(position: Mapping[str, Any], months: Sequence[Mapping[str, Any]]) -> _Plot:
    amounts = [0, *(_fen(month[name]) for month in months for name in ("actual", "cumulative"))]
    amounts.append(_fen(position["maximum_after_deduction"]))
    amounts.append(_fen(_projected(position)))
    lowest, span = min(amounts), max(amounts) - min(amounts)
    step = _nice(max(_FEN, span // _STEPS + 1))
    # A line lies at zero: where revenue is below it, the lowest line is a whole number of steps further down.
    below = -(lowest // step)
    while (_STEPS - below) * step < max(amounts):
        step = _nice(step + 1)
        below = -(lowest // step)
    return _Plot(len(months), -below * step, step)


def _nice(least: int) -> int:
    """Return the next amount of 1, 2 or 5 and noughts.

    >>> _nice(1), _nice(3), _nice(1_234)
    (1, 5, 2000)
    """
    power: int = 10 ** (len(str(least)) - 1)
    return next(digit * power for digit in _NICE if digit * power >= least)


def _spoken(position: Mapping[str, Any]) -> Iterator[ET.Element]:
    for name, label in (("title", _TITLE), ("desc", _DESCRIPTION)):
        for lang in ("zh", "en"):
            yield _element(name, {"xml:lang": lang}, _said(position, label, lang))


def _headings(position: Mapping[str, Any], lang: Lang) -> Iterator[ET.Element]:
    yield _text(_LEFT, 250, _said(position, _TITLE, lang), size="15")
    if position["sandbox"]:
        yield _text(_LEFT, 430, word("banner.sandbox", lang), fill=_MAXIMUM)
    else:
        yield _text(_LEFT, 430, word("unit_note", lang))
    for number, (colour, label) in enumerate(_LEGEND):
        x = _LEFT + number * _PLOT_WIDTH // len(_LEGEND)
        yield _element("rect", {"x": _place(x), "y": _place(590), "width": "10", "height": "10", "fill": colour})
        yield _text(x + 150, 690, label.in_(lang))


def _said(position: Mapping[str, Any], label: Label, lang: Lang) -> str:
    maximum, projected, used = position["maximum_after_deduction"], _projected(position), position["percent_used"]
    return label.in_(lang).format(
        operator=position["operator_name"],
        year=position["year"],
        as_of=position["as_of"],
        actual=position["actual"],
        maximum=_NOT_DETERMINED.in_(lang) if maximum is None else maximum,
        used="–" if used is None else f"{used} %",
        projected=_NONE_YET.in_(lang) if projected is None else projected,
    )


def _grid(plot: _Plot) -> Iterator[ET.Element]:
    for number in range(_STEPS + 1):
        amount = plot.lowest + number * plot.step
        yield _line([(plot.x(0), plot.y(amount)), (plot.x(2 * plot.months), plot.y(amount))], _GRID)
        yield _text(_LEFT - 80, plot.y(amount) + 40, f"{amount // _FEN:,}", anchor="end")


def _bars(plot: _Plot, months: Sequence[Mapping[str, Any]]) -> Iterator[ET.Element]:
    for number, month in enumerate(months):
        yield _text(plot.x(2 * number + 1), _HEIGHT - _BOTTOM + 220, month["month"], anchor="middle")
        if month["actual"] is None:
            continue
        fen = _fen(month["actual"])
        top, bottom = plot.y(max(fen, 0)), plot.y(min(fen, 0))
        width = _PLOT_WIDTH * 6 // (10 * plot.months)
        place = {"x": _place(plot.x(2 * number + 1) - width // 2), "y": _place(top)}
        bar = _element("rect", {**place, "width": _place(width), "height": _place(bottom - top), "fill": _BAR})
        bar.append(_element("title", {}, f"{month['month']}: {month['actual']}"))
        yield bar


def _lines(plot: _Plot, position: Mapping[str, Any], months: Sequence[Mapping[str, Any]]) -> Iterator[ET.Element]:
    if (maximum := position["maximum_after_deduction"]) is not None:
        yield _line([(plot.x(0), plot.y(0)), (plot.x(2 * plot.months), plot.y(_fen(maximum)))], _SHARE, dash="2 3")
        across = plot.y(_fen(maximum))
        yield _line([(plot.x(0), across), (plot.x(2 * plot.months), across)], _MAXIMUM)
    begun = [month for month in months if month["cumulative"] is not None]
    so_far = [(plot.x(2 * number), plot.y(_fen(month["cumulative"]))) for number, month in enumerate(begun, start=1)]
    if so_far:
        yield _line([(plot.x(0), plot.y(0)), *so_far], _SUM, width="2")
    if (projected := _projected(position)) is not None and so_far:
        yield _line([so_far[-1], (plot.x(2 * plot.months), plot.y(_fen(projected)))], _SUM, dash="4 4")


def _projected(position: Mapping[str, Any]) -> str | None:
    projection = position["projection"]
    return None if projection is None else projection["amount"]


def _fen(amount: str | None) -> int:
    """Read an amount that the report wrote: a sum may be larger than any one amount that is read from outside."""
    return 0 if amount is None else int(Decimal(amount).scaleb(2))


def _line(points: Sequence[tuple[int, int]], colour: str, *, width: str = "1", dash: str = "none") -> ET.Element:
    places = " ".join(f"{_place(x)},{_place(y)}" for x, y in points)
    drawn = {"stroke": colour, "stroke-width": width, "stroke-dasharray": dash, "fill": "none"}
    return _element("polyline", {"points": places, **drawn})


def _text(x: int, y: int, text: str, *, anchor: str = "start", fill: str = _TEXT, size: str = "11") -> ET.Element:
    said = {"x": _place(x), "y": _place(y), "text-anchor": anchor, "fill": fill, "font-size": size}
    return _element("text", said, text)


def _element(name: str, attributes: Mapping[str, str], text: str | None = None) -> ET.Element:
    element = ET.Element(name, dict(attributes))
    element.text = text
    return element


def _place(tenths: int) -> str:
    """Write a place in pixels.

    >>> _place(1405), _place(-3), _place(20)
    ('140.5', '-0.3', '2.0')
    """
    sign = "-" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"
