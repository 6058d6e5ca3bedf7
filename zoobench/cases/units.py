"""Quantities as people read them. The only place where a number gets a prefix or a percent sign."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

from zoobench.cases.errors import BadInputError

NOT_MEASURED = "–"
_SIGNIFICANT_DIGITS = 3


def format_quantity(value: float | None, unit: str) -> str:
    """A value in its base unit (see `zoobench.records.metrics`) with the prefix that suits it."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return _FORMATS[unit](value)


def format_seconds(seconds: float) -> str:
    """`12.3 ms`."""
    return _with_prefix(seconds, ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")))


def format_bytes(size_bytes: float) -> str:
    """`88.8 MiB`."""
    scales = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
    return _with_prefix(size_bytes, scales)


def format_count(count: float) -> str:
    """`4.23 M`."""
    return _with_prefix(count, ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))).strip()


def format_rate(per_second: float) -> str:
    """`127 /s`."""
    return f"{_significant(per_second)} /s"


def format_percent(ratio: float | None, *, digits: int = 1) -> str:
    """`4.2 %`."""
    if ratio is None or not math.isfinite(ratio):
        return NOT_MEASURED
    return f"{100 * ratio:.{digits}f} %"


def format_change(change: float | None, *, digits: int = 1) -> str:
    """`+4.2 %` or `−4.2 %`, of a ratio less 1."""
    if change is None or not math.isfinite(change):
        return NOT_MEASURED
    number = f"{100 * change:+.{digits}f}"
    return f"{abs(float(number)):.{digits}f} %" if float(number) == 0 else f"{number} %".replace("-", "−")


def format_duration(seconds: float) -> str:
    """`3 min 20 s`, for how long things take."""
    minutes, rest = divmod(round(seconds), _SECONDS_A_MINUTE)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def plural(count: int, noun: str, several: str = "") -> str:
    """`1 case`, `2 cases`; `several` where an s does not make the plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def parse_ratio(kind: str, text: str) -> float:
    """A ratio above 0 and below 1: `0.01`, or `1%`.

    Raises: BadInputError.
    """
    number, is_percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        ratio = float(number) / (100 if is_percent else 1)
    except ValueError:
        raise BadInputError(f"{kind} {text!r} is not a ratio, as 0.02 or 2%") from None
    if not 0 < ratio < 1:
        raise BadInputError(f"{kind} {text} is out of range: it must be above 0 and below 1")
    return ratio


def parse_seconds(kind: str, text: str) -> float:
    """A number of seconds above 0.

    Raises: BadInputError.
    """
    return _positive(kind, text, "seconds")


def parse_minutes(kind: str, text: str) -> float:
    """Seconds, from a number of minutes above 0.

    Raises: BadInputError.
    """
    return _SECONDS_A_MINUTE * _positive(kind, text, "minutes")


def parse_bytes(kind: str, text: str) -> int:
    """Bytes from a number and its unit: `2GiB`, `1.5 GiB`, `500MB`. Powers of 1024 with an i, of 1000 without.

    Raises: BadInputError; a number without a unit would be taken for what it is not.
    """
    found = _QUANTITY.fullmatch(text.strip())
    scale = _BYTES_OF.get(found["unit"].lower()) if found else None
    if found is None or scale is None:
        raise BadInputError(f"{kind} {text!r} is not a number of bytes with its unit, as 2GiB or 500MB")
    size_bytes = int(Decimal(found["number"]) * scale)
    if size_bytes < 1:
        raise BadInputError(f"{kind} {text!r} is too small: it must be at least 1 byte")
    return size_bytes


_QUANTITY = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[A-Za-z]+)")
_BYTES_OF = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40
}  # fmt: skip

_FORMATS: dict[str, Callable[[float], str]] = {
    "s": format_seconds,
    "bytes": format_bytes,
    "1": format_count,
    "1/s": format_rate,
    "ratio": format_percent,
}


_SECONDS_A_MINUTE = 60


def _positive(kind: str, text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise BadInputError(f"{kind} {text!r} is not a number of {unit}") from None
    if not 0 < number < math.inf:
        raise BadInputError(f"{kind} {text} is out of range: it must be above 0 and finite")
    return number


def _with_prefix(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    scale, name = next((pair for pair in scales if _rounded(abs(value) / pair[0]) >= 1), scales[-1])
    return f"{_significant(value / scale)} {name}"


def _significant(value: float) -> str:
    """Three significant digits, never an exponent: `1234`, `12.3`, `0.012`."""
    if value == 0:
        return "0"
    rounded = _rounded(value)
    decimals = max(0, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}"


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
