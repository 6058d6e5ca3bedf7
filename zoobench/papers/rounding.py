"""Printed numbers: what they leave open about the number behind them."""

from __future__ import annotations

import enum
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

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
