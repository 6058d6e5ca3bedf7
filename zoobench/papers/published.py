"""The figures that the papers print, as printed: each with its paper, table and how it came here.

`published.csv` holds them, a row a figure. Its metrics are named as in `zoobench.metrics` where it has them: what the
papers call multiply-adds, complexity or FLOPs is `macs` throughout, for all of them count a multiplication and an
addition as one.
"""

from __future__ import annotations

import csv
import enum
import functools
import importlib.resources
import re

import msgspec


class Status(enum.StrEnum):
    """How a figure was learned. What was not read in the paper itself never gates."""

    READ = "read"
    SECOND_HAND = "second-hand"
    FROM_MEMORY = "from-memory"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One printed figure.

    `model` and `variant` are the table's own words. `value` is the text as printed, its digits kept, in `unit`: `M`
    for millions, `1` for a plain count. `image_size` is the side of the pictures in pixels, or height x width; empty
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
def figures() -> tuple[Figure, ...]:
    """Every figure, in the order of the papers' tables."""
    text = importlib.resources.files("zoobench.papers").joinpath("published.csv").read_text(encoding="utf-8")
    return msgspec.convert(list(csv.DictReader(text.splitlines())), tuple[Figure, ...])


def _slug(text: str) -> str:
    """`**` and `*` tell rows of one table apart, so they stay."""
    return re.sub(r"[^a-z0-9.*_]+", "-", text.lower()).strip("-")
