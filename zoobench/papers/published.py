"""Printed numbers: what they leave open about the number behind them."""

from __future__ import annotations

import csv
import enum
import functools
import importlib.resources
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

# The figures that the papers print, as printed: each with its paper, table and how it came here.
#
# `published.csv` holds them, a row a figure. Its metrics are named as in `zoobench.records.metrics` where it has them:
# what the papers call multiply-adds, complexity or FLOPs is `macs` throughout, for all of them count a multiplication
# and an addition as one.


class Status(enum.StrEnum):
    """How a figure was learned. What was not read in the paper itself never gates."""

    READ = "read"
    SECOND_HAND = "second-hand"
    FROM_MEMORY = "from-memory"


class PrintedFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One printed figure.

    `model` and `variant` are the table's own words. `value` is the text as printed, its digits kept, in `unit`: `M`
    for millions, `1` for a plain count. `image_size` is the side of the images in pixels, or height x width; empty
    if the paper names none.
    """

    paper: str
    arxiv: str
    table: str
    model: str
    variant: str
    metric: str
    value: str
    unit: str
    image_size: str
    status: Status
    note: str

    @property
    def id(self) -> str:
        """ASCII, unique among the figures: `shufflenet-v1/table-1/shufflenet-1x/g-1/macs/224`."""
        parts = (self.paper, self.table, self.model, self.variant, self.metric, self.image_size)
        return "/".join(_slug(part) for part in parts if part)


@functools.cache
def figures() -> tuple[PrintedFigure, ...]:
    """Every figure, in the order of the papers' tables."""
    text = importlib.resources.files("zoobench.papers").joinpath("published.csv").read_text(encoding="utf-8")
    return msgspec.convert(list(csv.DictReader(text.splitlines())), tuple[PrintedFigure, ...])


def _slug(text: str) -> str:
    """`**` and `*` distinguish rows of one table, so they stay."""
    return re.sub(r"[^a-z0-9.*_]+", "-", text.lower()).strip("-")


# One table of a paper, its figures as numbers.


PERCENT = 100.0
"""By which a printed percentage becomes a ratio."""


class PrintedTable(NamedTuple):
    """One table of one paper, its figures as numbers in the units they are printed in."""

    paper: str
    number: str

    @property
    def source(self) -> str:
        """`Xception (arXiv:1610.02357), Table 3`."""
        arxiv = next(figure.arxiv for figure in figures() if figure.paper == self.paper)
        return f"{self.paper} (arXiv:{arxiv}), {self.number}"

    def values(self, metric: str) -> dict[tuple[str, str], float]:
        """By model and size of images."""
        return {(figure.model, figure.image_size): float(figure.value) for figure in self._figures(metric)}

    def by_variant(self, metric: str) -> dict[str, float]:
        """Percentages, as ratios."""
        return {figure.variant: float(figure.value) / PERCENT for figure in self._figures(metric)}

    def value(self, metric: str, model: str, variant: str) -> float:
        """The one of that model and variant."""
        wanted = (model, variant)
        return next(float(each.value) for each in self._figures(metric) if (each.model, each.variant) == wanted)

    def _figures(self, metric: str) -> Iterator[PrintedFigure]:
        wanted = (self.paper, self.number, metric)
        return (figure for figure in figures() if (figure.paper, figure.table, figure.metric) == wanted)


UNITS: Final = {
    "1": Fraction(1),
    "M": Fraction(10**6),
    "MB": Fraction(10**6),
    "%": Fraction(1, 100),
    "x": Fraction(1),
    "channels": Fraction(1),
    "layers": Fraction(1),
}
"""Units of static figures, in base units: a count, bytes, or a ratio. A table's M is a million, whatever it counts."""

MORE_DIGITS = 2
"""That a found number is shown with beside a printed one."""


class Rounding(enum.StrEnum):
    """How an author went from a number to the printed one."""

    NEAREST = "nearest"
    DOWN = "down"


class Printed(NamedTuple):
    """A printed number in base units; `step` is one in its last digit."""

    value: Fraction
    step: Fraction

    def agrees(self, found: Fraction, rounding: Rounding) -> bool:
        """Whether `found`, rounded so, is printed so. A tie may have gone either way."""
        difference = found - self.value
        if rounding is Rounding.DOWN:
            return 0 <= difference < self.step
        return abs(difference) <= self.step / 2

    def to_digits(self, digits: int) -> Printed | None:
        """The same number, only its first `digits` digits meant; None if a digit after them is not zero."""
        magnitude = len(str(int(self.value / self.step)))
        coarse = self.step * Fraction(10) ** max(0, magnitude - digits)
        return Printed(self.value, coarse) if self.value % coarse == 0 else None


def parse_printed(text: str, unit: str) -> Printed | None:
    """A number above 0 as printed, `4.2` in `M`: 4,200,000 ± 50,000; None for what is no number or has no unit here."""
    if unit not in UNITS or not text.replace(".", "", 1).isdecimal():
        return None
    number = Decimal(text)
    step = Fraction(10) ** int(number.as_tuple().exponent)
    return Printed(Fraction(number) * UNITS[unit], step * UNITS[unit])


def render_found(found: Fraction, text: str, unit: str) -> str:
    """A found number in the unit of the printed `text`, with two digits more: `568.74 M` beside `569`."""
    decimals = len(text.partition(".")[2])
    scaled = found / UNITS[unit]
    digits = 0 if scaled.denominator == 1 and not decimals else decimals + MORE_DIGITS
    number = f"{float(scaled):.{digits}f}"
    return f"{number} {unit}" if unit in {"M", "MB", "%"} else number
